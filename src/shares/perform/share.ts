// Performs what was planned for a share, step by step.
import { randomUUID } from 'node:crypto'
import type { Database } from '../../couch/database.ts'
import type { Doc, Written } from '../../couch/document.ts'
import { claimedEntry, isHomeShare, type ShareEntry } from '../model/entry.ts'
import { shareDatabase } from '../../documents/names.ts'
import { isOurProblem, problem, type Problem } from '../../documents/problem.ts'
import { ADMIN_ONLY, bothAllow } from '../../documents/security.ts'
import type { Home } from '../plan/object-facts.ts'
import { derive, ensureAccount, readHashing, removeAccount } from './accounts.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { announce } from './announce.ts'
import { bringMissing, buryUnknown, copiesEver } from './copies.ts'
import type { Deps } from '../deps.ts'
import { assertUnwritten, isUnread } from './direct-writes.ts'
import type { Basis } from '../entry-changes.ts'
import { forgetCopies } from './forgotten-copies.ts'
import { turnHome } from './home-turns.ts'
import { withdrawLate } from './late-copies.ts'
import { secure } from '../../skeletons/create-database.ts'
import { whatNamesOwners } from '../../users/directory.ts'
import { createOutbox } from '../outboxes.ts'
import { refill, savePart } from './saved-copies.ts'
import { beginScan } from '../scans.ts'
import type { ShareEffect } from '../plan/share-facts.ts'
import { closedToWriters } from '../model/security.ts'
import { shareOfDocument } from '../model/ids.ts'

/**
 * `lost`: somebody else has the id now · `again`: what is known of the share has changed: plan it anew · `drain`: what
 * others wrote is to be taken in first · `halted`: the rest has to wait, and the owner should read why. `read`: the
 * entry that this rests on, with what was changed by then.
 */
export type Performed =
  | { kind: 'done' }
  | { kind: 'lost' }
  | { kind: 'again' }
  | { kind: 'drain' }
  | { kind: 'halted'; problem: Problem; read: ShareEntry | null }

type Rotation = Extract<ShareEffect, { kind: 'rotate' }>

const DONE: Performed = { kind: 'done' }

/**
 * Performs effects in their order, up to one that does not land.
 * @param read the entry that they were planned from; absent where they are right whatever it says by now
 * @throws {CouchFault} where CouchDB fails; what has landed stays, and the rest is planned again
 */
export async function performShare(
  deps: Deps,
  owner: string,
  effects: readonly ShareEffect[],
  read: ShareEntry | null = null,
): Promise<Performed> {
  const basis: Basis = read === null ? {} : { read }
  for (const [at, effect] of effects.entries()) {
    // Making a share anew stops the replication itself.
    if (effect.kind === 'stop-replication' && effects[at + 1]?.kind === 'rotate') continue
    const share = shareOfEffect(effect)
    if (RESTING.has(effect.kind) && share !== null && !(await deps.registry.isAsPlanned(share, basis)))
      return { kind: 'again' }
    const performed = await perform(deps, owner, effect, basis)
    if (performed.kind !== 'done') return performed
  }
  return DONE
}

/** What lets somebody in, takes something away, or tells of it: another daemon may have decided otherwise meanwhile. */
const RESTING: ReadonlySet<ShareEffect['kind']> = new Set([
  'create-database',
  'prepare-database',
  'complete',
  'secure',
  'set-password',
  'restore-account',
  'remove-account',
  'turn-home',
  'rotate',
  'drop-database',
  'forget-copies',
  'put-document',
])

const shareOfEffect = (effect: ShareEffect): string | null =>
  'share' in effect ? effect.share : effect.kind === 'put-document' ? shareOfDocument(effect.doc._id) : null

