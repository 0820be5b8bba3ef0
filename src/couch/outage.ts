// A server that does not answer is waited for, for ever, and told about once.
import type { Logger } from '../log.ts'
import { adviceOn } from './advice.ts'
import { isFault, type CouchFault } from './fault.ts'

const SHORTEST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

export interface Waiting {
  signal: AbortSignal
  /** Resolves after so many milliseconds, or when `signal` is aborted. */
  sleep: (ms: number) => Promise<void>
  log: Logger
}

/**
 * Tries again, ever more slowly, while CouchDB fails.
 * @returns null where `signal` is aborted meanwhile
 * @throws whatever is no CouchFault
 */
export async function persist<T>(work: () => Promise<T>, { signal, sleep, log }: Waiting): Promise<T | null> {
  for (let pause = SHORTEST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    try {
      return await work()
    } catch (error) {
      if (!isFault(error)) throw error
      if (pause === SHORTEST_PAUSE_MS) log.warn({ err: error }, sayWaiting(error))
    }
    await sleep(pause)
  }
  return null
}

/** What is told once where the server is waited for. */
export function sayWaiting(error: CouchFault): string {
  const advice = adviceOn(error)
  return advice === null ? 'waiting for CouchDB' : `waiting for CouchDB: ${advice}`
}

/** Why nothing goes on, for whoever asks whether the daemon is ready. @param error of what was asked last */
export function sayAway(error: unknown): string {
  if (isFault(error, 'locked_out')) return 'CouchDB has locked the admin’s account for this address'
  if (isFault(error, 'unauthorized')) return 'CouchDB refuses the admin’s name or password'
  return isFault(error) ? 'CouchDB does not answer' : 'CouchDB cannot be used, see the log'
}

export interface OutageOptions extends Waiting {
  /** Fails where the server does not say anything at once. */
  probe: () => Promise<unknown>
  /** Fails while the server is away, or cannot be used. */
  ask: () => Promise<unknown>
  onBegin: () => void
  onEnd: () => void
}

/**
 * The time in which the server answers nobody. A request that finds nobody is only a suspicion: one document may take CouchDB
 * longer than a request may last, or be what closed the connection.
 */
export class Outage {
  readonly #options: OutageOptions
  /** Why it goes on, by the request that failed last; null: there is none. */
  #reason: string | null = null
  #probing: Promise<boolean> | null = null

  constructor(options: OutageOptions) {
    this.#options = options
  }

  get isOngoing(): boolean {
    return this.#reason !== null
  }

  /** Why nothing goes on, in words; null where the server is taken for one that answers. */
  get reason(): string | null {
    return this.#reason
  }

  /** Somebody found that the server does not answer: does it answer others? @returns whether it is an outage */
  async suspect(): Promise<boolean> {
    if (this.isOngoing || this.#options.signal.aborted) return true
    this.#probing ??= this.#probe().finally(() => (this.#probing = null))
    return this.#probing
  }

  async #probe(): Promise<boolean> {
    try {
      await this.#options.probe()
      return false
    } catch (error) {
      this.#begin(error)
      return true
    }
  }

  #begin(error: unknown): void {
    if (this.isOngoing || this.#options.signal.aborted) return
    this.#reason = sayAway(error)
    const advice = isFault(error, 'locked_out')
      ? ': somebody tried wrong passwords. Waiting, see "Locked out" in docs/operating.md'
      : ''
    this.#options.log.error(this.#reason + advice)
    this.#options.onBegin()
    void this.#wait().then(() => {
      this.#reason = null
      this.#options.onEnd()
    })
  }

  async #wait(): Promise<void> {
    const { log, signal, sleep } = this.#options
    const ask = (): Promise<unknown> =>
      this.#options.ask().catch((error: unknown) => {
        this.#reason = sayAway(error)
        throw error
      })
    await sleep(SHORTEST_PAUSE_MS)
    while (!signal.aborted) {
      try {
        if ((await persist(ask, this.#options)) !== null) log.info('CouchDB answers again')
        return
      } catch (error) {
        // It answers, and will not have us: the password may be in the middle of a change.
        log.error({ err: error }, 'CouchDB cannot be used')
        await sleep(LONGEST_PAUSE_MS)
      }
    }
  }
}
