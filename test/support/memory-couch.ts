// A CouchDB in memory, as much of it as the daemon uses: revision trees, changes, purge, replications that run when told to.
import { createHash } from 'node:crypto'
import type { Couch } from '../../src/couch/client.ts'
import type {
  ChangesPage,
  DatabaseInfo,
  Doc,
  Row,
  Security,
  Seq,
  StoredDoc,
  Written,
} from '../../src/couch/document.ts'
import { CouchFault } from '../../src/couch/fault.ts'
import { decodeJson, encodeJson } from '../../src/couch/json.ts'
import type { Replication } from '../../src/model/replication.ts'

interface Revision {
  rev: string
  parent: string | null
  /** Null where only the history knows of it. */
  body: Doc | null
}

const generation = (rev: string): number => Number(rev.slice(0, rev.indexOf('-')))

/** One document's tree. */
class Tree {
  readonly revisions = new Map<string, Revision>()
  seq = 0

  leaves(): Revision[] {
    const parents = new Set([...this.revisions.values()].map(({ parent }) => parent))
    return [...this.revisions.values()]
      .filter(({ rev }) => !parents.has(rev))
      .sort(
        (one, other) =>
          Number(one.body?._deleted ?? false) - Number(other.body?._deleted ?? false) ||
          generation(other.rev) - generation(one.rev) ||
          (one.rev < other.rev ? 1 : -1),
      )
  }

  history(rev: string): string[] {
    const path: string[] = []
    for (let at: string | null = rev; at !== null; at = this.revisions.get(at)?.parent ?? null) path.push(at)
    return path
  }

  /** Removes a leaf, and of its history what no other leaf has. */
  purge(rev: string): void {
    if (!this.leaves().some((leaf) => leaf.rev === rev)) return
    for (const ancestor of this.history(rev)) {
      if ([...this.revisions.values()].some(({ parent }) => parent === ancestor)) return
      this.revisions.delete(ancestor)
    }
  }
}

/** A copy as it comes over the wire: JSON, with all digits of its numbers. */
const copyOf = <Value>(value: Value): Value => decodeJson(encodeJson(value)) as Value

const digest = (text: string): string => createHash('md5').update(text).digest('hex')

/** A database of the memory server; the methods are those of src/couch/database.ts. */
class MemoryDatabase {
  readonly name: string
  readonly #server: MemoryCouch
  readonly trees = new Map<string, Tree>()
  seq = 0
  security_: Security = { admins: { roles: ['_admin'] }, members: { roles: ['_admin'] } }
  readonly born: string

  constructor(server: MemoryCouch, name: string, born: string) {
    this.#server = server
    this.name = name
    this.born = born
  }

  changes({ since, limit, includeDocs }: { since: Seq; limit: number; includeDocs: boolean }): ChangesPage {
    const after = Number(since)
    const all = [...this.trees]
      .filter(([, tree]) => tree.seq > after && tree.leaves().length > 0)
      .sort(([, one], [, other]) => one.seq - other.seq)
    const page = all.slice(0, limit)
    return {
      results: page.map(([id, tree]) => {
        const [winner] = tree.leaves()
        const deleted = winner?.body?._deleted === true
        return {
          id,
          seq: String(tree.seq),
          changes: [{ rev: winner?.rev ?? '' }],
          ...(deleted ? { deleted } : {}),
          ...(includeDocs
            ? { doc: this.read(id) ?? { _id: id, _rev: winner?.rev ?? '', _deleted: true } }
            : {}),
        }
      }),
      last_seq: page.length < all.length ? String(page.at(-1)?.[1].seq) : String(this.seq),
      pending: all.length - page.length,
    }
  }

  /** The winning live document with its conflicts, or null. */
  read(id: string): StoredDoc | null {
    const [winner, ...others] = this.trees.get(id)?.leaves() ?? []
    if (!winner?.body || winner.body._deleted) return null
    const conflicts = others.filter(({ body }) => body && !body._deleted).map(({ rev }) => rev)
    return copyOf({
      ...winner.body,
      _rev: winner.rev,
      ...(conflicts.length > 0 ? { _conflicts: conflicts } : {}),
    })
  }

  row(id: string): Row {
    const [winner] = this.trees.get(id)?.leaves() ?? []
    return { id, rev: winner?.rev ?? null, deleted: winner?.body?._deleted === true, doc: this.read(id) }
  }

  leaf(id: string, rev: string): StoredDoc | null {
    const tree = this.trees.get(id)
    const body = tree?.revisions.get(rev)?.body
    if (!tree || !body) return null
    const ids = tree.history(rev).map((one) => one.slice(one.indexOf('-') + 1))
    return copyOf({ ...body, _rev: rev, _revisions: { start: generation(rev), ids } })
  }

