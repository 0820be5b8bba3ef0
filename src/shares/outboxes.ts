// Outboxes: made at first need, and made anew where somebody dropped one, with all that the daemon knew of its user's objects.
import { pagesOf } from '../couch/pages.ts'
import { isBeingFilled, isHomeShare } from './model/entry.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import { writeBulk } from '../couch/bulk.ts'
import { deletionsOf } from '../couch/rows.ts'
import type { Deps } from './deps.ts'
import { orderRotation } from './rotation-orders.ts'
import { beginScan } from './scans.ts'
import { START } from '../engine/checkpoint.ts'
import { baseId, BASES_END } from './model/ids.ts'

const PAGE = 1000

/** Creates an owner's outbox, for the server's admins only, and has it followed. Where it is there, nothing is written. */
export async function createOutbox(deps: Deps, owner: string): Promise<void> {
  const { couch, users, creator, checkpoints, log } = deps
  const name = users.outbox(owner)
  const isLost = await isOutboxLost(deps, owner)
  // Before there is another one: nobody who finds it empty takes its user for somebody who has never shared anything.
  if (isLost) await forget(deps, owner)
  const created = await creator.create(name)
  if (isLost && !created) await forgetBases(deps, owner)
  await creator.apply(name, 'outbox', ADMIN_ONLY)
  if (created) log.info({ db: name }, 'outbox created')
  if (isLost || !(await checkpoints.read([name])).has(name)) {
    const instance = (await couch.database(name).info())?.instance_start_time ?? null
    checkpoints.set(name, { ...START, instance })
    // A crash would have this one taken for lost, and what is known by then forgotten.
    if (isLost) await checkpoints.flush()
  }
}

/**
 * True where an outbox was there, and is not any more, or another one is in its place. Who is met for the first time may
 * have had one before the daemon lost its own notes.
 */
export async function isOutboxLost(
  { common, users, checkpoints, registry }: Deps,
  owner: string,
): Promise<boolean> {
  const [user, name] = [users.database(owner), users.outbox(owner)]
  const known = await checkpoints.read([user, name])
  const checkpoint = known.get(name)
  if (!checkpoint && known.has(user)) return false
  const info = await common.database(name).info()
  if (checkpoint)
    return info === null || (checkpoint.instance !== null && checkpoint.instance !== info.instance_start_time)
  if (info !== null) return false
  const shares = await registry.entries(await registry.sharesOf(user))
  const parts = await registry.subscriptions(await registry.subscriptionsOf([user]), owner)
  const isBegun = [...shares.values()].some(
    (entry) => isBeingFilled(entry) || (entry.state !== 'opening' && entry.state !== 'ended'),
  )
  return isBegun || [...parts.values()].some(({ state }) => state === 'active')
}

/**
 * Deletes the bases of an outbox that somebody has put in place of the one that was, from a backup for instance: they say what
 * was agreed at another time.
 */
async function forgetBases({ couch, users, log }: Deps, owner: string): Promise<void> {
  const outbox = couch.database(users.outbox(owner))
  let count = 0
  const bases = { startKey: baseId(''), endKey: BASES_END, limit: PAGE }
  for await (const rows of pagesOf(outbox, bases)) {
    await writeBulk(outbox, deletionsOf(rows))
    count += rows.length
  }
  if (count > 0)
    log.warn({ db: outbox.name, count }, 'another outbox is in its place, what it knows is forgotten')
}

/**
 * The bases went with it. What the user's shares hold is under revisions that went, too: they are made anew; and all objects
 * are gone through, for the shares of others when those are in place.
 */
async function forget(deps: Deps, owner: string): Promise<void> {
  const { users, registry, mark, log } = deps
  const user = users.database(owner)
  log.warn({ db: users.outbox(owner) }, 'outbox is gone, made anew')
  const shares: string[] = []
  for (const [share, entry] of await registry.entries(await registry.sharesOf(user))) {
    const { state } = entry
    if (state === 'ended') continue
    const forgotten = isHomeShare(entry) ? ({ forgotten: true } as const) : {}
    if (state === 'ending') await registry.change(share, forgotten)
    else await orderRotation(deps, owner, share, { refilled: true, ...forgotten })
    shares.push(share)
  }
  const parts = await registry.subscriptions(await registry.subscriptionsOf([user]), owner)
  const active = [...parts].flatMap(([share, { state }]) => (state === 'active' ? share : []))
  for (const share of active)
    await registry.changeSubscription(share, owner, user, { forgotten: true, paused: true })
  await beginScan(deps, owner, shares)
  mark(owner, { user: true, subscriptions: new Set(active) })
}
