// The registry's document for a share: who owns an id, and how far its life has come.
import { entryId } from './names.ts'
import type { Problem } from './problem.ts'

/**
 * `opening`: claimed, not all in place yet · `active`: objects are copied · `ending`: being taken apart ·
 * `ended`: gone for good, the id stays its owner's.
 */
export type ShareState = 'opening' | 'active' | 'ending' | 'ended'

export interface ShareEntry {
  _id: string
  _rev?: string
  type: 'share'
  /** The owner: the `{id}` of the user database that the share was claimed from. */
  owner: string
  /** That user database. A daemon with another template leaves the share alone. */
  database: string
  state: ShareState
  /** Copies were narrowed or taken out, and the share database still holds their old revisions: it has to be made anew. */
  rotate?: true
  /** What keeps the share from working, as its owner sees it. */
  problem?: Problem
  createdAt: string
  updatedAt: string
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

const STATES: readonly string[] = ['opening', 'active', 'ending', 'ended'] satisfies ShareState[]

/** An entry read from the registry, or null where the document is none (an admin may keep other documents there). */
export function parseEntry(doc: Record<string, unknown> | null): ShareEntry | null {
  if (doc === null || doc['type'] !== 'share') return null
  if (typeof doc['owner'] !== 'string' || typeof doc['database'] !== 'string') return null
  if (typeof doc['state'] !== 'string' || !STATES.includes(doc['state'])) return null
  return doc as unknown as ShareEntry
}
