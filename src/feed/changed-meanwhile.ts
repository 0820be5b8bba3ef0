// What is gathered of an object is read in several requests: here it is seen whether all of it was there at one time.
import type { Database } from '../couch/database.ts'
import { baseId } from '../model/names.ts'

/** What was read of an object, by revisions; null where there was nothing live. */
export interface Read {
  id: string
  doc: string | null
  base: string | null
}

/**
 * A base says what the object and its copies had in common when it was written. Beside an object or a copy that is older
 * than it, a value that was replaced long ago looks like the user's own change. So, after all was read, object and base
 * have to be as they were read: then they were that while the copies were read in between. Another daemon may write all three.
 * @returns the ids of those that are not
 * @throws {CouchFault}
 */
export async function changedMeanwhile(
  user: Database,
  outbox: Database,
  read: readonly Read[],
): Promise<Set<string>> {
  if (read.length === 0) return new Set()
  const [docs, bases] = await Promise.all([
    liveRevisions(
      user,
      read.map(({ id }) => id),
    ),
    liveRevisions(
      outbox,
      read.map(({ id }) => baseId(id)),
    ),
  ])
  const isSame = ({ id, doc, base }: Read): boolean =>
    (docs.get(id) ?? null) === doc && (bases.get(baseId(id)) ?? null) === base
  return new Set(read.filter((one) => !isSame(one)).map(({ id }) => id))
}

async function liveRevisions(database: Database, ids: string[]): Promise<Map<string, string>> {
  const rows = await database.fetchIfThere(ids, { includeDocs: false })
  return new Map(rows.flatMap(({ id, rev, deleted }) => (rev === null || deleted ? [] : [[id, rev]])))
}
