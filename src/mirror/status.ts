// Writes what a user is told of documents that are in two databases.
import type { Database } from '../couch/database.ts'
import type { Doc } from '../couch/document.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import { saysThat } from './plan-status.ts'

/**
 * Writes each of these documents where something else stands, over what its reader wrote there, too. A conflict is seen with the
 * next look.
 * @param isNew whether one that is not there is written
 * @param isEmpty none of them is there: the database has just been created
 * @throws {CouchFault}
 */
export async function writeStatus(
  database: Database,
  ownWrites: OwnWrites,
  said: readonly ({ _id: string } & Record<string, unknown>)[],
  { isNew = () => true, isEmpty = false }: { isNew?: (at: number) => boolean; isEmpty?: boolean } = {},
): Promise<void> {
  const rows = isEmpty
    ? []
    : await database.fetchIfThere(
        said.map(({ _id }) => _id),
        { conflicts: true },
      )
  if (rows.length === 0 && !isEmpty) return
  const docs = said.flatMap((doc, at): Doc[] => {
    const there = rows[at]?.doc ?? null
    if (there ? saysThat(there, doc) : !isNew(at)) return []
    return [{ ...doc, ...(there ? { _rev: there._rev } : {}) }]
  })
  const losers = rows.flatMap(({ id, doc }): Doc[] =>
    (doc?._conflicts ?? []).map((rev) => ({ _id: id, _rev: rev, _deleted: true })),
  )
  for (const batch of [docs, ...losers.map((loser) => [loser])])
    for (const row of await database.bulk(batch)) if (row.ok) ownWrites.add(database.name, row.id, row.rev)
}
