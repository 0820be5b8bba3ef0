// Users who are gone, and are looked at once more after a while: whether for good.
export interface SecondLooksOptions {
  sleep: (ms: number) => Promise<void>
  /** It is time to look. */
  look: (name: string) => void
}

export class SecondLooks {
  readonly #options: SecondLooksOptions
  readonly #waiting = new Set<string>()

  constructor(options: SecondLooksOptions) {
    this.#options = options
  }

  /** Looks at a user after so many milliseconds: once, however often that is asked for until then. */
  async after(name: string, ms: number): Promise<void> {
    if (this.#waiting.has(name)) return
    this.#waiting.add(name)
    await this.#options.sleep(ms)
    this.#waiting.delete(name)
    this.#options.look(name)
  }
}
