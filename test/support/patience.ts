// How long a test waits for something to come true: a slow machine is given longer than a quiet one.

/** A look and the pause before it take no longer than this where a machine keeps up; what they take beyond does not count. */
const LOOK_MS = 150
/** So many times as long, it is over anyway. */
const MOST = 4

/** Time that is counted look by look, so that it is about as many looks on every machine. */
export class Patience {
  readonly #ms: number
  readonly #begun = performance.now()
  #last = this.#begun
  #spent = 0

  /** @param ms of a machine that keeps up */
  constructor(ms: number) {
    this.#ms = ms
  }

  /** Whether nothing is to be waited for any longer; asked once a look. */
  isOver(): boolean {
    const now = performance.now()
    this.#spent += Math.min(now - this.#last, LOOK_MS)
    this.#last = now
    return this.#spent >= this.#ms || now - this.#begun >= MOST * this.#ms
  }
}
