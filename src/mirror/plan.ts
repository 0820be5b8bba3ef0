// One document of a master and a user's own of the same `_id`: what goes to the user, what goes to the master, what goes.
// Both have one line of revisions: the user's is the master's, or what the user made from it.
import memoize from 'lodash/memoize.js'
import partition from 'lodash/partition.js'
import { digestsOf } from '../documents/digests.ts'
import { holds, project, wholeContentOf, withAttachments, type Content } from '../documents/content.ts'
import { problem, type Problem } from '../documents/problem.ts'
import type { Clock } from '../documents/time.ts'
import {
  byRank,
  isLive,
  isRelated,
  kinshipOf,
  lineOf,
  type Kinship,
  type Leaf,
} from '../documents/revisions.ts'
import { REMOVED } from '../documents/tombstone.ts'
import { merge, sideOf, type Side } from '../documents/merge.ts'

/** Set to true by a user, it brings the document back to the master's version. */
export const RESTORE = '$restore'

/** What is there, and what the master's skeleton says about it. */
export interface DocumentFacts {
  id: string
  /** All leaves at the master, and in the personal database, tombstones too. */
  master: readonly Leaf[]
  personal: readonly Leaf[]
  /** By revisions of leaves: the newest one in common with the master's winner, where CouchDB still has that. */
  ancestors: ReadonlyMap<string, Leaf>
  /**
   * Where the master has not even a tombstone: the leaves that an admin purged there, and those of them that were tombstones,
   * as far as that can still be told.
   */
  purged?: { revisions: readonly string[]; deletions: ReadonlySet<string> }
  /**
   * A revision that the master is known to have had. It may know nothing of it any more, where the database was dropped and made again:
   * with another document of the `_id`, or with none, and not even a tombstone.
   */
  lost?: string
  /**
   * A deletion at the master was carried out with all who had the document: whatever is live here was written since, also where it is
   * a revision that the master once had. The same content makes the same revision.
   */
  isLongGone?: boolean
  /** May this user have the document as the master has it? Null where that cannot be told. */
  lets: (master: Leaf) => boolean | null
  /** Why a leaf of the user's, or a merge of it, may not go to the master; null where it may. A deletion is asked about, too. */
  refuses: (doc: Leaf) => Problem | null
  /**
   * `refuses` alone says what a user may write, also of what the user may not have; what it refuses gives way to the master's version
   * at once. Otherwise it waits for its user, and whoever may not have a document writes none of it.
   */
  isJudged?: boolean
  /** Revisions that have just been carried to the master, where somebody may have been faster. */
  sent?: ReadonlySet<string>
  clock: Clock
}

/** One of the two databases. */
export type Place = 'master' | 'personal'

export type DocumentEffect =
  /** The master's leaf goes into the personal database, as it is. */
  | { kind: 'bring'; leaf: Leaf }
  /** The user's leaf goes to the master, as it is. */
  | { kind: 'carry'; leaf: Leaf }
  /** A revision is made at the master, over `over`, with attachments of it and of `sources`, which are in `from`. */
  | { kind: 'put-master'; over: Leaf; content: Content; from: Place; sources: Leaf[] }
  /** A revision is made in the personal database, over a leaf or a tombstone, with the master's attachments. */
  | { kind: 'put-personal'; id: string; over: Leaf | null; content: Content; source: Leaf }
  /** A leaf goes that lost, and stays readable as a deleted conflict. */
  | { kind: 'drop'; at: Place; leaf: Leaf }
  /** The document leaves the personal database: tombstones, and nothing of it readable any more. */
  | { kind: 'remove'; id: string; leaves: Leaf[] }

export interface DocumentPlan {
  /** In the order in which they are to be done. */
  effects: DocumentEffect[]
  /** What of the user's did not reach the master, and why; null: nothing. */
  problem: Problem | null
  /** The user has changed something here. */
  isActive: boolean
  /** What was written has to be looked at once more. */
  again: boolean
}

const plan = (effects: DocumentEffect[], more: Partial<DocumentPlan> = {}): DocumentPlan => ({
  effects,
  problem: null,
  isActive: false,
  again: false,
  ...more,
})

/**
 * Plans a document of a master that users may change (docs/provisioning.md). What `lets` says of the master's version decides: a user
 * reaches nothing that the user may not have now, whatever history comes along.
 */
