// Ceilings: what a share's `_security` may let in at the most, since somebody was taken out beside the owner's lane.
import type { FoundSecurity } from '../documents/security.ts'
import { narrower } from './model/security.ts'

/**
 * `_security` has no revisions. What the lane is about to put there may come of a `$share` that has changed since: it is
 * cut down to the ceiling, until the lane has read the share anew. One thing at a time is done to a share's `_security`.
 */
export class Ceilings {
  readonly #ceilings = new Map<string, FoundSecurity>()
  readonly #orders = new Map<string, string>()
  readonly #underWay = new Map<string, Promise<unknown>>()

  /** From now on nothing wider is put in force. */
  set(share: string, security: FoundSecurity): void {
    this.#ceilings.set(share, this.limit(share, security))
  }

  /** The lane reads the share anew, and plans with all that was known here. */
  clear(share: string): void {
    this.#ceilings.delete(share)
  }

  /** Somebody was taken out since the lane has read the share. */
  has(share: string): boolean {
    return this.#ceilings.has(share)
  }

  /** Feeds of whoever was taken out are open still: the database is to be made anew, under this name (`closing` of the entry). */
  order(share: string, closing: string): void {
    this.#orders.set(share, closing)
  }

  /** The last such order, once: no feed is open any more, and the new database lets nobody in above the ceiling. */
  takeOrder(share: string): string | undefined {
    const order = this.#orders.get(share)
    this.#orders.delete(share)
    return order
  }

  limit<Security extends FoundSecurity>(share: string, security: Security): Security {
    const ceiling = this.#ceilings.get(share)
    return ceiling === undefined ? security : narrower(security, ceiling)
  }

  /** Runs something while nobody else puts a `_security` of this share in force. */
  async inTurn<Result>(share: string, run: () => Promise<Result>): Promise<Result> {
    const before = this.#underWay.get(share) ?? Promise.resolve()
    const mine = before.then(run, run)
    this.#underWay.set(share, mine)
    try {
      return await mine
    } finally {
      if (this.#underWay.get(share) === mine) this.#underWay.delete(share)
    }
  }
}
