// A server, or a proxy before it, that refuses now and then is asked again, and no faster than it takes requests.
// Retry-After: RFC 9110, 10.2.3. nginx says 503 past `limit_req`, Cloudant 429, and proxies 502 for a connection that is lost.
import PQueue from 'p-queue'
import type { Dispatcher } from 'undici'
import { Deadline } from './deadline.ts'
import { isFault, type CouchFault } from './fault.ts'

/** Refusals of the server for the time being; what was asked for is right. */
const PASSING: ReadonlySet<number | null> = new Set([429, 502, 503])
/** Those that say: too fast. A lost connection (502) says nothing of the kind. */
const TOO_FAST: ReadonlySet<number | null> = new Set([429, 503])

/** How often a request is sent at most: with the pauses below, some 20 s. */
const MOST_TRIES = 10
const SHORTEST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5_000
/** Whoever wants to be left alone for longer is asked again all the same. */
const LONGEST_RETRY_AFTER_MS = 60_000

/** The distance between two requests, in ms: where it begins, what becomes of it with each refusal and each answer. */
const FIRST_DISTANCE_MS = 10
const LONGEST_DISTANCE_MS = 1_000
const SLOWER = 1.5
const FASTER = 0.9
/** Nobody notices less. */
const NO_DISTANCE_MS = 2

/** How long the log stays silent about a server that goes on refusing. */
const SILENCE_MS = 60_000

export interface PaceOptions {
  /** Told of the first refusal, and each minute while they go on. @param distanceMs between two requests, 0 for none */
  onRefused?: ((fault: CouchFault, distanceMs: number) => void) | undefined
  now?: () => number
  /** Ends before its time with any of the signals. */
  sleep?: (ms: number, above: readonly AbortSignal[]) => Promise<void>
  /** From 0 to 1: what was refused together does not come back together. */
  random?: () => number
}

export interface Patience {
  /** Any of them ends the waiting, and the refusal is thrown. */
  above: readonly AbortSignal[]
  /** After so many ms nothing is sent once more, and no wish of the server to be left alone is heeded for longer. */
  patienceMs: number
}

/** Sends the requests for one server. */
export class Pace {
  readonly #onRefused: NonNullable<PaceOptions['onRefused']>
  readonly #now: () => number
  readonly #sleep: NonNullable<PaceOptions['sleep']>
  readonly #random: () => number
  /** One after the other, with the distance between them. */
  readonly #gate = new PQueue({ concurrency: 1 })
  #distanceMs = 0
  /** Nothing is sent before, because the server said so. */
  #closedUntil = 0
  #toldAt = -Infinity

  constructor({ onRefused, now, sleep, random }: PaceOptions = {}) {
    this.#onRefused = onRefused ?? (() => undefined)
    this.#now = now ?? Date.now
    this.#sleep = sleep ?? pause
    this.#random = random ?? Math.random
  }

  /** For the dispatcher that the requests go through: it alone sees what an answer says of when to ask again. */
  readonly heedRetryAfter: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onRequestUpgrade: (...upgrade) => handler.onRequestUpgrade?.(...upgrade),
      onResponseStart: (controller, status, headers, statusMessage) => {
        if (TOO_FAST.has(status)) this.#closeFor(msOf(headers['retry-after'], this.#now()))
        handler.onResponseStart?.(controller, status, headers, statusMessage)
      },
      onResponseData: (controller, chunk) => handler.onResponseData?.(controller, chunk),
      onResponseEnd: (controller, trailers) => handler.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => handler.onResponseError?.(controller, error),
    })

  /**
   * Sends, and sends again while the server refuses for the time being: ten times at most, with growing pauses, and not
   * before the server wants to be asked again. What it may have carried out all the same (502) is carried out twice, so
   * `send` must be something of which the second time does no harm; a write over a revision is.
   * @throws what `send` threw at last
   */
  async keep<Answer>(send: () => Promise<Answer>, { above, patienceMs }: Patience): Promise<Answer> {
    const end = this.#now() + patienceMs
    for (let tries = 1; ; tries += 1) {
      await this.#turn({ above, patienceMs })
      try {
        const answer = await send()
        this.#faster()
        return answer
      } catch (error) {
        if (!isFault(error) || !PASSING.has(error.status)) {
          this.#faster()
          throw error
        }
        this.#refused(error)
        const wait = this.#growing(tries)
        if (tries === MOST_TRIES || this.#now() + wait > end) throw error
        await this.#sleep(wait, above)
        if (above.some(({ aborted }) => aborted)) throw error
      }
    }
  }

  /** Comes back when it is this request's time. */
  async #turn({ above, patienceMs }: Patience): Promise<void> {
    const isOpen = this.#distanceMs === 0 && this.#closedUntil <= this.#now()
    if (isOpen && this.#gate.size + this.#gate.pending === 0) return
    await this.#gate.add(async () => {
      const closedMs = Math.min(this.#closedUntil - this.#now(), patienceMs)
      await this.#sleep(Math.max(this.#distanceMs, closedMs), above)
    })
  }

  #growing(tries: number): number {
    const longest = Math.min(SHORTEST_PAUSE_MS * 2 ** (tries - 1), LONGEST_PAUSE_MS)
    return (longest * (1 + this.#random())) / 2
  }

  #closeFor(ms: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, this.#now() + Math.min(ms, LONGEST_RETRY_AFTER_MS))
  }

  #refused(fault: CouchFault): void {
    if (TOO_FAST.has(fault.status))
      this.#distanceMs = Math.min(Math.max(this.#distanceMs * SLOWER, FIRST_DISTANCE_MS), LONGEST_DISTANCE_MS)
    if (this.#now() - this.#toldAt < SILENCE_MS) return
    this.#toldAt = this.#now()
    this.#onRefused(fault, Math.round(this.#distanceMs))
  }

  #faster(): void {
    const distance = this.#distanceMs * FASTER
    this.#distanceMs = distance < NO_DISTANCE_MS ? 0 : distance
  }
}

/** Of a Retry-After header: seconds, or a date. 0 for what is neither. */
function msOf(header: string | string[] | undefined, now: number): number {
  const text = String(header ?? '').trim()
  if (/^\d+$/.test(text)) return Number(text) * 1_000
  const ms = Date.parse(text) - now
  return ms > 0 ? ms : 0
}

async function pause(ms: number, above: readonly AbortSignal[]): Promise<void> {
  if (ms <= 0 || above.some(({ aborted }) => aborted)) return
  const deadline = new Deadline(ms, above)
  await new Promise((resolve) => deadline.signal.addEventListener('abort', resolve, { once: true }))
  deadline.close()
}
