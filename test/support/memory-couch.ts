// A CouchDB in memory, as much of it as the daemon uses: databases, replications that run when told to, and clients whose
// every request may be held back, or be the last one.
import type { Couch } from '../../src/couch/client.ts'
import type { ChangesOptions, Database, RangeOptions } from '../../src/couch/database.ts'
import type { DatabaseInfo, Doc, Row, Security, Written } from '../../src/couch/document.ts'
import { CouchFault } from '../../src/couch/fault.ts'
import { encodeJson } from '../../src/documents/json.ts'
import { isNameable } from '../../src/documents/revisions.ts'
import { assertLegal, assertUtf8 } from './illegal-documents.ts'
import { contentsAfter, flowOfAttachment, flowOfLeaf, readFlow, withEncodings } from './memory-attachments.ts'
import { asRead, copyOf, MemoryDatabase } from './memory-database.ts'
import type { Upload } from '../../src/couch/request.ts'
import type { ShareReplication } from '../../src/shares/model/replication.ts'

/** Called before each request: it waits for its turn, or fails. @returns why the answer is lost, where it is */
export type Gate = () => Promise<CouchFault | null>

/** A server in memory, in place of src/couch/client.ts. Everything is told to `onWrite`, which may crash the caller. */
export class MemoryCouch {
  readonly url = 'memory:'
  requests = 0
  /** What was written so far, as `<database> <id>`. */
  readonly writes: string[] = []
  /** Told of every request to a database, as `<database> <method>`; what asks for nothing is none. */
  onRequest: (request: string) => void = () => undefined
  /** Called before every write; throwing is a crash. */
  onWrite: (db: string, id: string) => void = () => undefined
  /** Stands for all validation functions: the reason for which a document is refused, or null. */
  refuses: (db: string, doc: Doc) => string | null = () => null
  /** The largest document that is taken, in characters of its JSON without attachments. */
  mostCharacters = Infinity
  readonly databases = new Map<string, MemoryDatabase>()
  #born = 0

  /** The server as the daemon's modules take it. */
  asCouch(): Couch {
    return this as unknown as Couch
  }

