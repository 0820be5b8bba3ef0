// The daemon: feed → plan → write → checkpoint, put together and kept going.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import PQueue from 'p-queue'
import type { Config } from './config.ts'
import { Couch, type Aside } from './couch/client.ts'
import type { Seq } from './couch/document.ts'
import { concernsServer, CouchFault, isFault, isRace } from './couch/fault.ts'
import { Outage, persist, type Waiting } from './couch/outage.ts'
import { Checkpoints } from './feed/checkpoints.ts'
import { asideOf } from './feed/aside.ts'
import { firstFault, FINE, health, readiness, type Controller, type Verdict } from './feed/controller.ts'
import { Lanes } from './feed/lanes.ts'
import { sweep } from './feed/sweep.ts'
import { findOtherUsers, sayOtherUsers } from './feed/other-users.ts'
import { MOST_FEEDS, WarmFeeds } from './feed/warm-feeds.ts'
import { registryChanged, usersChanged } from './feed/concerns.ts'
import { Follower } from './feed/follower.ts'
import type { Gateways } from './feed/gateways.ts'
import type { HostCalls } from './feed/host.ts'
import type { Provisioning } from './feed/provisioning.ts'
import type { Upkeep } from './feed/upkeep.ts'
import { Express } from './feed/express.ts'
import { Pulse } from './feed/pulse.ts'
import { followUpdates, type Update } from './feed/updates.ts'
import type { Gateway } from './gateway/gateway.ts'
import { identify, install, InstallError, keptDatabases, type ServerKind } from './install.ts'
import type { Logger } from './log.ts'
import { counted } from './model/counted.ts'
import type { ShareEntry } from './model/entry.ts'
import { graceLeft } from './model/grace.ts'
import { kindsOf, type Kinds } from './model/kinds.ts'
import { REGISTRY, shareDatabase } from './model/names.ts'
import type { SkeletonOfKind } from './skeleton.ts'
import { takeTurn } from './turn.ts'
import { VERSION } from './version.ts'
import { narrowAtOnce } from './turn/narrowing.ts'
import { mergeHints, type Hint, type Outcome } from './turn/hint.ts'
import { AccountIndex } from './write/account-index.ts'
import { adoptReplications } from './write/adoption.ts'
import { announce } from './write/announce.ts'
import { Births } from './write/births.ts'
import type { Deps } from './write/deps.ts'
import { OwnWrites } from './write/own-writes.ts'
import { People } from './write/people.ts'
import { Registry } from './write/registry.ts'
import { Skeletons } from './write/skeletons.ts'
import { Warmer } from './write/warming.ts'
import { ReplicationWatch } from './write/watch.ts'
import { wireDeps, wireGateways, wireProvisioning, wireUpkeep, type Parts } from './wiring.ts'

export type DaemonConfig = Pick<
  Config,
  | 'admin'
  | 'userDatabases'
  | 'databases'
  | 'masters'
  | 'personalDatabaseAttribute'
  | 'userDatabaseAttributes'
  | 'deprovision'
  | 'skeletonWarm'
  | 'concurrency'
  | 'replicationServer'
  | 'replicationIdleTimeoutMs'
  | 'replicationCheckIntervalMs'
  | 'outbox'
  | 'sweepIntervalMs'
  | 'deletionGraceMs'
  | 'publicLimits'
  | 'updatedAt'
> & { url: string }

export interface DaemonOptions {
  config: DaemonConfig
  skeleton: ReadonlyMap<string, SkeletonOfKind>
  /** What has sync functions. */
  gateways?: readonly Gateway[]
  log: Logger
  now?: () => number
  /** Awaited before each request that writes: it fails where another daemon works. */
  beforeWriting?: () => Promise<void>
}

