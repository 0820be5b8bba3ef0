// The daemon: feed → plan → perform → checkpoint, put together and kept going.
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import sum from 'lodash/sum.js'
import PQueue from 'p-queue'
import { Couch } from '../couch/client.ts'
import type { Seq } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { Outage, persist, type Doubted, type Waiting } from '../couch/outage.ts'
import { takesWrites } from './takes-writes.ts'
import { REGISTRY } from '../documents/names.ts'
import { asideOf } from '../engine/aside.ts'
import { Errands } from '../engine/errands.ts'
import { Failures } from '../engine/failures.ts'
import { Sweeps } from '../engine/sweeps.ts'
import { FINE, firstFault, type Controller, type ProbeResult } from '../engine/controller.ts'
import { NO_METER, type Meter, type Part, type Standing } from '../engine/meter.ts'
import { MOST_FEEDS } from '../engine/hot-feeds.ts'
import type { HostCalls } from '../engine/host.ts'
import { WHOLE, type Portion } from '../engine/portion.ts'
import { Pulse } from '../engine/pulse.ts'
import { followUpdates, type Update } from '../engine/db-updates.ts'
import type { Gateway } from '../gateways/gateway.ts'
import { InPlace } from '../skeletons/in-place.ts'
import { identify, type InstallError, type ServerKind } from '../skeletons/install.ts'
import type { Logger } from '../log.ts'
import type { SkeletonOfKind } from '../skeletons/folder.ts'
import { VERSION } from '../version.ts'
import { putAndBringUp } from './upgrade.ts'
import { makeParts, wireControllers, type Parts } from './wiring.ts'
import type { DaemonConfig } from '../config/config.ts'

export interface DaemonOptions {
  config: DaemonConfig
  skeleton: ReadonlyMap<string, SkeletonOfKind>
  /** What has sync functions. */
  gateways?: readonly Gateway[]
  /** Whom it works for; absent: all users. */
  portion?: Portion
  log: Logger
  now?: () => number
  /** Awaited before each request that writes: it fails where another daemon works. */
  beforeWriting?: () => Promise<void>
  /** Told of what goes on; absent: nobody counts. */
  meter?: Meter
  /** Told of each update of a database, when all parts have been. */
  onUpdate?: (update: Update) => void
}

/** The feed of updates cannot be opened: again after so long. */
const GAP_PAUSE_MS = 3_000
/** Checkpoints are written so often; what is lost with a crash is looked at once more. */
const FLUSH_MS = 1_000
/** The server is taken for one that is away where it has nothing to say for so long. */
const PROBE_MS = 5_000
/** Turns that are under way may take so long when the daemon stops. */
const STOP_TIMEOUT_MS = 8_000

/** The daemon on one server, from `start` to `stop`. It knows its parts as controllers only. */
export class Daemon {
  readonly #options: DaemonOptions
  readonly #couch: Couch
  readonly #queue: PQueue
  readonly #parts: Parts
  readonly #stop = new AbortController()
  readonly #waiting: Waiting
  readonly #outage: Outage
  readonly #failures: Failures
  /** What updates ask for. */
  readonly #errands: Errands
  readonly #inPlace: InPlace
  readonly #sweeps: Sweeps
  /** Only once it is known what kind of server this is. */
  #controllers: readonly Controller[] = []
  #tasks: Promise<void>[] = []
  /** What answers, as it said when the daemon connected. */
  #server: ServerKind | null = null
  #installed = false
  /** What a newer version has made of the data is not for this one: why it does nothing any more. */
  #outdated: string | null = null
  #isReadyTold = false

