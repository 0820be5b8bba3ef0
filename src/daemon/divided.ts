// The daemon as one of several processes that divide the users: it works for the partitions that it has, and no others.
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import once from 'lodash/once.js'
import { Couch } from '../couch/client.ts'
import { isFault, type CouchFault } from '../couch/fault.ts'
import { persist, sayAway, type Waiting } from '../couch/outage.ts'
import { counted } from '../documents/counted.ts'
import { firstFault, type ProbeResult } from '../engine/controller.ts'
import { Division, type View } from '../engine/division.ts'
import { nameOfHolder } from '../engine/duty-document.ts'
import { BEAT_MS } from '../engine/duty.ts'
import { together, type Part, type Standing } from '../engine/meter.ts'
import { portionOf } from '../engine/portion.ts'
import { InstallError } from '../skeletons/install.ts'
import { Daemon, type DaemonOptions } from './daemon.ts'
import { awaitDuties, clocks, prepareAgain, REQUEST_MS, Trouble } from './duty-place.ts'
import { Terms, type Term } from './terms.ts'

export interface DividedOptions extends Omit<DaemonOptions, 'portion' | 'beforeWriting'> {
  /** How many there are: the same for all processes. */
  partitions: number
}

/** How often it is looked who has what. */
const LOOK_MS = 1_000
/** Processes that are started together see each other before the first one takes what is free. */
const SETTLE_MS = 2_500
/** Where the server cannot be used any more. */
const PAUSE_MS = 30_000

/** Each has a feed of updates, sweeps, and knows who is in `_users`; where one is lost, the others go on. */
const MOST_DAEMONS = 3

interface Working extends Term {
  daemon: Daemon
}

/** Has a daemon for the partitions that it takes, another one for those that it takes later, and none for what it gives up. */
export class Divided {
  readonly #options: DividedOptions
  readonly #couch: Couch
  readonly #division: Division
  readonly #trouble: Trouble
  readonly #stop = new AbortController()
  readonly #terms: Terms<Working>
  #tasks: Promise<void>[] = []
  /** Why this process has no partition. */
  #waits = 'CouchDB was not reached yet'
  /** The server is not to be used, as a daemon found. */
  #fault: InstallError | null = null
  /** The first daemon has started, or cannot. */
  readonly #first: Promise<void>
  #tellFirst: (fault?: InstallError) => void = () => undefined

