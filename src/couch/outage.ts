// A server that does not answer is waited for, for ever, and told about once.
import type { Logger } from '../log.ts'
import { adviceOn } from './advice.ts'
import { isFault, type CouchFault } from './fault.ts'

const SHORTEST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A server that is there, and takes no writes, is asked again so often. */
const WRITES_PAUSE_MS = 3_000

export interface Waiting {
  signal: AbortSignal
  /** Resolves after so many milliseconds, or when `signal` is aborted. */
  sleep: (ms: number) => Promise<void>
  log: Logger
}

/**
 * Tries again, ever more slowly, while CouchDB fails.
 * @param longestMs between two tries
 * @returns null where `signal` is aborted meanwhile
 * @throws whatever is no CouchFault
 */
export async function persist<T>(
  work: () => Promise<T>,
  { signal, sleep, log }: Waiting,
  longestMs = LONGEST_PAUSE_MS,
): Promise<T | null> {
  for (let pause = SHORTEST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, longestMs)) {
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
  if (isFault(error, 'no_room')) return `CouchDB’s disk is full, and it takes no writes`
  if (isFault(error, 'locked_out')) return 'CouchDB has locked the admin’s account for this address'
  if (isFault(error, 'unauthorized')) return 'CouchDB refuses the admin’s name or password'
  return isFault(error) ? 'CouchDB does not answer' : 'CouchDB cannot be used, see the log'
}

/** What is doubted: that the server answers, or that it takes writes as well. */
export type Doubted = 'answers' | 'writes'

export interface OutageOptions extends Waiting {
  /** Fails where the server does not say anything at once, or takes no writes. */
  probe: (doubted: Doubted) => Promise<unknown>
  /** Fails while the server is away, or cannot be used, or takes no writes. */
  ask: (doubted: Doubted) => Promise<unknown>
  onBegin: () => void
  onEnd: (doubted: Doubted) => void
}

/**
 * The time in which the server answers nobody, or writes nothing. A request that finds nobody is only a suspicion: one document may take
 * CouchDB longer than a request may last, or be what closed the connection; one that fails may fail by itself.
 */
export class Outage {
  readonly #options: OutageOptions
  /** Why it goes on, by the request that failed last; null: there is none. */
  #reason: string | null = null
  readonly #probing = new Map<Doubted, Promise<boolean>>()

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

  /**
   * Somebody found that the server does not answer, or takes no writes: how is it with others?
   * @returns whether it is an outage
   */
  async suspect(doubted: Doubted = 'answers'): Promise<boolean> {
    if (this.isOngoing || this.#options.signal.aborted) return true
    const probing =
      this.#probing.get(doubted) ?? this.#probe(doubted).finally(() => this.#probing.delete(doubted))
    this.#probing.set(doubted, probing)
    return probing
  }

  async #probe(doubted: Doubted): Promise<boolean> {
    try {
      await this.#options.probe(doubted)
      return false
    } catch (error) {
      this.#begin(error, doubted)
      return true
    }
  }

  #begin(error: unknown, doubted: Doubted): void {
    if (this.isOngoing || this.#options.signal.aborted) return
    this.#reason = sayAt(error, doubted)
    const advice = isFault(error, 'locked_out')
      ? ': somebody tried wrong passwords. Waiting, see "Locked out" in docs/operating.md'
      : ''
    this.#options.log.error(this.#reason + advice)
    this.#options.onBegin()
    void this.#wait(doubted).then(() => {
      this.#reason = null
      this.#options.onEnd(doubted)
    })
  }

  async #wait(doubted: Doubted): Promise<void> {
    const { log, signal, sleep } = this.#options
    const ask = (): Promise<unknown> =>
      this.#options.ask(doubted).catch((error: unknown) => {
        this.#reason = sayAt(error, doubted)
        throw error
      })
    const longestMs = doubted === 'writes' ? WRITES_PAUSE_MS : LONGEST_PAUSE_MS
    await sleep(SHORTEST_PAUSE_MS)
    while (!signal.aborted) {
      try {
        if ((await persist(ask, this.#options, longestMs)) !== null)
          log.info(doubted === 'writes' ? 'CouchDB takes writes again' : 'CouchDB answers again')
        return
      } catch (error) {
        // It answers, and will not have us: the password may be in the middle of a change.
        log.error({ err: error }, 'CouchDB cannot be used')
        await sleep(LONGEST_PAUSE_MS)
      }
    }
  }
}

/** Why nothing goes on: one that fails at writes alone answers. */
const sayAt = (error: unknown, doubted: Doubted): string =>
  doubted === 'writes' && isFault(error, 'server_error')
    ? 'CouchDB takes no writes, it fails at them: see its log'
    : sayAway(error)