export function planDocument(given: DocumentFacts): DocumentPlan {
  // A function that takes long, or comes to no end, is asked once about each.
  const facts = { ...given, refuses: memoize(given.refuses) }
  const [master] = byRank(facts.master)
  const live = byRank(facts.personal.filter(isLive))
  if (master === undefined || !isLive(master)) return planAbsent(facts, master ?? null, live)
  const may = facts.lets(master)
  // Who has it is not to lose it, nor an edit of it, by a fault in a function.
  if (may === null) return plan([], { problem: problem('failed') })
  const rivals = facts.master.filter((leaf) => isLive(leaf) && leaf !== master)
  // Where nobody may have what has won, nobody else would merge it.
  if (rivals.length > 0 && (may || facts.isJudged)) return planConflict(facts, master, rivals)
  if (!may) return planWithheld(facts, master, live)
  // Where the master says so itself, nobody has asked for anything.
  const restored = asksToRestore(master) ? undefined : live.find(asksToRestore)
  if (restored) return planRestore(facts.id, master, restored, live)
  return live.length === 0 ? planDeleted(facts, master) : planShared(facts, master, live)
}

const asksToRestore = (leaf: Leaf): boolean => leaf[RESTORE] === true

/** The master does not have it, or has deleted it. */
function planAbsent(facts: DocumentFacts, tombstone: Leaf | null, live: Leaf[]): DocumentPlan {
  const { id } = facts
  if (live.length === 0) return plan([])
  if (facts.purged && facts.master.length === 0) {
    const found = planPurged(facts, facts.purged, live)
    if (found !== null) return found
  }
  const lost =
    facts.master.length === 0 && facts.lost !== undefined ? planLost(facts, facts.lost, live) : null
  if (lost !== null) return lost
  if (live.some(asksToRestore)) return plan([{ kind: 'remove', id, leaves: live }], { isActive: true })
  const nearest = (leaf: Leaf): Leaf | undefined =>
    facts.master.find((one) => kinshipOf(leaf, one) === 'behind') ??
    byRank(facts.master).find((one) => isRelated(leaf, one))
  const kinship = (leaf: Leaf): Kinship | 'new' => {
    const other = nearest(leaf)
    return other ? kinshipOf(leaf, other) : 'new'
  }
  const made = live.filter((leaf) => ['new', 'ahead'].includes(kinship(leaf)))
  // Made anew by the user, over the tombstone or without knowing of it: a live leaf counts more than a tombstone.
  const own =
    made.find((leaf) => facts.refuses(leaf) === null) ??
    made.find((leaf) => facts.refuses(leaf)?.code !== 'held_back') ??
    made[0]
  if (own && facts.isJudged && facts.refuses(own) !== null) return planRefused(facts, own, made)
  if (own) return planOwn(facts, own, tombstone === null ? 'unknown' : 'known')
  // The master's deletion holds; what the user had changed meanwhile stays readable, and is told of.
  const late = live.filter((leaf) => kinship(leaf) === 'apart')
  const isLost = tombstone !== null && late.some((leaf) => isEdit(facts, tombstone, leaf))
  const found = isLost ? problem('deleted_at_master') : facts.isLongGone ? problem('deleted_before') : null
  const tombstones = new Set(live.flatMap((leaf) => nearest(leaf) ?? []))
  return plan(
    [
      ...[...tombstones].map((leaf): DocumentEffect => ({ kind: 'bring', leaf })),
      ...late.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf })),
    ],
    found ? { problem: found, isActive: true } : {},
  )
}

/**
 * The master does not know any more what it had: what a user has of it goes, and what the user made of that stays readable as a
 * deleted revision.
 * @returns null where none of it is of what the master had
 */
function planLost({ id, personal }: DocumentFacts, lost: string, live: readonly Leaf[]): DocumentPlan | null {
  const remains = personal.filter((leaf) => lineOf(leaf).includes(lost))
  const gone = live.filter((leaf) => remains.some((one) => isRelated(leaf, one)))
  if (gone.length === 0) return null
  const [edited, plain] = partition(gone, (leaf) => leaf._rev !== lost && lineOf(leaf).includes(lost))
  return plan(
    [
      ...edited.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf })),
      ...(plain.length > 0 ? [{ kind: 'remove', id, leaves: plain } as const] : []),
    ],
    {
      ...(edited.length > 0 ? { problem: problem('deleted_at_master'), isActive: true } : {}),
      again: gone.length < live.length,
    },
  )
}

/**
 * An admin has purged it at the master: what is left of it here goes, with what the user made of it. What may be an older
 * revision, or a document of the user's own by the same `_id`, cannot be told apart: it stays, and goes nowhere.
 * @returns null where what was purged was a tombstone, and the user made something new over it
 */
