// Databases that had changes a moment ago are listened to directly for a while: CouchDB collects `_db_updates` for up to
// half a second before it tells them ([global_changes] max_write_delay), `_changes` wakes up within milliseconds.
import type { Database } from '../couch/database.ts'
import type { Seq } from '../couch/document.ts'

/** How long a database is listened to after its last change. */
const WARM_MS = 30_000
/** The most databases that are listened to at once: one socket each. The longest silent one makes room. */
export const MOST_FEEDS = 24

export interface HotFeedsOptions {
  onChange: (owner: string) => void
}

/** One longpoll for each database that changed a moment ago. */
export class HotFeeds {
  readonly #options: HotFeedsOptions
  readonly #feeds = new Map<string, AbortController>()

  constructor(options: HotFeedsOptions) {
    this.#options = options
  }

  /** Listens to an owner's database from where its last page ended. */
  keep(owner: string, database: Database, since: Seq): void {
    this.#feeds.get(owner)?.abort()
    this.#feeds.delete(owner)
    for (const [oldest, feed] of this.#feeds) {
      if (this.#feeds.size < MOST_FEEDS) break
      feed.abort()
      this.#feeds.delete(oldest)
    }
    const feed = new AbortController()
    this.#feeds.set(owner, feed)
    void this.#listen(owner, database, since, feed)
  }

  /** Listens to nobody any more. */
  stop(): void {
    for (const feed of this.#feeds.values()) feed.abort()
    this.#feeds.clear()
  }

  /** Only a way to be early: whatever fails here, `_db_updates` and the sweeps still tell. */
  async #listen(owner: string, database: Database, since: Seq, feed: AbortController): Promise<void> {
    const hasChanged = await database.waitForChange(since, WARM_MS, feed.signal).catch(() => false)
    if (this.#feeds.get(owner) !== feed) return
    this.#feeds.delete(owner)
    if (hasChanged) this.#options.onChange(owner)
  }
}
