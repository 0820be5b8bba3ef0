// Has access taken away at once while an owner's lane is busy: a change of a `$share`, of a user, or an admin's order.
import PQueue from 'p-queue'

/** A lane that is done by then sees to it itself. */
const GRACE_MS = 250
/** Owners that are looked at side by side; beside all lanes. */
const SIDE_BY_SIDE = 4

export interface ExpressOptions {
  /** Whether an owner's lane has something to do still. */
  isBusy: (owner: string) => boolean
  /** Takes access away; `shares` are looked at in any case. @returns the shares from which it was taken */
  narrow: (owner: string, shares: ReadonlySet<string>) => Promise<ReadonlySet<string>>
  /** The lane is to come to these shares before everything else. */
  onNarrowed: (owner: string, shares: ReadonlySet<string>) => void
  onFailure: (error: unknown) => void
  sleep: (ms: number) => Promise<void>
}

/** Looks at an owner once for all that was heard of the owner meanwhile. */
export class Express {
  readonly #options: ExpressOptions
  readonly #queue = new PQueue({ concurrency: SIDE_BY_SIDE })
  /** What is to be looked at, by owner; there while a look is to come. */
  readonly #heard = new Map<string, Set<string>>()

  constructor(options: ExpressOptions) {
    this.#options = options
  }

  /** Something of an owner's has changed. Costs nothing while the lane is quick. */
  hear(owner: string, shares: ReadonlySet<string> = new Set()): void {
    const heard = this.#heard.get(owner)
    if (heard) for (const share of shares) heard.add(share)
    else {
      this.#heard.set(owner, new Set(shares))
      void this.#lookLater(owner)
    }
  }

  async #lookLater(owner: string): Promise<void> {
    const { isBusy, narrow, onNarrowed, onFailure, sleep } = this.#options
    await sleep(GRACE_MS)
    await this.#queue.add(async () => {
      const shares = this.#heard.get(owner) ?? new Set()
      // What is heard from now on needs another look.
      this.#heard.delete(owner)
      if (!isBusy(owner)) return
      try {
        const narrowed = await narrow(owner, shares)
        if (narrowed.size > 0) onNarrowed(owner, narrowed)
      } catch (error) {
        // The lane comes to it all the same.
        onFailure(error)
      }
    })
  }
}