/** @param basis goes on with what is done */
async function perform(deps: Deps, owner: string, effect: ShareEffect, basis: Basis): Promise<Performed> {
  const { couch, users, registry, creator, leases, log } = deps
  const outbox = couch.database(users.outbox(owner))
  const context = { db: users.database(owner), ...('share' in effect ? { share: effect.share } : {}) }
  switch (effect.kind) {
    case 'claim': {
      const database = users.database(owner)
      if (!(await registry.claim(effect.share, owner, database))) return { kind: 'lost' }
      // Another daemon may have claimed it for the same owner, and gone on.
      basis.read = claimedEntry(effect.share, owner, database, '')
      await tellIfNobodys(deps, owner, effect.share)
      return DONE
    }
    case 'change-entry':
      if (!(await registry.change(effect.share, effect.change, basis))) return { kind: 'again' }
      if (basis.read) basis.read = { ...basis.read, ...(effect.change as Partial<ShareEntry>) }
      if (effect.change.rotations !== undefined) await announce(deps, effect.share, null)
      if (effect.change.state) log.info({ ...context, state: effect.change.state }, 'share')
      return DONE
    case 'create-outbox':
      await createOutbox(deps, owner)
      return DONE
    case 'create-database':
      await creator.create(shareDatabase(effect.share))
      return DONE
    case 'prepare-database':
      await creator.createToFill(shareDatabase(effect.share))
      return DONE
    case 'complete':
      await complete(deps, owner, effect.share)
      return DONE
    case 'secure':
      await deps.ceilings.inTurn(effect.share, () =>
        creator.apply(
          shareDatabase(effect.share),
          'share',
          deps.ceilings.limit(effect.share, effect.security),
        ),
      )
      return DONE
    case 'set-password':
      return setPassword(deps, effect.share, effect.password, basis)
    case 'restore-account':
      await restoreAccount(deps, effect.share)
      return DONE
    case 'remove-account': {
      const entry = await registry.entry(effect.share)
      if (entry?.password) await removeAccount(couch, entry.password)
      log.info(context, 'password removed')
      return DONE
    }
    case 'turn-home':
      if (!(await turnHome(deps, owner, effect.share, basis))) return { kind: 'again' }
      if (basis.read) basis.read = { ...basis.read, home: 'share' }
      return DONE
    case 'start-replication':
      return startReplication(deps, owner, effect.share, basis)
    case 'stop-replication':
      await leases.stop(effect.share, owner)
      return DONE
    case 'drain':
      return { kind: 'drain' }
    case 'drop-database':
      return deps.locks.withExclusive(effect.share, () => drop(deps, owner, effect.share))
    case 'forget-copies':
      await forgetCopies(outbox, effect.share, deps)
      return DONE
    case 'rotate':
      await deps.locks.withExclusive(effect.share, async () => {
        const closing = randomUUID()
        basis.closing = closing
        await registry.change(effect.share, { closing })
        await rotate(deps, owner, effect, basis)
      })
      log.info(context, 'share made anew')
      return DONE
    case 'scan':
      await beginScan(deps, owner, [effect.share])
      return DONE
    case 'enlist':
      tell(
        deps,
        effect.share,
        await registry.enlist(effect.share, effect.granted, (hash) => users.database(hash)),
      )
      return DONE
    case 'tell-participants':
      tell(deps, effect.share, await registry.tellParticipants(effect.share, (one) => !deps.portion.has(one)))
      return DONE
    case 'pause-participants':
      await registry.pauseParticipants(effect.share)
      return DONE
    case 'put-document':
      await writeUserDocument(deps, owner, effect.doc)
      return DONE
    case 'drop-leaf':
      await writeUserDocument(deps, owner, { _id: effect.id, _rev: effect.rev, _deleted: true })
      return DONE
    default:
      return effect satisfies never
  }
}

/** Mostly a wrong ACCOUNT_ROLE, or an account without its role: the share is made, and its owner stands before a closed door. */
async function tellIfNobodys(deps: Deps, owner: string, share: string): Promise<void> {
  if ((await whatNamesOwners(deps, [owner])).get(owner) != null) return
  deps.log.warn(
    { db: deps.users.database(owner), share, role: deps.users.roleOf(owner) },
    'no account owns this user database: without that role nobody enters the share as its owner',
  )
}

