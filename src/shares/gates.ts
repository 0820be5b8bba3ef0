// Gates: while a share database is made anew, nobody is between looking at it and writing into it.
import type { Aside } from '../couch/client.ts'

/** A gate for each share database. */
export class Gates {
  /** Filling a share takes as long as there are attachments in it, and all its participants may wait. */
  readonly #aside: Aside
  /** How many are inside, by share. */
  readonly #inside = new Map<string, number>()
  readonly #closed = new Map<string, Promise<void>>()
  readonly #emptied = new Map<string, () => void>()
  /** Grows with every closing: what was seen before it may not be true any more. */
  closings = 0

  constructor(aside: Aside = (wait) => wait()) {
    this.#aside = aside
  }

  /** Waits until all of these shares are open. @returns to be called when what was seen is written */
  async enter(shares: Iterable<string>): Promise<() => void> {
    const wanted = [...shares]
    for (;;) {
      const closed = wanted.flatMap((share) => this.#closed.get(share) ?? [])
      if (closed.length === 0) break
      await this.#aside(() => Promise.all(closed))
    }
    for (const share of wanted) this.#inside.set(share, (this.#inside.get(share) ?? 0) + 1)
    return () => {
      for (const share of wanted) this.#leave(share)
    }
  }

  /** Runs something while nobody is inside. */
  async close<Result>(share: string, run: () => Promise<Result>): Promise<Result> {
    const closed = this.#closed.get(share)
    if (closed) await this.#aside(() => closed)
    let open = (): void => undefined
    this.#closed.set(share, new Promise((resolve) => (open = resolve)))
    this.closings += 1
    try {
      if (this.#inside.has(share))
        await this.#aside(() => new Promise<void>((resolve) => void this.#emptied.set(share, resolve)))
      return await run()
    } finally {
      this.#closed.delete(share)
      open()
    }
  }

  #leave(share: string): void {
    const left = (this.#inside.get(share) ?? 1) - 1
    if (left > 0) this.#inside.set(share, left)
    else {
      this.#inside.delete(share)
      this.#emptied.get(share)?.()
      this.#emptied.delete(share)
    }
  }
}
