// Brings databases up to the skeletons of their kinds, in the lanes in which they are worked on.
import { concernsServer, isFault } from '../couch/fault.ts'
import { visited, type Visited } from './visits.ts'
import type { Deps } from '../shares/deps.ts'
import { Withheld } from './policy-guard.ts'

/**
 * Looks at one database and writes what differs; in a rollout without looking, where it is clear what is there. A
 * database that cannot be brought up to date is told of and stops nothing else.
 * @throws {CouchFault} where the server does not answer
 */
export async function refreshDatabase(
  { births, kinds, warmer, onVisited }: Pick<Deps, 'births' | 'kinds' | 'warmer' | 'onVisited'>,
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
      if (isFault(error) && (concernsServer(error) || error.code === 'timeout' || error.code === 'stopped'))
        throw error
      return { kind: 'failed', error }
    }
  }
}

const SAME: Visited = { kind: 'same', foreign: [] }