function planPurged(
  { id, personal }: DocumentFacts,
  { revisions, deletions }: NonNullable<DocumentFacts['purged']>,
  live: readonly Leaf[],
): DocumentPlan | null {
  const isFrom = (leaf: Leaf, revs: readonly string[]): boolean =>
    lineOf(leaf).some((rev) => revs.includes(rev))
  const purged = revisions.filter((rev) => !deletions.has(rev))
  const remains = personal.filter((leaf) => isFrom(leaf, purged))
  const gone = live.filter((leaf) => remains.some((one) => isRelated(leaf, one)))
  const isAnew = gone.length === 0 && live.some((leaf) => isFrom(leaf, revisions))
  if (isAnew) return null
  const isEdited = gone.length < live.length || gone.some(({ _rev }) => !revisions.includes(_rev))
  return plan(gone.length > 0 ? [{ kind: 'remove', id, leaves: gone }] : [], {
    problem: isEdited ? problem('purged_at_master') : null,
    isActive: isEdited,
  })
}

/** A user's leaf that nothing stands against. @param standing whether the master ever had the document */
function planOwn(facts: DocumentFacts, leaf: Leaf, standing: 'known' | 'unknown'): DocumentPlan {
  const refusal = facts.refuses(leaf)
  if (refusal === null) return plan([{ kind: 'carry', leaf }], { isActive: true, again: true })
  // What was never meant for the master is nobody's trouble.
  if (refusal.code === 'held_back' && standing === 'unknown') return plan([])
  return plan([], { problem: refusal, isActive: true })
}

/** What the user made goes, and stays readable as a deleted revision; the master has nothing that could take its place. */
function planRefused(facts: DocumentFacts, leaf: Leaf, made: readonly Leaf[]): DocumentPlan {
  return plan(
    made.map((one): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf: one })),
    { problem: facts.refuses(leaf), isActive: true },
  )
}

/** The master has it, and this user may not have it. */
function planWithheld(facts: DocumentFacts, master: Leaf, live: Leaf[]): DocumentPlan {
  if (facts.isJudged) return planHidden(facts, master, live)
  const known = live.filter((leaf) => facts.master.some((one) => isRelated(leaf, one)))
  const own = live.filter((leaf) => !known.includes(leaf))
  const asked = own.filter(asksToRestore)
  const gone = [...known, ...asked]
  const isUnsent = known.some(
    (leaf) =>
      !asksToRestore(leaf) && ['ahead', 'apart'].includes(kinshipOf(leaf, master)) && !isSame(leaf, master),
  )
  const left = own.length > asked.length
  // It lost against what took the document from the user; it would be back when the winner is deleted. Not what only says
  // that it is the user's: whose revision that is anybody can forge.
  const late = facts.master.filter((leaf) => isLive(leaf) && leaf !== master && facts.sent?.has(leaf._rev))
  const effects: DocumentEffect[] = [
    ...late.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'master', leaf })),
    ...(gone.length > 0 ? [{ kind: 'remove', id: master._id, leaves: gone } as const] : []),
  ]
  return plan(effects, {
    problem: left ? problem('outside_roles') : isUnsent ? problem('no_longer_yours') : null,
    isActive: left || isUnsent,
  })
}

/** The same where what may be written is another question: made from the present version, it is judged; all else goes. */
function planHidden(facts: DocumentFacts, master: Leaf, live: Leaf[]): DocumentPlan {
  const asked = live.filter(asksToRestore)
  const others = live.filter((leaf) => !asked.includes(leaf))
  const deletion = live.length === 0 ? deletionOver(facts, master) : undefined
  const edits = deletion
    ? [deletion]
    : others.filter((leaf) => kinshipOf(leaf, master) === 'ahead' && !isSame(leaf, master))
  const carried = edits.find((leaf) => facts.refuses(leaf) === null)
  if (carried) return plan([{ kind: 'carry', leaf: carried }], { isActive: true, again: true })
  const unknown = others.filter((leaf) => !facts.master.some((one) => isRelated(leaf, one)))
  // A deletion too, so that it is not one any more when the user has the document again.
  const known = [...live.filter((leaf) => !unknown.includes(leaf)), ...(deletion ? [deletion] : [])]
  const isLate = others.some(
    (leaf) => !unknown.includes(leaf) && kinshipOf(leaf, master) === 'apart' && !isSame(leaf, master),
  )
  const refusal = edits[0] ? facts.refuses(edits[0]) : isLate ? problem('no_longer_yours') : null
  const found = unknown.length > 0 ? problem('hidden_document') : refusal
  return plan(
    [
      ...unknown.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf })),
      ...(known.length > 0 ? [{ kind: 'remove', id: master._id, leaves: known } as const] : []),
    ],
    { problem: found, isActive: found !== null },
  )
}

