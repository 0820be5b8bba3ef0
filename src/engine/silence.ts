// For how long a document was seen to stay as it is: by one's own clocks, whatever the documents say.

/** Milliseconds, by several clocks. */
export type Times = readonly number[]

/** How long ago that was, by each clock. */
export const between = (from: Times, to: Times): number[] =>
  to.map((now, clock) => now - (from[clock] ?? -Infinity))

/** Whoever writes a document again and again is there; one of them, as it was seen by somebody else. */
export class Silence {
  /** The revision that was seen last, and since when. */
  #seen: { rev: string; at: Times } | null = null

  /**
   * @param rev of the document as it was read
   * @param asked when it was asked for
   * @param now when it was there
   * @returns for how many milliseconds it has been this revision, by the clock that says the least
   */
  see(rev: string, asked: Times, now: Times): number {
    if (this.#seen?.rev !== rev) this.#seen = { rev, at: now }
    // What was seen just now came after the question.
    return Math.max(0, Math.min(...between(this.#seen.at, asked)))
  }

  /** Nothing was heard, and nobody can be said to have been silent: what was seen is seen anew. */
  lookAway(): void {
    this.#seen = null
  }
}
