// Visits: somebody waits until a lane has brought a database up to its skeleton.
import { isSettled, type SkeletonPlan } from './plan.ts'

/** What came of a visit to one database. */
export type Visited =
  | { kind: 'changed' | 'same'; foreign: readonly string[] }
  | { kind: 'gone' }
  | { kind: 'failed'; error: unknown }
  /** It is not for the policy whose pattern it fits, and stays as it is; `reason` says why. */
  | { kind: 'withheld'; reason: string }
  /** The daemon stops: it may have been done or not. */
  | { kind: 'stopped' }

/** What the plan that was carried out in a database says of the visit. */
export const visited = (plan: SkeletonPlan): Visited => ({
  kind: isSettled(plan) ? 'same' : 'changed',
  foreign: plan.designs.filter(({ kind }) => kind === 'foreign').map(({ id }) => id),
})

/** Who waits for which database. */
export class Visits {
  readonly #waiting = new Map<string, ((visited: Visited) => void)[]>()
  #isStopped = false

  /** @param mark tells the database's lane */
  begin(db: string, mark: () => void): Promise<Visited> {
    if (this.#isStopped) return Promise.resolve({ kind: 'stopped' })
    const result = new Promise<Visited>((resolve) => {
      this.#waiting.set(db, [...(this.#waiting.get(db) ?? []), resolve])
    })
    mark()
    return result
  }

  /** The lane has been there. @returns false where nobody waited for it */
  settle(db: string, visited: Visited): boolean {
    const waiting = this.#waiting.get(db)
    this.#waiting.delete(db)
    for (const resolve of waiting ?? []) resolve(visited)
    return waiting !== undefined
  }

  /** Nobody waits any longer. */
  stop(): void {
    this.#isStopped = true
    for (const db of [...this.#waiting.keys()]) this.settle(db, { kind: 'stopped' })
  }
}
