// How much there was to do for what others wrote into a share: what everybody may write is bounded by that.
import type { ObjectEffect, ObjectFacts } from '../plan/object-facts.ts'

/** Of one share in one turn. */
export class Tally {
  readonly #share: string
  readonly #leaves = new Map<string, number>()
  readonly #moved = new Set<string>()

  constructor(share: string) {
    this.#share = share
  }

  /** Takes note of a page of objects that were looked at. */
  note(facts: readonly ObjectFacts[], effects: readonly ObjectEffect[]): void {
    for (const { object, exchanges } of facts) {
      const home = exchanges.get(this.#share)?.home
      this.#raise(object, home?.kind === 'live' ? 1 + home.rivals.length : 1)
    }
    for (const effect of effects) if ('object' in effect) this.#moved.add(effect.object)
  }

  /** Leaves of an object's copy that were refused. */
  refused(object: string, leaves: number): void {
    this.#moved.add(object)
    this.#leaves.set(object, this.leaves(object) + leaves)
  }

  /** How many live leaves an object's copy had, at the most. */
  leaves(object: string): number {
    return this.#leaves.get(object) ?? 1
  }

  /** True where there was anything to do. */
  hasMoved(object: string): boolean {
    return this.#moved.has(object)
  }

  #raise(object: string, leaves: number): void {
    this.#leaves.set(object, Math.max(this.leaves(object), leaves))
  }
}