  /** A client of its own, each of whose requests passes the gate first. */
  client(gate: Gate): Couch {
    const ask =
      <Args extends unknown[], Result>(run: (...args: Args) => Result) =>
      async (...args: Args): Promise<Awaited<Result>> => {
        const lost = await gate()
        const answer = await run(...args)
        if (lost) throw lost
        return answer
      }
    const client = {
      url: this.url,
      database: (name: string) => this.database(name, gate),
      request: ask(
        (request: { path: string[]; body?: unknown }) => this.#documents(request) ?? this.request(request),
      ),
      server: ask(() => ({ couchdb: 'Welcome', version: '3.5.0' })),
      allDbs: ask((range: { startKey?: string; endKey?: string; limit?: number } = {}) => this.#names(range)),
      dbsInfo: ask((names: string[]) => this.#infos(names)),
    }
    return client as unknown as Couch
  }

  /** As of a client whose requests nobody holds back. */
  dbsInfo(names: string[]): Promise<Map<string, DatabaseInfo>> {
    return Promise.resolve(this.#infos(names))
  }

  create(name: string): MemoryDatabase {
    this.#born += 1
    const wrote = (id: string): void => void this.writes.push(`${name} ${id}`)
    const database = new MemoryDatabase(name, String(this.#born), wrote)
    this.databases.set(name, database)
    return database
  }

  /** Drops a database, as an admin may. */
  drop(name: string): void {
    this.databases.delete(name)
    this.writes.push(`${name} (dropped)`)
  }

  /** Drops a database and creates it again. */
  recreate(name: string): void {
    this.drop(name)
    this.create(name)
    this.writes.push(`${name} (created)`)
  }

  /** Every replication brings what its selector takes; gives whether anything moved. */
  replicate(): boolean {
    const before = this.writes.length
    for (const [id] of this.databases.get('_replicator')?.trees ?? []) {
      const doc = this.databases.get('_replicator')?.read(id) as unknown as ShareReplication | null
      if (doc?.share === undefined) continue
      const [source, target] = [doc.source, doc.target].map(({ url }) =>
        this.databases.get(decodeURIComponent(url.slice(url.lastIndexOf('/') + 1))),
      )
      if (!source || !target) continue
      for (const [docId, tree] of source.trees) {
        if (docId < doc.selector._id.$gte || docId >= doc.selector._id.$lt) continue
        for (const { rev } of tree.leaves()) {
          if (target.missing(docId, [rev]).length === 0) continue
          const leaf = source.leaf(docId, rev)
          if (leaf) target.merge(leaf)
        }
      }
    }
    return this.writes.length > before
  }

  /** The methods of src/couch/database.ts; each call is one request. */
  database(name: string, gate: Gate = () => Promise.resolve(null)): unknown {
    const ask =
      <Args extends unknown[], Result>(run: (...args: Args) => Result) =>
      async (...args: Args): Promise<Result> => {
        const lost = await gate()
        this.requests += 1
        const answer = run(...args)
        if (lost) throw lost
        return answer
      }
    const there = (): MemoryDatabase => {
      const database = this.databases.get(name)
      if (!database) throw new CouchFault('not_found', name, 'Database does not exist.', 404)
      return database
    }
    const bulk = (docs: Doc[], { newEdits = true } = {}): Written[] => {
      const database = there()
      // CouchDB takes none of a request with one that is illegal, or too large.
      assertUtf8(name, docs)
      for (const doc of docs) assertLegal(name, doc)
      for (const { _id, _rev, _attachments, ...body } of docs)
        if (encodeJson(body).length > this.mostCharacters)
          throw new CouchFault('too_large', name, _id, 413, 'document_too_large')
      const isChecked = database.isValidated || docs.some(isLookedUp)
      return docs.flatMap((doc): Written[] => {
        this.onWrite(name, doc._id)
        const reason = this.refuses(name, doc)
        if (reason !== null) return [{ id: doc._id, ok: false, error: 'forbidden', reason }]
        if (newEdits) return [database.write(copyOf(doc), isChecked)]
        database.merge(copyOf(doc))
        return []
      })
    }
    const withStubs = (row: Row): Row => ({ ...row, doc: row.doc && asRead(row.doc) })
    const fetch = (ids: string[], { conflicts = false } = {}): Row[] => {
      const database = there()
      assertUtf8(name, ids)
      return ids.map((id) => withStubs(database.row(id, { conflicts })))
    }

    const methods = {
      name,
      info: ask(() => this.databases.get(name)?.info() ?? null),
      create: ask(() => {
        if (this.databases.has(name)) return false
        this.onWrite(name, '')
        this.create(name)
        this.writes.push(`${name} (created)`)
        return true
      }),
      drop: ask(() => {
        if (!this.databases.has(name)) return false
        this.onWrite(name, '')
        this.writes.push(`${name} (dropped)`)
        return this.databases.delete(name)
      }),
      revsLimit: ask(() => 1000),
      security: ask(() => copyOf(there().security)),
      putSecurity: ask((security: Security) => {
        this.onWrite(name, '_security')
        there().secure(security)
      }),
      changes: ask((options: ChangesOptions) => {
        const page = there().changes(options)
        return {
          ...page,
          results: page.results.map((row) => (row.doc ? { ...row, doc: asRead(row.doc) } : row)),
        }
      }),
      fetch: ask(fetch),
      fetchIfThere: ask((ids: string[], options: { conflicts?: boolean } = {}) =>
        this.databases.has(name) ? fetch(ids, options) : [],
      ),
      changedFrom: ask((known: ReadonlyMap<string, string | null>) => {
        const database = there()
        const isAsBefore = (id: string): boolean => {
          const [leaf = null, ...others] = database.leaves(id).map(({ _rev }) => _rev)
          return others.length === 0 && leaf === known.get(id)
        }
        const ids = [...known.keys()].filter((id) => !isAsBefore(id))
        return new Map(fetch(ids, {}).map((row) => [row.id, row]))
      }),
      get: ask((id: string, options: { conflicts?: boolean } = {}) => fetch([id], options)[0]?.doc ?? null),
      range: ask(({ startKey = '', endKey = '\uffff', limit = Infinity }: RangeOptions) => {
        const ids = [...there().trees.keys()].filter((id) => id >= startKey && id < endKey).sort()
        const live = ids.map((id) => there().row(id, { conflicts: false })).filter(({ doc }) => doc !== null)
        return live.slice(0, limit).map(withStubs)
      }),
      leaves: ask(
        (
          wanted: { id: string; rev?: string; since?: string }[],
          { attachments = false, encodings = false } = {},
        ) => {
          const database = there()
          assertUtf8(name, wanted)
          return wanted.flatMap(({ id, rev, since }) => {
            if (rev !== undefined && !isNameable(rev)) return []
            const leaves = rev === undefined ? database.leaves(id) : [database.leaf(id, rev) ?? []].flat()
            return leaves.map((leaf) => {
              const read = attachments ? contentsAfter(leaf, since) : asRead(leaf)
              return encodings ? withEncodings(read) : read
            })
          })
        },
      ),
      attachment: ask((id: string, attachment: string, rev: string) =>
        flowOfAttachment(there(), id, attachment, rev),
      ),
      flow: ask((id: string, rev: string, { since }: { since?: string } = {}) =>
        flowOfLeaf(there(), id, rev, since),
      ),
      putFlow: async (
        id: string,
        open: Upload['open'],
        options: { newEdits?: boolean } = {},
      ): Promise<string> => {
        const doc = await readFlow(await open(new AbortController().signal))
        const [row] = await ask(bulk)([doc], options)
        if (row?.ok === false)
          throw new CouchFault(row.error === 'conflict' ? 'conflict' : 'forbidden', name, row.reason)
        return row?.rev ?? doc._rev ?? id
      },
      leafRevisions: ask((ids: readonly string[]) => {
        const database = there()
        assertUtf8(name, ids)
        const found = ids.map((id) => [id, database.leaves(id).map(({ _rev }) => _rev)] as const)
        return new Map(found.filter(([, revs]) => revs.length > 0))
      }),
      missing: ask((revisions: Record<string, string[]>) => {
        const database = there()
        assertUtf8(name, revisions)
        // As src/couch/database.ts: nobody can bring what nobody can name.
        const rows = Object.entries(revisions).map(([id, revs]) => {
          const missing = new Set(database.missing(id, revs))
          return [id, revs.filter((rev) => missing.has(rev) || !isNameable(rev))] as const
        })
        return Object.fromEntries(rows.filter(([, revs]) => revs.length > 0))
      }),
      bulk: ask(bulk),
      put: ask((doc: Doc) => bulk([doc])[0]),
      purge: ask((revisions: Record<string, string[]>) => {
        for (const [id, revs] of Object.entries(revisions)) {
          this.onWrite(name, id)
          // As src/couch/database.ts.
          there().purge(id, revs.filter(isNameable))
        }
      }),
      purged: ask(() => new Map(this.databases.get(name)?.purged ?? [])),
      view: ask((design: string, view: string, keys: string[]) => {
        assertUtf8(name, keys)
        return there().view(design, view, keys)
      }),
      viewUpTo: ask((design: string, view: string, bounds: { endKey: number; limit: number }) =>
        there().viewUpTo(design, view, bounds),
      ),
      callUpdate: ask((_design: string, _update: string, id: string) => {
        const doc = there().read(id)
        if (doc) bulk([{ _id: id, _rev: doc._rev, _deleted: true }])
      }),
    }
    return this.#telling(methods)
  }

  /** The same methods, of each of which `onRequest` is told. */
  #telling<Methods extends { name: string }>(methods: Methods): Methods {
    return new Proxy(methods, {
      get: (target, method) => {
        const member: unknown = Reflect.get(target, method)
        if (typeof member !== 'function') return member
        return (...args: unknown[]): unknown => {
          if (!isNothing(args[0])) this.onRequest(`${target.name} ${String(method)}`)
          return Reflect.apply(member, target, args)
        }
      },
    })
  }

  /** The scheduler accepts every replication, and no job outlives its document; settings cannot be read. */
  async request<T>({ path }: { path: string[] }): Promise<T> {
    await Promise.resolve()
    const [first, kind, , id] = path
    const doc =
      first === '_scheduler' && kind === 'docs' && id !== undefined
        ? this.databases.get('_replicator')?.read(id)
        : null
    if (!doc) throw new CouchFault('not_found', path.join('/'), 'missing', 404)
    return { doc_id: id, id, state: 'running', info: null } as T
  }

  /** The requests of which src/couch/database.ts makes its methods, where they are for documents; null for any other. */
  #documents({ path, body }: { path: string[]; body?: unknown }): Promise<unknown> | null {
    const [name = '', kind, design = '', , view = ''] = path
    const {
      keys = [],
      docs = [],
      ...said
    } = (body ?? {}) as {
      keys?: string[]
      docs?: (Doc & { id: string })[]
      new_edits?: false
    }
    const database = this.database(name) as Database
    switch (kind) {
      case '_all_docs':
        return database.fetch(keys, { conflicts: true }).then((rows) => ({
          rows: rows.map(({ id, rev, deleted, doc }) => ({
            ...{ key: id, doc },
            ...(rev === null ? { error: 'not_found' } : { id, value: { rev, deleted } }),
          })),
        }))
      case '_bulk_get':
        return database.leaves(docs).then((leaves) => ({
          results: [...new Set(docs.map(({ id }) => id))].map((id) => {
            const own = leaves.filter(({ _id }) => _id === id)
            return { id, docs: own.map((leaf) => ({ ok: leaf })) }
          }),
        }))
      case '_revs_diff':
        return database
          .leafRevisions(Object.keys(said))
          .then((found) =>
            Object.fromEntries([...found].map(([id, revs]) => [id, { possible_ancestors: revs }])),
          )
      case '_bulk_docs':
        return database
          .bulk(docs, { newEdits: said.new_edits !== false })
          .then((rows) =>
            rows.map((row) =>
              row.ok ? { id: row.id, rev: row.rev } : { id: row.id, error: row.error, reason: row.reason },
            ),
          )
      case '_design':
        return database.view(design, view, keys).then((rows) => ({ rows }))
      default:
        return null
    }
  }

  #names({
    startKey = '',
    endKey = '\uffff',
    limit = Infinity,
  }: {
    startKey?: string
    endKey?: string
    limit?: number
  }): string[] {
    const names = [...this.databases.keys()].filter((name) => name >= startKey && name <= endKey)
    return names.sort().slice(0, limit)
  }

  #infos(names: string[]): Map<string, DatabaseInfo> {
    return new Map(
      names.flatMap((name) => {
        const info = this.databases.get(name)?.info()
        return info ? [[name, info] as const] : []
      }),
    )
  }
}

/**
 * CouchDB looks at what is there before it takes documents only where it has to: for a validation function, or where one of them is
 * a design document or has attachments. (`before_docs_update` in couch_db.erl, 3.5)
 */
const isLookedUp = ({ _id, _attachments }: Doc): boolean =>
  _id.startsWith('_design/') || _attachments !== undefined

const isNothing = (asked: unknown): boolean =>
  typeof asked === 'object' &&
  asked !== null &&
  (asked instanceof Map ? asked.size : Object.keys(asked).length) === 0
