// Entries that the daemon keeps of its own in a database: read through a parser, written over the revision that was read.
import isUndefined from 'lodash/isUndefined.js'
import omitBy from 'lodash/omitBy.js'
import type { Database, RangeOptions } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { pagesOf } from '../couch/pages.ts'
import { canonicalJson } from '../documents/digest.ts'
import { isSameJson } from '../documents/same-json.ts'
import type { OwnWrites } from './own-writes.ts'

const PAGE = 500

/** What every entry has; `_rev` is absent until it is written. */
export interface Entry {
  _id: string
  _rev?: string
}

/** An entry as it is to be; `undefined` takes an attribute out. */
export type Draft<One extends Entry> = { [Key in keyof One]?: One[Key] | undefined }

export interface StoreOptions<One extends Entry> {
  database: Database
  /** Reads a document, whoever wrote it; null where it is no such entry. `_id` and `_rev` stay as they are. */
  parse: (doc: Record<string, unknown> | null) => One | null
  /** Learns of what is written; absent for a database that nobody follows. */
  ownWrites?: OwnWrites
  /** Milliseconds since the epoch: an entry says in `updatedAt` when it was written. Absent: it does not. */
  now?: () => number
}

/** A document as it was read: no entry, and yet a revision, where the parser makes nothing of it. */
interface Read<One extends Entry> {
  entry: One | null
  rev: string | undefined
}

interface ChangeOptions<One extends Entry> {
  known?: One | null | undefined
  always?: boolean
}

interface Write<One extends Entry> {
  draft: Draft<One>
  rev: string | undefined
}

/**
 * The entries of one kind. What the parser makes nothing of counts as not there, and is written over where an entry is to be
 * there: without its revision, a new entry would be in conflict with it for ever. What throws, throws a CouchFault; `forbidden`
 * where the database refuses an entry.
 */
export class Store<One extends Entry> {
  readonly #options: StoreOptions<One>

  constructor(options: StoreOptions<One>) {
    this.#options = options
  }