  constructor(options: DividedOptions) {
    const { config, partitions, now = Date.now } = options
    const { user, pass } = config.admin
    this.#options = options
    this.#first = new Promise((resolve, reject) => {
      this.#tellFirst = (fault) => (fault === undefined ? resolve() : reject(fault))
    })
    // Each partition says that it is there, and none of them is to wait for the others.
    const connections = partitions + 4
    this.#couch = new Couch({ url: config.url, user, pass, connections, timeoutMs: REQUEST_MS })
    this.#trouble = new Trouble(options.log)
    this.#division = new Division({
      ...{ couch: this.#couch, now, clocks },
      template: config.userDatabases.template,
      of: partitions,
      host: hostname(),
      pid: process.pid,
    })
    this.#terms = new Terms({
      // Who stops begins nothing.
      held: () => (this.#stop.signal.aborted ? [] : this.#division.held),
      begin: (numbers) => this.#begin(numbers),
      most: MOST_DAEMONS,
    })
  }

  /** The partitions that it works for, from 0 on. */
  get partitions(): number[] {
    return this.#terms.numbers
  }

  /**
   * Resolves when this process works for a partition, having waited for the server, and for one that is free.
   * @throws {InstallError} where the server cannot be used
   */
  async start(): Promise<void> {
    const isPrepared = await awaitDuties(this.#couch, this.#waiting, (reason) => (this.#waits = reason))
    if (isPrepared === null) return
    this.#tasks = [this.#lookOn(), this.#beatOn()]
    await this.#first
  }

  /** Lets the daemons finish what they have in hand, and then others begin with what this process had. */
  async stop(): Promise<void> {
    const { log } = this.#options
    this.#stop.abort()
    this.#tellFirst()
    await Promise.all([...this.#tasks, ...this.#terms.all.map((term) => term.stop())])
    await this.#division
      .leave()
      .catch((err: unknown) => log.warn({ err }, 'not given up: another process takes over later'))
    await this.#couch.close()
  }

  /** Does the loop turn? Who waits is well. */
  health(): ProbeResult {
    return firstFault(this.#terms.all.map(({ daemon }) => daemon.health()))
  }

  /** Whether this process works for a partition. */
  get isAtWork(): boolean {
    return this.#terms.all.length > 0
  }

  /** What is in the queue of each part, of all its partitions together. */
  get standings(): ReadonlyMap<Part, Standing> {
    const all = this.#terms.all.map(({ daemon }) => daemon.standings)
    const parts = new Set(all.flatMap((standings) => [...standings.keys()]))
    return new Map(
      [...parts].map((part) => [part, together(all.flatMap((standings) => standings.get(part) ?? []))]),
    )
  }

  /** Has each partition that this process has been gone through once? */
  ready(): ProbeResult {
    if (this.#terms.all.length === 0) return { ok: false, reason: this.#waits }
    return firstFault(this.#terms.all.map(({ daemon }) => daemon.ready()))
  }

  async #lookOn(): Promise<void> {
    await persist(() => this.#division.announce(), this.#waiting)
    await this.#sleep(SETTLE_MS)
    while (!this.#stop.signal.aborted) {
      await this.#look()
      await this.#keep()
      await this.#sleep(LOOK_MS)
    }
  }

  /** One look, and what follows from it. What does not come about is planned again with the next one. */
  async #look(): Promise<void> {
    try {
      if (this.#fault !== null) return await this.#pause()
      await this.#division.announce()
      const view = await this.#division.look()
      this.#trouble.end()
      await this.#carryOut(view)
    } catch (error) {
      if (!isFault(error)) throw error
      // Whoever has a partition could not say so either.
      this.#division.lookAway()
      if (this.#stop.signal.aborted) return
      this.#waits = sayAway(error)
      this.#trouble.tell(error)
      await prepareAgain(this.#couch, this.#options.log, error)
    }
  }

  async #carryOut(view: View): Promise<void> {
    const { log, partitions: of } = this.#options
    if (view.kind === 'other') {
      const waits = `${nameOfHolder(view.holder)} works on this server with another value of PARTITIONS; this one waits`
      if (waits !== this.#waits) log.warn({ holder: view.holder }, waits)
      this.#waits = waits
      return this.#giveUp(this.#division.held)
    }
    await this.#giveUp(view.plan.giveUp)
    const taken = await this.#division.take(view.plan.take)
    if (taken.length > 0) log.info({ partitions: taken, of, others: view.others }, 'partitions taken')
    this.#waits = `${counted(view.others, 'other process has', 'other processes have')} all ${of} partitions`
  }

  #begin(numbers: readonly number[]): Working {
    const { lost, confirm } = this.#division.tenure(numbers)
    const portion = portionOf(numbers, this.#options.partitions)
    const daemon = new Daemon({ ...this.#options, portion, beforeWriting: confirm })
    void this.#start(daemon)
    return { numbers, daemon, lost, stop: once(() => daemon.stop()) }
  }

  async #start(daemon: Daemon): Promise<void> {
    try {
      await daemon.start()
      this.#tellFirst()
    } catch (error) {
      if (!(error instanceof InstallError)) throw error
      this.#options.log.error({ err: error }, 'CouchDB cannot be used')
      this.#fault = error
      this.#tellFirst(error)
    }
  }

  /** Works for all that this process has, and for nothing that it has lost: a daemon that knows what was before ends. */
  async #keep(): Promise<void> {
    if (this.#fault !== null) return
    const { lost } = this.#terms
    if (lost.length > 0)
      this.#options.log.error(
        { partitions: lost },
        'another process has taken over partitions: this one stops working on them',
      )
    await this.#terms.end(lost)
    await this.#terms.begin()
  }

  async #giveUp(numbers: readonly number[]): Promise<void> {
    if (numbers.length === 0) return
    await this.#terms.end(numbers)
    await this.#division.giveUp(numbers)
    this.#options.log.info({ partitions: numbers, of: this.#options.partitions }, 'partitions given up')
  }

  /** Others may be able to use the server; after a while this process tries again. */
  async #pause(): Promise<void> {
    await this.#terms.end(this.partitions)
    this.#waits = this.#fault?.message ?? ''
    await this.#division.leave()
    await this.#sleep(PAUSE_MS)
    this.#fault = null
  }

  /** Says that this process is there, and has what it has, until it stops. */
  async #beatOn(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#sleep(BEAT_MS)
      if (this.#stop.signal.aborted) return
      let fault: CouchFault | null = null
      await this.#division.beat((error) => (fault = error))
      if (fault === null) continue
      for (const { daemon } of this.#terms.all) daemon.doubt(fault)
      await prepareAgain(this.#couch, this.#options.log, fault)
    }
  }

  get #waiting(): Waiting {
    return { log: this.#options.log, signal: this.#stop.signal, sleep: this.#sleep }
  }

  readonly #sleep = async (ms: number): Promise<void> => {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
