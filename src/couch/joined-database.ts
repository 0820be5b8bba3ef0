// A database in which many have something: what several ask of it at the same moment is one request.
import chunk from 'lodash/chunk.js'
import { requestsOf } from './bulk.ts'
import type { Aside, Couch, Databases } from './client.ts'
import { encodeJson } from '../documents/json.ts'
import { Database, type ChangesOptions } from './database.ts'
import type { ChangesPage, DatabaseInfo, Doc, Row, StoredDoc, Written } from './document.ts'
import { Joined } from './joined.ts'
import type { Requester } from './request.ts'

/** Documents that a request reads at the most. */
const MOST_READ = 500
/** So many databases are remembered: of one that is forgotten, two requests may be under way at once. */
const MOST_DATABASES = 1000

type FetchOptions = { includeDocs?: boolean; conflicts?: boolean }
type ViewRow<Value> = { id: string; key: string; value: Value }

/** What is known of each database that is there. */
type Infos = Joined<string[], Map<string, DatabaseInfo>>

/**
 * Documents by their ids, all leaves of documents, pages of changes without documents, views by their keys, what a database says of
 * itself, and writes are asked for together; all else goes as it is. What several read at once is the same object for all of them.
 */
export class JoinedDatabase extends Database {
  readonly #aside: Aside
  readonly #infos: Infos
  /** By what is asked for beside the ids. */
  readonly #fetches = new Map<string, Joined<string[], Row[]>>()
  /** By the names of design document and view. */
  readonly #views = new Map<string, Joined<readonly string[], ViewRow<unknown>[]>>()
  readonly #pages: Joined<ChangesOptions, ChangesPage>
  readonly #leaves: Joined<string[], StoredDoc[]>
  readonly #writes: Joined<Doc[], Written[]>

  /** @param aside what a turn does that waits for an answer */
  constructor(couch: Requester, name: string, infos: Infos, aside: Aside) {
    super(couch, name)
    this.#aside = aside
    this.#infos = infos
    this.#pages = new Joined(async (asked) => {
      const pages = new Map<string, Promise<ChangesPage>>()
      const page = (options: ChangesOptions): Promise<ChangesPage> =>
        getOrMake(pages, encodeJson(options), () => super.changes(options))
      return Promise.all(asked.map(page))
    }, aside)
    this.#leaves = new Joined(async (asked) => {
      const ids = distinct(asked)
      const leaves = await inChunks(ids, (some) => super.leaves(some.map((id) => ({ id }))))
      return shares(asked, leaves, ({ _id }) => _id)
    }, aside)
    this.#writes = new Joined(async (asked) => {
      const written = new Map<Doc, Written>()
      for (const docs of roundsOf(asked.flat()).flatMap(requestsOf)) {
        const rows = new Map((await super.bulk(docs)).map((row) => [row.id, row]))
        for (const doc of docs) {
          const row = rows.get(doc._id)
          if (row) written.set(doc, row)
        }
      }
      return asked.map((docs) => docs.flatMap((doc) => written.get(doc) ?? []))
    }, aside)
  }

  /** CouchDB leaves out of several what it could not open, whatever the reason: that is asked for by itself. */
  override async info(): Promise<DatabaseInfo | null> {
    return (await this.#infos.ask([this.name])).get(this.name) ?? super.info()
  }

  override async changes(options: ChangesOptions): Promise<ChangesPage> {
    return options.includeDocs ? super.changes(options) : this.#pages.ask(options)
  }

  override async fetch(ids: string[], options: FetchOptions = {}): Promise<Row[]> {
    if (ids.length === 0) return []
    const { includeDocs = true, conflicts = false } = options
    const fetches = getOrMake(this.#fetches, `${includeDocs} ${conflicts}`, () => {
      return new Joined<string[], Row[]>(async (asked) => {
        const wanted = distinct(asked)
        const rows = await inChunks(wanted, (some) => super.fetch(some, { includeDocs, conflicts }))
        const byId = new Map(wanted.map((id, at) => [id, rows[at]]))
        return asked.map((some) => some.flatMap((id) => byId.get(id) ?? []))
      }, this.#aside)
    })
    return fetches.ask(ids)
  }

  override async leaves(
    wanted: { id: string; rev?: string }[],
    options: { attachments?: boolean; encodings?: boolean } = {},
  ): Promise<StoredDoc[]> {
    const isPlain = !options.attachments && !options.encodings && wanted.every(({ rev }) => rev === undefined)
    if (!isPlain || wanted.length === 0) return super.leaves(wanted, options)
    return this.#leaves.ask(wanted.map(({ id }) => id))
  }

  override async bulk(docs: Doc[], { newEdits = true } = {}): Promise<Written[]> {
    return newEdits && docs.length > 0 ? this.#writes.ask(docs) : super.bulk(docs, { newEdits })
  }

  override async view<Value>(
    design: string,
    view: string,
    keys: readonly string[],
  ): Promise<ViewRow<Value>[]> {
    if (keys.length === 0) return []
    const views = getOrMake(this.#views, `${design}/${view}`, () => {
      return new Joined<readonly string[], ViewRow<unknown>[]>(async (asked) => {
        const wanted = distinct(asked)
        const rows = await super.view<unknown>(design, view, wanted)
        // To CouchDB, keys are the same that differ in what nobody sees of them: whose these are is not known here.
        const unclear = rows.filter(({ key }) => !wanted.includes(key))
        return shares(asked, rows, ({ key }) => key).map((own) => [...own, ...unclear])
      }, this.#aside)
    })
    return (await views.ask(keys)) as ViewRow<Value>[]
  }
}

