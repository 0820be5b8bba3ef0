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

interface HotFeed {
  listening: AbortController
  /** By the process's clock. */
  until: number
  /** It has told of a change, and waits for the turn that comes of it. */
  isOver: boolean
}

/** One longpoll for each database that changed a moment ago. */
export class HotFeeds {
  readonly #options: HotFeedsOptions
  readonly #feeds = new Map<string, HotFeed>()

  constructor(options: HotFeedsOptions) {
    this.#options = options
  }

  /** Somebody has written into an owner's database: listens to it from where its last page ended. */
  keep(owner: string, database: Database, since: Seq): void {
    this.#listenUntil(owner, database, since, performance.now() + WARM_MS)
  }

  /** The same where the daemon itself wrote: goes on with what is listened to, for as long as it would have been. */
  goOn(owner: string, database: Database, since: Seq): void {
    const feed = this.#feeds.get(owner)
    if (feed?.isOver && feed.until > performance.now()) this.#listenUntil(owner, database, since, feed.until)
  }

  /** Listens to nobody any more. */
  stop(): void {
    for (const { listening } of this.#feeds.values()) listening.abort()
    this.#feeds.clear()
  }

  #listenUntil(owner: string, database: Database, since: Seq, until: number): void {
    this.#feeds.get(owner)?.listening.abort()
    this.#feeds.delete(owner)
    for (const [oldest, { listening }] of this.#feeds) {
      if (this.#feeds.size < MOST_FEEDS) break
      listening.abort()
      this.#feeds.delete(oldest)
    }
    const feed = { listening: new AbortController(), until, isOver: false }
    this.#feeds.set(owner, feed)
    void this.#listen(owner, database, since, feed)
  }

  /** Only a way to be early: whatever fails here, `_db_updates` and the sweeps still tell. */
  async #listen(owner: string, database: Database, since: Seq, feed: HotFeed): Promise<void> {
    const { listening, until } = feed
    const ms = Math.max(1, Math.ceil(until - performance.now()))
    const hasChanged = await database.waitForChange(since, ms, listening.signal).catch(() => false)
    if (this.#feeds.get(owner) !== feed) return
    if (!hasChanged) this.#feeds.delete(owner)
    feed.isOver = true
    if (hasChanged) this.#options.onChange(owner)
  }
}
