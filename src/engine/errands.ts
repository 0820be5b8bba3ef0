// What an update asks for before it is known whom it concerns: done at once, beside all lanes, and again where CouchDB fails.
import { isFault } from '../couch/fault.ts'

/**
 * Does something at once, and again, ever more slowly, where CouchDB fails.
 * @param name of what is done: where it waits to be done again and somebody comes with the same, the later one stands for both
 */
export type RunErrand = (name: string, work: () => Promise<void>) => void

export interface ErrandsOptions {
  /** Told of the first failure of an errand, and of the one with which it is left to the next sweep. */
  onFailure: (error: unknown) => void
  signal: AbortSignal
  /** Resolves after so many milliseconds, or when `signal` is aborted. */
  sleep: (ms: number) => Promise<void>
}

const SHORTEST_PAUSE_MS = 200
/** In all some 100 s: a server that is away for longer is noticed, and all is swept when it is back. */
const MOST_TRIES = 10

/** The errands of one daemon. Nothing else tells of what they look into: without another try, it would wait for the next sweep. */
export class Errands {
  readonly #options: ErrandsOptions
  /** By name, the one that came last. */
  readonly #latest = new Map<string, symbol>()
  #underWay = 0

  constructor(options: ErrandsOptions) {
    this.#options = options
  }

  /** Those that are not done. */
  get busy(): number {
    return this.#underWay
  }

  readonly run: RunErrand = (name, work) => {
    const errand = Symbol(name)
    this.#latest.set(name, errand)
    this.#underWay += 1
    void this.#insist(work, () => this.#latest.get(name) === errand).finally(() => {
      this.#underWay -= 1
      if (this.#latest.get(name) === errand) this.#latest.delete(name)
    })
  }

  async #insist(work: () => Promise<void>, isLatest: () => boolean): Promise<void> {
    const { onFailure, signal, sleep } = this.#options
    for (let tries = 1; ; tries += 1) {
      try {
        return await work()
      } catch (error) {
        const isLast = tries === MOST_TRIES || !isFault(error)
        if (tries === 1 || isLast) onFailure(error)
        if (isLast) return
      }
      await sleep(SHORTEST_PAUSE_MS * 2 ** (tries - 1))
      if (signal.aborted || !isLatest()) return
    }
  }
}