  write(doc: Doc): Written {
    const { _id: id, _rev: over, ...rest } = doc
    const tree = this.trees.get(id) ?? new Tree()
    const [winner] = tree.leaves()
    const isFree = winner === undefined || winner.body?._deleted === true
    const parent = over ?? (isFree ? (winner?.rev ?? null) : null)
    const isLeaf = parent !== null && tree.leaves().some(({ rev }) => rev === parent)
    if (over === undefined ? !isFree : !isLeaf)
      return { id, ok: false, error: 'conflict', reason: 'Document update conflict.' }
    const body = withStubs(
      { ...rest, _id: id },
      parent === null ? null : (tree.revisions.get(parent)?.body ?? null),
    )
    const rev = `${parent === null ? 1 : generation(parent) + 1}-${digest(encodeJson([parent, body]))}`
    tree.revisions.set(rev, { rev, parent, body })
    this.#touch(id, tree)
    return { id, ok: true, rev }
  }

  /** Merges a revision with its history, as a replication does. */
  merge(doc: Doc): void {
    const { _id: id, _rev: rev, _revisions, ...rest } = doc
    if (rev === undefined) throw new Error(`Expected a revision of ${id}`)
    const { start, ids } = _revisions ?? { start: generation(rev), ids: [rev.slice(rev.indexOf('-') + 1)] }
    const path = ids.map((hash, age) => `${start - age}-${hash}`)
    const tree = this.trees.get(id) ?? new Tree()
    const known = tree.revisions.get(rev)
    if (known?.body) return
    path.forEach((one, at) => {
      const parent = path[at + 1] ?? null
      const there = tree.revisions.get(one)
      if (!there) tree.revisions.set(one, { rev: one, parent, body: null })
      else if (there.parent === null) there.parent = parent
    })
    const leaf = tree.revisions.get(rev)
    if (leaf) leaf.body = withStubs({ ...rest, _id: id }, null)
    this.#touch(id, tree)
  }

  #touch(id: string, tree: Tree): void {
    this.seq += 1
    tree.seq = this.seq
    this.trees.set(id, tree)
    this.#server.wrote(this.name, id)
  }
}

/** Attachments as the server keeps them: contents get a digest, stubs take theirs from the revision before. */
function withStubs(doc: Doc, before: Doc | null): Doc {
  if (!doc._attachments) return doc
  const kept = Object.entries(doc._attachments).map(([name, given]) => {
    if (given.data === undefined) return [name, before?._attachments?.[name] ?? given]
    const length = Buffer.from(given.data, 'base64').length
    return [name, { ...given, digest: `md5-${digest(given.data)}`, length, stub: true }]
  })
  return { ...doc, _attachments: Object.fromEntries(kept) as NonNullable<Doc['_attachments']> }
}

/** Attachments as they are read: stubs without their contents, unless those are asked for. */
const asRead = <Read extends Doc>(doc: Read, attachments: boolean): Read =>
  !doc._attachments
    ? doc
    : {
        ...doc,
        _attachments: Object.fromEntries(
          Object.entries(doc._attachments).map(([name, { data, ...stub }]) => [
            name,
            attachments ? { ...stub, data, stub: undefined } : stub,
          ]),
        ),
      }

/** A server in memory, in place of src/couch/client.ts. Everything is told to `onWrite`, which may crash the caller. */
export class MemoryCouch {
  readonly url = 'memory:'
  requests = 0
  /** Documents written so far, as `<database> <id>`. */
  readonly writes: string[] = []
  /** Called before every write; throwing is a crash. */
  onWrite: (db: string, id: string) => void = () => undefined
  readonly databases = new Map<string, MemoryDatabase>()
  #born = 0

  wrote(db: string, id: string): void {
    this.writes.push(`${db} ${id}`)
  }

  /** The server as the daemon's modules take it. */
  asCouch(): Couch {
    return this as unknown as Couch
  }

