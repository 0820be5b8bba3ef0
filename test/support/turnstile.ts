// Lets the requests of several turns through one by one, in an order that a seed decides: any race can happen, and happens
// again the next time.
import { setImmediate as pause } from 'node:timers/promises'

/** With nobody at the turnstile for so long, everybody waits for everybody. */
const MOST_PAUSES = 2_000

export class Turnstile {
  readonly #random: () => number
  readonly #waiting: (() => void)[] = []
  #isOpen = true

  /** @param random gives numbers from 0 to 1, without 1 */
  constructor(random: () => number) {
    this.#random = random
  }

  /** Waits until it is this request's turn; nobody waits while no race is run. */
  async pass(): Promise<void> {
    if (!this.#isOpen) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
  }

  /**
   * Runs everything side by side, one request at a time.
   * @param between called before each request, for what happens meanwhile
   */
  async race(runs: readonly (() => Promise<void>)[], between: () => void = () => undefined): Promise<void> {
    this.#isOpen = false
    let left = runs.length
    const all = Promise.all(runs.map((run) => run().finally(() => (left -= 1))))
    // Nobody is left behind: who fails tells when all are done.
    all.catch(() => undefined)
    for (let pauses = 0; left > 0; pauses += 1) {
      await pause()
      if (pauses > MOST_PAUSES) throw new Error('Expected a request, but everybody waits for everybody')
      if (this.#waiting.length === 0) continue
      pauses = 0
      between()
      const [next] = this.#waiting.splice(Math.floor(this.#random() * this.#waiting.length), 1)
      next?.()
    }
    this.#isOpen = true
    await all
  }
}

/** Random numbers that are the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