const SHORTEST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** Checkpoints are written so often; what is lost with a crash is looked at once more. */
const FLUSH_MS = 1_000
/** A slow sweep rests so long between two batches. */
const SLOW_SWEEP_REST_MS = 1_000
/** The server is taken for one that is away where it has nothing to say for so long. */
const PROBE_MS = 5_000
/** Idle leases are looked for at least so often. */
const LONGEST_IDLE_CHECK_MS = 60_000
/** Turns that are under way may take so long when the daemon stops. */
const STOP_TIMEOUT_MS = 8_000
/** A share that was out of reach, or a public writer's limit, is looked at again after this. */
const PAUSED_MS = 5_000

export class Daemon {
  readonly #options: DaemonOptions
  readonly #couch: Couch
  readonly #registry: Registry
  readonly #ownWrites = new OwnWrites()
  readonly #people: People
  readonly #accounts: AccountIndex
  readonly #users: Follower<Hint>
  readonly #orders: Follower<Hint>
  readonly #checkpoints: Checkpoints
  readonly #births: Births
  readonly #kinds: Kinds
  readonly #skeletons: Skeletons
  readonly #warmer: Warmer
  readonly #rotations = new Map<string, Set<string>>()
  readonly #queue: PQueue
  readonly #aside: Aside
  readonly #pulse: Pulse
  readonly #lanes: Lanes<Hint>
  readonly #stop = new AbortController()
  readonly #warmFeeds: WarmFeeds
  readonly #express: Express
  readonly #now: () => number
  readonly #waiting: Waiting
  readonly #outage: Outage
  #deps: Deps | null = null
  /** Only once it is known what kind of server this is. */
  #upkeep: Upkeep | null = null
  /** Where there are masters. */
  #provisioning: Provisioning | null = null
  /** Where there are sync functions. */
  #gateways: Gateways | null = null
  #tasks: Promise<void>[] = []
  /** What answers, as it said when the daemon connected. */
  #server: ServerKind | null = null
  #installed = false
  #placing: Promise<void> | null = null
  /** False where what the daemon needs could not be put in place again. */
  #isInPlace = true
  #isSwept = false
  /** How many user databases the first sweep has found. */
  #found = 0
  #isReadyTold = false

