// What is gathered of an object is read in several requests: here it is seen whether all of it was there at one time.
import type { Database } from '../../couch/database.ts'
import type { Row } from '../../couch/document.ts'
import { baseId } from '../model/ids.ts'

/** What was read of an object, by revisions. */
export interface Read {
  id: string
  /** Null where there was nothing live. */
  doc: string | null
  /** Of a tombstone, too: who has written over it and deleted it again has decided something. */
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
    revisions(
      user,
      read.map(({ id }) => id),
      ({ deleted }) => !deleted,
    ),
    revisions(
      outbox,
      read.map(({ id }) => baseId(id)),
    ),
  ])
  const isSame = ({ id, doc, base }: Read): boolean =>
    (docs.get(id) ?? null) === doc && (bases.get(baseId(id)) ?? null) === base
  return new Set(read.filter((one) => !isSame(one)).map(({ id }) => id))
}

async function revisions(
  database: Database,
  ids: string[],
  counts: (row: Row) => boolean = () => true,
): Promise<Map<string, string>> {
  const rows = await database.fetchIfThere(ids, { includeDocs: false })
  return new Map(rows.flatMap((row) => (row.rev !== null && counts(row) ? [[row.id, row.rev]] : [])))
}
