// A database in memory, as CouchDB keeps one: trees of revisions, a winner among the leaves, changes, purges, views.
import { createHash } from 'node:crypto'
import { compileFunction } from 'node:vm'
import mapValues from 'lodash/mapValues.js'
import type { ChangesOptions } from '../../src/couch/database.ts'
import type {
  ChangesPage,
  DatabaseInfo,
  Doc,
  Row,
  Security,
  StoredDoc,
  Written,
} from '../../src/couch/document.ts'
import { CouchFault } from '../../src/couch/fault.ts'
import { decodeJson, encodeJson } from '../../src/documents/json.ts'
import { generationOf } from '../../src/documents/revisions.ts'

export interface Revision {
  rev: string
  parent: string | null
  /** Null where only the history knows of it. */
  body: Doc | null
}

/** What a revision is called behind its generation. */
export const hashOf = (rev: string): string => rev.slice(rev.indexOf('-', 1) + 1)

/** Of any size, as CouchDB has them. */
const exactGenerationOf = (rev: string): bigint => BigInt(/^-?\d+/.exec(rev)?.[0] ?? 0)

/** As a document says it that was read: a number, where JavaScript has it. */
const startOf = (rev: string): number => decodeJson(String(exactGenerationOf(rev))) as number

const isDeleted = (revision: Revision | undefined): boolean => revision?.body?._deleted === true

/** One document's tree. */
class Tree {
  readonly revisions = new Map<string, Revision>()
  seq = 0
  #leaves: Revision[] | null = null

  /** Live leaves first, then the longest history, then the larger name; the first one wins. */
  leaves(): Revision[] {
    if (this.#leaves) return this.#leaves
    const parents = new Set([...this.revisions.values()].map(({ parent }) => parent))
    this.#leaves = [...this.revisions.values()]
      .filter(({ rev }) => !parents.has(rev))
      .sort(
        (one, other) =>
          Number(isDeleted(one)) - Number(isDeleted(other)) ||
          Number(exactGenerationOf(other.rev) - exactGenerationOf(one.rev)) ||
          (one.rev < other.rev ? 1 : -1),
      )
    return this.#leaves
  }

  add(revision: Revision): void {
    this.revisions.set(revision.rev, revision)
    this.#leaves = null
  }

  history(rev: string): string[] {
    const path: string[] = []
    for (let at: string | null = rev; at !== null; at = this.revisions.get(at)?.parent ?? null) path.push(at)
    return path
  }

  /** Takes in a revision with its history; what is known stays as it is. */
  graft(path: readonly string[], body: Doc): void {
    path.forEach((rev, at) => {
      const parent = path[at + 1] ?? null
      const there = this.revisions.get(rev)
      if (!there) this.add({ rev, parent, body: null })
      else if (there.parent === null) this.add({ ...there, parent })
    })
    const leaf = this.revisions.get(path[0] ?? '')
    if (leaf) this.add({ ...leaf, body })
  }

  /** Removes a leaf, and of its history what no other leaf has. @returns false where it is none */
  purge(rev: string): boolean {
    if (!this.leaves().some((leaf) => leaf.rev === rev)) return false
    for (const ancestor of this.history(rev)) {
      if ([...this.revisions.values()].some(({ parent }) => parent === ancestor)) break
      this.revisions.delete(ancestor)
    }
    this.#leaves = null
    return true
  }

  /** What CouchDB's compaction leaves of it: the bodies of leaves. */
  compact(): void {
    const leaves = new Set(this.leaves().map(({ rev }) => rev))
    for (const revision of [...this.revisions.values()])
      if (!leaves.has(revision.rev)) this.add({ ...revision, body: null })
  }
}

/** A copy as it comes over the wire: JSON, with all digits of its numbers. */
export const copyOf = <Value>(value: Value): Value => decodeJson(encodeJson(value)) as Value

const digest = (text: string): string => createHash('md5').update(text).digest('hex')

const CONFLICT = { ok: false, error: 'conflict', reason: 'Document update conflict.' } as const

export class MemoryDatabase {
  readonly name: string
  readonly trees = new Map<string, Tree>()
  seq = 0
  /** What was purged, by document; and how often something was. */
  readonly purged = new Map<string, string[]>()
  purgeSeq = 0
  security: Security = { admins: { roles: ['_admin'] }, members: { roles: ['_admin'] } }
  readonly born: string
  readonly #wrote: (id: string) => void

  /** @param wrote told of every document that was written */
  constructor(name: string, born: string, wrote: (id: string) => void) {
    this.name = name
    this.born = born
    this.#wrote = wrote
  }

  info(): DatabaseInfo {
    const winners = [...this.trees.values()].flatMap((tree) => tree.leaves()[0] ?? [])
    const deleted = winners.filter(isDeleted).length
    return {
      db_name: this.name,
      update_seq: this.#seq(this.seq),
      purge_seq: this.#seq(this.purgeSeq),
      doc_count: winners.length - deleted,
      doc_del_count: deleted,
      instance_start_time: this.born,
    }
  }