/** A server on which many have something in the same databases. */
export class JoinedCouch implements Databases {
  readonly #couch: Couch
  readonly #isCommon: (name: string) => boolean
  readonly #aside: Aside
  readonly #databases = new Map<string, JoinedDatabase>()
  readonly #infos: Infos

  /**
   * @param isCommon whether many have something in the database of that name
   * @param aside what a turn does that waits for an answer
   */
  constructor(couch: Couch, isCommon: (name: string) => boolean, aside: Aside) {
    this.#couch = couch
    this.#isCommon = isCommon
    this.#aside = aside
    this.#infos = new Joined(async (asked) => {
      const infos = await couch.dbsInfo(distinct(asked))
      const infosOf = (name: string): [string, DatabaseInfo][] => {
        const info = infos.get(name)
        return info ? [[name, info]] : []
      }
      return asked.map((names) => new Map(names.flatMap(infosOf)))
    }, aside)
  }

  database(name: string): Database {
    if (!this.#isCommon(name)) return this.#couch.database(name)
    const database = getOrMake(
      this.#databases,
      name,
      () => new JoinedDatabase(this.#couch, name, this.#infos, this.#aside),
    )
    const [oldest] = this.#databases.keys()
    if (this.#databases.size > MOST_DATABASES && oldest !== undefined) this.#databases.delete(oldest)
    return database
  }

  async dbsInfo(names: string[]): Promise<Map<string, DatabaseInfo>> {
    return names.length === 0 ? new Map() : this.#infos.ask(names)
  }
}

const distinct = (asked: readonly (readonly string[])[]): string[] => [...new Set(asked.flat())]

/** Of what was found, for each what it asked for. A map, as users choose the ids. */
function shares<Found>(
  asked: readonly (readonly string[])[],
  found: readonly Found[],
  keyOf: (one: Found) => string,
): Found[][] {
  const byKey = new Map<string, Found[]>()
  for (const one of found) getOrMake(byKey, keyOf(one), () => []).push(one)
  return asked.map((keys) => keys.flatMap((key) => byKey.get(key) ?? []))
}

/** `_bulk_docs` takes a document but once: of several writes of one, the first goes first, as if nobody had waited. */
function roundsOf(docs: readonly Doc[]): Doc[][] {
  const rounds: Map<string, Doc>[] = []
  for (const doc of docs) {
    const round = rounds.find((ids) => !ids.has(doc._id)) ?? new Map<string, Doc>()
    if (round.size === 0) rounds.push(round)
    round.set(doc._id, doc)
  }
  return rounds.map((round) => [...round.values()])
}

async function inChunks<One, Answer>(all: One[], ask: (some: One[]) => Promise<Answer[]>): Promise<Answer[]> {
  const answers: Answer[] = []
  for (const some of chunk(all, MOST_READ)) answers.push(...(await ask(some)))
  return answers
}

function getOrMake<Key, Value>(all: Map<Key, Value>, key: Key, make: () => Value): Value {
  const value = all.get(key) ?? make()
  all.set(key, value)
  return value
}
