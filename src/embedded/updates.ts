// _db_updates, which PouchDB does not have: like CouchDB it knows the last event of each database, not every one.
import type { Databases, DatabaseEvent } from './databases.ts'
import { badRequest } from './faults.ts'
import { Bell, Feed, feedKind } from './feed.ts'
import type { Router } from './router.ts'
import { queryOf, wholeNumber } from './parameters.ts'
import { sendJson } from './answers.ts'

/** Databases that are gone are forgotten, the longest gone first, when more databases than this are remembered. */
const MAX_REMEMBERED = 10_000

interface Update {
  db_name: string
  type: DatabaseEvent['type']
  seq: string
}

/** The last event of each database, by sequence. */
export class Updates {
  /** By name, in the order of the last event. */
  readonly #last = new Map<string, { at: number; type: DatabaseEvent['type'] }>()
  readonly #bells = new Set<Bell>()
  /** Sequences of another process are recognized by this, and count as 0. */
  readonly #epoch = Date.now().toString(36)
  #at = 0

  constructor(databases: Databases) {
    for (const name of databases.names()) this.#note({ name, type: 'updated' })
    databases.listen((event) => {
      this.#note(event)
      for (const bell of this.#bells) bell.ring()
    })
  }

  get now(): string {
    return this.#sequence(this.#at)
  }

  /** The last event of each database that had one after `since`, oldest first. */
  after(since: string, limit = Infinity): Update[] {
    const after = this.#parse(since)
    const found: Update[] = []
    for (const [db_name, { at, type }] of this.#last) {
      if (found.length >= limit) break
      if (at > after) found.push({ db_name, type, seq: this.#sequence(at) })
    }
    return found
  }

  /** The bell rings at each event, until the returned function is called. */
  subscribe(bell: Bell): () => void {
    this.#bells.add(bell)
    return () => this.#bells.delete(bell)
  }

  #note({ name, type }: DatabaseEvent): void {
    this.#at += 1
    this.#last.delete(name)
    this.#last.set(name, { at: this.#at, type })
    if (this.#last.size <= MAX_REMEMBERED) return
    for (const [known, { type: last }] of this.#last) {
      if (last !== 'deleted') continue
      this.#last.delete(known)
      return
    }
  }

  #sequence(at: number): string {
    return `${at}-${this.#epoch}`
  }

  #parse(since: string): number {
    if (since === 'now') return this.#at
    const match = /^"?(\d+)(?:-(.*?))?"?$/.exec(since)
    if (match === null) throw badRequest("Malformed sequence supplied in 'since' parameter.")
    return match[2] === undefined || match[2] === this.#epoch ? Number(match[1]) : 0
  }
}

/** `_db_updates`: normal, longpoll and continuous. */
export function addUpdatesRoute(router: Router, updates: Updates, stopping: AbortSignal): void {
  router.get('/_db_updates', async (request, response) => {
    const query = queryOf(request)
    const kind = feedKind(query)
    const limit = wholeNumber('limit', query.get('limit')) ?? Infinity
    const since = query.get('since') ?? '0'
    let found = updates.after(since, limit)
    if (kind === 'normal' || (kind === 'longpoll' && found.length > 0)) {
      return sendJson(response, 200, { results: found, last_seq: found.at(-1)?.seq ?? updates.now })
    }
    let reached = since === 'now' ? updates.now : since
    let left = limit
    const bell = new Bell()
    const unsubscribe = updates.subscribe(bell)
    try {
      const feed = new Feed(request, response, query, [stopping])
      if (kind === 'longpoll') {
        await bell.wait(feed.signal)
        found = updates.after(reached, limit)
        return feed.end(`${JSON.stringify({ results: found, last_seq: found.at(-1)?.seq ?? updates.now })}\n`)
      }
      while (!feed.signal.aborted && left > 0) {
        found = updates.after(reached, left)
        for (const update of found) await feed.write(`${JSON.stringify(update)}\n`)
        reached = found.at(-1)?.seq ?? reached
        left -= found.length
        if (found.length === 0) await bell.wait(feed.signal)
      }
      feed.end(`${JSON.stringify({ last_seq: reached })}\n`)
    } catch (fault) {
      if (!response.headersSent) throw fault
    } finally {
      unsubscribe()
    }
  })
}
