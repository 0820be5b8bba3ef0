// Which objects an admin has purged: nobody has deleted them, and there is not even a tombstone.
import { sharesOf, type Base } from '../model/base.ts'
import type { Database } from '../../couch/database.ts'
import type { Forgotten } from '../plan/exchange-facts.ts'
import type { UserDoc } from './user-docs.ts'
import { parseCopyId } from '../model/ids.ts'

/** Those of the objects that are missing although a base knows of them, or did, and that an admin has purged. */
export async function readPurged(
  database: Database,
  objects: readonly UserDoc[],
  bases: ReadonlyMap<string, Base | null>,
  forgotten: ReadonlyMap<string, Forgotten>,
): Promise<Set<string>> {
  const recalled = new Set([...forgotten.keys()].map((copy) => parseCopyId(copy)?.object))
  const missing = objects.filter(
    ({ id, isMissing }) => isMissing && (sharesOf(bases.get(id)).length > 0 || recalled.has(id)),
  )
  if (missing.length === 0) return new Set()
  const purged = await database.purged()
  return new Set(missing.flatMap(({ id }) => (purged.has(id) ? id : [])))
}