/** Two wrote at the master at once, one of them perhaps by this daemon: merged there, so that users never see it. */
function planConflict({ ancestors, clock }: DocumentFacts, master: Leaf, rivals: Leaf[]): DocumentPlan {
  const content = rivals.reduce(
    (merged, rival) => mergeInto(merged, rival, ancestors.get(rival._rev), clock),
    sideOf(wholeContentOf(master), clock),
  )
  return plan(
    [
      ...(holds(master, content)
        ? []
        : [{ kind: 'put-master', over: master, content, from: 'master', sources: rivals } as const]),
      ...rivals.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'master', leaf })),
    ],
    { again: true },
  )
}

function planRestore(id: string, master: Leaf, asked: Leaf, live: Leaf[]): DocumentPlan {
  const same = live.find((leaf) => leaf._rev === master._rev)
  const others = live.filter((leaf) => leaf !== asked && leaf !== same)
  const drops = others.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf }))
  const back: DocumentEffect = same
    ? { kind: 'drop', at: 'personal', leaf: asked }
    : { kind: 'put-personal', id, over: asked, content: wholeContentOf(master), source: master }
  return plan([...drops, back], { isActive: true, again: true })
}

/** The user has no live one: never had, has deleted it, or it was taken out. */
function planDeleted(facts: DocumentFacts, master: Leaf): DocumentPlan {
  const own = deletionOver(facts, master)
  if (own === undefined) return plan([deliver(facts, master)])
  const refusal = facts.refuses(own)
  if (refusal === null) return plan([{ kind: 'carry', leaf: own }], { isActive: true, again: true })
  return plan(facts.isJudged ? [deliver(facts, master)] : [], { problem: refusal, isActive: true })
}

/** The user's deletion of what the master has. */
const deletionOver = ({ personal }: DocumentFacts, master: Leaf): Leaf | undefined =>
  byRank(personal).find(
    (leaf) => !isLive(leaf) && leaf[REMOVED] !== true && kinshipOf(leaf, master) === 'ahead',
  )

/**
 * The master's version for a user who has no live leaf on its line. CouchDB does not take a revision that it has the
 * tombstone of: then another one with the same content, on the same line.
 */
function deliver({ id, personal }: DocumentFacts, master: Leaf): DocumentEffect {
  const over = byRank(personal).find((leaf) => !isLive(leaf) && kinshipOf(leaf, master) === 'ahead')
  return over
    ? { kind: 'put-personal', id, over, content: wholeContentOf(master), source: master }
    : { kind: 'bring', leaf: master }
}

/** Both have it, and the user may have it. */
function planShared(facts: DocumentFacts, master: Leaf, live: Leaf[]): DocumentPlan {
  const same = live.find((leaf) => leaf._rev === master._rev)
  const others = live.filter((leaf) => leaf !== same)
  if (others.length === 0) return plan([])
  const edits = others.filter((leaf) => isEdit(facts, master, leaf))
  const [edit] = edits
  if (edit === undefined) return planUnedited(facts, master, same, others)
  if (live.length === 1 && kinshipOf(edit, master) === 'ahead')
    return facts.isJudged && facts.refuses(edit) !== null
      ? planReturn(facts, master, edit)
      : planOwn(facts, edit, 'known')
  return planMerge(facts, master, same, others, edits)
}

/** The master's version stands again over what was refused, which stays readable as an older revision. */
function planReturn(facts: DocumentFacts, master: Leaf, edit: Leaf): DocumentPlan {
  const { id } = facts
  return plan([{ kind: 'put-personal', id, over: edit, content: wholeContentOf(master), source: master }], {
    problem: facts.refuses(edit),
    isActive: true,
  })
}

/** False for leaves that hold nothing of the user's own that the master does not have. */
function isEdit({ ancestors, master: leaves, lost }: DocumentFacts, master: Leaf, leaf: Leaf): boolean {
  const kinship = kinshipOf(leaf, master)
  // What the master has, or once had, is no news there.
  if (leaf._rev === lost || leaves.some((one) => kinshipOf(leaf, one) === 'behind') || isSame(leaf, master))
    return false
  const ancestor = ancestors.get(leaf._rev)
  return kinship === 'ahead' || ancestor === undefined || !isSame(leaf, ancestor)
}

