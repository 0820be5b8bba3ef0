// A sweep compares everything that is there with everything that is known: what `_db_updates` lost is found here.
import type { Couch } from '../couch/client.ts'
import type { DatabaseInfo, Seq } from '../couch/document.ts'
import { pagesOfNamesUnder } from '../couch/pages.ts'
import { shareDatabase, type UserDatabases } from '../documents/names.ts'
import { isOurs, type ShareEntry } from './model/entry.ts'
import { missedIn } from './missed.ts'
import type { OwnerWork } from './work.ts'
import type { Registry } from './registry.ts'
import { inBatches } from '../engine/batches.ts'
import type { Portion } from '../engine/portion.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import type { Checkpoint } from '../engine/checkpoint.ts'
import { resync } from '../engine/resync.ts'
import { shareCheckpoint, SHARE_DESIGN_DOCUMENTS } from './model/ids.ts'

export interface SweepOptions {
  couch: Couch
  users: UserDatabases
  /** Who is looked at. */
  portion: Portion
  registry: Registry
  checkpoints: Checkpoints
  /** There is something to do for an owner. */
  onDirty: (owner: string, work: OwnerWork) => void
  /** The user database of an owner, of whom something is left, is not there. */
  onGone: (owner: string) => void
  /** The user database of an owner was made again, at that time in milliseconds, and not all is back that was in it. */
  onRecreated: (owner: string, at: number) => void
  /** A share database that has to be made anew. */
  onRotate: (owner: string, share: string) => void
  /** Nobody waits for it: there is time to count. */
  isSlow: boolean
  /** Objects that have waited since then, or longer, for a share that is not there say so. In milliseconds. */
  lateSince: number
  signal: AbortSignal
  /** Called between two batches; a slow sweep waits here. */
  rest: () => Promise<void>
}

/** User databases and outboxes that one batch asks about; `_dbs_info` opens each of them. */
const BATCH = 50

/** Goes once through all user databases and all shares of those whose lanes are here. @returns how many user databases there are of all */
export async function sweep(options: SweepOptions): Promise<number> {
  const { portion } = options
  const { owners, outboxes } = await listDatabases(options)
  const here = [...owners].filter(portion.has)
  await inBatches(here, { ...options, size: BATCH }, (batch) => compare(options, batch, outboxes))
  for (const owner of outboxes) if (!owners.has(owner) && portion.has(owner)) options.onGone(owner)
  await findForgotten(options, owners)
  await compareShares(options, owners)
  await compareSubscriptions(options, owners)
  return owners.size
}

async function listDatabases({
  couch,
  users,
  signal,
}: SweepOptions): Promise<{ owners: Set<string>; outboxes: Set<string> }> {
  const owners = new Set<string>()
  const outboxes = new Set<string>()
  for await (const names of pagesOfNamesUnder(couch, users.prefix)) {
    for (const name of names) {
      const owner = users.ownerOf(name)
      const outboxOwner = users.ownerOfOutbox(name)
      if (owner !== null) owners.add(owner)
      if (outboxOwner !== null) outboxes.add(outboxOwner)
    }
    if (signal.aborted) break
  }
  return { owners, outboxes }
}

/** Marks the owners of a batch whose databases are not as their checkpoints have them. */
async function compare(
  options: SweepOptions,
  owners: readonly string[],
  outboxes: ReadonlySet<string>,
): Promise<void> {
  const { users, onDirty } = options
  const absent = owners.filter((owner) => !outboxes.has(owner)).map((owner) => users.outbox(owner))
  const names = owners.flatMap((owner) => [users.database(owner), users.outbox(owner)])
  const found = await resync(options, names, new Set(absent))
  for (const owner of owners) {
    const user = found.get(users.database(owner))
    const outbox = found.get(users.outbox(owner))
    if (!user || !outbox || user.kind === 'gone') continue
    const { checkpoint } = user
    if (isLate(checkpoint, options.lateSince)) onDirty(owner, { lateSince: options.lateSince })
    // A limit may be another one since the daemon was started.
    if (checkpoint?.overLimit) onDirty(owner, { room: true })
    if (checkpoint?.recreatedAt !== undefined) options.onRecreated(owner, checkpoint.recreatedAt)
    const work = missedIn(user, outbox)
    if (work !== null) onDirty(owner, work)
  }
}

