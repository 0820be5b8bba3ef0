// How many changes somebody may still make this minute: a bucket for each, filled steadily.

const MINUTE_MS = 60_000
/** One document may be many changes. Who made more than were left owes them: so many minutes' worth at the most. */
const MOST_OWED_MINUTES = 10
/** Buckets that are remembered; a full one need not be. */
const REMEMBERED = 10_000

/** A bucket for each key. */
export class RateLimiter {
  readonly #now: () => number
  readonly #most: number
  readonly #buckets = new Map<string, { left: number; at: number }>()

  /** @param most changes a minute */
  constructor({ most, now }: { most: number; now: () => number }) {
    this.#most = most
    this.#now = now
  }

  /** How many changes are left now; below none where some are owed. */
  left(who: string): number {
    const bucket = this.#buckets.get(who)
    if (!bucket) return this.#most
    const filled = ((this.#now() - bucket.at) / MINUTE_MS) * this.#most
    return Math.min(this.#most, bucket.left + filled)
  }

  /** Takes so many out. */
  take(who: string, changes: number): void {
    const left = Math.max(-MOST_OWED_MINUTES * this.#most, this.left(who) - changes)
    this.#buckets.delete(who)
    this.#buckets.set(who, { left, at: this.#now() })
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= REMEMBERED) return
      this.#buckets.delete(oldest)
    }
  }
}
