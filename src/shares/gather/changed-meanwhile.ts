// What is gathered of an object is read in several requests: here it is seen whether all of it was there at one time.
import type { Database } from '../../couch/database.ts'
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
    user.changedFrom(new Map(read.map(({ id, doc }) => [id, doc]))),
    outbox.changedFrom(new Map(read.map(({ id, base }) => [baseId(id), base]))),
  ])
  const isSame = ({ id, doc, base }: Read): boolean => {
    const [now, nowBase] = [docs.get(id), bases.get(baseId(id))]
    const isDoc = now === undefined || (now.deleted ? null : now.rev) === doc
    return isDoc && (nowBase === undefined || nowBase.rev === base)
  }
  return new Set(read.filter((one) => !isSame(one)).map(({ id }) => id))
}
