// A readers–writer lock for each share database: while one is made anew, nobody is between looking at it and writing into it.
import type { Aside } from '../couch/client.ts'

/** Those who look at a share and write into it have its lock together; who makes it anew has it alone. */
export class ShareLocks {
  /** Filling a share takes as long as there are attachments in it, and all its participants may wait. */
  readonly #aside: Aside
  /** How many have it together, by share. */
  readonly #shared = new Map<string, number>()
  readonly #exclusive = new Map<string, Promise<void>>()
  readonly #emptied = new Map<string, () => void>()
  /** Grows whenever somebody has one alone: what was seen before may not be true any more. */
  exclusions = 0

  constructor(aside: Aside = (wait) => wait()) {
    this.#aside = aside
  }

  /** Waits until nobody has any of these alone. @returns gives them back; to be called when what was seen is written */
  async acquireShared(shares: Iterable<string>): Promise<() => void> {
    const wanted = [...shares]
    for (;;) {
      const exclusive = wanted.flatMap((share) => this.#exclusive.get(share) ?? [])
      if (exclusive.length === 0) break
      await this.#aside(() => Promise.all(exclusive))
    }
    for (const share of wanted) this.#shared.set(share, (this.#shared.get(share) ?? 0) + 1)
    return () => {
      for (const share of wanted) this.#release(share)
    }
  }

  /** Runs something while nobody else has the share. */
  async withExclusive<Result>(share: string, run: () => Promise<Result>): Promise<Result> {
    const exclusive = this.#exclusive.get(share)
    if (exclusive) await this.#aside(() => exclusive)
    let release = (): void => undefined
    this.#exclusive.set(share, new Promise((resolve) => (release = resolve)))
    this.exclusions += 1
    try {
      if (this.#shared.has(share))
        await this.#aside(() => new Promise<void>((resolve) => void this.#emptied.set(share, resolve)))
      return await run()
    } finally {
      this.#exclusive.delete(share)
      release()
    }
  }

  #release(share: string): void {
    const left = (this.#shared.get(share) ?? 1) - 1
    if (left > 0) this.#shared.set(share, left)
    else {
      this.#shared.delete(share)
      this.#emptied.get(share)?.()
      this.#emptied.delete(share)
    }
  }
}