  changes({ since, limit, includeDocs, allLeaves = false }: ChangesOptions): ChangesPage {
    // A sequence of a database that was there before means nothing here.
    const [number = '0', born = this.born] = String(since).split('-')
    const after = born === this.born ? Number(number) : 0
    const all = [...this.trees]
      .filter(([, tree]) => tree.seq > after && tree.leaves().length > 0)
      .sort(([, one], [, other]) => one.seq - other.seq)
    const page = all.slice(0, limit)
    return {
      results: page.map(([id, tree]) => {
        const leaves = tree.leaves()
        const [winner] = leaves
        return {
          id,
          seq: this.#seq(tree.seq),
          changes: (allLeaves ? leaves : leaves.slice(0, 1)).map(({ rev }) => ({ rev })),
          ...(isDeleted(winner) ? { deleted: true } : {}),
          ...(includeDocs ? { doc: this.#winner(id, true) } : {}),
        }
      }),
      last_seq: this.#seq(page.length < all.length ? (page.at(-1)?.[1].seq ?? 0) : this.seq),
      pending: all.length - page.length,
    }
  }

  /** The winning live document, or null. */
  read(id: string, { conflicts = true } = {}): StoredDoc | null {
    const doc = this.#winner(id, conflicts)
    return doc?._deleted ? null : doc
  }

  #winner(id: string, withConflicts: boolean): StoredDoc | null {
    const [winner, ...others] = this.trees.get(id)?.leaves() ?? []
    if (!winner?.body) return null
    const conflicts = others.filter((leaf) => !isDeleted(leaf)).map(({ rev }) => rev)
    return copyOf({
      ...winner.body,
      _rev: winner.rev,
      ...(withConflicts && conflicts.length > 0 ? { _conflicts: conflicts } : {}),
    })
  }

  row(id: string, options: { conflicts?: boolean } = {}): Row {
    const [winner] = this.trees.get(id)?.leaves() ?? []
    return { id, rev: winner?.rev ?? null, deleted: isDeleted(winner), doc: this.read(id, options) }
  }

  leaf(id: string, rev: string): StoredDoc | null {
    const tree = this.trees.get(id)
    const body = tree?.revisions.get(rev)?.body
    if (!tree || !body) return null
    const ids = tree.history(rev).map(hashOf)
    return copyOf({ ...body, _rev: rev, _revisions: { start: startOf(rev), ids } })
  }

  /** The leaves of a document, with their histories; the winner first. */
  leaves(id: string): StoredDoc[] {
    const leaves = this.trees.get(id)?.leaves() ?? []
    return leaves.flatMap(({ rev }) => this.leaf(id, rev) ?? [])
  }

  /** Whether a live design document has a validation function. */
  get isValidated(): boolean {
    return [...this.trees.keys()].some(
      (id) => id.startsWith('_design/') && this.read(id)?.['validate_doc_update'] !== undefined,
    )
  }

  /**
   * An ordinary write. Over tombstones there is nothing but a new document without a `_rev`.
   * @param isLookedUp whether CouchDB looks first at what is there: see `isLookedUp` in memory-couch.ts. Where it does not, and there is
   *   nothing at all, or all was purged, it takes any `_rev`
   */
  write(doc: Doc, isLookedUp = this.isValidated): Written {
    const { _id: id, _rev: over, ...rest } = doc
    const tree = this.trees.get(id) ?? new Tree()
    const leaves = tree.leaves()
    const isGone = leaves.length > 0 && leaves.every(isDeleted)
    const isNew = leaves.length === 0 && (over === undefined || !isLookedUp)
    const isFree = isNew || (over === undefined ? isGone : leaves.some(({ rev }) => rev === over))
    if (!isFree || (isGone && (over !== undefined || doc._deleted === true))) return { id, ...CONFLICT }
    const parent = over ?? leaves[0]?.rev ?? null
    const before = over === undefined ? null : (tree.revisions.get(over)?.body ?? null)
    const age = parent === null ? 1 : generationOf(parent) + 1
    const body = withStubs({ ...rest, _id: id }, before, age)
    // As in CouchDB, it says nothing of the id: documents that say the same have the same revision.
    const { _id, ...said } = body
    const next = parent === null ? 1n : exactGenerationOf(parent) + 1n
    const rev = `${next}-${digest(encodeJson([parent, said]))}`
    tree.graft(parent === null ? [rev] : [rev, parent], body)
    this.#touch(id, tree)
    return { id, ok: true, rev }
  }

  /** Merges a revision with its history, as a replication does. */
  merge(doc: Doc): void {
    const { _id: id, _rev: rev, _revisions, ...rest } = doc
    if (rev === undefined) throw new Error(`Expected a revision of ${id}`)
    const { ids } = _revisions ?? { ids: [hashOf(rev)] }
    const tree = this.trees.get(id) ?? new Tree()
    if (tree.revisions.get(rev)?.body) return
    const start = exactGenerationOf(rev)
    const line = ids.map((hash, age) => `${start - BigInt(age)}-${hash}`)
    const known = line.find((one) => tree.revisions.get(one)?.body)
    const before = known === undefined ? null : (tree.revisions.get(known)?.body ?? null)
    tree.graft(line, withStubs({ ...rest, _id: id }, before, Number(start)))
    this.#touch(id, tree)
  }

  purge(id: string, revs: readonly string[]): void {
    const tree = this.trees.get(id)
    const purged = tree ? revs.filter((rev) => tree.purge(rev)) : []
    if (!tree || purged.length === 0) return
    this.seq += 1
    this.purgeSeq += 1
    this.purged.set(id, [...(this.purged.get(id) ?? []), ...purged])
    if (tree.leaves().length === 0) this.trees.delete(id)
    else tree.seq = this.seq
    this.#wrote(`${id} (purged)`)
  }

  /** `_security` has no revisions, and moves the sequence. */
  secure(security: Security): void {
    this.security = copyOf(security)
    this.seq += 1
    this.#wrote('_security')
  }

  /** Those of the revisions that are not here. */
  missing(id: string, revs: readonly string[]): string[] {
    const there = this.trees.get(id)?.revisions
    return revs.filter((rev) => !there?.has(rev))
  }

  /** Rows of a view of one of the database's own design documents. */
  view(
    design: string,
    view: string,
    keys: readonly unknown[],
  ): { id: string; key: unknown; value: unknown }[] {
    const rows = this.#rowsOf(design, view)
    return keys.flatMap((key) => rows.filter((row) => encodeJson(row.key) === encodeJson(key)).map(copyOf))
  }

  /** Rows whose keys are numbers, up to and with one; as many as are asked for. */
  viewUpTo(
    design: string,
    view: string,
    { endKey, limit }: { endKey: number; limit: number },
  ): { id: string; key: number; value: unknown }[] {
    return this.#rowsOf(design, view)
      .flatMap(({ id, key, value }) => (typeof key === 'number' && key <= endKey ? [{ id, key, value }] : []))
      .sort((one, other) => one.key - other.key)
      .slice(0, limit)
      .map(copyOf)
  }

  #rowsOf(design: string, view: string): { id: string; key: unknown; value: unknown }[] {
    const views = this.read(`_design/${design}`)?.['views'] as Record<string, { map: string }> | undefined
    const source = views?.[view]?.map
    if (source === undefined) return []
    const map = compiled(source)
    return [...this.trees].flatMap(([id, tree]) => {
      const [winner] = tree.leaves()
      if (!winner?.body || isDeleted(winner) || id.startsWith('_design/')) return []
      return map(winner.body).map(([key, value]) => ({ id, key, value }))
    })
  }

