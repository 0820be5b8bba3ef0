// The daemon: feed → plan → perform → checkpoint, put together and kept going.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import sum from 'lodash/sum.js'
import PQueue from 'p-queue'
import { Couch, type Aside } from './couch/client.ts'
import type { Seq } from './couch/document.ts'
import { concernsServer, isFault, isRace } from './couch/fault.ts'
import { Outage, persist, type Waiting } from './couch/outage.ts'
import { Checkpoints } from './engine/checkpoints.ts'
import { asideOf } from './engine/aside.ts'
import { FINE, firstFault, type Controller, type Verdict } from './engine/controller.ts'
import { MOST_FEEDS } from './engine/warm-feeds.ts'
import type { HostCalls } from './engine/host.ts'
import { Pulse } from './engine/pulse.ts'
import { followUpdates, type Update } from './engine/db-updates.ts'
import type { Gateway } from './gateways/gateway.ts'
import { identify, install, InstallError, keptDatabases, type ServerKind } from './skeletons/install.ts'
import type { Logger } from './log.ts'
import { kindsOf, type Kinds } from './skeletons/kinds.ts'
import type { SkeletonOfKind } from './skeletons/folder.ts'
import { VERSION } from './version.ts'
import { AccountIndex } from './users/account-index.ts'
import { Births } from './skeletons/births.ts'
import { OwnWrites } from './engine/own-writes.ts'
import { People } from './provisioning/people.ts'
import { Registry } from './shares/registry.ts'
import { Skeletons } from './skeletons/wanted.ts'
import { Warmer } from './skeletons/index-warmer.ts'
import { wireControllers, type Parts } from './wiring.ts'
import type { DaemonConfig } from './config/config.ts'

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
/** Turns that are under way may take so long when the daemon stops. */
const STOP_TIMEOUT_MS = 8_000

