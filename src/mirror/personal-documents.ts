// What is in a personal database: the documents that may be a master's, and how many are of which.
import type { Database } from '../couch/database.ts'
import { pagesOf } from '../couch/pages.ts'
import { isObjectId } from '../documents/names.ts'

const PAGE = 1000

/** Where the ids are of what is no application's. */
const OTHERS = [
  ['$', '%'],
  ['_', '`'],
] as const

/** The documents in a personal database that may be a master's, a page at a time. */
export async function* idsIn(database: Database): AsyncGenerator<string[]> {
  for await (const rows of pagesOf(database, { limit: PAGE }))
    yield rows.map(({ id }) => id).filter(isObjectId)
}

/** How many documents are in a database that are the application's. @throws {CouchFault} */
export async function countObjects(database: Database): Promise<number> {
  const [info, ...others] = await Promise.all([
    database.info(),
    ...OTHERS.map(([startKey, endKey]) => database.range({ startKey, endKey })),
  ])
  return others.reduce((left, rows) => left - rows.length, info?.doc_count ?? 0)
}

/** How many documents that the masters have are in a personal database; of several masters' the first one's. */
export async function countDocuments(
  personal: Database,
  masters: readonly { name: string; database: Database }[],
): Promise<Map<string, number>> {
  const counts = new Map(masters.map(({ name }) => [name, 0]))
  for await (const ids of idsIn(personal)) {
    let left = ids
    for (const { name, database } of masters) {
      const rows = await database.fetch(left, { includeDocs: false })
      const isThere = new Set(rows.filter(({ rev, deleted }) => rev !== null && !deleted).map(({ id }) => id))
      counts.set(name, (counts.get(name) ?? 0) + isThere.size)
      left = left.filter((id) => !isThere.has(id))
    }
  }
  return counts
}
