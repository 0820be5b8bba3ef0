// Whether the loop turns: somebody has something to do, and for long no turn ended, and no page of one.

/** With somebody waiting, a loop that finished nothing for so long does not turn any more. */
const STUCK_MS = 5 * 60_000

/** Of all queues of work together: they share their slots, so that while one turns nobody in another is stuck. */
export class Pulse {
  readonly #now: () => number
  #at: number

  /** @param now milliseconds */
  constructor(now: () => number) {
    this.#now = now
    this.#at = now()
  }

  /** A turn has ended, or a page of one. */
  beat(): void {
    this.#at = this.#now()
  }

  /** Milliseconds. */
  now(): number {
    return this.#now()
  }

  /** @param since when somebody began to wait, in milliseconds */
  isStill(since: number): boolean {
    return this.#now() - Math.max(this.#at, since) > STUCK_MS
  }
}
