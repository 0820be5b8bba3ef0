// Brings databases up to the skeletons of their kinds, in the lanes in which they are worked on.
import { isFault, mayConcernServer } from '../couch/fault.ts'
import type { DatabaseCreator } from './create-database.ts'
import type { Warmer } from './index-warmer.ts'
import type { Kinds } from './kinds.ts'
import { resultOf, type RefreshResult } from './refresh-results.ts'
import { Withheld } from './policy-guard.ts'

export interface RefreshDeps {
  creator: Pick<DatabaseCreator, 'refresh'>
  kinds: Pick<Kinds, 'placeOf'>
  warmer: Pick<Warmer, 'isWarming'>
  /** The database was brought up to its skeleton, or could not be. */
  onRefreshed: (db: string, result: RefreshResult) => void
}

/**
 * Looks at one database and writes what differs; in a rollout without looking, where it is clear what is there. A
 * database that cannot be brought up to date is told of and stops nothing else.
 * @throws {CouchFault} where the server does not answer
 */
export async function refreshDatabase(
  { creator, kinds, warmer, onRefreshed }: RefreshDeps,
  db: string,
  { inRollout = false } = {},
): Promise<RefreshResult> {
  const place = kinds.placeOf(db)
  const result =
    place === null || warmer.isWarming(db)
      ? SAME
      : await refresh(place.kind === 'policy' ? place.policy : place.kind)
  onRefreshed(db, result)
  return result

  async function refresh(kind: string): Promise<RefreshResult> {
    try {
      return resultOf(await creator.refresh(db, kind, { inRollout }))
    } catch (error) {
      if (isFault(error, 'not_found')) return { kind: 'gone' }
      if (error instanceof Withheld) return { kind: 'withheld', reason: error.message }
      // The lane waits and tries again, and no database has failed.
      if (isFault(error) && (mayConcernServer(error) || error.code === 'stopped' || error.code === 'no_room'))
        throw error
      return { kind: 'failed', error }
    }
  }
}

const SAME: RefreshResult = { kind: 'same', foreign: [] }
