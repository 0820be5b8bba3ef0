// The daemon's own modules on a server in memory: turns are taken by hand, one after the other or side by side.
import type { Couch } from '../../src/couch/client.ts'
import type { Change } from '../../src/couch/document.ts'
import { CouchFault, isFault } from '../../src/couch/fault.ts'
import { Replicator } from '../../src/couch/replicator.ts'
import { Checkpoints } from '../../src/engine/checkpoints.ts'
import { registryChanged, usersChanged, type AffectedDeps } from '../../src/shares/affected-owners.ts'
import { Follower, Followers } from '../../src/engine/follower.ts'
import { portionOf, WHOLE, type Portion } from '../../src/engine/portion.ts'
import { sweep } from '../../src/shares/resync.ts'
import { install } from '../../src/skeletons/install.ts'
import type { Logger } from '../../src/log.ts'
import { kindsOf } from '../../src/skeletons/kinds.ts'
import { CHECKPOINTS, REGISTRY, shareDatabase, userDatabases } from '../../src/documents/names.ts'
import { UPDATED_AT } from '../../src/documents/time.ts'
import { reconcileOwner } from '../../src/shares/reconciler.ts'
import { mergeOwnerWork, type OwnerWork } from '../../src/shares/work.ts'
import { adoptReplications } from '../../src/shares/adoption.ts'
import { AccountIndex } from '../../src/users/account-index.ts'
import { RateLimiter } from '../../src/shares/rate-limiter.ts'
import { announce, announceUnread } from '../../src/shares/perform/announce.ts'
import { DatabaseCreator } from '../../src/skeletons/create-database.ts'
import { Ceilings } from '../../src/shares/ceilings.ts'
import type { Deps, PublicLimits, UserLimits } from '../../src/shares/deps.ts'
import { Histories } from '../../src/engine/histories.ts'
import { ShareLocks } from '../../src/shares/share-locks.ts'
import { ShareLeases } from '../../src/shares/leases.ts'
import { OwnWrites } from '../../src/engine/own-writes.ts'
import { Skeletons } from '../../src/skeletons/wanted.ts'
import { Warmer } from '../../src/skeletons/index-warmer.ts'
import { Registry } from '../../src/shares/registry.ts'
import { MemoryCouch } from './memory-couch.ts'
import { shippedSkeleton } from './space.ts'
import { randomOf, Turnstile } from './turnstile.ts'

export const users = userDatabases('user/{id}')

/** More rounds than this and something never settles; a turn that fails so often in a row never succeeds. */
const MOST_ROUNDS = 50
const MOST_FAILURES = 20
/** What waits is looked at again after so long. */
const ROUND_MS = 5_000
/** As DELETION_GRACE. */
export const GRACE_MS = 5_000
const MOST_TRIES = 5
const LIMITS: PublicLimits = { mostObjects: 1000, mostBytes: 100_000, mostChanges: 10_000 }
const USER_LIMITS: UserLimits = { mostShares: Infinity, mostBytes: Infinity }

/** The daemon was killed. */
export class Killed extends Error {}

export interface WorldOptions {
  /** False: like the embedded server, which cannot remove revisions. */
  canPurge?: boolean
  /** Decides the order of turns, and of requests where turns race. */
  seed?: number
  limits?: Partial<PublicLimits>
  userLimits?: Partial<UserLimits>
  /** How many daemons work on the server at once, none knowing of the others. */
  daemons?: number
  /** They divide the users: each works for one partition. */
  isDivided?: boolean
}

/** All that a running daemon holds in memory. */
interface Memory {
  deps: Deps
  skeletons: Skeletons
  /** Owners with something to do. */
  marked: Map<string, OwnerWork>
  /** Owners who have a turn. */
  turning: Set<string>
  /** What comes back after a while. */
  later: [owner: string, work: OwnerWork][]
  /** Owners whose user databases are gone, or were made again, since when. */
  departures: Map<string, { work: OwnerWork; at: number }>
  /** How many of the server's writes it has heard of. */
  heard: number
  isKilled: boolean
  followers: Followers<OwnerWork>[]
}

