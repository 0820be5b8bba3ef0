// How deep and how manifold a document may be that is carried to others. CouchDB hands each document to JavaScript for its
// views: nesting that is too deep ends the process *(QuickJS from 12,000 levels, seen)*, too many values take longer than
// `[couchdb] os_process_timeout` *(2 MB of `[],`, seen)*. Such a view gives nobody an answer any more.
import { ExactNumber } from './json.ts'
import { problem, type Problem } from './problem.ts'

/** The most arrays and objects inside each other. Also in skeleton/share/_design/write_access. */
export const MOST_LEVELS = 1000

/** The most values of a document, whether they are in arrays or in objects. Also in skeleton/share/_design/write_access. */
export const MOST_VALUES = 100_000

/** Of any length that CouchDB keeps; no part of what a user wrote. */
const BOOKKEEPING: ReadonlySet<string> = new Set(['_revisions', '_conflicts'])

/** True for a document, or for what a document says, that is too much for a view. */
export function isTooComplex(doc: object): boolean {
  let level = [Object.fromEntries(Object.entries(doc).filter(([name]) => !BOOKKEEPING.has(name))) as object]
  let values = 0
  for (let levels = 0; level.length > 0; levels += 1) {
    if (levels === MOST_LEVELS) return true
    const next: object[] = []
    for (const one of level) {
      const items: unknown[] = Array.isArray(one) ? one : Object.values(one)
      values += items.length
      if (values > MOST_VALUES) return true
      for (const item of items)
        if (typeof item === 'object' && item !== null && !(item instanceof ExactNumber)) next.push(item)
    }
    level = next
  }
  return false
}

/** What the author of such a document is told. */
export const tooComplex = (): Problem => problem('too_complex', String(MOST_LEVELS), String(MOST_VALUES))
