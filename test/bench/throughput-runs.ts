// What is done with many objects at once: by the daemon, or by a one-shot replication beside it.
import type { Database } from '../../src/couch/database.ts'
import type { Doc } from '../../src/couch/document.ts'
import { SKELETON_PREFIX } from '../../src/documents/names.ts'
import { copyId } from '../../src/shares/model/ids.ts'
import { Arrivals } from './arrivals.ts'
import { clock, todo, type Ground } from './ground.ts'

const PATIENCE_MS = 900_000

/** What is done around the measured part. */
export type Around = (work: () => Promise<number>) => Promise<number>
export const whatever: Around = (work) => work()

export type Run = (ground: Ground, name: string, objects: number, around: Around) => Promise<number>

/** The objects are there and name the share; the write that is measured is that of the `$share`. */
export const openShare: Run = async (ground, name, objects, around) => {
  const user = ground.user(name)
  const share = ground.newShareId()
  await user.create()
  await ground.putAll(user, todos(objects, share))
  await ground.settled(name)
  return around(() =>
    clock(async () => {
      await ground.put(user, { _id: `$share/${share}`, type: '$share' })
      await arrived(ground, ground.share(share), objects)
    }),
  )
}

export const replicateThere =
  (isValidated: boolean): Run =>
  async (ground, name, objects) => {
    const { source, target } = await twoDatabases(ground, name, isValidated)
    await ground.putAll(source, todos(objects, null))
    return clock(() => replicate(ground, source, target, objects))
  }

/** The share is active; measured from the first request that brings objects. */
export const writeObjects: Run = async (ground, name, objects, around) => {
  const share = await ground.userWithShare(name)
  await ground.settled(name)
  const docs = todos(objects, share)
  return around(() =>
    clock(async () => {
      await ground.putAll(ground.user(name), docs)
      await arrived(ground, ground.share(share), objects)
    }),
  )
}

export const writeAndReplicate =
  (isValidated: boolean): Run =>
  async (ground, name, objects) => {
    const { source, target } = await twoDatabases(ground, name, isValidated)
    const docs = todos(objects, null)
    return clock(async () => {
      await ground.putAll(source, docs)
      await replicate(ground, source, target, objects)
    })
  }

/** All are in the share; measured from the first request that changes objects. */
export const editObjects: Run = async (ground, name, objects, around) => {
  const user = ground.user(name)
  const share = await ground.userWithShare(name)
  const docs = todos(objects, share)
  const revisions = await ground.putAll(user, docs)
  await arrived(ground, ground.share(share), objects)
  await ground.settled(name)
  const ids = docs.map(({ _id }) => copyId(share, _id))
  return around(() =>
    untilAllArrive(ground, ground.share(share), ids, () => ground.putAll(user, edited(docs, revisions))),
  )
}

export const editAndReplicate =
  (isValidated: boolean): Run =>
  async (ground, name, objects) => {
    const { source, target } = await twoDatabases(ground, name, isValidated)
    const docs = todos(objects, null)
    const revisions = await ground.putAll(source, docs)
    await replicate(ground, source, target, objects)
    const ids = docs.map(({ _id }) => _id)
    return untilAllArrive(ground, target, ids, async () => {
      await ground.putAll(source, edited(docs, revisions))
      await ground.replicateOnce(source, target)
    })
  }

/** How long something takes, with the arrival of all that comes of it. */
async function untilAllArrive(
  ground: Ground,
  database: Database,
  ids: readonly string[],
  work: () => Promise<unknown>,
): Promise<number> {
  const arrivals = await Arrivals.open(ground.couch, database)
  try {
    return await clock(() => Promise.all([arrivals.all(ids, PATIENCE_MS), work()]))
  } finally {
    arrivals.close()
  }
}

/** @param isValidated the target has the design documents of a share, whose validation sees every document */
async function twoDatabases(
  ground: Ground,
  name: string,
  isValidated: boolean,
): Promise<{ source: Database; target: Database }> {
  const [source, target] = [ground.plain(`${name}/source`), ground.plain(`${name}/target`)]
  await source.create()
  await target.create(1)
  if (isValidated) {
    const skeleton = ground.couch.database(`${SKELETON_PREFIX}share`)
    const rows = await skeleton.range({ startKey: '_design/', endKey: '_design0', includeDocs: true })
    await target.bulk(rows.flatMap(({ doc }) => (doc === null ? [] : [withoutRevision(doc)])))
  }
  return { source, target }
}

async function replicate(ground: Ground, source: Database, target: Database, count: number): Promise<void> {
  await Promise.all([ground.replicateOnce(source, target), arrived(ground, target, count)])
}

/** By the number of documents: one small request, the same for both. Design documents are none of them. */
async function arrived(ground: Ground, database: Database, count: number): Promise<void> {
  let designs: number | null = null
  await ground.until(
    `${count} documents arrive in ${database.name}`,
    async () => {
      const there = (await database.info())?.doc_count ?? 0
      if (there < count) return false
      designs ??= (await database.range({ startKey: '_design/', endKey: '_design0' })).length
      return there - designs >= count
    },
    { patienceMs: PATIENCE_MS },
  )
}

export const todos = (count: number, share: string | null): Doc[] =>
  Array.from({ length: count }, (_, at) =>
    todo(String(at).padStart(6, '0'), share === null ? {} : { $shares: { [share]: true } }),
  )

const edited = (docs: readonly Doc[], revisions: ReadonlyMap<string, string>): Doc[] =>
  docs.map((doc) => ({ ...doc, _rev: revisions.get(doc._id) ?? '', done: true }))

const withoutRevision = ({ _rev, ...doc }: Doc): Doc => doc
