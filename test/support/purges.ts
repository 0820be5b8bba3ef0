// An admin's purges, and what a database still has of a text in any revision that can be asked for.
import type { Database } from '../../src/couch/database.ts'

/** Purges a document as an admin does for the sake of privacy: all that it ever was. */
export async function purge(database: Database, id: string): Promise<void> {
  const leaves = await database.leaves([{ id }])
  await database.purge({ [id]: leaves.map(({ _rev }) => _rev) })
}

/** The revisions of a document, leaves and all before them, of which a text can be read. */
export async function revisionsWith(database: Database, id: string, text: string): Promise<string[]> {
  const leaves = await database.leaves([{ id }])
  const revs = new Set(
    leaves.flatMap(({ _revisions: { start = 0, ids = [] } = {} }) =>
      ids.map((hash, age) => `${start - age}-${hash}`),
    ),
  )
  const found = await database.leaves([...revs].map((rev) => ({ id, rev })))
  return found.filter((doc) => JSON.stringify(doc).includes(text)).map(({ _rev }) => _rev)
}
