// What is in a personal database: the documents that may be a master's, and how many are of which.
import type { Database } from '../couch/database.ts'
import { isObjectId } from '../model/names.ts'
import type { Master } from './master-facts.ts'

/** The documents in a personal database that may be a master's, a page at a time. */
export async function* idsIn(database: Database): AsyncGenerator<string[]> {
  let startKey: string | undefined
  for (;;) {
    const rows = await database.range({ ...(startKey === undefined ? {} : { startKey }), limit: 1000 })
    yield rows.map(({ id }) => id).filter(isObjectId)
    const last = rows.at(-1)
    if (rows.length < 1000 || last === undefined) return
    startKey = `${last.id}\u0000`
  }
}

/** How many documents that the masters have are in a personal database; of several masters' the first one's. */
export async function countDocuments(
  personal: Database,
  masters: readonly Master[],
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
