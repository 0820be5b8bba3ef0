// What came of bringing databases up to their skeletons, and who waits for it.
import { isEmptyPlan, type SkeletonPlan } from './plan.ts'

/** What came of it in one database. */
export type RefreshResult =
  | { kind: 'changed' | 'same'; foreign: readonly string[] }
  | { kind: 'gone' }
  | { kind: 'failed'; error: unknown }
  /** It is not for the policy whose pattern it fits, and stays as it is; `reason` says why. */
  | { kind: 'withheld'; reason: string }
  /** The daemon stops: it may have been done or not. */
  | { kind: 'stopped' }

/** What the plan that was carried out in a database comes to. */
export const resultOf = (plan: SkeletonPlan): RefreshResult => ({
  kind: isEmptyPlan(plan) ? 'same' : 'changed',
  foreign: plan.designs.filter(({ kind }) => kind === 'foreign').map(({ id }) => id),
})

/** Who waits for which database. */
export class AwaitedRefreshes {
  readonly #waiting = new Map<string, ((result: RefreshResult) => void)[]>()
  #isStopped = false

  /** @param mark has the database looked at */
  begin(db: string, mark: () => void): Promise<RefreshResult> {
    if (this.#isStopped) return Promise.resolve({ kind: 'stopped' })
    const result = new Promise<RefreshResult>((resolve) => {
      this.#waiting.set(db, [...(this.#waiting.get(db) ?? []), resolve])
    })
    mark()
    return result
  }

  /** The database was looked at. @returns false where nobody waited for it */
  resolve(db: string, result: RefreshResult): boolean {
    const waiting = this.#waiting.get(db)
    this.#waiting.delete(db)
    for (const resolve of waiting ?? []) resolve(result)
    return waiting !== undefined
  }

  /** Nobody waits any longer. */
  stop(): void {
    this.#isStopped = true
    for (const db of [...this.#waiting.keys()]) this.resolve(db, { kind: 'stopped' })
  }
}