function tell({ mark }: Deps, share: string, subscribers: string[]): void {
  for (const subscriber of subscribers) mark(subscriber, { subscriptions: new Set([share]) })
}

/** The account first: the registry knows only of accounts that the daemon made. Feeds of the old password's end, too. */
async function setPassword(deps: Deps, share: string, password: string, basis: Basis): Promise<Performed> {
  const { couch, registry, log } = deps
  const before = (await registry.entry(share))?.password ?? null
  const account = await derive(share, password, before, await readHashing(couch))
  if ((await ensureAccount(couch, account, before !== null)) === 'foreign')
    return halted(problem('password_account_taken', account.name), basis)
  // Where another daemon has put another one in force, its account is restored.
  if (before === null) await registry.change(share, { password: account }, basis)
  else await registry.orderRotation(share, { password: account }, basis)
  log.info({ share }, 'password set')
  return { kind: 'again' }
}

async function restoreAccount({ couch, registry, log }: Deps, share: string): Promise<void> {
  const entry = await registry.entry(share)
  if (!entry?.password) return
  await ensureAccount(couch, entry.password, true)
  log.warn({ share }, 'account of a password restored')
}

/**
 * Drops a share database when nobody writes there any more, and its owner has all that is in it. Whoever has looked at a copy
 * before that was noted agrees on nothing that is written from now on: see `blockClosed`.
 */
async function drop(deps: Deps, owner: string, id: string): Promise<Performed> {
  const share = deps.couch.database(shareDatabase(id))
  if ((await share.info()) === null) return DONE
  await secure(share, ADMIN_ONLY)
  await deps.registry.change(id, { closing: randomUUID() })
  await assertUnwritten(deps, owner, id)
  if (await isUnread(deps, owner, id)) return { kind: 'drain' }
  await share.drop()
  await deps.registry.change(id, { refilled: undefined })
  return DONE
}

/** What others write while it is looked at is looked at again, so often. */
const LOOKS = 10

/**
 * Whoever reads before and after is refused nothing: in the old database the narrower of both is in force, in the new
 * one what is wanted, from its first moment on as far as CouchDB has that. Nobody writes into either meanwhile. The old
 * one does not wait for its replication to end, which takes up to 3 s: so long, feeds that are open would go on.
 */
async function rotate(
  deps: Deps,
  owner: string,
  { share: id, security }: Rotation,
  basis: Basis,
): Promise<void> {
  const { couch, users, registry, creator, leases, ceilings } = deps
  const share = couch.database(shareDatabase(id))
  const outbox = couch.database(users.outbox(owner))
  const { home = 'outbox', refilled } = (await registry.entry(id)) ?? {}
  const put = (wanted: () => Promise<object>): Promise<void> =>
    ceilings.inTurn(id, async () => secure(share, ceilings.limit(id, await wanted())))
  const stopped = leases.stop(id, owner)
  // Waited for below, unless something else fails before.
  stopped.catch(() => undefined)
  const copies = new Set<string>()
  if ((await share.info()) !== null) {
    // Its validation function has to know that nobody writes now.
    await creator.refresh(share.name, 'share')
    await put(async () => closedToWriters(bothAllow(await share.security(), security)))
    await assertUnwritten(deps, owner, id)
    for (const copy of await copyOut(share, outbox, id, home)) copies.add(copy)
    // What was un-shared while there was no outbox: who has it is told by a tombstone.
    if (refilled && home === 'outbox') await buryUnknown(outbox, copies)
    await registry.change(id, { saved: true })
  }
  // With their tombstones: where this stopped half-way before, nothing else knows any more what was taken out.
  for await (const ids of copiesEver(outbox, id)) for (const copy of ids) copies.add(copy)
  await share.drop()
  await stopped
  await ceilings.inTurn(id, async () => {
    // Who was taken out beside this turn has no feed open any more, and is not let in: what was ordered for that is done.
    const order = ceilings.takeOrder(id)
    if (order !== undefined && (await registry.entry(id))?.closing === order) basis.closing = order
    await creator.open(share.name, 'share', closedToWriters(ceilings.limit(id, security)))
  })
  const { refused, late } = await refill(outbox, share, copies, { share: id, home })
  await withdrawLate(deps, owner, { share: id, home: 'outbox', copies: late })
  logRefused(deps, id, refused)
  // Before anybody writes there. Outbox and share have the same: from now on, what only the share has was written there, and a
  // database that is away is lost.
  await registry.change(id, { refilled: undefined, saved: undefined })
  await put(() => Promise.resolve(security))
}

