// What a database most likely has, told from the one before: in a rollout most databases have the same history.
import { isEmptyPlan, planSkeleton, type Found, type SkeletonPlan, type Wanted } from './plan.ts'

/**
 * A revision's name is made of what it holds and of what was before it, so that design documents with one history have
 * the same revisions in every database: a write over the revision that is expected needs no reading, and where it was
 * another one, CouchDB refuses it. https://docs.couchdb.org/en/stable/replication/conflicts.html
 */
export class ExpectedRevisions {
  #last: Found | null = null
  /** The last two databases that were read had the same revisions. */
  #isLikely = false

  /** What to write into a database whose design documents nobody has read; null: read them. */
  plan(wanted: Wanted, security: Found['security']): SkeletonPlan | null {
    if (!this.#isLikely || this.#last === null) return null
    const plan = planSkeleton(wanted, { ...this.#last, security })
    const isPlain =
      plan.security === null && plan.designs.every(({ kind }) => kind === 'add' || kind === 'replace')
    return isPlain && !isEmptyPlan(plan) ? plan : null
  }

  /** A database was read in which something was to be changed. */
  learn(found: Found): void {
    const last = this.#last
    this.#isLikely = last !== null && revisionsOf(last) === revisionsOf(found)
    this.#last = found
  }

  /** They were others. */
  forget(): void {
    this.#isLikely = false
  }
}

const revisionsOf = ({ designs }: Found): string =>
  designs.map(({ _id, _rev }) => `${_id} ${_rev}`).join('\n')
