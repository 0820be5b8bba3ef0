// The registry of shares: who owns which id, and how far each share's life has come.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { CouchFault } from '../couch/fault.ts'
import { claimedEntry, parseEntry, type ShareEntry } from '../model/entry.ts'
import { entryId, REGISTRY, shareOfEntry } from '../model/names.ts'
import type { EntryChange } from '../plan/share.ts'

const PAGE = 500

export class Registry {
  readonly #database: Database
  readonly #now: () => number

  constructor(couch: Couch, now: () => number) {
    this.#database = couch.database(REGISTRY)
    this.#now = now
  }

  /** The entries of shares, by id; those that have none are left out. */
  async entries(shares: string[]): Promise<Map<string, ShareEntry>> {
    const rows = await this.#database.fetch(shares.map(entryId))
    return byShare(rows.map(({ doc }) => doc))
  }

  async entry(share: string): Promise<ShareEntry | null> {
    return parseEntry(await this.#database.get(entryId(share)))
  }

  /** The ids of all shares that the owner of a user database has or had. */
  async sharesOf(database: string): Promise<string[]> {
    const rows = await this.#database.view('shares', 'by_owner', [database])
    return rows.flatMap(({ id }) => shareOfEntry(id) ?? [])
  }

  /** All entries, a page at a time. */
  async *all(): AsyncGenerator<Map<string, ShareEntry>> {
    let startKey = entryId('')
    for (;;) {
      const rows = await this.#database.range({ startKey, endKey: 'share0', limit: PAGE, includeDocs: true })
      yield byShare(rows.map(({ doc }) => doc))
      const last = rows.at(-1)
      if (rows.length < PAGE || last === undefined) return
      startKey = `${last.id}\u0000`
    }
  }

  /** Makes an id an owner's; false where somebody else was faster. */
  async claim(share: string, owner: string, database: string): Promise<boolean> {
    const written = await this.#database.put({ ...claimedEntry(share, owner, database, this.#time()) })
    if (!written.ok && written.error !== 'conflict') throw refused(written.reason)
    return written.ok || (await this.entry(share))?.database === database
  }

  /** Changes an entry; where it says all that already, nothing is written. */
  async change(share: string, change: EntryChange): Promise<void> {
    for (;;) {
      const entry = await this.entry(share)
      if (entry === null) throw new CouchFault('not_found', REGISTRY, `no entry for share ${share}`)
      const keys = Object.keys(change) as (keyof EntryChange)[]
      if (keys.every((key) => JSON.stringify(entry[key]) === JSON.stringify(change[key]))) return
      const changed = Object.fromEntries(
        Object.entries({ ...entry, ...change, updatedAt: this.#time() }).filter(
          ([, value]) => value !== undefined,
        ),
      )
      const written = await this.#database.put({ ...changed, _id: entry._id })
      if (written.ok) return
      if (written.error !== 'conflict') throw refused(written.reason)
    }
  }

  #time(): string {
    return new Date(this.#now()).toISOString()
  }
}

const refused = (reason: string): CouchFault => new CouchFault('forbidden', REGISTRY, reason)

function byShare(docs: (Record<string, unknown> | null)[]): Map<string, ShareEntry> {
  const entries = docs.flatMap((doc) => parseEntry(doc) ?? [])
  return new Map(entries.map((entry) => [shareOfEntry(entry._id) ?? '', entry]))
}
