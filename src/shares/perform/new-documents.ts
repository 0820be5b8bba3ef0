// What is written where nothing is, or a tombstone: CouchDB takes no `_rev` there, so that it does not see who wrote, and deleted
// again, since the plan was made.
import type { Database } from '../../couch/database.ts'
import { liveRevision } from '../../couch/rows.ts'
import { generationOf, isOneAfter } from '../../documents/revisions.ts'
import { baseId } from '../model/ids.ts'
import type { Progress } from './shared-copies.ts'

/** What stood under the ids of an outbox when they were read, by revisions; nothing for those under which there was nothing. */
export type Found = ReadonlyMap<string, { live?: string; tombstone?: string }>

/**
 * Whether a revision that was written without a `_rev` stands over what was read. What is made over a tombstone is the next
 * generation of it, so that any life of the document in between shows.
 * @param over the tombstone that was read; absent where there was nothing at all
 */
export const isNext = (rev: string, over: string | undefined): boolean =>
  over === undefined ? generationOf(rev) === 1 : isOneAfter(rev, over)

/** A copy that was written where there was none, and the base that it rests on. */
export interface NewCopy {
  object: string
  id: string
  rev: string
  /** The revision of the object's base, as it was read, or as it was written before the copy. */
  base: string | null
}

/**
 * A plan that another daemon has overtaken may have brought a copy back that went meanwhile: who takes a copy out writes the
 * base after it, and the base is looked at here after the copy was written. Such copies reach no share, and their
 * objects are looked at again.
 * @returns those of the copies that rest on what is there
 * @throws {CouchFault}
 */
export async function blockOvertaken<Copy extends NewCopy>(
  outbox: Database,
  copies: readonly Copy[],
  found: Found,
  progress: Progress,
): Promise<Copy[]> {
  if (copies.length === 0) return []
  const known = new Map(copies.map(({ object, base }) => [baseId(object), base]))
  const changed = await outbox.changedFrom(known)
  const isBase = (object: string, base: string | null): boolean => {
    const now = changed.get(baseId(object))
    return now === undefined || liveRevision(now) === base
  }
  return copies.filter(({ object, id, rev, base }) => {
    const isRight = isNext(rev, found.get(id)?.tombstone) && isBase(object, base)
    if (!isRight) {
      progress.blocked.add(object)
      progress.again.add(object)
    }
    return isRight
  })
}

/**
 * The other side of that: what was brought after it was looked for, and before the base stopped to list it, rests on a base that
 * was still right. Of both daemons, the one that comes second finds what the first one has written.
 * @param hidden the copies that bases list no more, none of which was there
 * @throws {CouchFault}
 */
export async function lookForBrought(
  outbox: Database,
  hidden: readonly { object: string; id: string }[],
  progress: Progress,
): Promise<void> {
  if (hidden.length === 0) return
  const rows = await outbox.fetch(
    hidden.map(({ id }) => id),
    { includeDocs: false },
  )
  const live = new Set(rows.flatMap(({ id, rev, deleted }) => (rev === null || deleted ? [] : id)))
  for (const { object, id } of hidden) if (live.has(id)) progress.again.add(object)
}
