// What is gathered of an object is read in several requests: here it is seen whether all of it was there at one time.
import type { Database } from '../../couch/database.ts'
import type { Row } from '../../couch/document.ts'
import { orNull } from '../../couch/fault.ts'
import { liveRevision } from '../../couch/rows.ts'
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
    orNull(user.changedFrom(new Map(read.map(({ id, doc }) => [id, doc])))),
    orNull(outbox.changedFrom(new Map(read.map(({ id, base }) => [baseId(id), base])))),
  ])
  const isSame = ({ id, doc, base }: Read): boolean =>
    isStill(doc, docs, id, liveRevision) && isStill(base, bases, baseId(id), ({ rev }) => rev)
  return new Set(read.filter((one) => !isSame(one)).map(({ id }) => id))
}

/** @param changed null where there is no database any more */
function isStill(
  known: string | null,
  changed: ReadonlyMap<string, Row> | null,
  id: string,
  revisionOf: (row: Row) => string | null,
): boolean {
  if (changed === null) return known === null
  const now = changed.get(id)
  return now === undefined || revisionOf(now) === known
}
