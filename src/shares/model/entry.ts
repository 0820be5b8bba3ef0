// The registry's document for a share: who owns an id, how far its life has come, and what is in force.
import type { Access } from './access.ts'
import type { PasswordAccount } from './password.ts'
import type { Problem } from '../../documents/problem.ts'
import type { Rejection } from '../../documents/rejected.ts'
import type { UserDatabases } from '../../documents/names.ts'
import { isRecord } from '../../documents/shapes.ts'
import { entryId } from './ids.ts'

/**
 * `opening`: claimed, not all in place yet · `active`: objects are copied · `suspended`: closed by an admin ·
 * `ending`: being taken apart · `ended`: gone for good, the id stays its owner's.
 */
export type ShareState = 'opening' | 'active' | 'suspended' | 'ending' | 'ended'

/** What an admin wants of a share or a subscription, written into its document by hand. */
export type Order = 'suspend' | 'end'

/** True for what an admin may order in the registry. */
export const isOrder = (value: unknown): value is Order => value === 'suspend' || value === 'end'

export interface ShareEntry {
  _id: string
  _rev?: string
  type: 'share'
  /** The owner: the `{id}` of the user database that the share was claimed from. */
  owner: string
  /** That user database. A daemon with another template leaves the share alone. */
  database: string
  state: ShareState
  /** An admin's wish; taken out again, a suspended share goes on. */
  order?: Order
  /** Who may read and write; the last that was in order. */
  access?: Access
  /** The account of those who know the password. */
  password?: PasswordAccount
  /** Where copies are written: into the outbox, or, since others may write, into the share itself. */
  home?: 'outbox' | 'share'
  /**
   * Of one that is being opened: its database is the admins' alone, and the owner's objects are copied in (false), or all of them
   * are (true). Absent: not yet.
   */
  filled?: boolean
  /** Copies were narrowed or taken out, or readers were: the share database has to be made anew. */
  rotate?: true
  /** The outbox was lost, too: what the share holds and the outbox does not is no word of its owner's. */
  refilled?: true
  /**
   * The outbox was lost, and the owner's objects and copies have not all been gone through since: an object of which there
   * is no base may have been shared.
   */
  forgotten?: true
  /**
   * The outbox has all that the share is to have, or the owner has what was in one that ends: until it is open again, a share
   * database that is away is not lost.
   */
  saved?: true
  /** How often the share database was lost: what bases agreed on before that is not there any more. */
  losses?: number
  /** How often the database was made anew. Sequences of one share database mean nothing to the next. */
  rotations?: number
  /**
   * Another one each time that is begun. What is written after that goes with the old database: whoever has looked at a
   * copy before, and finds another one when the copy is written, agrees on nothing, and looks again.
   */
  closing?: string
  /** It is ending: its database and its copies are gone, and the owner's objects are gone through for the last time. */
  emptied?: true
  /** What keeps the share from working, as its owner sees it. */
  problem?: Problem
  /** There is something new that the owner's document has to tell. */
  due?: true
  /** What others wrote and the owner's share did not take. */
  rejected?: Rejection[]
  counts?: ShareCounts
  createdAt: string
  updatedAt: string
}

export interface ShareCounts {
  objects: number
  subscribers: number
}

/** The first entry of a share. @param now ISO 8601 */
export const claimedEntry = (share: string, owner: string, database: string, now: string): ShareEntry => ({
  _id: entryId(share),
  type: 'share',
  owner,
  database,
  state: 'opening',
  createdAt: now,
  updatedAt: now,
})

const STATES: readonly string[] = ['opening', 'active', 'suspended', 'ending', 'ended'] satisfies ShareState[]

/**
 * An entry read from the registry, or null where the document is none (an admin may keep other documents there). What is only counted
 * or listed, and cannot be read, is left out: it is made anew, and every sweep goes through all entries.
 */
export function parseEntry(doc: Record<string, unknown> | null): ShareEntry | null {
  if (doc === null || doc['type'] !== 'share') return null
  if (typeof doc['owner'] !== 'string' || typeof doc['database'] !== 'string') return null
  if (typeof doc['state'] !== 'string' || !STATES.includes(doc['state'])) return null
  const { counts, rejected, ...rest } = doc
  return {
    ...(rest as unknown as ShareEntry),
    ...(isCounts(counts) ? { counts } : {}),
    ...(Array.isArray(rejected) ? { rejected: rejected as Rejection[] } : {}),
  }
}

const isCounts = (value: unknown): value is ShareCounts =>
  isRecord(value) && [value['objects'], value['subscribers']].every((count) => Number.isSafeInteger(count))

/** True where a share database that is away is lost: the daemon itself notes what it drops, before it does. */
export const isToBeThere = ({ state, saved, emptied }: ShareEntry): boolean =>
  state !== 'ended' && !saved && !emptied

/** True where the owner's objects are copied into a share that nobody may enter yet. */
export const isBeingFilled = ({ state, filled }: Pick<ShareEntry, 'state' | 'filled'>): boolean =>
  state === 'opening' && filled !== undefined

/** True where the owner's objects are copied into a share, whether or not anybody may enter it yet. */
export const takesCopies = (entry: Pick<ShareEntry, 'state' | 'filled'>): boolean =>
  entry.state === 'active' || isBeingFilled(entry)

/** True where the owner's objects are not all there yet. */
export const isToBeFilled = (entry: Pick<ShareEntry, 'state' | 'filled'>): boolean =>
  isBeingFilled(entry) && entry.filled === false

/** True where copies of a share are written into the share itself. */
export const isHomeShare = (entry: ShareEntry | null | undefined): boolean => entry?.home === 'share'

/** Those who write into a share that everybody may write into: who subscribed, and all guests together. */
export const writersOf = ({ counts }: ShareEntry): number => 1 + (counts?.subscribers ?? 0)

/** True for a share that was claimed under this template: one of another template is another daemon's. */
export const isOurs = (
  { owner, database }: Pick<ShareEntry, 'owner' | 'database'>,
  users: Pick<UserDatabases, 'database'>,
): boolean => users.database(owner) === database
