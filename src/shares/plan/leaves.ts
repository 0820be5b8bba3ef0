// A user's own conflicts: the user was offline while the daemon wrote. Which leaves can go without anything being lost?
import { digestOf } from '../../documents/digest.ts'
import { heldBy, wishesOf, type Held } from '../model/history.ts'
import {
  contentOf,
  DAEMON_ATTRIBUTES,
  intersect,
  parseConsents,
  pickFrom,
  withContent,
  type Consent,
  type Consents,
  type Content,
  type ObjectDoc,
} from '../../documents/content.ts'
import type { Clock } from '../../documents/time.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { isRecord } from '../../documents/shapes.ts'
import { givesWay, merge, sideOf } from '../../documents/merge.ts'

/** A losing leaf, and the newest revision it has in common with the winner where CouchDB still has that. */
export interface Rival {
  leaf: ObjectDoc
  ancestor: ObjectDoc | null
  /** What the newest revision held that both come from and of which anything is known, where CouchDB has it no more. */
  known?: Held | null
  /** All revisions that it comes from, its own first. */
  line?: readonly string[]
}

/** What the newest known revision held that a leaf and the winner come from; null where nothing is known. */
const commonOf = ({ ancestor, known = null }: Rival): Held | null => (ancestor ? heldBy(ancestor) : known)

/**
 * The revisions to delete: leaves in which, against the common ancestor, only the daemon wrote. Where that is the
 * winner, the winner goes, and the user's own leaf stays.
 */
export function redundantLeaves(winner: ObjectDoc, rivals: readonly Rival[]): string[] {
  const redundant = new Set<string>()
  for (const rival of rivals) {
    const { leaf } = rival
    if (isSameJson(ownWords(leaf), ownWords(winner)) || isDaemonsOnly(leaf, rival)) redundant.add(leaf._rev)
    else if (isDaemonsOnly(winner, rival)) redundant.add(winner._rev)
  }
  return [...redundant]
}

/** True where nothing but the daemon's attributes differs; taking a refused share out of `$shares` is the daemon's doing. */
function isDaemonsOnly(leaf: ObjectDoc, { ancestor, known = null }: Rival): boolean {
  if (ancestor) return isSameJson(ownWords(leaf), ownWords(ancestor))
  return known !== null && isSameJson(wordsIn(heldBy(leaf)), wordsIn(known))
}

/** The digests of what the user wrote: no `false` in `$shares`. */
const wordsIn = ({ shares, ...content }: Held): unknown => ({
  ...content,
  shares: Object.fromEntries(Object.entries(shares).filter(([, wish]) => wish !== UNSHARED)),
})

const UNSHARED = digestOf(false)

/** What the user wrote: no attributes of the daemon, no `false` in `$shares`, no bookkeeping of CouchDB. */
const ownWords = (doc: ObjectDoc): unknown => [ownAttributes(doc), wishes(doc['$shares'])]

/** The same, but for what is said of sharing. */
export const ownAttributes = (doc: ObjectDoc): Record<string, unknown> =>
  pickFrom(doc, (name) => !DAEMON_ATTRIBUTES.has(name) && (!name.startsWith('_') || name === '_attachments'))

function wishes(shares: unknown): unknown {
  if (typeof shares !== 'object' || shares === null || Array.isArray(shares)) return shares ?? {}
  return Object.fromEntries(Object.entries(shares).filter(([, wish]) => wish !== false))
}

/** One document of all leaves, and what becomes of the others. */
export interface MergedLeaves {
  doc: ObjectDoc
  /** The losing leaves; with their content where something of it gave way. */
  drops: { rev: string; content: Content | null }[]
  /** The winner's content, where something of it gave way. */
  keep: Content | null
}

/**
 * Merges a user's own conflict in an object that others change, too: the daemon wrote while the user was offline.
 * Each leaf is merged against what it has in common with the winner; where CouchDB does not have that any more, nothing
 * is known: what both have and differs is in conflict.
 */
export function mergeLeaves(winner: ObjectDoc, rivals: readonly Rival[], clock: Clock): MergedLeaves {
  const commons = rivals.map(commonOf)
  let doc = winner
  for (const [index, { leaf }] of rivals.entries()) {
    const { local } = merge(sideOf(contentOf(doc), clock), sideOf(contentOf(leaf), clock), {
      agreed: commons[index] ?? null,
      maySend: true,
    })
    const $shares = mergedShares(doc['$shares'], leaf['$shares'], commons[index] ?? null)
    doc = withContent(doc, local, () => true)
    delete doc['$shares']
    if ($shares !== undefined) doc['$shares'] = $shares
  }
  const result = contentOf(doc)
  const isLost = (leaf: ObjectDoc, index: number): boolean =>
    givesWay(contentOf(leaf), result, commons[index] ?? null)
  return {
    doc,
    drops: rivals.map(({ leaf }, index) => ({
      rev: leaf._rev,
      content: isLost(leaf, index) ? contentOf(leaf) : null,
    })),
    keep: rivals.some((_, index) => isLost(winner, index)) ? contentOf(winner) : null,
  }
}

/** What changed against the ancestor holds; where both did, or nothing is known, the narrower of the two. */
function mergedShares(one: unknown, other: unknown, common: Held | null): unknown {
  const before = common?.shares
  if (isSameJson(one, other)) return one
  if (before && isSameJson(wishesOf(one), before)) return other
  if (before && isSameJson(wishesOf(other), before)) return one
  if (!isRecord(one) || !isRecord(other)) return isRecord(one) ? other : one
  const entries = [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((id) => {
    const [left, right] = [one, other].map((wishes) => (Object.hasOwn(wishes, id) ? wishes[id] : undefined))
    const wish = isAsBefore(left, id, before)
      ? right
      : isAsBefore(right, id, before)
        ? left
        : narrower(left, right)
    return wish === undefined ? [] : [[id, wish] as const]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function isAsBefore(wish: unknown, id: string, before: Held['shares'] | undefined): boolean {
  if (before === undefined) return false
  return wish === undefined
    ? !Object.hasOwn(before, id)
    : Object.hasOwn(before, id) && before[id] === digestOf(wish)
}

function narrower(one: unknown, other: unknown): unknown {
  if (one === true) return other
  if (other === true) return one
  if (Array.isArray(one) && Array.isArray(other)) return one.filter((name) => other.includes(name))
  return Array.isArray(one) ? other : one
}

/** What all leaves consent to: until one is left, a share gets only what each of them allows. */
export function jointConsents(leaves: readonly ObjectDoc[]): Consents {
  return leaves.map((leaf) => parseConsents(leaf['$shares'])).reduce(joint)
}

function joint(one: Consents, other: Consents): Consents {
  if (one.kind === 'invalid') return one
  if (other.kind === 'invalid') return other
  if (one.kind === 'none' || other.kind === 'none') return { kind: 'none' }
  const keys = new Map<string, Consent>()
  for (const [id, consent] of one.keys) {
    const second = other.keys.get(id)
    if (second) keys.set(id, jointConsent(consent, second))
    else if (consent.kind === 'unshare') keys.set(id, consent)
  }
  for (const [id, consent] of other.keys) if (consent.kind === 'unshare') keys.set(id, consent)
  return { kind: 'keys', keys }
}

function jointConsent(one: Consent, other: Consent): Consent {
  if (one.kind !== 'share') return one
  if (other.kind !== 'share') return other
  return { kind: 'share', selection: intersect(one.selection, other.selection) }
}