/** The daemon on one server, from `start` to `stop`. It knows its parts as controllers only. */
export class Daemon {
  readonly #options: DaemonOptions
  readonly #couch: Couch
  readonly #registry: Registry
  readonly #ownWrites = new OwnWrites()
  readonly #people: People
  readonly #accounts: AccountIndex
  readonly #checkpoints: Checkpoints
  readonly #births: Births
  readonly #kinds: Kinds
  readonly #skeletons: Skeletons
  readonly #warmer: Warmer
  readonly #queue: PQueue
  readonly #aside: Aside
  readonly #pulse: Pulse
  readonly #stop = new AbortController()
  readonly #now: () => number
  readonly #waiting: Waiting
  readonly #outage: Outage
  /** Only once it is known what kind of server this is. */
  #controllers: readonly Controller[] = []
  #tasks: Promise<void>[] = []
  /** What answers, as it said when the daemon connected. */
  #server: ServerKind | null = null
  #installed = false
  #placing: Promise<void> | null = null
  /** False where what the daemon needs could not be put in place again. */
  #isInPlace = true
  #isSwept = false
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
      onChanged: () => {
        for (const controller of this.#controllers) controller.onSkeletons?.(this.#background)
      },
    })
    this.#births = new Births(this.#couch, this.#skeletons, {
      kinds: this.#kinds,
      isGuessing: !config.skeletonWarm,
    })
    this.#warmer = new Warmer({ log, signal: this.#stop.signal, sleep: this.#sleep })
    this.#waiting = { signal: this.#stop.signal, sleep: this.#sleep, log }
    this.#outage = new Outage({
      ...this.#waiting,
      probe: () => this.#couch.request({ path: [], timeoutMs: PROBE_MS }),
      ask: () => identify(this.#couch),
      onBegin: () => this.#queue.pause(),
      onEnd: () => this.#resume(),
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
      ...this.#controllers.map((controller) => controller.run()),
    ]
  }

  /** @returns where `_db_updates` is to be followed from */
  async #install(isEmbedded: boolean): Promise<Seq> {
    if (this.#controllers.length === 0)
      this.#controllers = wireControllers(this.#parts(isEmbedded), {
        gateways: this.#options.gateways ?? [],
        calls: this.#calls,
        onRenewed: () => this.#putBack(),
      })
    await this.#putInPlace()
    for (const controller of this.#controllers) await controller.load?.()
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
    const turns = Promise.all(this.#controllers.map((controller) => controller.stop()))
    await Promise.race([turns, delay(STOP_TIMEOUT_MS, undefined, { ref: false })])
    try {
      if (this.#installed) await this.#saveCheckpoints()
    } catch (error) {
      log.warn({ err: error }, 'checkpoints not saved; the last pages will be read again')
    }
    await this.#couch.close()
    await Promise.allSettled(this.#tasks)
  }

  async #saveCheckpoints(): Promise<void> {
    for (const controller of this.#controllers) await controller.save()
    await this.#checkpoints.flush()
  }

  /** Owners, users of masters and of gateways, and databases of policies, that have something to do; a rollout counts as one. */
  get busy(): number {
    return sum(this.#controllers.map(({ busy }) => busy))
  }

  /** Turns taken since the start. */
  get turns(): number {
    return sum(this.#controllers.map(({ turns }) => turns))
  }

  /** Requests sent to CouchDB since the start. */
  get requests(): number {
    return this.#couch.requests
  }

  /** Does the loop turn? */
  health(): Verdict {
    if (this.#outage.isOngoing) return FINE
    return firstFault(this.#controllers.map((controller) => controller.healthy()))
  }

  /** Does CouchDB answer, is all installed, has each part gone through what it found at the start? */
  ready(): Verdict {
    if (!this.#installed) return { ok: false, reason: 'not installed yet' }
    if (this.#outage.isOngoing) return { ok: false, reason: 'CouchDB does not answer' }
    if (!this.#isInPlace)
      return { ok: false, reason: 'what the daemon needs on the server cannot be put in place; see the log' }
    return this.#caughtUp()
  }

  /** What the log says of all parts. */
  get #status(): Record<string, unknown> {
    return Object.assign({}, ...this.#controllers.map((controller) => controller.status?.())) as Record<
      string,
      unknown
    >
  }

  #caughtUp(): Verdict {
    return firstFault(this.#controllers.map((controller) => controller.ready()))
  }

  /** What those that are wired once the server is known have in common. */
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

  /** What the parts ask of the daemon. */
  get #calls(): HostCalls {
    return {
      onFailure: (db, error, tries) => this.#logFailure(db, error, tries),
      onFault: (error) => this.#unlessOutage(error, () => this.#logFault(error)),
      onIdle: () => this.#tellReady(),
      every: (ms, work) => this.#every(ms, work),
    }
  }

  /** The server answers again. */
  #resume(): void {
    this.#pulse.beat()
    if (!this.#stop.signal.aborted) this.#queue.start()
  }

  readonly #background = (work: Promise<void>): void => {
    work.catch((error: unknown) => this.#logFault(error))
  }

  #onUpdate({ db, type }: Update): void {
    // One that was dropped may be about to be filled again by whoever dropped it: where nobody does, the next sweep makes it.
    if (type === 'created' && keptDatabases(this.#kinds).includes(db)) this.#background(this.#putBack())
    for (const controller of this.#controllers.toReversed())
      if (controller.onUpdate({ db, type }, this.#background)) return
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
        await this.#sweep({ slow: !isFirst })
        if (isFirst) {
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
    if (this.#isReadyTold || !this.#isSwept || !this.#caughtUp().ok) return
    this.#isReadyTold = true
    const { config, log } = this.#options
    const { version: couchdb, isEmbedded } = this.#server ?? {}
    log.info(
      { version: VERSION, server: config.url, couchdb, embedded: isEmbedded, ...this.#status },
      'ready',
    )
  }

  /** @param slow nobody waits for it */
  async #sweep({ slow }: { slow: boolean }): Promise<void> {
    const begun = this.#now()
    if (slow) await this.#putBack()
    const rest = (): Promise<void> => (slow ? this.#sleep(SLOW_SWEEP_REST_MS) : Promise.resolve())
    for (const controller of this.#controllers) await controller.sweep(rest, slow)
    const ms = this.#now() - begun
    this.#options.log[slow ? 'debug' : 'info']({ ...this.#status, ms }, 'sweep finished')
  }

  /** Does something at intervals until the daemon stops; a failure is logged, and the next time comes. */
  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#sleep(ms)
      if (this.#stop.signal.aborted || this.#outage.isOngoing) continue
      await work().catch((error: unknown) => this.#logFault(error))
    }
  }

  #logFault(error: unknown): void {
    if (!this.#stop.signal.aborted) this.#options.log.warn({ err: error }, 'tried again later')
  }

  readonly #sleep = async (ms: number): Promise<void> => {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