/** Nobody comes in before all of it is there: what is large was left for now, and what did not arrive. */
async function complete(deps: Deps, owner: string, id: string): Promise<void> {
  const { couch, users, registry } = deps
  const entry = await registry.entry(id)
  if (entry === null || isHomeShare(entry)) return
  const outbox = couch.database(users.outbox(owner))
  const { refused, late } = await bringMissing(outbox, couch.database(shareDatabase(id)), id)
  await withdrawLate(deps, owner, { share: id, home: 'outbox', copies: [...late] })
  logRefused(deps, id, refused)
}

function logRefused({ log }: Deps, share: string, refused: readonly Written[]): void {
  for (const row of refused)
    if (!row.ok) log.warn({ share, doc: row.id, code: row.error }, 'copy refused by the share')
}

/** Brings into the outbox what only the share has. A write that was let in before it was closed may land after that. */
async function copyOut(share: Database, outbox: Database, id: string, home: Home): Promise<Set<string>> {
  const copies = new Set<string>()
  for await (const ids of copiesEver(share, id, LOOKS)) {
    if (home === 'share') await savePart({ outbox, share, home, copies: ids }, id)
    for (const copy of ids) copies.add(copy)
  }
  return copies
}

/**
 * A conflict means that the user wrote meanwhile: that change comes by itself. Where there is no room left in the document for
 * what the daemon has to say, it stays as it is, and nothing else waits for that.
 */
export async function writeUserDocument(
  { couch, users, log }: Deps,
  owner: string,
  { _rev, ...doc }: Doc,
): Promise<void> {
  const db = users.database(owner)
  const [written] = await writeBulk(couch.database(db), [{ ...doc, ...(_rev ? { _rev } : {}) }])
  if (!written) return
  const { $error } = doc
  if (written.ok && isOurProblem($error))
    log.info({ db, doc: doc._id, code: ($error as Problem).code }, 'problem reported')
  if (!written.ok && written.error !== 'conflict')
    log.warn({ db, doc: doc._id, code: written.error }, 'document not updated')
}

/**
 * A replication that CouchDB does not take is a problem of the share, shown to its owner, and tried again. One whose
 * first job crashed, or that the scheduler has not come to, was taken: what becomes of it, the watch sees.
 */
async function startReplication(
  { leases, registry, log }: Deps,
  owner: string,
  share: string,
  basis: Basis,
): Promise<Performed> {
  const entry = await registry.entry(share)
  const status = await leases.start(share, owner, entry?.home ?? 'outbox')
  if (status.kind === 'crashing')
    log.warn({ share, state: status.kind, reason: status.reason }, 'replication in trouble')
  if (status.kind !== 'failed') return DONE
  const found = problem('replication_failed')
  log.error({ share, state: status.kind, reason: status.reason }, 'replication does not start')
  return (await registry.change(share, { problem: found }, basis)) ? halted(found, basis) : { kind: 'again' }
}

const halted = (found: Problem, { read }: Basis): Performed => ({
  kind: 'halted',
  problem: found,
  read: read ?? null,
})
