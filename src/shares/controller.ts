// Shares: follows user databases, outboxes, share databases, `_users` and the registry, and has each owner's lane do what there is to do.
import { counted } from '../documents/counted.ts'
import { isOurs, takesCopies } from './model/entry.ts'
import { graceLeft } from '../documents/grace.ts'
import { REGISTRY, shareDatabase } from '../documents/names.ts'
import { reconcileOwner } from './reconciler.ts'
import { mergeOwnerWork, type OwnerWork, type OwnerResult } from './work.ts'
import { narrowAtOnce } from './reconcile/narrowing.ts'
import { persist } from '../couch/outage.ts'
import { adoptReplications } from './adoption.ts'
import { announce, announceUnread } from './perform/announce.ts'
import type { Deps } from './deps.ts'
import type { Change } from '../couch/document.ts'
import { LostRegistry } from './lost-registry.ts'
import { MissingCopies } from './missing-copies.ts'
import { registryChanged, usersChanged, type AffectedDeps } from './affected-owners.ts'
import { firstFault, health, readinessOf, type Controller, type ProbeResult } from '../engine/controller.ts'
import type { Standing } from '../engine/meter.ts'
import { Express } from './express.ts'
import { Follower, Followers } from '../engine/follower.ts'
import type { Host, HostCalls } from '../engine/host.ts'
import { LeaseWatch } from '../engine/lease-watch.ts'
import { WorkQueue, type Later, type Result } from '../engine/work-queue.ts'
import { findOtherUsers, sayOtherUsers } from '../users/other-users.ts'
import { sweep } from './resync.ts'
import type { Update } from '../engine/db-updates.ts'
import type { RunErrand } from '../engine/errands.ts'
import { HotFeeds } from '../engine/hot-feeds.ts'

const USERS = '_users'

/** A share that was out of reach, or a public writer's limit, is looked at again after this. */
const PAUSED_MS = 5_000

/** The outbox is the daemon's own, and most of what is heard of it is what the daemon wrote: many writes are looked at together. */
const OUTBOX_MS = 5_000

export interface SharesOptions extends Host, Pick<HostCalls, 'onFault'> {
  /** What a turn works with, with what is the shares' own. */
  depsOf: (own: Pick<Deps, 'rotations' | 'mark' | 'isUrgent'>) => Deps
  /** A user has an outbox even if the user shares nothing. */
  outboxAlways: boolean
  sweepIntervalMs: number
  checkIntervalMs: number
  /** `_users` or the registry is another database than before. */
  onRenewed: () => Promise<void>
  /** Told of each page of changes of these two, in which there may be design documents. */
  onChanges: (db: string, changes: readonly Change[]) => Promise<void>
}

/** The controller of shares. */
export class Shares implements Controller {
  readonly part = 'shares'
  readonly #options: SharesOptions
  readonly #deps: Deps
  readonly #queue: WorkQueue<OwnerWork>
  readonly #users: Followers<OwnerWork>
  readonly #orders: Followers<OwnerWork>
  readonly #hotFeeds: HotFeeds
  readonly #express: Express
  readonly #rotations = new Map<string, Set<string>>()
  readonly #lost: LostRegistry
  /** User databases, as the last sweep found them. */
  #databases = 0

