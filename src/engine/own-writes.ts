// Remembers the revisions that the daemon itself wrote, so that following a database costs nothing for them.
import type { Change } from '../couch/document.ts'

/** Enough for the copies of many pages; what was forgotten is looked at once more, and found right. */
const REMEMBERED = 50_000

/** Revisions by database and document; the oldest are forgotten. */
export class OwnWrites {
  readonly #revisions = new Map<string, string>()

  add(db: string, id: string, rev: string): void {
    const key = `${db} ${id}`
    this.#revisions.delete(key)
    this.#revisions.set(key, rev)
    for (const oldest of this.#revisions.keys()) {
      if (this.#revisions.size <= REMEMBERED) break
      this.#revisions.delete(oldest)
    }
  }

  /**
   * The same of one that was written over another. A feed shows the last revision alone: where an admin or another process has
   * written the one before, and that was not seen yet, this one is the only sign of it, and does not count as the daemon's own.
   * @param over the revision that it was written over; undefined: there was none
   */
  addOver(db: string, id: string, rev: string, over: string | undefined): void {
    if (over === undefined || this.includes(db, id, over)) this.add(db, id, rev)
  }

  /** Everything in that database is to be looked at again. */
  forget(db: string): void {
    for (const key of this.#revisions.keys()) if (key.startsWith(`${db} `)) this.#revisions.delete(key)
  }

  /** True where the daemon itself wrote that revision. */
  includes(db: string, id: string, rev: string): boolean {
    return this.#revisions.get(`${db} ${id}`) === rev
  }

  /** The changes of a database in which there is a revision that the daemon did not write itself, in their order. */
  foreign<One extends Pick<Change, 'id' | 'changes'>>(db: string, changes: readonly One[]): One[] {
    return changes.filter(({ id, changes: leaves }) => leaves.some(({ rev }) => !this.includes(db, id, rev)))
  }
}