/** True where an object has waited for so long. */
const isLate = (checkpoint: Checkpoint | undefined, lateSince: number): boolean =>
  Object.values(checkpoint?.awaiting ?? {}).some((since) => since <= lateSince)

/** Databases that were followed and are gone. */
async function findForgotten(
  { users, portion, checkpoints, onGone, signal }: SweepOptions,
  owners: ReadonlySet<string>,
): Promise<void> {
  for await (const names of checkpoints.names()) {
    if (signal.aborted) return
    for (const name of names) {
      const owner = users.ownerOf(name) ?? users.ownerOfOutbox(name)
      if (owner !== null && !owners.has(owner) && portion.has(owner)) onGone(owner)
    }
  }
}

/** Shares that stopped half-way, whose databases are gone, or in which somebody has written. */
async function compareShares(options: SweepOptions, owners: ReadonlySet<string>): Promise<void> {
  const { couch, registry, users, portion, onDirty, onGone, onRotate, rest, signal } = options
  for await (const entries of registry.all()) {
    if (signal.aborted) return
    const running = [...entries].filter(
      ([, entry]) => entry.state !== 'ended' && isOurs(entry, users) && portion.has(entry.owner),
    )
    const databases = await couch.dbsInfo(running.map(([share]) => shareDatabase(share)))
    for (const [share, entry] of running) {
      const info = databases.get(shareDatabase(share))
      if (!owners.has(entry.owner)) onGone(entry.owner)
      else if (needsWork(entry) || !info) onDirty(entry.owner, { user: true, shares: new Set([share]) })
      if (entry.rotate) onRotate(entry.owner, share)
      if (
        info &&
        owners.has(entry.owner) &&
        (await compareFeed(options, share, entry.owner, info.update_seq))
      )
        // It may be `_security` that was changed: nothing else tells of that.
        onDirty(entry.owner, { shares: new Set([share]) })
      if (info && entry.state === 'active' && options.isSlow) await count(registry, share, entry, info)
    }
    await rest()
  }
}

/** How many objects a share has, as an admin reads it in the registry. */
async function count(
  registry: Registry,
  share: string,
  { counts = { objects: 0, subscribers: 0 } }: ShareEntry,
  { doc_count }: DatabaseInfo,
): Promise<void> {
  const objects = Math.max(0, doc_count - SHARE_DESIGN_DOCUMENTS)
  if (objects !== counts.objects) await registry.change(share, { counts: { ...counts, objects } })
}

/** Users who take part in shares of others: those who have to learn of something, or in whose shares somebody has written. */
async function compareSubscriptions(options: SweepOptions, owners: ReadonlySet<string>): Promise<void> {
  const { couch, registry, users, portion, onDirty, onGone, rest, signal } = options
  for await (const entries of registry.allSubscriptions()) {
    if (signal.aborted) return
    const ours = entries.filter(
      ({ subscriber, database }) => database === users.database(subscriber) && portion.has(subscriber),
    )
    const active = ours.filter(({ state }) => state === 'active')
    const databases = await couch.dbsInfo([...new Set(active.map(({ share }) => shareDatabase(share)))])
    for (const { share, subscriber, state, due, paused, order } of ours) {
      if (!owners.has(subscriber)) {
        if (state === 'active' || state === 'ending') onGone(subscriber)
        continue
      }
      if (due || paused || order || state === 'ending')
        onDirty(subscriber, { user: true, subscriptions: new Set([share]) })
      const info = databases.get(shareDatabase(share))
      if (info && state === 'active') await compareFeed(options, share, subscriber, info.update_seq)
    }
    await rest()
  }
}

/** Marks somebody who follows a share that is not as they have seen it. @returns true where it is not */
async function compareFeed(
  { users, checkpoints, onDirty }: SweepOptions,
  share: string,
  owner: string,
  updateSeq: Seq,
): Promise<boolean> {
  const name = shareCheckpoint(share, users.database(owner))
  const checkpoint = (await checkpoints.read([name])).get(name)
  if (checkpoint?.updateSeq === updateSeq) return false
  onDirty(owner, { feeds: new Set([share]), updateSeqs: new Map([[name, updateSeq]]) })
  return true
}

const needsWork = ({ state, rotate, due, problem, order }: ShareEntry): boolean =>
  (state !== 'active' && state !== 'suspended') ||
  rotate === true ||
  due === true ||
  problem !== undefined ||
  (order !== undefined) !== (state === 'suspended')
