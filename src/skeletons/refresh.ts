// Brings databases up to the skeletons of their kinds, in the lanes in which they are worked on.
import { isFault, mayConcernServer } from '../couch/fault.ts'
import type { Births } from './births.ts'
import type { Warmer } from './index-warmer.ts'
import type { Kinds } from './kinds.ts'
import { visited, type Visited } from './visits.ts'
import { Withheld } from './policy-guard.ts'

export interface RefreshDeps {
  births: Pick<Births, 'refresh'>
  kinds: Pick<Kinds, 'placeOf'>
  warmer: Pick<Warmer, 'isWarming'>
  /** The database was brought up to its skeleton, or could not be. */
  onVisited: (db: string, visited: Visited) => void
}

/**
 * Looks at one database and writes what differs; in a rollout without looking, where it is clear what is there. A
 * database that cannot be brought up to date is told of and stops nothing else.
 * @throws {CouchFault} where the server does not answer
 */
export async function refreshDatabase(
  { births, kinds, warmer, onVisited }: RefreshDeps,
  db: string,
  { inRollout = false } = {},
): Promise<Visited> {
  const place = kinds.placeOf(db)
  const result =
    place === null || warmer.isWarming(db)
      ? SAME
      : await visit(place.kind === 'policy' ? place.policy : place.kind)
  onVisited(db, result)
  return result

  async function visit(kind: string): Promise<Visited> {
    try {
      return visited(await births.refresh(db, kind, { inRollout }))
    } catch (error) {
      if (isFault(error, 'not_found')) return { kind: 'gone' }
      if (error instanceof Withheld) return { kind: 'withheld', reason: error.message }
      // The lane waits and tries again, and no database has failed.
      if (isFault(error) && (mayConcernServer(error) || error.code === 'stopped')) throw error
      return { kind: 'failed', error }
    }
  }
}

const SAME: Visited = { kind: 'same', foreign: [] }
