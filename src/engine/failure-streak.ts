// How long a replication has been in trouble: when it is started again, and when somebody is told.

/**
 * A trouble that was there for so many looks in a row lasts. A job that crashed once waits for up to a minute and a half
 * before CouchDB tries it again, and says so all the while; what CouchDB gave up does not come back by itself.
 */
const LOOKS_UNTIL_LASTING = { crashing: 8, failed: 3 }
/** The longest time between two tries to start a failed replication again, in looks. */
const LONGEST_WAIT_LOOKS = 32

/** How often in a row a replication was seen to be failing. */
export class FailureStreak {
  #looks = 0
  #kind: 'crashing' | 'failed' = 'crashing'
  #nextTry = 1
  #wait = 1

  /** It was there at another look. @returns whether the replication is to be started again now */
  look(kind: 'crashing' | 'failed'): boolean {
    this.#looks += 1
    this.#kind = kind
    // CouchDB tries a crashing one again by itself, with a pause that doubles; a failed one it gives up.
    if (kind === 'crashing' || this.#looks < this.#nextTry) return false
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT_LOOKS)
    this.#nextTry = this.#looks + this.#wait
    return true
  }

  /** True for as long as it was looked at once. */
  get isNew(): boolean {
    return this.#looks === 1
  }

  /** It has been there for longer than a hiccup. */
  get isLasting(): boolean {
    return this.#looks >= LOOKS_UNTIL_LASTING[this.#kind]
  }
}