  /** The entry, or null for none. */
  async get(id: string): Promise<One | null> {
    return (await this.#read(id)).entry
  }

  /** The entries under these ids, in their order, without those that are not there. */
  async many(ids: readonly string[]): Promise<One[]> {
    return this.#entriesIn(await this.#options.database.fetch([...ids]))
  }

  /** The entries of a range, in order. */
  async range(range: RangeOptions): Promise<One[]> {
    return this.#entriesIn(await this.#options.database.range({ ...range, includeDocs: true }))
  }

  /** The entries of a range that may be long, in order, a page at a time. */
  async *pages(range: { startKey: string; endKey: string }): AsyncGenerator<One[]> {
    const pages = pagesOf(this.#options.database, { ...range, limit: PAGE, includeDocs: true })
    for await (const rows of pages) yield this.#entriesIn(rows)
  }

  /** Writes an entry where nothing is. @returns false where something is */
  async create(entry: One): Promise<boolean> {
    const [written] = await this.#write([{ draft: entry, rev: undefined }])
    return written != null
  }

  /**
   * Reads an entry, and writes what it is to be over the revision that was read; again, as long as somebody else is faster. An entry
   * that says all that already is not written.
   * @param change gives the entry as it is to be, from the entry as it is, null for none; it may throw, and is called once for each
   *   try. Null: nothing is to be written
   * @param known the entry as it was read last, null for none: it is read again only where somebody has written since
   * @param always writes also where the entry says all that: whoever follows the database is to hear of it
   * @returns the entry as it stands then, the very one that was read where nothing was written; null where `change` gave null
   */
  change(id: string, change: (there: One | null) => Draft<One>, options?: ChangeOptions<One>): Promise<One>
  change(
    id: string,
    change: (there: One | null) => Draft<One> | null,
    options?: ChangeOptions<One>,
  ): Promise<One | null>
  async change(
    id: string,
    change: (there: One | null) => Draft<One> | null,
    { known, always = false }: ChangeOptions<One> = {},
  ): Promise<One | null> {
    let there = known === undefined ? await this.#read(id) : { entry: known, rev: known?._rev }
    for (;;) {
      const wanted = change(there.entry)
      if (wanted === null) return null
      if (!always && there.entry !== null && isAsRead(there, wanted)) return there.entry
      const [written] = await this.#write([{ draft: { ...wanted, _id: id }, rev: there.rev }])
      if (written != null) return written
      there = await this.#read(id)
    }
  }

  /**
   * Like `change`, where what is to be written was made from an entry that was read before.
   * @param over that entry, null for none
   * @throws {CouchFault} `conflict` where another one stands there now
   */
  async changeOver(id: string, over: One | null, wanted: Draft<One>): Promise<One> {
    const known = over?._rev === undefined ? null : over
    const takenFrom = (there: One | null): Draft<One> => {
      if (there?._rev === known?._rev) return wanted
      throw new CouchFault('conflict', this.#options.database.name, `somebody else was faster with ${id}`)
    }
    return this.change(id, takenFrom, { known })
  }

  /**
   * Like `change`, for all entries of a range together.
   * @param change gives, from the entries that are there, those that are to be there, new ones too; the others stay as they are
   * @param always which of these are written also where they say all that
   * @returns those that were written
   */
  async changeRange(
    range: RangeOptions,
    change: (there: One[]) => One[],
    always: (wanted: One) => boolean = () => false,
  ): Promise<One[]> {
    const changed = new Map<string, One>()
    for (;;) {
      const rows = await this.#options.database.range({ ...range, includeDocs: true })
      const there = new Map(rows.map(({ id, doc }) => [id, this.#parsed(doc)]))
      const wanted = change([...there.values()].flatMap(({ entry }) => entry ?? []))
      const writes = wanted
        .map((draft) => ({ draft, read: there.get(draft._id) ?? NOTHING }))
        .filter(({ draft, read }) => !isAsRead(read, draft) || (always(draft) && !changed.has(draft._id)))
        .map(({ draft, read }) => ({ draft, rev: read.rev }))
      const written = await this.#write(writes)
      for (const entry of written) if (entry !== null) changed.set(entry._id, entry)
      if (!written.includes(null)) return [...changed.values()]
    }
  }

  async #read(id: string): Promise<Read<One>> {
    return this.#parsed(await this.#options.database.get(id))
  }

  #parsed(doc: StoredDoc | null): Read<One> {
    return { entry: this.#options.parse(doc), rev: doc?._rev }
  }

  #entriesIn(rows: readonly { doc: StoredDoc | null }[]): One[] {
    return rows.flatMap(({ doc }) => this.#options.parse(doc) ?? [])
  }

  /** @returns each entry as it stands now; null where somebody else was faster */
  async #write(writes: readonly Write<One>[]): Promise<(One | null)[]> {
    const { database, ownWrites } = this.#options
    const docs = writes.map((write) => this.#document(write))
    const rows = await database.bulk(docs)
    for (const [at, row] of rows.entries())
      if (row.ok) ownWrites?.addOver(database.name, row.id, row.rev, writes[at]?.rev)
    return docs.map((doc, at) => {
      const row = rows[at]
      if (row?.ok) return { ...doc, _rev: row.rev } as unknown as One
      if (row?.error === 'conflict') return null
      throw new CouchFault('forbidden', database.name, row?.reason ?? `the server said nothing of ${doc._id}`)
    })
  }

  #document({ draft, rev }: Write<One>): Doc {
    const { now } = this.#options
    const stamp = now === undefined ? {} : { updatedAt: new Date(now()).toISOString() }
    return omitBy({ ...draft, ...stamp, _rev: rev }, isUndefined) as unknown as Doc
  }
}

const NOTHING = { entry: null, rev: undefined }

/**
 * True where an entry says already what is wanted: as JSON, in which neither the order of attributes counts nor `undefined`. Most
 * are alike in both as well, which takes no text of them.
 */
function isAsRead<One extends Entry>({ entry, rev }: Read<One>, draft: Draft<One>): boolean {
  if (entry === null || rev === undefined) return false
  if (draft === entry) return true
  const [there, wanted] = [entry, { ...draft, _id: entry._id }].map((one) => ({ ...one, _rev: rev }))
  return isSameJson(there, wanted) || canonicalJson(there) === canonicalJson(wanted)
}