export class MemoryWorld {
  readonly couch = new MemoryCouch()
  /** Log lines that say that a document was set aside: none is expected ever. */
  readonly setAside: unknown[] = []
  /** Why turns failed that were taken again. */
  readonly failures: unknown[] = []
  /** What daemons are started with from now on. */
  userLimits: UserLimits
  /** Milliseconds. */
  now = Date.UTC(2026, 0, 1)
  /** As SWEEP_INTERVAL: after so long, objects that wait for a share which nobody has say so. */
  lateMs = Infinity
  /** Lets turns race against each other, request by request. */
  isRacing = false
  /** Called before each request while turns race. */
  between: () => void = () => undefined
  #random: () => number
  readonly #turnstile: Turnstile
  readonly #canPurge: boolean
  readonly #limits: PublicLimits
  /** Of each daemon. */
  #memories: Memory[]
  #trouble: { left: number; isDone: boolean } | null = null

  private constructor({
    canPurge = true,
    seed = 1,
    limits = {},
    userLimits = {},
    daemons = 1,
    isDivided = false,
  }: WorldOptions) {
    this.#random = randomOf(seed)
    this.#turnstile = new Turnstile(() => this.#random())
    this.#canPurge = canPurge
    this.#limits = { ...LIMITS, ...limits }
    this.userLimits = { ...USER_LIMITS, ...userLimits }
    this.#memories = Array.from({ length: daemons }, (_, number) =>
      this.#start(isDivided ? portionOf([number], daemons) : WHOLE),
    )
  }

  static async create(options: WorldOptions = {}): Promise<MemoryWorld> {
    const world = new MemoryWorld(options)
    await install(world.couch.asCouch(), await shippedSkeleton(), world.deps.log)
    for (const { skeletons } of world.#memories) await skeletons.load()
    return world
  }

  /** Of the only daemon, or the first. */
  get deps(): Deps {
    const [first] = this.#memories
    if (!first) throw new Error('Expected a daemon')
    return first.deps
  }

  /** Daemons that were killed and started again: all that they held in memory is gone. */
  async restart(): Promise<void> {
    for (const memory of this.#memories) memory.isKilled = true
    this.#memories = this.#memories.map(({ deps }) => this.#start(deps.portion))
    for (const { skeletons, deps } of this.#memories) {
      await skeletons.load()
      await adoptReplications(deps)
    }
    await this.sweep()
  }

  /** Runs something, and kills the daemon before the write with that number, or when it is done; then it starts again. */
  async crash(after: number, run: () => Promise<void>): Promise<void> {
    let left = after
    this.couch.onWrite = () => {
      if (left > 0) left -= 1
      else {
        for (const memory of this.#memories) memory.isKilled = true
        throw new Killed()
      }
    }
    try {
      await run()
    } catch (error) {
      if (!(error instanceof Killed)) throw error
    } finally {
      this.couch.onWrite = () => undefined
    }
    await this.restart()
  }

  /**
   * Runs something while one request fails, as in an outage.
   * @param after the requests that go through before it
   * @param isDone whether the server carries it out all the same, and only the answer is lost
   */
  async trouble(after: number, isDone: boolean, run: () => Promise<void>): Promise<void> {
    this.#trouble = { left: after, isDone }
    try {
      await run()
    } finally {
      this.#trouble = null
    }
  }

  /** Lets the daemon forget how far it had read, so that everything is seen once more. */
  async forgetCheckpoints(): Promise<void> {
    await this.saveCheckpoints()
    this.couch.databases.delete(CHECKPOINTS)
    this.couch.create(CHECKPOINTS)
    await this.restart()
  }

  /** What `_db_updates` has to tell just now is lost, as it may be: nobody hears of it before the next sweep. */
  missEvents(): void {
    for (const memory of this.#memories) memory.heard = this.couch.writes.length
  }

  /** Hears of what was written since, as `_db_updates` tells it. */
  async listen(): Promise<void> {
    for (const memory of this.#memories) await this.#listen(memory)
  }

  async #listen(memory: Memory): Promise<void> {
    const news = new Map<string, boolean>()
    for (const line of this.couch.writes.slice(memory.heard)) {
      const db = line.slice(0, line.indexOf(' '))
      news.set(db, news.get(db) === true || line.endsWith(' (created)'))
    }
    memory.heard = this.couch.writes.length
    for (const [db, recreated] of news) {
      const owner = users.ownerOf(db)
      const outboxOwner = users.ownerOfOutbox(db)
      if (owner !== null) memory.deps.mark(owner, { user: true, recreated })
      else if (outboxOwner !== null) memory.later.push([outboxOwner, { outbox: true }])
      else if (db === '_users' || db === REGISTRY) await this.#look(memory)
      else if (db.startsWith(shareDatabase('')))
        await (recreated
          ? announce(memory.deps, db.slice(shareDatabase('').length), null)
          : announceUnread(memory.deps, db.slice(shareDatabase('').length)))
    }
  }

  /** A number from 0 to 1, without 1. */
  random(): number {
    return this.#random()
  }

  /** What comes next at random is decided by this. */
  reseed(seed: number): void {
    this.#random = randomOf(seed)
  }

  /** Compares everything that is there with everything that is known. */
  async sweep(): Promise<void> {
    for (const memory of this.#memories) await this.#sweep(memory)
  }

  async #sweep(memory: Memory): Promise<void> {
    const { deps } = memory
    await sweep({
      ...deps,
      onDirty: deps.mark,
      onGone: (owner) => deps.mark(owner, { user: true }),
      onRecreated: (owner, at) => memory.departures.set(owner, { work: { returned: true }, at }),
      onRotate: (owner, share) =>
        void deps.rotations.set(owner, new Set([...(deps.rotations.get(owner) ?? []), share])),
      isSlow: true,
      lateSince: this.now - this.lateMs,
      signal: new AbortController().signal,
      rest: () => Promise.resolve(),
    })
    await this.#look(memory)
  }

  async #look({ followers }: Memory): Promise<void> {
    for (const follower of followers) await follower.look()
  }

  /** Writes down how far was read, as the daemon does every second. */
  async saveCheckpoints(): Promise<void> {
    for (const { followers, deps } of this.#memories) {
      for (const follower of followers) follower.save()
      await deps.checkpoints.flush()
    }
  }

  mark(owner: string, work: OwnerWork): void {
    for (const { deps } of this.#memories) deps.mark(owner, work)
  }

  /** One turn of one owner in each daemon, with all that the owner was marked for. */
  async turn(owner: string, work: OwnerWork = { user: true, outbox: true }): Promise<void> {
    this.mark(owner, work)
    for (const memory of this.#memories) if (memory.deps.portion.has(owner)) await this.#turn(memory, owner)
  }

  /** Turns of several owners side by side, request by request in a random order. */
  async race(owners: readonly string[], work: OwnerWork = { user: true, outbox: true }): Promise<void> {
    for (const owner of owners) this.mark(owner, work)
    await this.#race(
      this.#memories.flatMap((memory) =>
        owners.filter(memory.deps.portion.has).map((owner) => ({ memory, owner })),
      ),
    )
  }

  async #race(turns: readonly { memory: Memory; owner: string }[]): Promise<void> {
    await this.#turnstile.race(
      turns.map(
        ({ memory, owner }) =>
          () =>
            this.#turn(memory, owner),
      ),
      this.between,
    )
  }

  /** Hears of what was written and takes turns, until there is nothing to hear and nobody has anything to do. */
  async work(): Promise<void> {
    for (let before = -1; before !== this.couch.writes.length;) {
      before = this.couch.writes.length
      await this.#takeTurns()
      await this.listen()
      await this.#takeTurns()
    }
  }

  /**
   * Takes turns by what is heard of alone, until nothing is written any more: nobody is marked because of a sweep, or for nothing.
   * What waits for a time goes on waiting.
   */
  async hear(): Promise<void> {
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const before = this.#written()
      this.now += ROUND_MS
      for (const { later, deps } of this.#memories)
        for (const [owner, late] of later.splice(0)) deps.mark(owner, late)
      await this.listen()
      const isDone = await this.#takeTurns()
      this.couch.replicate()
      if (isDone && this.#written() === before) return
    }
    throw new Error(`Expected the daemon to settle within ${MOST_ROUNDS} rounds`)
  }

  /** Sweeps, takes turns, and lets the replications run, until nothing is written any more. */
  async settle(work: OwnerWork = {}): Promise<void> {
    for (const owner of this.owners()) this.mark(owner, { user: true, outbox: true, ...work })
    for (let round = 0; round < MOST_ROUNDS; round += 1) {
      const before = this.#written()
      this.now += ROUND_MS
      for (const { later, deps } of this.#memories)
        for (const [owner, late] of later.splice(0)) deps.mark(owner, late)
      this.expire()
      await this.listen()
      await this.sweep()
      const isDone = await this.#takeTurns()
      this.couch.replicate()
      // Who waits for the grace time has something to do when it is over.
      const isWaiting = this.#memories.some(({ departures }) => departures.size > 0)
      if (isDone && !isWaiting && this.#written() === before) {
        await this.saveCheckpoints()
        return
      }
    }
    const last = this.couch.writes.slice(-20).join('\n')
    throw new Error(`Expected the daemon to settle within ${MOST_ROUNDS} rounds; written last:\n${last}`)
  }

  /** Gives up what is gone for the grace time. */
  expire(): void {
    for (const { departures, deps } of this.#memories)
      for (const [owner, { work, at }] of departures)
        if (at + GRACE_MS <= this.now && departures.delete(owner)) deps.mark(owner, work)
  }

  owners(): string[] {
    return [...this.couch.databases.keys()].flatMap((name) => users.ownerOf(name) ?? [])
  }

  /** Documents written so far, without the daemon's notes of how far it has read. */
  #written(): number {
    return this.couch.writes.filter((line) => !line.startsWith(`${CHECKPOINTS} `)).length
  }

  /** Takes turns until nobody is marked, each owner a few times at the most. @returns whether nobody is */
  async #takeTurns(): Promise<boolean> {
    const left = (): { memory: Memory; owner: string }[] =>
      this.#memories.flatMap((memory) => [...memory.marked.keys()].map((owner) => ({ memory, owner })))
    for (let turns = 0; left().length > 0; turns += 1) {
      if (turns > MOST_ROUNDS) return false
      const next = this.#shuffled(left())
      if (this.isRacing) await this.#race(next)
      else for (const { memory, owner } of next) await this.#turn(memory, owner)
    }
    return true
  }

  async #turn(memory: Memory, owner: string): Promise<void> {
    const work = memory.marked.get(owner) ?? {}
    memory.marked.delete(owner)
    memory.turning.add(owner)
    try {
      await this.#tryTurn(memory, owner, work)
    } finally {
      memory.turning.delete(owner)
    }
  }

  async #tryTurn(memory: Memory, owner: string, work: OwnerWork): Promise<void> {
    for (let failures = 0; ; failures += 1)
      try {
        const { deps } = memory
        const outcome = await reconcileOwner({ deps, owner, work, outboxAlways: true })
        const { next, halted, goneSince, recreatedAt, paused } = outcome
        if (next) deps.mark(owner, next)
        if (halted.size > 0) memory.later.push([owner, { shares: halted }])
        if (goneSince !== undefined) memory.departures.set(owner, { work: { departed: true }, at: goneSince })
        if (recreatedAt !== undefined)
          memory.departures.set(owner, { work: { returned: true }, at: recreatedAt })
        if (paused.size > 0) memory.later.push([owner, { subscriptions: paused }])
        return
      } catch (error) {
        if (memory.isKilled) throw new Killed()
        if (!isFault(error) || failures === MOST_FAILURES) throw error
        this.failures.push(error)
      }
  }

  #shuffled<One>(ones: readonly One[]): One[] {
    return ones
      .map((one) => ({ one, at: this.#random() }))
      .sort((first, second) => first.at - second.at)
      .map(({ one }) => one)
  }

  /** A daemon that was just started. */
  #start(portion: Portion): Memory {
    const memory = {
      marked: new Map<string, OwnerWork>(),
      turning: new Set<string>(),
      later: [] as Memory['later'],
      departures: new Map() as Memory['departures'],
      isKilled: false,
    }
    const couch = this.couch.client(() => this.#pass(memory))
    const now = (): number => this.now
    const log = this.#log(memory)
    const skeletons = new Skeletons({ couch, log, policies: [] })
    const replicator = new Replicator(couch, { hasScheduler: true, sleep: () => Promise.resolve() })
    const server = { url: 'memory:', user: 'admin', pass: 'secret' }
    const ownWrites = new OwnWrites()
    const mark: Deps['mark'] = (owner, work) => {
      if (!portion.has(owner)) return
      memory.marked.set(owner, mergeOwnerWork(memory.marked.get(owner) ?? {}, work))
    }
    const deps: Deps = {
      couch,
      common: couch,
      accounts: new AccountIndex(couch),
      users,
      portion,
      registry: new Registry(couch, ownWrites, now),
      creator: new DatabaseCreator(couch, skeletons),
      kinds: kindsOf([], users),
      warmer: new Warmer({ log, signal: new AbortController().signal, sleep: () => Promise.resolve() }),
      onRefreshed: () => undefined,
      onUserDocs: () => Promise.resolve(),
      replicator,
      leases: new ShareLeases({ replicator, users, server, now, idleTimeoutMs: 1_800_000 }),
      checkpoints: new Checkpoints(couch),
      locks: new ShareLocks(),
      ceilings: new Ceilings(),
      isUrgent: () => false,
      histories: new Histories(log, { isEmbedded: !this.#canPurge }),
      allowance: new RateLimiter({ most: this.#limits.mostChanges, now }),
      tries: new RateLimiter({ most: MOST_TRIES, now }),
      limits: this.#limits,
      userLimits: this.userLimits,
      rotations: new Map(),
      ownWrites,
      mark,
      canPurge: this.#canPurge,
      graceMs: GRACE_MS,
      now,
      updatedAt: UPDATED_AT,
      log,
    }
    const isBusy = (owner: string): boolean => memory.marked.has(owner) || memory.turning.has(owner)
    const followers = followersOf(couch, deps, isBusy)
    return Object.assign(memory, { deps, skeletons, heard: this.couch.writes.length, followers })
  }

  async #pass(memory: Pick<Memory, 'isKilled'>): Promise<CouchFault | null> {
    await this.#turnstile.pass()
    if (memory.isKilled) throw new Killed()
    const trouble = this.#trouble
    if (trouble === null) return null
    if (trouble.left > 0) {
      trouble.left -= 1
      return null
    }
    this.#trouble = null
    const fault = new CouchFault('unreachable', 'memory', 'as in an outage')
    if (trouble.isDone) return fault
    throw fault
  }

  /** What is set aside because of a fault in the program would be seen by nobody. */
  #log(memory: Pick<Memory, 'isKilled'>): Logger {
    const nothing = (): void => undefined
    const error = (line: unknown, message: string): void => {
      if (!memory.isKilled && message === 'document set aside') this.setAside.push(line)
    }
    return { debug: nothing, info: nothing, warn: nothing, error } as unknown as Logger
  }
}

/** Follows `_users` and the registry, as the daemon does. */
function followersOf(couch: Couch, deps: Deps, isBusy: (owner: string) => boolean): Followers<OwnerWork>[] {
  const { checkpoints, portion: all } = deps
  const following = { checkpoints, template: users.template, mark: deps.mark, isBusy }
  const follow = (
    name: string,
    tell: (deps: AffectedDeps, changes: readonly Change[], seen: Map<string, number>) => Promise<void>,
  ): Followers<OwnerWork> =>
    new Followers(all, (portion) => {
      const seen = new Map<string, number>()
      return new Follower({
        ...{ ...following, portion },
        database: couch.database(name),
        onChanges: (changes, mark) => tell({ ...deps, portion, mark }, changes, seen),
      })
    })
  return [follow('_users', usersChanged), follow(REGISTRY, registryChanged)]
}
