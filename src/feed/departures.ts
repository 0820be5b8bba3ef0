// User databases that are gone may come back, and what was in one that was made again may, too: only after a grace time is
// what is left given up. Since when that is waited for stands in the checkpoint: a restart begins nothing anew.
import type { Logger } from '../log.ts'

export interface DeparturesOptions {
  graceMs: number
  now: () => number
  log: Logger
  /** The user database of an owner was gone for as long. */
  onDeparted: (owner: string) => void
  /** The user database of an owner was made again as long ago. */
  onReturned: (owner: string) => void
}

type Wait = 'gone' | 'recreated'

export class Departures {
  readonly #options: DeparturesOptions
  readonly #timers = new Map<string, { since: number; timer: NodeJS.Timeout }>()

  constructor(options: DeparturesOptions) {
    this.#options = options
  }

  /** The user database of an owner is not there since then, in milliseconds. */
  gone(owner: string, db: string, since: number): void {
    const { log, onDeparted } = this.#options
    const ms = this.#wait('gone', owner, since, onDeparted)
    if (ms !== null) log.info({ db, ms }, 'user database is gone, waiting')
  }

  /** The user database of an owner was made again at that time, and not all is back that was in it. */
  recreated(owner: string, at: number): void {
    this.#wait('recreated', owner, at, this.#options.onReturned)
  }

  /** Waits for nobody any more; the sweep of the next start goes on. */
  stop(): void {
    for (const { timer } of this.#timers.values()) clearTimeout(timer)
    this.#timers.clear()
  }

  /** @returns how long is still waited; null where that was known already */
  #wait(wait: Wait, owner: string, since: number, then: (owner: string) => void): number | null {
    const { graceMs, now } = this.#options
    const key = `${wait} ${owner}`
    const known = this.#timers.get(key)
    if (known?.since === since) return null
    clearTimeout(known?.timer)
    // A clock that was set back makes nobody wait for longer.
    const ms = Math.min(graceMs, Math.max(0, since + graceMs - now()))
    const timer = setTimeout(() => {
      this.#timers.delete(key)
      then(owner)
    }, ms)
    this.#timers.set(key, { since, timer })
    return ms
  }
}