  compact(): void {
    for (const tree of this.trees.values()) tree.compact()
  }

  #seq(number: number): string {
    return `${number}-${this.born}`
  }

  #touch(id: string, tree: Tree): void {
    this.seq += 1
    tree.seq = this.seq
    this.trees.set(id, tree)
    this.#wrote(id)
  }
}

type Emitted = [key: unknown, value: unknown][]

/** Map functions by their source: CouchDB compiles them once, too. */
const maps = new Map<string, (doc: Doc) => Emitted>()

function compiled(source: string): (doc: Doc) => Emitted {
  const there = maps.get(source)
  if (there) return there
  const rows: Emitted = []
  const compile = compileFunction(`return (${source}\n)`, ['emit']) as (emit: unknown) => (doc: Doc) => void
  const run = compile((key: unknown, value: unknown) => void rows.push([key, value]))
  const map = (doc: Doc): Emitted => {
    run(doc)
    return rows.splice(0)
  }
  maps.set(source, map)
  return map
}

/**
 * Attachments as the server keeps them: contents get a digest, stubs take theirs from the revision before, type and all.
 * CouchDB refuses a stub of nothing (`missing_stub`), and contents with another digest than they say; here that is a fault
 * of whoever wrote.
 */
function withStubs(doc: Doc, before: Doc | null, age: number): Doc {
  if (!doc._attachments) return doc
  const kept = Object.entries(doc._attachments).map(([name, given]) => {
    const { data, content_type = 'application/octet-stream', revpos = age } = given
    if (data === undefined) {
      const there = before?._attachments?.[name]
      if (!there || (given.revpos !== undefined && given.revpos !== there.revpos))
        throw new CouchFault(
          'bad_request',
          doc._id,
          `Invalid attachment stub for ${name}`,
          412,
          'missing_stub',
        )
      return [name, there]
    }
    const md5 = `md5-${digest(data)}`
    if (given.length !== undefined && given.digest !== md5)
      throw new Error(`md5_mismatch: ${name} of ${doc._id}`)
    const { length } = Buffer.from(data, 'base64')
    return [name, { content_type, data, digest: md5, length, revpos, stub: true }]
  })
  return { ...doc, _attachments: Object.fromEntries(kept) as NonNullable<Doc['_attachments']> }
}

/** Attachments as they are read: stubs without their contents. */
export const asRead = <Read extends Doc>(doc: Read): Read =>
  !doc._attachments
    ? doc
    : { ...doc, _attachments: mapValues(doc._attachments, ({ data: _, ...stub }) => stub) }
