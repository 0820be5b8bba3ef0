// User databases that are gone may come back: only after a grace time is everything of theirs given up.
import type { Logger } from '../log.ts'

export interface DeparturesOptions {
  graceMs: number
  log: Logger
  /** The grace time of an owner is over. */
  onDeparted: (owner: string) => void
}

export class Departures {
  readonly #options: DeparturesOptions
  readonly #timers = new Map<string, NodeJS.Timeout>()

  constructor(options: DeparturesOptions) {
    this.#options = options
  }

  /** The user database of an owner is not there. */
  gone(owner: string, db: string): void {
    if (this.#timers.has(owner)) return
    const { graceMs, log, onDeparted } = this.#options
    log.info({ db, ms: graceMs }, 'user database is gone, waiting')
    const timer = setTimeout(() => {
      this.#timers.delete(owner)
      onDeparted(owner)
    }, graceMs)
    this.#timers.set(owner, timer)
  }

  /** Waits for nobody any more; the sweep of the next start begins again. */
  stop(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }
}
