// Reads a range of a database to its end, however long it is, a page at a time.
import type { Database, RangeOptions } from './database.ts'
import type { Row } from './document.ts'

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
    from = { startKey: `${last.id}\u0000` }
  }
}
