// What is to be done for a share: its document, its registry entry and its database, brought to agree.
import { isDeepStrictEqual } from 'node:util'
import type { ShareEntry } from '../model/entry.ts'
import { shareOfDocument } from '../model/names.ts'
import type { ObjectDoc } from '../model/object.ts'
import { isOurProblem, problem, type Problem } from '../model/problem.ts'
import { parseShareRequest } from '../model/share.ts'
import { redundantLeaves, type Rival } from './leaves.ts'

export interface ShareFacts {
  share: string
  /** The user database that the document stands in. */
  database: string
  /** `$share/<id>` as it is there, or null where it is deleted or never was. */
  doc: ObjectDoc | null
  rivals: readonly Rival[]
  /** The document is not there and was not deleted either: its database was created again, and it may come back. */
  isMissing: boolean
  entry: ShareEntry | null
  /** Whether `share/<id>` exists. */
  databaseExists: boolean
  /** Whether the owner's user database exists. */
  ownerExists: boolean
  /** Whether the owner's objects are being gone through for this share. */
  scanning: boolean
  /** Whether they need not be, because all of them are still to come. */
  fromStart: boolean
}

/** What may change in an entry; undefined takes an attribute out. */
export type EntryChange = { [Key in 'state' | 'rotate' | 'problem']?: ShareEntry[Key] | undefined }

/** Effects come in the order in which they must land; each is idempotent. */
export type ShareEffect =
  /** Claims the id. Where somebody was faster, the rest is off and the share is planned again. */
  | { kind: 'claim'; share: string }
  | { kind: 'change-entry'; share: string; change: EntryChange }
  | { kind: 'create-outbox' }
  | { kind: 'create-database'; share: string }
  /** Puts `_security` and write access in place. */
  | { kind: 'secure'; share: string }
  /** Lands when the replication document is accepted and not `failed`. */
  | { kind: 'start-replication'; share: string }
  /** Lands when no job is left. */
  | { kind: 'stop-replication'; share: string }
  | { kind: 'drop-database'; share: string }
  | { kind: 'delete-copies'; share: string }
  /** Copies everything of the share from the outbox again. */
  | { kind: 'refill'; share: string }
  /** Has all objects of the owner gone through again, and the share planned again after that. */
  | { kind: 'scan'; share: string }
  | { kind: 'put-document'; doc: ObjectDoc }
  | { kind: 'drop-leaf'; id: string; rev: string }

/** Plans one share of one owner. Seeing the same facts again after the effects have landed plans nothing. */
export function planShare(facts: ShareFacts): ShareEffect[] {
  const { doc, rivals } = facts
  if (doc === null) return planLife(facts)
  const redundant = redundantLeaves(doc, rivals)
  const drops = redundant.map((rev) => ({ kind: 'drop-leaf', id: doc._id, rev }) as const)
  // Where the winner itself goes, the user's own leaf takes its place, and is planned when that change comes by.
  return redundant.includes(doc._rev) ? drops : [...planLife(facts), ...drops]
}

function planLife(facts: ShareFacts): ShareEffect[] {
  const { share, doc, entry, database } = facts
  const mine = entry !== null && entry.database === database
  if (facts.isMissing && entry?.state !== 'ending') return []
  if (mine && (entry.state === 'ending' || (doc === null && entry.state !== 'ended')))
    return end(facts, entry)
  if (doc === null) return []

  const request = parseShareRequest(doc)
  if (request.kind === 'malformed') return mark(doc, request.problem)
  if (entry !== null && !mine) return mark(doc, problem('id_taken', share))
  // Of an ended share nothing is left: what stands under its name is somebody else's, too.
  const isFree = entry === null || entry.state === 'ended'
  if (isFree && facts.databaseExists) return mark(doc, problem('database_exists', share))
  if (entry?.state === 'active' && facts.databaseExists) return mark(doc, entry.problem ?? null)
  return open(facts, doc)
}

/** All that a share needs, from whichever step it stopped at. */
function open({ share, entry, databaseExists, fromStart }: ShareFacts, doc: ObjectDoc): ShareEffect[] {
  const change = (state: ShareEntry['state']): ShareEffect => ({
    kind: 'change-entry',
    share,
    change: { state, problem: undefined },
  })
  return [
    ...(entry === null
      ? [{ kind: 'claim', share } as const]
      : entry.state === 'opening'
        ? []
        : [change('opening')]),
    { kind: 'create-outbox' },
    // A job that outlived its target goes on from where it was, and would leave the first copies out.
    ...(entry === null || databaseExists ? [] : [{ kind: 'stop-replication', share } as const]),
    { kind: 'create-database', share },
    { kind: 'secure', share },
    { kind: 'start-replication', share },
    ...(fromStart ? [] : [{ kind: 'scan', share } as const]),
    change('active'),
    ...mark(doc, null),
  ]
}

/** Takes a share apart. While its owner's objects are gone through there is nothing more to do; after that it is over. */
function end({ share, scanning, ownerExists }: ShareFacts, entry: ShareEntry): ShareEffect[] {
  if (scanning) return []
  return [
    ...(entry.state === 'ending'
      ? []
      : [{ kind: 'change-entry', share, change: { state: 'ending' } } as const]),
    { kind: 'stop-replication', share },
    { kind: 'drop-database', share },
    ...(ownerExists
      ? ([
          { kind: 'delete-copies', share },
          { kind: 'scan', share },
        ] as const)
      : [ended(share)]),
  ]
}

const ended = (share: string): ShareEffect => ({
  kind: 'change-entry',
  share,
  change: { state: 'ended', rotate: undefined, problem: undefined },
})

/** What is left when the objects of an owner were gone through for a share. */
export const planScanned = (share: string, entry: ShareEntry | null): ShareEffect[] =>
  entry?.state === 'ending' ? [ended(share)] : []

/** What is left where a share could not be opened: its owner reads why. */
export const planHalted = (doc: ObjectDoc, found: Problem): ShareEffect[] => mark(doc, found)

/** Makes a share database anew, so that old revisions and feeds that were open end with the old one. */
export const planRotation = (share: string): ShareEffect[] => [
  { kind: 'stop-replication', share },
  { kind: 'drop-database', share },
  { kind: 'create-database', share },
  { kind: 'secure', share },
  { kind: 'refill', share },
  { kind: 'start-replication', share },
  { kind: 'change-entry', share, change: { rotate: undefined } },
]

/** The `$share` document with its state, or nothing where it says that already. */
function mark(doc: ObjectDoc, found: Problem | null): ShareEffect[] {
  const { $state, $error, ...rest } = doc
  // A document that is no `$share/<id>` and only calls itself one keeps its own `$state`.
  const state = shareOfDocument(doc._id) === null ? $state : found === null ? 'active' : 'error'
  const foreign = $error !== undefined && !isOurProblem($error) && found === null ? { $error } : {}
  const marked = {
    ...rest,
    ...(state === undefined ? {} : { $state: state }),
    ...(found === null ? foreign : { $error: found }),
  }
  return isDeepStrictEqual(marked, doc) ? [] : [{ kind: 'put-document', doc: marked }]
}