  create(name: string): MemoryDatabase {
    this.#born += 1
    const database = new MemoryDatabase(this, name, String(this.#born))
    this.databases.set(name, database)
    return database
  }

  /** Every replication brings what its selector takes; gives whether anything moved. */
  replicate(): boolean {
    const before = this.writes.length
    for (const [id] of this.databases.get('_replicator')?.trees ?? []) {
      const doc = this.databases.get('_replicator')?.read(id) as unknown as Replication | null
      if (!doc?.selector) continue
      const [source, target] = [doc.source, doc.target].map(({ url }) =>
        this.databases.get(decodeURIComponent(url.slice(url.lastIndexOf('/') + 1))),
      )
      if (!source || !target) continue
      for (const [docId, tree] of source.trees) {
        if (docId < doc.selector._id.$gte || docId >= doc.selector._id.$lt) continue
        for (const { rev } of tree.leaves()) {
          const leaf = source.leaf(docId, rev)
          if (leaf && !target.trees.get(docId)?.revisions.has(rev)) target.merge(leaf)
        }
      }
    }
    return this.writes.length > before
  }

  database(name: string): unknown {
    const there = (): MemoryDatabase => {
      this.requests += 1
      const database = this.databases.get(name)
      if (!database) throw new CouchFault('not_found', name, 'Database does not exist.', 404)
      return database
    }
    const info = (database: MemoryDatabase): DatabaseInfo => ({
      db_name: name,
      update_seq: String(database.seq),
      doc_count: database.trees.size,
      doc_del_count: 0,
      instance_start_time: database.born,
    })
    const bulk = (docs: Doc[], { newEdits = true } = {}): Written[] => {
      const database = there()
      return docs.flatMap((doc): Written[] => {
        this.onWrite(name, doc._id)
        if (newEdits) return [database.write(copyOf(doc))]
        database.merge(copyOf(doc))
        return []
      })
    }
    const fetch = (ids: string[]): Row[] => ids.map((id) => withRead(there().row(id)))
    const withRead = (row: Row): Row => ({ ...row, doc: row.doc && asRead(row.doc, false) })
    const async =
      <Args extends unknown[], Result>(run: (...args: Args) => Result) =>
      (...args: Args): Promise<Result> =>
        Promise.resolve().then(() => run(...args))

    return {
      name,
      info: async(() => (this.databases.has(name) ? info(there()) : null)),
      create: async(() => {
        if (this.databases.has(name)) return false
        this.onWrite(name, '')
        this.create(name)
        this.wrote(name, '(created)')
        return true
      }),
      drop: async(() => {
        if (this.databases.delete(name)) this.wrote(name, '(dropped)')
      }),
      security: async(() => there().security_),
      putSecurity: async((security: Security) => {
        this.onWrite(name, '_security')
        there().security_ = security
        this.wrote(name, '_security')
      }),
      changes: async((options: { since: Seq; limit: number; includeDocs: boolean }) => {
        const page = there().changes(options)
        return {
          ...page,
          results: page.results.map((row) => (row.doc ? { ...row, doc: asRead(row.doc, false) } : row)),
        }
      }),
      fetch: async(fetch),
      fetchIfThere: async((ids: string[]) => (this.databases.has(name) ? fetch(ids) : [])),
      get: async((id: string) => fetch([id])[0]?.doc ?? null),
      range: async((range: { startKey?: string; endKey?: string; limit?: number }) => {
        const { startKey = '', endKey = '\uffff', limit = Infinity } = range
        const ids = [...there().trees.keys()].filter((id) => id >= startKey && id < endKey)
        const rows = ids.sort().map((id) => withRead(there().row(id)))
        return rows.filter(({ doc }) => doc !== null).slice(0, limit)
      }),
      leaves: async((wanted: { id: string; rev?: string }[], { attachments = false } = {}) =>
        wanted.flatMap(({ id, rev }) => {
          const revs =
            rev === undefined ? (there().trees.get(id)?.leaves() ?? []).map((leaf) => leaf.rev) : [rev]
          return revs.flatMap((one) => there().leaf(id, one) ?? []).map((leaf) => asRead(leaf, attachments))
        }),
      ),
      bulk: async(bulk),
      put: async((doc: Doc) => bulk([doc])[0]),
      purge: async((revisions: Record<string, string[]>) => {
        for (const [id, revs] of Object.entries(revisions)) {
          this.onWrite(name, id)
          for (const rev of revs) there().trees.get(id)?.purge(rev)
          this.wrote(name, `${id} (purged)`)
        }
      }),
      view: async((_design: string, view: string, keys: string[]) =>
        view !== 'by_owner'
          ? []
          : [...there().trees.keys()].flatMap((id) => {
              const doc = there().read(id)
              return doc?.['type'] === 'share' && keys.includes(doc['database'] as string) ? [{ id }] : []
            }),
      ),
      callUpdate: async((_design: string, _update: string, id: string) => {
        const doc = there().read(id)
        if (doc) bulk([{ _id: id, _rev: doc._rev, _deleted: true }])
      }),
    }
  }

  /** The scheduler accepts every replication, and no job outlives its document. */
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
}
