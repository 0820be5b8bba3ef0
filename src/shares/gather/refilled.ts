// Reads what the objects come from that a device brings into a user database that was made again.
import type { Database } from '../../couch/database.ts'
import type { Base } from '../model/base.ts'
import { decodeHistories, OBJECT, type Held } from '../model/history.ts'
import { lineOf } from '../../documents/revisions.ts'
import { outdatedGround } from '../plan/refilled.ts'
import type { UserDoc } from './user-docs.ts'

/** By object, what it held at the revision from which it was brought back, where that is not the last one that was seen. */
export async function readOutdated(
  database: Database,
  objects: readonly UserDoc[],
  bases: ReadonlyMap<string, Base | null>,
): Promise<Map<string, Held>> {
  const histories = new Map(
    objects.map(({ id }) => [id, decodeHistories(bases.get(id)?.history)[OBJECT] ?? []]),
  )
  const doubtful = objects.flatMap(({ id, doc, rivals }) => {
    const [last] = histories.get(id) ?? []
    return doc === null || rivals.length > 0 || last === undefined || last.rev === doc._rev
      ? []
      : [{ id, rev: doc._rev }]
  })
  if (doubtful.length === 0) return new Map()
  const leaves = await database.leaves(doubtful)
  return new Map(
    leaves.flatMap((leaf) => {
      const ground = outdatedGround(histories.get(leaf._id), lineOf(leaf))
      return ground === null ? [] : [[leaf._id, ground] as const]
    }),
  )
}
