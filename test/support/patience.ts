// How long a test waits for something to come true: a slow machine is given longer than a quiet one.

/** A look takes no longer than this where a machine keeps up; what it takes beyond does not count. */
const LOOK_MS = 50
/** So many times as long, it is over anyway. */
const MOST = 4

/** Time that is counted look by look, so that it is about as many looks on every machine. */
export class Patience {
  readonly #ms: number
  readonly #pauseMs: number
  readonly #begun = performance.now()
  #last = this.#begun
  #spent = 0

  /**
   * @param ms of a machine that keeps up
   * @param pauseMs before each look, at the most
   */
  constructor(ms: number, pauseMs: number) {
    this.#ms = ms
    this.#pauseMs = pauseMs
  }

  /** Whether nothing is to be waited for any longer; asked once a look. */
  isOver(): boolean {
    const now = performance.now()
    this.#spent += Math.min(now - this.#last, this.#pauseMs + LOOK_MS)
    this.#last = now
    return this.#spent >= this.#ms || now - this.#begun >= MOST * this.#ms
  }
}