  constructor(options: DaemonOptions) {
    const { config, log, gateways = [], portion = WHOLE, meter = NO_METER, now = Date.now } = options
    this.#options = options
    // As many listeners as there are pauses and requests under way.
    setMaxListeners(0, this.#stop.signal)
    const { user, pass } = config.admin
    this.#queue = new PQueue({ concurrency: config.concurrency })
    const aside = asideOf(this.#queue)
    this.#couch = new Couch({
      url: config.url,
      user,
      pass,
      connections: config.concurrency * 2 + MOST_FEEDS + 8,
      beforeWriting: () => this.#confirm(),
      aside,
      onAnswered: options.meter?.answered,
      onRefused: (error, distanceMs) =>
        log.warn(
          { err: error, distanceMs },
          'CouchDB refuses requests for the time being; they are sent again',
        ),
    })
    this.#waiting = { signal: this.#stop.signal, sleep: this.#sleep, log }
    this.#parts = makeParts({
      ...this.#waiting,
      ...{ config, gateways, portion, aside, meter, now },
      couch: this.#couch,
      queue: this.#queue,
      pulse: new Pulse(now),
      onSkeletons: () => {
        for (const controller of this.#controllers) controller.onSkeletons?.(this.#errands.run)
      },
    })
    this.#outage = new Outage({
      ...this.#waiting,
      probe: (doubted) =>
        doubted === 'writes'
          ? takesWrites(this.#couch)
          : this.#couch.request({ path: [], timeoutMs: PROBE_MS }),
      ask: async (doubted) => {
        await identify(this.#couch)
        if (doubted === 'writes') await takesWrites(this.#couch)
      },
      onBegin: () => this.#queue.pause(),
      onEnd: (doubted) => this.#resume(doubted),
    })
    this.#failures = new Failures({ outage: this.#outage, log, signal: this.#stop.signal })
    this.#errands = new Errands({
      ...this.#waiting,
      onFailure: (error) => this.#failures.ofTask(error),
    })
    this.#inPlace = new InPlace({
      couch: this.#couch,
      skeleton: options.skeleton,
      kinds: this.#parts.kinds,
      log,
      around: (put) => putAndBringUp(put, { couch: this.#couch, log, now }),
      onRefused: (error) => this.#onRefused(error),
    })
    this.#sweeps = new Sweeps({
      ...this.#waiting,
      now,
      controllers: () => this.#controllers,
      intervalMs: config.sweepIntervalMs,
      putBack: () => this.#inPlace.putBack(),
      onFirst: () => this.#tellReady(),
      failures: this.#failures,
      status: () => this.#status,
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
      this.#sweeps.run(),
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
      this.#controllers = wireControllers(this.#parts, {
        isEmbedded,
        gateways: this.#options.gateways ?? [],
        calls: this.#calls,
        inPlace: {
          onRenewed: () => this.#inPlace.putBack(),
          onChanges: (db, changes) => this.#inPlace.putBackAfter(db, changes),
        },
      })
    await this.#inPlace.put()
    const forgotten = await this.#parts.checkpoints.forgetOfElsewhere()
    if (forgotten > 0)
      this.#options.log.warn(
        { forgotten },
        'the checkpoints are those of another server: all databases are read from the start',
      )
    for (const controller of this.#controllers) await controller.load?.()
    return this.#couch.updatesSeq()
  }

  /** Where a newer version has begun to work on the data, this one stops. */
  #onRefused({ code, message }: InstallError): void {
    if (code !== 'newer_layout') return
    this.#outdated = message
    this.#queue.pause()
  }

  /** Awaited before each request that writes. @throws {CouchFault} `stopped` */
  async #confirm(): Promise<void> {
    if (this.#outdated !== null) throw new CouchFault('stopped', REGISTRY, 'a newer version works here')
    await this.#options.beforeWriting?.()
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
    await this.#parts.checkpoints.flush()
  }

  /**
   * Owners, users of masters and of gateways, and databases of policies, that have something to do; a rollout counts as one, and so does
   * an update of which it is not known yet whom it concerns.
   */
  get busy(): number {
    return this.#errands.busy + sum(this.#controllers.map(({ busy }) => busy))
  }

  /** Turns taken since the start. */
  get turns(): number {
    return sum(this.#controllers.map(({ turns }) => turns))
  }

  /** Requests sent to CouchDB since the start. */
  get requests(): number {
    return this.#couch.requests
  }

  /** What is in the queue of each part. */
  get standings(): ReadonlyMap<Part, Standing> {
    return new Map(this.#controllers.map(({ part, standing }) => [part, standing]))
  }

  /** Does the loop turn? */
  health(): ProbeResult {
    if (this.#outage.isOngoing) return FINE
    return firstFault(this.#controllers.map((controller) => controller.healthy()))
  }

  /** Does CouchDB answer, is all installed, has each part gone through what it found at the start? */
  ready(): ProbeResult {
    if (!this.#installed) return { ok: false, reason: 'not installed yet' }
    if (this.#outdated !== null) return { ok: false, reason: this.#outdated }
    if (this.#outage.reason !== null) return { ok: false, reason: this.#outage.reason }
    if (!this.#inPlace.isThere)
      return { ok: false, reason: 'what the daemon needs on the server cannot be put in place; see the log' }
    return this.#caughtUp()
  }

  /**
   * Whoever runs this daemon was told so by CouchDB, or by nobody: is it away? Without this a daemon that has nothing to do would
   * find out when its feed has been silent for long. The start waits for the server by itself.
   */
  doubt(fault: CouchFault): void {
    if (!this.#installed) return
    this.#failures.unlessOutage(fault, () =>
      this.#options.log.debug({ err: fault }, 'nobody could be told that this daemon is there'),
    )
  }

  /** What the log says of all parts. */
  get #status(): Record<string, unknown> {
    return Object.assign({}, ...this.#controllers.map((controller) => controller.status?.())) as Record<
      string,
      unknown
    >
  }

  #caughtUp(): ProbeResult {
    return firstFault(this.#controllers.map((controller) => controller.ready()))
  }

  /** What the parts ask of the daemon. */
  get #calls(): HostCalls {
    return {
      onFailure: (db, error, tries) => this.#failures.ofTurn(db, error, tries),
      onFault: (error) => this.#failures.ofTask(error),
      onIdle: () => this.#tellReady(),
      every: (ms, work) => this.#every(ms, work),
    }
  }

  /** The server answers again, or takes writes again. */
  #resume(doubted: Doubted): void {
    this.#parts.pulse.beat()
    if (this.#stop.signal.aborted || this.#outdated !== null) return
    this.#queue.start()
    // The feed went on meanwhile: no gap tells of what was looked into, and could not be noted.
    if (doubted === 'writes') this.#errands.run('sweep', () => this.#sweeps.sweep({ slow: false }))
  }

  #onUpdate({ db, type }: Update): void {
    // One that was dropped may be about to be filled again by whoever dropped it: where nobody does, the next sweep makes it.
    if (type === 'created' && this.#inPlace.includes(db))
      this.#errands.run('in place', () => this.#inPlace.putBack())
    for (const controller of this.#controllers.toReversed())
      if (controller.onUpdate({ db, type }, this.#errands.run)) break
    this.#options.onUpdate?.({ db, type })
  }

  async #onGap(): Promise<Seq> {
    while (!this.#stop.signal.aborted) {
      try {
        // `_global_changes` may be what went away.
        const { version, isEmbedded } = await identify(this.#couch)
        this.#options.log.debug({ version }, 'feed opened again')
        const since = await this.#install(isEmbedded)
        await this.#sweeps.sweep({ slow: false })
        return since
      } catch (error) {
        this.#failures.unlessOutage(error, () =>
          this.#options.log.warn({ err: error }, 'feed cannot be opened again yet'),
        )
        await this.#sleep(GAP_PAUSE_MS)
      }
    }
    return 'now'
  }

  /** The end of the start, once: all is installed, and all that there was to catch up with is done. */
  #tellReady(): void {
    if (this.#isReadyTold || !this.#sweeps.isFirstDone || !this.#caughtUp().ok) return
    this.#isReadyTold = true
    const { config, portion = WHOLE, log } = this.#options
    const { version: couchdb, isEmbedded } = this.#server ?? {}
    const divided = portion.isWhole ? {} : { partitions: portion.numbers, of: portion.of }
    log.info(
      { version: VERSION, server: config.url, couchdb, embedded: isEmbedded, ...divided, ...this.#status },
      'ready',
    )
  }

  /** Does something at intervals until the daemon stops; a failure is logged, and the next time comes. */
  async #every(ms: number, work: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#sleep(ms)
      if (this.#stop.signal.aborted || this.#outage.isOngoing) continue
      await work().catch((error: unknown) => this.#failures.ofTask(error))
    }
  }

  readonly #sleep = async (ms: number): Promise<void> => {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
