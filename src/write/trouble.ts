// How long a replication has been in trouble: when it is started again, and when somebody is told.

/** A trouble that was there for so many looks in a row is shown. */
const LOOKS_UNTIL_SHOWN = 3
/** The longest time between two tries to start a failed replication again, in looks. */
const LONGEST_WAIT_LOOKS = 32

export class Trouble {
  #looks = 0
  #nextTry = 1
  #wait = 1

  /** It was there at another look. @returns whether the replication is to be started again now */
  look(kind: 'crashing' | 'failed'): boolean {
    this.#looks += 1
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

  /** It has been there for long enough to be shown. */
  get isLasting(): boolean {
    return this.#looks >= LOOKS_UNTIL_SHOWN
  }
}
