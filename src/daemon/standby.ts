// The daemon as a process runs it: one works on a server, the next waits until that one is done, or silent.
import { hostname } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'
import { Couch } from '../couch/client.ts'
import { isFault } from '../couch/fault.ts'
import { sayAway } from '../couch/outage.ts'
import { Daemon, type DaemonOptions } from './daemon.ts'
import type { ProbeResult } from '../engine/controller.ts'
import type { Part, Standing } from '../engine/meter.ts'
import { InstallError } from '../skeletons/install.ts'
import { dutyId, nameOfHolder } from '../engine/duty-document.ts'
import { awaitDuties, clocks, prepareAgain, REQUEST_MS, Trouble } from './duty-place.ts'
import { BEAT_MS, Duty, type DutyStanding } from '../engine/duty.ts'

export interface StandbyOptions extends DaemonOptions {
  /** The server is this process's own: nobody else works on it. */
  isServerOwn?: boolean
}

/** Who waits looks this often. */
const LOOK_MS = 1_000
/** Where the server cannot be used any more when it is this daemon's turn again. */
const PAUSE_MS = 30_000

/** One time of working. */
interface Term {
  /** Resolves when this daemon is not the one that works any more, or stops. */
  over: Promise<void>
}

/** Waits for its turn, works, and stops at once when somebody else works. */
export class Standby {
  readonly #options: StandbyOptions
  readonly #couch: Couch
  readonly #duty: Duty
  readonly #stop = new AbortController()
  #daemon: Daemon | null = null
  #works: Promise<void> = Promise.resolve()
  readonly #trouble: Trouble
  /** Why this daemon does not work. */
  #waits = 'CouchDB was not reached yet'

  constructor(options: StandbyOptions) {
    const { config, now = Date.now } = options
    const { user, pass } = config.admin
    this.#options = options
    this.#couch = new Couch({ url: config.url, user, pass, connections: 4, timeoutMs: REQUEST_MS })
    this.#trouble = new Trouble(options.log)
    this.#duty = new Duty({
      ...{ couch: this.#couch, now, clocks },
      id: dutyId(config.userDatabases.template),
      host: hostname(),
      pid: process.pid,
    })
  }

  /**
   * Resolves when this daemon works, having waited for the server, and for another daemon.
   * @throws {InstallError} where the server cannot be used
   */
  async start(): Promise<void> {
    const term = await this.#begin()
    this.#works = this.#goOn(term)
  }

  /** Lets the daemon finish what it has in hand, and then whoever waits begin. */
  async stop(): Promise<void> {
    const { log } = this.#options
    this.#stop.abort()
    await this.#daemon?.stop()
    await this.#works
    await this.#duty
      .release()
      .catch((err: unknown) => log.warn({ err }, 'not given up: a daemon that waits begins later'))
    await this.#couch.close()
  }

  /** Does the loop turn? Who waits is well. */
  health(): ProbeResult {
    return this.#daemon?.health() ?? { ok: true }
  }

  /** Whether this daemon works, and waits for no other. */
  get isAtWork(): boolean {
    return this.#daemon !== null
  }

  /** What is in the queue of each part. */
  get standings(): ReadonlyMap<Part, Standing> {
    return this.#daemon?.standings ?? new Map()
  }

  ready(): ProbeResult {
    return this.#daemon?.ready() ?? { ok: false, reason: this.#waits }
  }

  /** Waits until it is this daemon's turn. @returns null where it is stopped before @throws {InstallError} */
  async #begin(): Promise<Term | null> {
    const waiting = { log: this.#options.log, signal: this.#stop.signal, sleep: this.#sleep }
    const isPrepared = await awaitDuties(this.#couch, waiting, (reason) => (this.#waits = reason))
    if (isPrepared === null || !(await this.#take())) return null
    const daemon = new Daemon({ ...this.#options, beforeWriting: this.#duty.tenure().confirm })
    this.#daemon = daemon
    const term = { over: this.#beat(daemon) }
    await Promise.race([daemon.start(), term.over])
    return term
  }

  async #goOn(first: Term | null): Promise<void> {
    for (let term = first; term !== null; term = await this.#beginAgain()) {
      await term.over
      if (this.#stop.signal.aborted) return
      this.#waits = this.#duty.wasPutBack
        ? 'what the daemon keeps in CouchDB is of an earlier time: it begins anew'
        : 'another daemon has taken over'
      this.#options.log.error(
        this.#duty.wasPutBack
          ? 'CouchDB has been put back to an earlier time: this daemon forgets what it knows, and begins anew'
          : 'another daemon has taken over: this one stops working, and waits',
      )
      const daemon = this.#daemon
      this.#daemon = null
      // What it holds in memory may be wrong by now.
      await daemon?.stop()
    }
  }

  async #beginAgain(): Promise<Term | null> {
    while (!this.#stop.signal.aborted)
      try {
        return await this.#begin()
      } catch (error) {
        if (!(error instanceof InstallError)) throw error
        this.#options.log.error({ err: error }, 'CouchDB cannot be used')
        const daemon = this.#daemon
        this.#daemon = null
        await daemon?.stop()
        await this.#sleep(PAUSE_MS)
      }
    return null
  }

  /** @returns false where this daemon is stopped before it is its turn */
  async #take(): Promise<boolean> {
    const { log, isServerOwn = false } = this.#options
    let told: string | null = null
    while (!this.#stop.signal.aborted) {
      const standing = await this.#look(isServerOwn)
      if (standing?.kind === 'held') {
        const { after } = standing
        if (told !== null) log.info({ after }, 'the other daemon works no more: this one begins')
        return true
      }
      const { holder = null, silentMs = 0 } = standing ?? {}
      if (standing !== null) {
        const name = holder === null ? 'another daemon' : nameOfHolder(holder)
        this.#waits = `${name} works on this server; this one waits`
        if (told !== name) log.warn({ holder, silentMs }, this.#waits)
        told = name
      }
      await this.#sleep(LOOK_MS)
    }
    return false
  }

  /** Null where CouchDB does not say. */
  async #look(isAlone: boolean): Promise<DutyStanding | null> {
    try {
      const standing = await this.#duty.seek({ isAlone })
      this.#trouble.end()
      return standing
    } catch (error) {
      if (!isFault(error)) throw error
      // Whoever works could not say so either.
      this.#duty.lookAway()
      if (this.#stop.signal.aborted) return null
      this.#waits = sayAway(error)
      this.#trouble.tell(error)
      await prepareAgain(this.#couch, this.#options.log, error)
      return null
    }
  }

  /** Says that this daemon is there, until it is not the one that works, or stops. */
  async #beat(daemon: Daemon): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await this.#sleep(BEAT_MS)
      if (this.#stop.signal.aborted) return
      try {
        if (!(await this.#duty.beat())) return
      } catch (error) {
        if (!isFault(error)) throw error
        daemon.doubt(error)
        await prepareAgain(this.#couch, this.#options.log, error)
      }
    }
  }

  readonly #sleep = async (ms: number): Promise<void> => {
    await delay(ms, undefined, { signal: this.#stop.signal }).catch(() => undefined)
  }
}
