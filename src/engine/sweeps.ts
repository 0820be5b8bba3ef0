// Sweeps: whatever was missed is found, once at the start and then slowly for ever.
import type { Logger } from '../log.ts'
import type { Controller } from './controller.ts'
import type { Failures } from './failures.ts'

const SHORTEST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000
/** A slow sweep rests so long between two batches. */
const SLOW_REST_MS = 1_000

export interface SweepsOptions {
  /** In the order in which they sweep; known once the server is. */
  controllers: () => readonly Controller[]
  /** Milliseconds from the end of one sweep to the beginning of the next. */
  intervalMs: number
  /** Awaited before each slow sweep: what the daemon needs on the server is there. */
  putBack: () => Promise<void>
  /** The first sweep is over. */
  onFirst: () => void
  failures: Failures
  /** What the log says of all parts. */
  status: () => Record<string, unknown>
  log: Logger
  signal: AbortSignal
  sleep: (ms: number) => Promise<void>
  now: () => number
}

/** The sweeps of all parts of the daemon, one part after the other. */
export class Sweeps {
  readonly #options: SweepsOptions
  #isFirstDone = false

  constructor(options: SweepsOptions) {
    this.#options = options
  }

  /** Whether each part has looked through all that was there at the start. */
  get isFirstDone(): boolean {
    return this.#isFirstDone
  }

  /** Until the signal is aborted; a sweep that fails is tried again, ever more slowly. */
  async run(): Promise<void> {
    const { signal, sleep, intervalMs, failures, log, onFirst } = this.#options
    let pause = SHORTEST_PAUSE_MS
    while (!signal.aborted) {
      const isFirst = !this.#isFirstDone
      try {
        await this.sweep({ slow: !isFirst })
        this.#isFirstDone = true
        if (isFirst) onFirst()
        pause = SHORTEST_PAUSE_MS
        await sleep(intervalMs)
      } catch (error) {
        failures.unlessOutage(error, () => log.warn({ err: error }, 'sweep failed, tried again'))
        await sleep(pause)
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  /** @param slow nobody waits for it @throws {CouchFault} */
  async sweep({ slow }: { slow: boolean }): Promise<void> {
    const { controllers, putBack, now, sleep, log, status } = this.#options
    const begun = now()
    if (slow) await putBack()
    const rest = (): Promise<void> => (slow ? sleep(SLOW_REST_MS) : Promise.resolve())
    for (const controller of controllers()) await controller.sweep(rest, slow)
    log[slow ? 'debug' : 'info']({ ...status(), ms: now() - begun }, 'sweep finished')
  }
}