/** One leaf stays, which says what the master says, and is on its line. */
function planUnedited(
  facts: DocumentFacts,
  master: Leaf,
  same: Leaf | undefined,
  others: Leaf[],
): DocumentPlan {
  const ahead = others.find((leaf) => kinshipOf(leaf, master) === 'ahead')
  const drops = others
    .filter((leaf) => leaf !== ahead && kinshipOf(leaf, master) !== 'behind')
    .map((leaf): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf }))
  return plan([...(same || ahead ? [] : [deliver(facts, master)]), ...drops])
}

/** Master and user have both changed it: attribute by attribute, into a revision over the master's. */
function planMerge(
  facts: DocumentFacts,
  master: Leaf,
  same: Leaf | undefined,
  others: Leaf[],
  edits: Leaf[],
): DocumentPlan {
  const { ancestors, clock } = facts
  const baseOf = (leaf: Leaf): Leaf | undefined =>
    kinshipOf(leaf, master) === 'ahead' ? master : ancestors.get(leaf._rev)
  const { _id, _rev } = master
  const refusalOf = ({ attributes, attachments }: Content): Problem | null =>
    facts.refuses(withAttachments({ ...attributes, _id, _rev }, attachments))
  const sources: Leaf[] = []
  let content = sideOf(wholeContentOf(master), clock)
  let refusal: Problem | null = null
  for (const leaf of edits) {
    const merged = mergeInto(content, leaf, baseOf(leaf), clock)
    // Where the writer is known anyway, what counts is what the master would have. Otherwise each has to be allowed by
    // itself: what one says of its author must not stand for another.
    const refused = facts.isJudged ? refusalOf(merged) : facts.refuses(leaf)
    if (refused !== null) refusal ??= refused
    else {
      sources.push(leaf)
      content = merged
    }
  }
  const isNews = !holds(master, content)
  if (isNews && (facts.isJudged || refusalOf(content) === null))
    return plan([{ kind: 'put-master', over: master, content, from: 'personal', sources }], {
      isActive: true,
      again: true,
    })
  // The leaf that was made from the master's stays, if there is one, for a look at it alone; the others give way.
  // Where refusals are final, so does what was made from the master's beside it.
  const stays = same ?? others.find((leaf) => kinshipOf(leaf, master) === 'ahead')
  const giving: Kinship[] = facts.isJudged ? ['apart', 'ahead'] : ['apart']
  const late = others.filter((leaf) => leaf !== stays && giving.includes(kinshipOf(leaf, master)))
  const effects: DocumentEffect[] = [
    ...(stays ? [] : [deliver(facts, master)]),
    ...late.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf })),
  ]
  const isOverruled = isNews || edits.some((leaf) => late.includes(leaf) && !sources.includes(leaf))
  return plan(effects, {
    problem: isOverruled ? ((facts.isJudged ? refusal : null) ?? problem('overruled')) : null,
    isActive: isOverruled,
    again: effects.length > 0,
  })
}

function mergeInto(into: Side, leaf: Leaf, base: Leaf | undefined, clock: Clock): Side {
  const { home } = merge(sideOf(wholeContentOf(leaf), clock), into, {
    agreed: base ? { ...digestsOf(wholeContentOf(base)), kept: {} } : null,
    maySend: true,
  })
  return sideOf(home, clock)
}

const isSame = (one: Leaf, other: Leaf): boolean => holds(one, wholeContentOf(other))

/**
 * Plans a document of a master that is read-only: the user's is a projection of it, with revisions of its own.
 * @param fields the attributes that users get; `_attachments` stands for the attachments
 */
export function planProjected(
  facts: Pick<DocumentFacts, 'id' | 'master' | 'personal' | 'lets' | 'purged' | 'lost'>,
  fields: readonly string[],
): DocumentPlan {
  const { id, lets } = facts
  const [master] = byRank(facts.master)
  const live = byRank(facts.personal.filter(isLive))
  const [winner, ...others] = live
  // An id that the master never had is the user's own.
  if (master === undefined)
    return plan(
      (facts.purged ?? facts.lost) !== undefined && live.length > 0
        ? [{ kind: 'remove', id, leaves: live }]
        : [],
    )
  const may = isLive(master) ? lets(master) : false
  if (may === null) return plan([], { problem: problem('failed') })
  if (!may) return plan(winner ? [{ kind: 'remove', id, leaves: live }] : [])
  const content = project(master, fields)
  const drops = others.map((leaf): DocumentEffect => ({ kind: 'drop', at: 'personal', leaf }))
  if (winner && holds(winner, content)) return plan(drops)
  const over = winner ?? byRank(facts.personal)[0] ?? null
  return plan([{ kind: 'put-personal', id, over, content, source: master }, ...drops])
}
