// What an admin purged from a master or a gateway: whoever is asked about a document that is missing there has to know.
import type { Database } from '../couch/database.ts'
import type { Row, Seq } from '../couch/document.ts'
import { isPurgedAs } from '../couch/sequence.ts'
import { isObjectId } from '../documents/names.ts'

interface Known {
  purgeSeq: Seq
  instance: string
  purged: ReadonlyMap<string, readonly string[]>
}

/** By database, for as long as that is used: each new document of a user is asked about, and purges are rare. */
const known = new WeakMap<Database, Known>()

/** By document, the leaves that were purged; of what is there again, too. @throws {CouchFault} */
export async function readPurges(database: Database): Promise<ReadonlyMap<string, readonly string[]>> {
  const info = await database.info()
  if (info?.purge_seq === undefined) return new Map()
  const { purge_seq: purgeSeq, instance_start_time: instance } = info
  const there = known.get(database)
  if (there?.instance === instance && isPurgedAs(purgeSeq, there.purgeSeq)) return there.purged
  const purged = await database.purged()
  known.set(database, { purgeSeq, instance, purged })
  return purged
}

/** The objects that are not there because they were purged. @throws {CouchFault} */
export async function purgedObjects(database: Database): Promise<Row[]> {
  const ids = [...(await readPurges(database)).keys()].filter(isObjectId)
  return (await database.fetch(ids, { includeDocs: false })).filter(({ rev }) => rev === null)
}

/** What a plan asks about of a document that was purged at its source. */
export interface PurgedFacts {
  /** The leaves that an admin purged there, and those of them that were tombstones, as far as that can be told. */
  purged: { revisions: readonly string[]; deletions: ReadonlySet<string> }
}

/**
 * The purged revisions of a document, and which of them were tombstones, as another database of the same documents still
 * tells. @throws {CouchFault}
 */
export async function purgedFacts(
  database: Database,
  id: string,
  revisions: readonly string[],
): Promise<PurgedFacts> {
  const found = await database.leaves(revisions.map((rev) => ({ id, rev })))
  const deletions = new Set(found.filter(({ _deleted }) => _deleted).map(({ _rev }) => _rev))
  return { purged: { revisions, deletions } }
}