  constructor(options: DaemonOptions) {
    const { config, log, gateways = [], now = Date.now } = options
    this.#options = options
    this.#now = now
    // As many listeners as there are pauses and requests under way.
    setMaxListeners(0, this.#stop.signal)
    this.#pulse = new Pulse(now)
    const { user, pass } = config.admin
    this.#queue = new PQueue({ concurrency: config.concurrency })
    this.#aside = asideOf(this.#queue)
    this.#couch = new Couch({
      url: config.url,
      user,
      pass,
      connections: config.concurrency * 2 + MOST_FEEDS + 8,
      beforeWriting: options.beforeWriting,
      aside: this.#aside,
      onRefused: (error, distanceMs) =>
        log.warn(
          { err: error, distanceMs },
          'CouchDB refuses requests for the time being; they are sent again',
        ),
    })
    this.#registry = new Registry(this.#couch, this.#ownWrites, now)
    this.#accounts = new AccountIndex(this.#couch)
    this.#people = new People(this.#couch, this.#ownWrites, now)
    this.#checkpoints = new Checkpoints(this.#couch)
    this.#kinds = kindsOf(
      config.databases,
      config.userDatabases,
      config.masters,
      gateways.map(({ name }) => name),
    )
    this.#skeletons = new Skeletons({
      ...this.#kinds,
      couch: this.#couch,
      log,
      onChanged: () => this.#onSkeletons(),
    })
    this.#births = new Births(this.#couch, this.#skeletons, {
      kinds: this.#kinds,
      isGuessing: !config.skeletonWarm,
    })
    this.#warmer = new Warmer({ log, signal: this.#stop.signal, sleep: this.#sleep })
    this.#express = new Express({
      isBusy: (owner) => this.#lanes.isBusy(owner),
      narrow: (owner, shares) =>
        this.#deps ? narrowAtOnce(this.#deps, owner, shares) : Promise.resolve(new Set()),
      onNarrowed: (owner, shares) => this.#lanes.markUrgent(owner, { shares }),
      onFailure: (error) => this.#logUnlessOutage(error),
      sleep: this.#sleep,
    })
    const concerns = this.#concerns()
    const following = {
      checkpoints: this.#checkpoints,
      template: config.userDatabases.template,
      mark: concerns.mark,
      isBusy: (owner: string) => this.#lanes.isBusy(owner),
      onRenewed: () => this.#putBack(),
    }
    this.#users = new Follower({
      ...following,
      database: this.#couch.database('_users'),
      onChanges: async (changes, mark) => {
        if (changes.some(isDesign)) await this.#putBack()
        await usersChanged({ ...concerns, mark }, changes)
      },
    })
    this.#orders = new Follower({
      ...following,
      database: this.#couch.database(REGISTRY),
      onChanges: async (changes, mark) => {
        if (changes.some(isDesign)) await this.#putBack()
        registryChanged({ ...concerns, mark }, changes)
      },
    })
    this.#waiting = { signal: this.#stop.signal, sleep: this.#sleep, log }
    this.#outage = new Outage({
      ...this.#waiting,
      probe: () => this.#couch.request({ path: [], timeoutMs: PROBE_MS }),
      ask: () => identify(this.#couch),
      onBegin: () => this.#lanes.pause(),
      onEnd: () => this.#lanes.resume(),
    })
    this.#warmFeeds = new WarmFeeds({
      onChange: (owner) => this.#mark(owner, { user: true }),
    })
    this.#lanes = new Lanes({
      concurrency: config.concurrency,
      queue: this.#queue,
      pulse: this.#pulse,
      merge: mergeHints,
      takeTurn: async (owner, hint) => {
        const deps = this.#deps
        if (deps === null) throw new CouchFault('stopped', '', 'not started')
        const begun = this.#now()
        const outcome = await takeTurn({ deps, owner, hint, outboxAlways: config.outbox === 'always' })
        log.debug({ db: config.userDatabases.database(owner), ms: this.#now() - begun }, 'turn')
        if (outcome.isActive && outcome.next === null) await this.#keepWarm(owner)
        this.#comeBack(owner, outcome)
        return outcome
      },
      onFailure: (owner, error, tries) => this.#onFailure(owner, error, tries),
      onGone: () => undefined,
      onSettled: () => this.#tellReady(),
    })
  }

  /**
   * Connects, installs and begins to follow. Waits for a server that is not there yet.
   * @throws {InstallError} where the server cannot be used
   */
  async start(): Promise<void> {
    const { config, log } = this.#options
    const connect = async (): Promise<Seq> => {
      const kind = await identify(this.#couch)
      this.#server = kind
      log.info({ server: config.url, version: kind.version, embedded: kind.isEmbedded }, 'connected')
      return this.#install(kind.isEmbedded)
    }
    const since = await persist(connect, this.#waiting)
    if (since === null) return
    this.#installed = true
    this.#tasks = [
      this.#sweeps(),
      followUpdates(since, {
        couch: this.#couch,
        log,
        signal: this.#stop.signal,
        sleep: this.#sleep,
        onUpdate: (update) => this.#onUpdate(update),
        onGap: () => this.#onGap(),
      }),
      this.#every(FLUSH_MS, () => this.#saveCheckpoints()),
      this.#keepReplications(),
      this.#upkeep?.run() ?? Promise.resolve(),
      this.#provisioning?.run() ?? Promise.resolve(),
      this.#gateways?.run() ?? Promise.resolve(),
    ]
  }

  /** @returns where `_db_updates` is to be followed from */
  async #install(isEmbedded: boolean): Promise<Seq> {
    const parts = this.#parts(isEmbedded)
    const mark = (owner: string, hint: Hint): void => this.#lanes.mark(owner, hint)
    this.#deps ??= wireDeps(parts, {
      rotations: this.#rotations,
      mark,
      isUrgent: (owner) => this.#lanes.isUrgent(owner),
      onVisited: (db, visited) => this.#upkeep?.onVisited(db, visited),
      hear: (owner, docs) => this.#provisioning?.hear(owner, docs) ?? Promise.resolve(),
    })
    this.#upkeep ??= wireUpkeep(parts, {
      markOwner: mark,
      onSettled: () => this.#tellReady(),
      onFailure: (_db, error) => this.#logUnlessOutage(error),
    })
    const calls: HostCalls = {
      onFailure: (db, error, tries) => this.#logFailure(db, error, tries),
      onSettled: () => this.#tellReady(),
      every: (ms, work) => this.#every(ms, work),
    }
    if (this.#kinds.masters.length > 0) this.#provisioning ??= wireProvisioning(parts, this.#deps, calls)
    const { gateways = [] } = this.#options
    if (gateways.length > 0) this.#gateways ??= wireGateways(parts, gateways, calls)
    await this.#putInPlace()
    await this.#upkeep.load()
    return this.#couch.updatesSeq()
  }

  /** Whatever the daemon needs on the server is there. Two calls at once are one. @throws {InstallError} {CouchFault} */
  async #putInPlace(): Promise<void> {
    this.#placing ??= install(this.#couch, this.#options.skeleton, this.#options.log, this.#kinds)
    try {
      await this.#placing
      this.#isInPlace = true
    } catch (error) {
      this.#isInPlace = false
      throw error
    } finally {
      this.#placing = null
    }
  }

  /**
   * The same beside a running daemon: somebody may have dropped a database, or have put another one in its place, without the views that
   * the daemon asks. What cannot be helped keeps nothing else from going on.
   * @throws {CouchFault}
   */
  async #putBack(): Promise<void> {
    try {
      await this.#putInPlace()
    } catch (error) {
      if (!(error instanceof InstallError)) throw error
      this.#options.log.error({ code: error.code }, error.message)
    }
  }

  /** Finishes the pages in hand, saves the checkpoints and closes all connections. Leases go on. */
  async stop(): Promise<void> {
    const { log } = this.#options
    this.#stop.abort()
    this.#warmFeeds.stop()
    const lanes = Promise.all([
      this.#lanes.stop(),
      ...[this.#upkeep, this.#provisioning, this.#gateways].map((part) => part?.stop()),
    ])
    await Promise.race([lanes, delay(STOP_TIMEOUT_MS, undefined, { ref: false })])
    try {
      if (this.#installed) await this.#saveCheckpoints()
    } catch (error) {
      log.warn({ err: error }, 'checkpoints not saved; the last pages will be read again')
    }
    await this.#couch.close()
    await Promise.allSettled(this.#tasks)
  }

  async #saveCheckpoints(): Promise<void> {
    for (const follower of [this.#users, this.#orders]) follower.save()
    this.#provisioning?.save()
    await this.#gateways?.save()
    await this.#checkpoints.flush()
  }

  /** Owners, users of masters and of gateways, and databases of policies, that have something to do; a rollout counts as one. */
  get busy(): number {
    const parts = [this.#upkeep, this.#provisioning, this.#gateways]
    return parts.reduce((sum, part) => sum + (part?.busy ?? 0), this.#lanes.busy.length)
  }

  /** Turns taken since the start. */
  get turns(): number {
    return this.#lanes.turns + (this.#provisioning?.turns ?? 0) + (this.#gateways?.turns ?? 0)
  }

  /** Requests sent to CouchDB since the start. */
  get requests(): number {
    return this.#couch.requests
  }

  /** Does the loop turn? */
  health(): Verdict {
    if (this.#outage.isOngoing) return FINE
    return firstFault([
      health(this.#lanes.isStuck),
      ...this.#controllers.map((controller) => controller.healthy()),
    ])
  }

  /** Does CouchDB answer, is all installed, has each part gone through what it found at the start? */
  ready(): Verdict {
    if (!this.#installed) return { ok: false, reason: 'not installed yet' }
    if (this.#outage.isOngoing) return { ok: false, reason: 'CouchDB does not answer' }
    if (!this.#isInPlace)
      return { ok: false, reason: 'what the daemon needs on the server cannot be put in place; see the log' }
    return this.#caughtUp()
  }

  #caughtUp(): Verdict {
    return firstFault([
      readiness(this.#isSwept ? this.#lanes.left : null, (left) => counted(left, 'user database')),
      ...this.#controllers.map((controller) => controller.ready()),
    ])
  }

  /** All but the shares. */
  get #controllers(): Controller[] {
    return [this.#upkeep, this.#provisioning, this.#gateways].filter((controller) => controller !== null)
  }

  /** What the three that are wired once the server is known have in common. */
  #parts(isEmbedded: boolean): Parts {
    const { config, log } = this.#options
    return {
      ...{ config, log, isEmbedded },
      couch: this.#couch,
      registry: this.#registry,
      people: this.#people,
      accounts: this.#accounts,
      births: this.#births,
      kinds: this.#kinds,
      skeletons: this.#skeletons,
      warmer: this.#warmer,
      checkpoints: this.#checkpoints,
      ownWrites: this.#ownWrites,
      queue: this.#queue,
      pulse: this.#pulse,
      aside: this.#aside,
      signal: this.#stop.signal,
      sleep: this.#sleep,
      now: this.#now,
    }
  }

  /** What the skeletons say of masters has changed, or is known now. */
  #onSkeletons(): void {
    this.#provisioning?.load()
    if (this.#provisioning && this.#isSwept)
      this.#background(this.#provisioning.sweep(() => Promise.resolve()))
  }

  /** Whoever has just written will soon write again. */
  async #keepWarm(owner: string): Promise<void> {
    const db = this.#options.config.userDatabases.database(owner)
    const checkpoint = (await this.#checkpoints.read([db])).get(db)
    if (checkpoint && !this.#stop.signal.aborted)
      this.#warmFeeds.keep(owner, this.#couch.database(db), checkpoint.since)
  }

  /** What could not be done now is tried again later. */
  #comeBack(owner: string, { goneSince, halted, recreatedAt, paused, throttled }: Outcome): void {
    const haltedMs = this.#options.config.replicationCheckIntervalMs * 2
    if (halted.size > 0) this.#lanes.after(owner, { shares: halted }, haltedMs)
    if (paused.size > 0) this.#lanes.after(owner, { subscriptions: paused }, PAUSED_MS)
    if (throttled.size > 0) this.#lanes.after(owner, { feeds: throttled }, PAUSED_MS)
    if (goneSince !== undefined) this.#afterGrace(owner, { departed: true }, goneSince)
    if (recreatedAt !== undefined) this.#afterGrace(owner, { returned: true }, recreatedAt)
  }

  #afterGrace(owner: string, hint: Hint, since: number): void {
    const { deletionGraceMs } = this.#options.config
    this.#lanes.after(owner, hint, graceLeft(since, deletionGraceMs, this.#now()))
  }

  #concerns(): Parameters<typeof usersChanged>[0] {
    return {
      couch: this.#couch,
      accounts: this.#accounts,
      users: this.#options.config.userDatabases,
      registry: this.#registry,
      ownWrites: this.#ownWrites,
      log: this.#options.log,
      mark: (owner, hint) => this.#mark(owner, hint),
    }
  }

  /** What may take access away is looked at beside a lane that is busy. */
  #mark(owner: string, hint: Hint): void {
    this.#lanes.mark(owner, hint)
    if (hint.user || hint.shares) this.#express.hear(owner, hint.shares)
  }

  #onUpdate({ db, type }: Update): void {
    const { userDatabases: users } = this.#options.config
    const background = (work: Promise<void>): void => this.#background(work)
    // One that was dropped may be about to be filled again by whoever dropped it: where nobody does, the next sweep makes it.
    if (type === 'created' && keptDatabases(this.#kinds).includes(db)) background(this.#putBack())
    if (this.#provisioning?.onUpdate({ db, type }, background)) return
    if (this.#gateways?.onUpdate({ db, type }, background)) return
    const owner = users.ownerOf(db)
    const outboxOwner = users.ownerOfOutbox(db)
    if (owner !== null) this.#mark(owner, { user: true, recreated: type === 'created' })
    else if (outboxOwner !== null) this.#lanes.mark(outboxOwner, { outbox: true })
    else if (this.#upkeep?.onUpdate({ db, type }, background)) return
    else if (db === '_users') this.#background(this.#users.look())
    else if (db === REGISTRY) this.#background(this.#orders.look())
    else if (db.startsWith(shareDatabase('')))
      this.#background(this.#onShare(db.slice(shareDatabase('').length), type))
  }

  async #onShare(share: string, type: Update['type']): Promise<void> {
    if (type === 'deleted') return this.#onShareDropped(share)
    await announce({ ...this.#concerns() }, share, null)
  }

  /** A share database that went without the daemon's doing is made again. */
  async #onShareDropped(share: string): Promise<void> {
    const entry = await this.#registry.entry(share)
    if (entry?.state !== 'active' || !this.#isOurs(entry)) return
    // A rotation drops and creates it; the event comes when both are done.
    if ((await this.#couch.database(shareDatabase(share)).info()) === null)
      this.#lanes.mark(entry.owner, { shares: new Set([share]) })
  }

  /** The shares of another template are another daemon's. */
  #isOurs({ owner, database }: ShareEntry): boolean {
    return this.#options.config.userDatabases.database(owner) === database
  }

  #onFailure(owner: string, error: unknown, tries: number): void {
    this.#logFailure(this.#options.config.userDatabases.database(owner), error, tries)
  }

  #logFailure(db: string, error: unknown, tries: number): void {
    const level = isRace(error, tries) ? 'debug' : 'warn'
    this.#unlessOutage(error, () =>
      this.#options.log[level]({ db, tries, err: error }, 'turn failed, tried again'),
    )
  }

  /** Says something of a failure, but where the server is away, or will not have us: then everything waits until it is back. */
  #unlessOutage(error: unknown, tell: () => void): void {
    const { signal } = this.#stop
    if (signal.aborted || isFault(error, 'stopped')) return
    // What takes too long may be a server that is away, too.
    if (!isFault(error) || !(concernsServer(error) || error.code === 'timeout')) return tell()
    void this.#outage.suspect().then((isOutage) => {
      if (!isOutage && !signal.aborted) tell()
    })
  }

  async #onGap(): Promise<Seq> {
    while (!this.#stop.signal.aborted) {
      try {
        // `_global_changes` may be what went away.
        const { version, isEmbedded } = await identify(this.#couch)
        this.#options.log.debug({ version }, 'feed opened again')
        const since = await this.#install(isEmbedded)
        await this.#sweep({ slow: false })
        return since
      } catch (error) {
        this.#unlessOutage(error, () =>
          this.#options.log.warn({ err: error }, 'feed cannot be opened again yet'),
        )
        await this.#sleep(LONGEST_PAUSE_MS / 10)
      }
    }
    return 'now'
  }

  async #sweeps(): Promise<void> {
    let pause = SHORTEST_PAUSE_MS
    while (!this.#stop.signal.aborted) {
      const isFirst = !this.#isSwept
      try {
        const databases = await this.#sweep({ slow: !isFirst })
        if (isFirst) {
          await this.#tellOtherUsers(databases)
          this.#found = databases
          this.#isSwept = true
          this.#tellReady()
        }
        pause = SHORTEST_PAUSE_MS
        await this.#sleep(this.#options.config.sweepIntervalMs)
      } catch (error) {
        this.#unlessOutage(error, () => this.#options.log.warn({ err: error }, 'sweep failed, tried again'))
        await this.#sleep(pause)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  /** The end of the start, once: all is installed, and all that there was to catch up with is done. */
  #tellReady(): void {
    if (this.#isReadyTold || !this.#caughtUp().ok) return
    this.#isReadyTold = true
    const { config, log } = this.#options
    const { version: couchdb, isEmbedded } = this.#server ?? {}
    log.info(
      { version: VERSION, server: config.url, couchdb, embedded: isEmbedded, databases: this.#found },
      'ready',
    )
  }

  /** @param count how many user databases there are */
  async #tellOtherUsers(count: number): Promise<void> {
    const { config, log } = this.#options
    const users = config.userDatabases
    for (const other of await findOtherUsers(this.#couch, users, count))
      log.warn({ databases: count, others: other.count }, sayOtherUsers(users, count, other))
  }

  /** @returns how many user databases there are */
  async #sweep({ slow }: { slow: boolean }): Promise<number> {
    const { config, log } = this.#options
    const begun = this.#now()
    if (slow) await this.#putBack()
    const databases = await sweep({
      couch: this.#couch,
      users: config.userDatabases,
      registry: this.#registry,
      checkpoints: this.#checkpoints,
      isSlow: slow,
      lateSince: begun - config.sweepIntervalMs,
      signal: this.#stop.signal,
      rest: () => (slow ? this.#sleep(SLOW_SWEEP_REST_MS) : Promise.resolve()),
      onDirty: (owner, hint) => this.#lanes.mark(owner, hint),
      // Its lane notes since when.
      onGone: (owner) => this.#lanes.mark(owner, { user: true }),
      onRecreated: (owner, at) => this.#afterGrace(owner, { returned: true }, at),
      onRotate: (owner, share) =>
        void this.#rotations.set(owner, new Set([...(this.#rotations.get(owner) ?? []), share])),
    })
    await this.#users.look()
    await this.#orders.look()
    this.#lanes.noteFound()
    const rest = (): Promise<void> => (slow ? this.#sleep(SLOW_SWEEP_REST_MS) : Promise.resolve())
    await this.#upkeep?.sweep(rest)
    await this.#provisioning?.sweep(rest)
    await this.#gateways?.sweep(rest)
    log[slow ? 'debug' : 'info']({ databases, ms: this.#now() - begun }, 'sweep finished')
    return databases
  }

  /** Takes over the replications that are there, then watches all of them, and ends those that are idle. */
  async #keepReplications(): Promise<void> {
    const { replicationCheckIntervalMs, replicationIdleTimeoutMs } = this.#options.config
    const deps = this.#deps
    if (deps === null) return
    await persist(() => adoptReplications(deps), this.#waiting)
    await persist(() => this.#provisioning?.adopt() ?? Promise.resolve(), this.#waiting)
    const watch = new ReplicationWatch({
      ...deps,
      onChanged: (owner, share) => this.#lanes.mark(owner, { shares: new Set([share]) }),
    })
    const markIdle = (): void => {
      for (const lease of deps.leases.held())
        if (deps.leases.isIdle(lease)) this.#lanes.mark(lease.owner, { idle: new Set([lease.share]) })
    }
    await Promise.all([
      this.#every(replicationCheckIntervalMs, () => watch.look()),
      this.#every(Math.min(replicationIdleTimeoutMs / 4, LONGEST_IDLE_CHECK_MS), () =>
        Promise.resolve(markIdle()),
      ),
    ])
  }

  /** Does something at intervals until the daemon stops; a failure is logged, and the next time comes. */
  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#sleep(ms)
      if (this.#stop.signal.aborted || this.#outage.isOngoing) continue
      await work().catch((error: unknown) => this.#logFault(error))
    }
  }

  #background(work: Promise<void>): void {
    work.catch((error: unknown) => this.#logFault(error))
  }

  #logUnlessOutage(error: unknown): void {
    this.#unlessOutage(error, () => this.#logFault(error))
  }

  #logFault(error: unknown): void {
    if (!this.#stop.signal.aborted) this.#options.log.warn({ err: error }, 'tried again later')
  }

  readonly #sleep = async (ms: number): Promise<void> => {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}

/** One of the daemon's may be gone, or another one in its place. */
const isDesign = ({ id }: { id: string }): boolean => id.startsWith('_design/')
