// Reads a range of a database, or of the names of databases, to its end, however long it is, a page at a time.
import type { Couch } from './client.ts'
import type { Database, RangeOptions } from './database.ts'
import type { Row } from './document.ts'
import { isFault } from './fault.ts'

/** The first id that can come after this one. */
export const behind = (id: string): string => `${id}\u0000`

/** From the first of these ids to the last, which come one after the other; null where there are none. */
export function spanOf(ids: readonly string[]): { startKey: string; endKey: string } | null {
  const [first, last] = [ids.at(0), ids.at(-1)]
  return first === undefined || last === undefined ? null : { startKey: first, endKey: behind(last) }
}

/**
 * The live documents of an id range, in order, without its end. Each page begins behind the last document of the one before:
 * what comes and goes meanwhile moves nothing. The last page may be empty.
 * @throws {CouchFault}
 */
export async function* pagesOf(
  database: Pick<Database, 'range'>,
  { limit, ...range }: RangeOptions & { limit: number },
): AsyncGenerator<Row[]> {
  let from: { startKey?: string } = {}
  for (;;) {
    const rows = await database.range({ ...range, ...from, limit })
    yield rows
    const last = rows.at(-1)
    if (rows.length < limit || last === undefined) return
    from = { startKey: behind(last.id) }
  }
}

/** As many names as an answer may well have. */
const NAMES_PAGE = 1000

/**
 * The names of databases in a range, in the server's order. The last page may be empty.
 * @throws {CouchFault}
 */
export async function* pagesOfNames(
  couch: Pick<Couch, 'allDbs'>,
  { limit = NAMES_PAGE, ...range }: { startKey: string; endKey?: string; limit?: number },
): AsyncGenerator<string[]> {
  let { startKey } = range
  for (;;) {
    const names = await couch.allDbs({ ...range, startKey, limit })
    yield names
    const last = names.at(-1)
    if (names.length < limit || last === undefined) return
    startKey = behind(last)
  }
}

/** Those that begin with a prefix. @throws {CouchFault} */
export const pagesOfNamesUnder = (couch: Pick<Couch, 'allDbs'>, prefix: string): AsyncGenerator<string[]> =>
  pagesOfNames(couch, { startKey: prefix, endKey: `${prefix}\ufff0` })

/** Larger pages are read in parts; a single document always fits. */
const PAGE_BYTES = 16 * 1024 * 1024

/**
 * The live documents of an id range, with what they say, a page at a time: fewer where they are large.
 * @throws {CouchFault}
 */
export async function* pagesOfDocuments(
  database: Pick<Database, 'range'>,
  {
    limit: most,
    startKey: first,
    ...range
  }: Pick<RangeOptions, 'startKey' | 'endKey' | 'signal'> & { limit: number },
): AsyncGenerator<Row[]> {
  let startKey = first
  let limit = most
  for (;;) {
    let rows
    try {
      rows = await database.range({
        ...range,
        ...(startKey === undefined ? {} : { startKey }),
        ...{ limit, includeDocs: true },
        mostBytes: limit === 1 ? Number.MAX_SAFE_INTEGER : PAGE_BYTES,
      })
    } catch (error) {
      if (!isFault(error, 'answer_too_large') || limit === 1) throw error
      limit = Math.ceil(limit / 5)
      continue
    }
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    startKey = behind(last.id)
    limit = Math.min(most, limit * 2)
  }
}
