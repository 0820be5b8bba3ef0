// Objects of which more would have to be remembered than a document of the server holds: their authors are told, and
// everything else goes on.
import { baseDoc } from '../model/base.ts'
import { encodeJson } from '../../documents/json.ts'
import { problem } from '../../documents/problem.ts'
import type { Deps } from '../deps.ts'
import type { Effect } from '../plan/effects.ts'
import type { Progress } from './shared-copies.ts'

/**
 * CouchDB takes 8,000,000 bytes for a document, unless it is told otherwise. Known before anything is written: a base that is
 * refused at the end would be older than what it is to remember.
 */
const MOST_BYTES = 7_500_000

/** True for a base that would be too large to be stored. */
export function isExcessive(
  { mostRemembered = MOST_BYTES }: Pick<Deps, 'mostRemembered'>,
  { object, shares, agreed, seen = {} }: Effect<'put-base'>,
): boolean {
  const base = encodeJson(baseDoc(object, { shares, agreed, seen }))
  return base.length * 3 > mostRemembered && Buffer.byteLength(base) > mostRemembered
}

/** Nothing of the object is carried; it is listed wherever it was to be. */
export function refuseBase(
  { log }: Pick<Deps, 'log'>,
  progress: Progress,
  { object, shares, agreed }: Effect<'put-base'>,
): void {
  progress.blocked.add(object)
  const found = problem('too_large')
  const concerned = [...new Set([...Object.keys(agreed), ...Object.keys(shares)])]
  for (const share of concerned) progress.report(share, object, found)
  log.warn({ doc: object, shares: concerned, code: found.code }, 'object refused')
}
