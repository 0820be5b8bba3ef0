// A signal for one request: aborted by its time limit or by any of the signals above it, and gone without a trace after it.
// AbortSignal.any and AbortSignal.timeout would do the same, and leave something behind in a signal that lives for years.

/** The time limit of one request, in ms. `close` it when the request is over. */
export class Deadline {
  readonly #controller = new AbortController()
  readonly #above: readonly AbortSignal[]
  readonly #timer: NodeJS.Timeout | null
  #isExpired = false

  /** @param timeoutMs null for no limit */
  constructor(timeoutMs: number | null, above: readonly AbortSignal[]) {
    this.#above = above
    this.#timer =
      timeoutMs === null
        ? null
        : setTimeout(() => {
            this.#isExpired = true
            this.#controller.abort()
          }, timeoutMs)
    for (const signal of above) {
      if (signal.aborted) this.#controller.abort()
      signal.addEventListener('abort', this.#abort, { once: true })
    }
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** True where time was up. */
  get isExpired(): boolean {
    return this.#isExpired
  }

  /** True where one of the signals above was aborted. */
  get isStopped(): boolean {
    return this.#above.some(({ aborted }) => aborted)
  }

  /** The time begins anew. */
  touch(): void {
    this.#timer?.refresh()
  }

  /** Closes it, and ends what goes on under its signal. */
  end(): void {
    this.close()
    this.#controller.abort()
  }

  close(): void {
    if (this.#timer) clearTimeout(this.#timer)
    for (const signal of this.#above) signal.removeEventListener('abort', this.#abort)
  }

  readonly #abort = (): void => this.#controller.abort()
}
