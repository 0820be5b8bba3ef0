// A user deleted a document offline while the daemon wrote into it: CouchDB lets the live leaf win, the user meant it to go.
import type { ObjectDoc } from '../../documents/content.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { isRecord } from '../../documents/shapes.ts'
import { ownAttributes } from './leaves.ts'
import { lineOf, newestCommon, type Leaf } from '../../documents/revisions.ts'
import { shareAsWritten } from './share-document.ts'
import { subscriptionAsWritten } from './subscription.ts'
import { shareOfInvitation, shareOfDocument, shareOfSubscription } from '../model/ids.ts'

/** A live leaf of a document and one that was deleted, and the revisions by which it is told what was meant. */
export interface Deletion {
  live: Leaf
  deleted: Leaf
  /** The newest revision that both were made from. */
  common: string
  /** The revisions between that and the live leaf, and between that and the deleted one. */
  since: readonly string[]
  before: readonly string[]
}

/** More revisions than the daemon writes while somebody is offline; what has more is the user's own doing. */
const MOST_SINCE = 50

/** Null where one was not made from what the other was made from: what gave way has a root of its own. */
export function deletionOf(live: Leaf, deleted: Leaf): Deletion | null {
  const common = newestCommon(live, deleted)
  if (common === null) return null
  const upTo = (leaf: Leaf): string[] => lineOf(leaf).slice(1, lineOf(leaf).indexOf(common))
  const [since, before] = [upTo(live), upTo(deleted)]
  return since.length > MOST_SINCE || before.length > MOST_SINCE
    ? null
    : { live, deleted, common, since, before }
}

/**
 * True where the deletion is the user's last word: made from what the user had seen, and only the daemon has written
 * since. Of a leaf that was here, and was dropped beside another one, the database still knows what it said, as long as
 * it knows what both were made from.
 * @param known the revisions that the database still has
 */
export function isLastWord(
  { live, deleted, common, since, before }: Deletion,
  known: ReadonlyMap<string, ObjectDoc>,
): boolean {
  if (before.some((rev) => known.has(rev))) return false
  // Apps put what they delete into the tombstone: where there is nothing in between, that stands for what was compacted.
  const words = Object.keys(deleted).some((name) => !name.startsWith('_'))
  const ancestor = known.get(common) ?? (words && before.length === 0 && since.length === 0 ? deleted : null)
  if (ancestor === null || isSameJson(content(live), content(ancestor))) return false
  // A revision that is not known was not the daemon's, and one that was deleted was made again by the user.
  return [...since.map((rev) => known.get(rev)), live].every(
    (one) => one !== undefined && one['_deleted'] !== true && isOfTheDaemon(one, ancestor),
  )
}

/** The tombstone over a leaf that gives way: it says what the user's own says. */
export function tombstoneOf({ live, deleted }: Deletion): ObjectDoc & { _deleted: true } {
  const words = Object.fromEntries(Object.entries(deleted).filter(([name]) => !name.startsWith('_')))
  return { ...words, _id: live._id, _rev: live._rev, _deleted: true }
}

const content = ({ _rev, _revisions, _deleted, ...doc }: Leaf): unknown => doc

/** True where nothing differs but what the daemon writes. */
function isOfTheDaemon(leaf: ObjectDoc, ancestor: ObjectDoc): boolean {
  const { _id: id } = leaf
  if (shareOfInvitation(id) !== null) return true
  const asWritten =
    shareOfDocument(id) !== null
      ? shareAsWritten
      : shareOfSubscription(id) !== null
        ? subscriptionAsWritten
        : (doc: ObjectDoc) => doc
  return (
    isSameJson(ownAttributes(asWritten(leaf, ancestor)), ownAttributes(asWritten(ancestor, ancestor))) &&
    !wishesMore(leaf['$shares'], ancestor['$shares'])
  )
}

/** True where an object is given to a share to which it was not given; what was taken out goes with the deletion, too. */
function wishesMore(now: unknown, before: unknown): boolean {
  if (now === undefined || isSameJson(now, before)) return false
  if (!isRecord(now) || !isRecord(before)) return true
  return Object.entries(now).some(
    ([id, wish]) => wish !== false && !(Object.hasOwn(before, id) && isSameJson(before[id], wish)),
  )
}
