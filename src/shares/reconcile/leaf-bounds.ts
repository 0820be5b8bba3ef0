// No writer can slow an owner's lane for ever: of the leaves that clients push into one copy, so many are merged, and the
// rest is refused.
import type { Change } from '../../couch/document.ts'
import { shareDatabase } from '../../documents/names.ts'
import { problem } from '../../documents/problem.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { Progress } from '../perform/shared-copies.ts'
import type { Context } from './context.ts'
import { parseCopyId } from '../model/ids.ts'

/** The most live leaves beside the one that clients see that are merged at once. */
export const MOST_MERGED_LEAVES = 100

/**
 * The most leaves that a copy may have, deleted ones too: what gave way is kept as one, and each that goes leaves one behind.
 * Whoever reads or writes a document pays for all of them.
 */
export const MOST_LEAVES = 1000

/** By the id of a copy, the leaves that are more than may be merged. @throws {CouchFault} */
export async function excessLeaves(
  { deps }: Context,
  share: string,
  changes: readonly Change[],
): Promise<Map<string, string[]>> {
  const many = new Map(
    changes.flatMap(({ id, changes: leaves }) =>
      leaves.length > MOST_MERGED_LEAVES && parseCopyId(id)?.share === share ? [[id, leaves.length]] : [],
    ),
  )
  const excess = new Map<string, string[]>()
  if (many.size === 0) return excess
  const rows = await deps.couch
    .database(shareDatabase(share))
    .fetchIfThere([...many.keys()], { conflicts: true })
  for (const { id, doc } of rows) {
    const live = doc?._conflicts ?? []
    const others = (many.get(id) ?? 0) - live.length
    const room = Math.max(0, Math.min(MOST_MERGED_LEAVES, MOST_LEAVES - others))
    if (live.length > room) excess.set(id, live.slice(room))
  }
  return excess
}

/** Takes them out, wherever they have come to; it is listed before that. @throws {CouchFault} */
export async function refuseLeaves(
  { deps, outbox }: Context,
  share: string,
  excess: ReadonlyMap<string, string[]>,
): Promise<void> {
  const home = deps.couch.database(shareDatabase(share))
  if (deps.canPurge) {
    for (const database of [home, outbox]) await database.purge(Object.fromEntries(excess))
  } else {
    const leaves = [...excess].flatMap(([_id, revs]) => revs.map((_rev) => ({ _id, _rev, _deleted: true })))
    await writeBulk(home, leaves)
  }
  const counts = [...excess].map(([id, revs]) => ({ id, count: revs.length }))
  deps.log.warn({ share, leaves: counts }, 'leaves refused')
}

/** What is to be listed of them. */
export function refusalsOf(share: string, excess: ReadonlyMap<string, string[]>): Progress {
  const progress = new Progress()
  const found = problem('too_many_leaves', String(MOST_MERGED_LEAVES), String(MOST_LEAVES))
  for (const id of excess.keys()) progress.report(share, parseCopyId(id)?.object ?? '', found)
  return progress
}