  constructor(options: SharesOptions) {
    this.#options = options
    const { depsOf, queue, pulse, concurrency, onIdle, sleep, onRenewed } = options
    this.#deps = depsOf({
      rotations: this.#rotations,
      mark: (owner, work) => this.mark(owner, work),
      isUrgent: (owner) => this.#queue.isUrgent(owner),
    })
    const { couch, checkpoints, users, portion } = this.#deps
    this.#express = new Express({
      isBusy: (owner) => this.#queue.isBusy(owner),
      narrow: (owner, shares) => narrowAtOnce(this.#deps, owner, shares),
      onNarrowed: (owner, shares) => this.#queue.markUrgent(owner, { shares }),
      onFailure: options.onFault,
      sleep,
    })
    this.#hotFeeds = new HotFeeds({ onChange: (owner) => this.#markWithExpress(owner, { user: true }) })
    this.#queue = new WorkQueue({
      ...{ concurrency, queue, pulse, onIdle },
      merge: mergeOwnerWork,
      reconcile: (owner, work) => this.#reconcile(owner, work),
      onTurn: (turn) => options.meter.turn('shares', turn),
      onFailure: (owner, error, tries) => options.onFailure(users.database(owner), error, tries),
    })
    const affected = this.#affectedDeps
    const isBusy = (owner: string): boolean => this.#queue.isBusy(owner)
    this.#lost = new LostRegistry({ ...this.#deps, mark: affected.mark, isBusy })
    const following = { checkpoints, isBusy, template: users.template, mark: affected.mark }
    const follow = (
      name: string,
      onOther: () => Promise<void>,
      tell: (deps: AffectedDeps, changes: readonly Change[], seen: Map<string, number>) => Promise<void>,
    ): Followers<OwnerWork> =>
      new Followers(portion, (part) => {
        const seen = new Map<string, number>()
        return new Follower({
          ...following,
          onRenewed: onOther,
          database: couch.database(name),
          portion: part,
          onChanges: async (changes, mark) => {
            await options.onChanges(name, changes)
            await tell({ ...affected, portion: part, mark }, changes, seen)
          },
        })
      })
    this.#users = follow(USERS, onRenewed, usersChanged)
    this.#orders = follow(
      REGISTRY,
      () => this.#onOtherRegistry(),
      (deps, changes, seen) =>
        registryChanged(
          { ...deps, mark: (owner, work) => deps.mark(owner, this.#lost.include(owner, work)) },
          changes,
          seen,
        ),
    )
  }

  /** What turns work with. */
  get deps(): Deps {
    return this.#deps
  }

  /** Owners that have something to do. */
  get busy(): number {
    return this.#queue.busy.length
  }

  get standing(): Standing {
    return this.#queue.standing
  }

  /** Turns taken since the start. */
  get turns(): number {
    return this.#queue.turns
  }

  status(): Record<string, unknown> {
    return { databases: this.#databases }
  }

  /** Whether all user databases and shares that had changed before the start were looked at, and the registry is there. */
  ready(): ProbeResult {
    return firstFault([
      this.#lost.probe,
      readinessOf(this.#queue, (count) => counted(count, 'user database')),
    ])
  }

  healthy(): ProbeResult {
    return health(this.#queue.isStuck)
  }

  /** There may be something to do for an owner. One whose lane is elsewhere is heard of there. */
  mark(owner: string, work: OwnerWork): void {
    if (this.#deps.portion.has(owner)) this.#queue.mark(owner, work)
  }

  /** @returns true where the update is of no concern to anybody else */
  onUpdate({ db, type }: Update, run: RunErrand): boolean {
    const { users } = this.#deps
    const owner = users.ownerOf(db)
    const outboxOwner = users.ownerOfOutbox(db)
    if (owner !== null) this.#markWithExpress(owner, { user: true, recreated: type === 'created' })
    else if (outboxOwner !== null) this.#onOutbox(outboxOwner, type)
    else if (db === USERS) run('shares: users', () => this.#users.look())
    else if (db === REGISTRY) run('shares: registry', () => this.#onRegistry(type))
    else if (db.startsWith(shareDatabase('')))
      run(`shares: ${db} ${type}`, () => this.#onShare(db.slice(shareDatabase('').length), type))
    else return false
    return true
  }

  /** Takes over the replications that are there, then watches all of them, and ends those that are idle, until the signal is aborted. */
  async run(): Promise<void> {
    const { every, checkIntervalMs, signal, sleep } = this.#options
    const { leases, log } = this.#deps
    await persist(() => adoptReplications(this.#deps), { signal, sleep, log })
    const missing = new MissingCopies({
      ...this.#deps,
      onChanged: (owner, share) => this.mark(owner, { shares: new Set([share]) }),
    })
    const watch = new LeaseWatch({
      ...{ leases, log, every, checkIntervalMs },
      fieldsOf: ({ share }) => ({ share }),
      onStatus: (lease, status) => missing.report(lease, status),
      onIdle: ({ owner, share }) => this.mark(owner, { idle: new Set([share]) }),
    })
    await watch.run()
  }

  /** Finds what was missed. @throws {CouchFault} */
  async sweep(rest: () => Promise<void>, isSlow: boolean): Promise<void> {
    const { signal, sweepIntervalMs } = this.#options
    const { now } = this.#deps
    this.#databases = await sweep({
      ...this.#deps,
      ...{ isSlow, signal, rest },
      lateSince: now() - sweepIntervalMs,
      onDirty: (owner, work) => this.mark(owner, work),
      // Its lane notes since when.
      onGone: (owner) => this.mark(owner, { user: true }),
      onRecreated: (owner, at) => this.#queue.after(owner, { returned: true }, this.#graceLeft(at)),
      onRotate: (owner, share) =>
        void this.#rotations.set(owner, new Set([...(this.#rotations.get(owner) ?? []), share])),
    })
    await this.#users.look()
    await this.#orders.look()
    await this.#lost.look()
    if (this.#queue.left === null && this.#deps.portion.isFirst) await this.#tellOtherUsers()
    this.#queue.noteFound()
  }

  /** Moves the checkpoints over what nobody has anything left to do about. */
  save(): Promise<void> {
    for (const one of [this.#users, this.#orders, this.#lost]) one.save()
    return Promise.resolve()
  }

  /** Lets the turns that are under way finish, and begins no other. */
  async stop(): Promise<void> {
    this.#hotFeeds.stop()
    await this.#queue.stop()
  }

  async #reconcile(owner: string, work: OwnerWork): Promise<Result<OwnerWork>> {
    const { now, log, users } = this.#deps
    const begun = now()
    const outcome = await reconcileOwner({
      deps: this.#deps,
      ...{ owner, work },
      outboxAlways: this.#options.outboxAlways,
    })
    log.debug({ db: users.database(owner), ms: now() - begun }, 'turn')
    if (outcome.next === null) await this.#keepWarm(owner, outcome)
    return { next: outcome.next, after: this.#later(outcome) }
  }

  /** Whoever has just written will soon write again. */
  async #keepWarm(owner: string, { isActive }: Pick<OwnerResult, 'isActive'>): Promise<void> {
    const { couch, checkpoints, users } = this.#deps
    const db = users.database(owner)
    const checkpoint = (await checkpoints.read([db])).get(db)
    if (!checkpoint || this.#options.signal.aborted) return
    if (isActive) this.#hotFeeds.keep(owner, couch.database(db), checkpoint.since)
    else this.#hotFeeds.goOn(owner, couch.database(db), checkpoint.since)
  }

  /** What could not be done now is tried again later. */
  #later({ goneSince, halted, recreatedAt, paused, throttled }: OwnerResult): Later<OwnerWork>[] {
    const haltedMs = this.#options.checkIntervalMs * 2
    const later: Later<OwnerWork>[] = []
    if (halted.size > 0) later.push({ work: { shares: halted }, ms: haltedMs })
    if (paused.size > 0) later.push({ work: { subscriptions: paused }, ms: PAUSED_MS })
    if (throttled.size > 0) later.push({ work: { feeds: throttled }, ms: PAUSED_MS })
    if (goneSince !== undefined) later.push({ work: { departed: true }, ms: this.#graceLeft(goneSince) })
    if (recreatedAt !== undefined) later.push({ work: { returned: true }, ms: this.#graceLeft(recreatedAt) })
    return later
  }

  /** Milliseconds until a user database that went, or came, at that time is taken for one that stays so. */
  #graceLeft(since: number): number {
    const { graceMs, now } = this.#deps
    return graceLeft(since, graceMs, now())
  }

  get #affectedDeps(): Deps {
    return { ...this.#deps, mark: (owner, work) => this.#markWithExpress(owner, work) }
  }

  /** What may take access away is looked at beside a lane that is busy. */
  #markWithExpress(owner: string, work: OwnerWork): void {
    if (!this.#deps.portion.has(owner)) return
    this.mark(owner, work)
    if (work.user || work.shares) this.#express.hear(owner, work.shares)
  }

  #onOutbox(owner: string, type: Update['type']): void {
    if (type !== 'updated') this.mark(owner, { outbox: true })
    else if (this.#deps.portion.has(owner)) this.#queue.after(owner, { outbox: true }, OUTBOX_MS)
  }

  async #onRegistry(type: Update['type']): Promise<void> {
    await this.#orders.look()
    if (type !== 'updated' || this.#lost.isAwaited) await this.#lost.look()
  }

  /** Nothing that was read or written in another one of that name counts. */
  async #onOtherRegistry(): Promise<void> {
    this.#deps.ownWrites.forget(REGISTRY)
    await this.#lost.note()
    await this.#options.onRenewed()
  }

  async #onShare(share: string, type: Update['type']): Promise<void> {
    if (type === 'deleted') await this.#onShareDropped(share)
    else if (type === 'created') await announce(this.#affectedDeps, share, null)
    else await announceUnread(this.#affectedDeps, share)
  }

  /** A share database that went without the daemon's doing is made again. */
  async #onShareDropped(share: string): Promise<void> {
    const { couch, registry, portion } = this.#deps
    const entry = await registry.entry(share)
    if (!entry || !takesCopies(entry) || !isOurs(entry, this.#deps.users)) return
    // A rotation drops and creates it; the event comes when both are done.
    if ((await couch.database(shareDatabase(share)).info()) === null)
      this.mark(entry.owner, { shares: new Set([share]) })
    // Whoever made it anew has told those who are there: nothing else may tell of it here.
    else if (!portion.isWhole) await announce(this.#affectedDeps, share, null)
  }

  async #tellOtherUsers(): Promise<void> {
    const { couch, users, log } = this.#deps
    const databases = this.#databases
    for (const other of await findOtherUsers(couch, users, databases))
      log.warn({ databases, others: other.count }, sayOtherUsers(users, databases, other))
  }
}
