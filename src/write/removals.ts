// Takes documents out of a personal database: clients see a tombstone, and what was there is not readable any more.
import chunk from 'lodash/chunk.js'
import groupBy from 'lodash/groupBy.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { PROVISIONING } from '../model/names.ts'
import { REMOVED } from '../plan/master-document.ts'
import type { Leaf } from '../plan/lineage.ts'
import { writeBulk } from './bulk.ts'
import type { OwnWrites } from './own-writes.ts'
import { MOST_PURGED } from './withdrawals.ts'

/** The document that says what is being taken out of a database. */
const noteId = (database: string): string => `removal ${database}`

export interface RemovalsOptions {
  couch: Couch
  ownWrites: OwnWrites
  /** False on the embedded server, which cannot remove revisions: old ones stay readable there. */
  canPurge: boolean
}

export class Removals {
  readonly #options: RemovalsOptions
  readonly #notes: Database

  constructor(options: RemovalsOptions) {
    this.#options = options
    this.#notes = options.couch.database(PROVISIONING)
  }

  /**
   * Puts a tombstone over each of these leaves, then purges all that the documents ever were and puts the tombstones
   * back with their whole histories, as for withdrawn copies (write/withdrawals.ts).
   * @returns documents into which somebody wrote meanwhile
   * @throws {CouchFault}
   */
  async remove(database: Database, leaves: readonly Leaf[]): Promise<{ again: Set<string> }> {
    const again = new Set<string>()
    if (leaves.length === 0) return { again }
    await this.resume(database)
    for (const documents of chunk(Object.values(groupBy(leaves, '_id')), MOST_PURGED)) {
      const ids = documents.flatMap(([first]) => first?._id ?? [])
      // Written down first: of a document that has its tombstone, nobody would see that it is still to be forgotten.
      const note = this.#options.canPurge ? await this.#write(database, { ids }) : null
      for (const id of await this.#bury(database, documents)) again.add(id)
      if (note) for (const id of await this.#forget(database, note)) again.add(id)
    }
    return { again }
  }

  /** What a crash has left undone. @throws {CouchFault} */
  async resume(database: Database): Promise<void> {
    const note = (await this.#notes.get(noteId(database.name))) as Note | null
    if (note !== null) await this.#forget(database, note)
  }

  /** Tombstones over all leaves, one after the other: `_bulk_docs` takes an id but once. @returns those that somebody else wrote to */
  async #bury(database: Database, documents: readonly (readonly Leaf[])[]): Promise<Set<string>> {
    const again = new Set<string>()
    for (let at = 0; documents.some((all) => all.length > at); at += 1) {
      const tombstones = documents.flatMap((all) => tombstoneOver(all[at]))
      for (const row of await writeBulk(database, tombstones))
        if (row.ok) this.#options.ownWrites.add(database.name, row.id, row.rev)
        else again.add(row.id)
    }
    return again
  }

  /** @returns documents of which there is a live leaf, still or again */
  async #forget(database: Database, { ids, ...note }: Note): Promise<string[]> {
    const leaves = await database.leaves(ids.map((id) => ({ id })))
    const isThere = new Set(leaves.filter(({ _deleted }) => !_deleted).map(({ _id }) => _id))
    const gone = leaves.filter(({ _id }) => !isThere.has(_id))
    const known = note.tombstones ?? []
    const isKnown = ({ _id, _rev }: StoredDoc): boolean =>
      known.some((tombstone) => tombstone._id === _id && tombstone._rev === _rev)
    const tombstones = [...known, ...gone.filter((leaf) => isTombstone(leaf) && !isKnown(leaf))]
    const kept = await this.#write(database, { ...note, ids, tombstones })
    // Users choose the ids, and `constructor` is one that every object has.
    const revisions = new Map<string, string[]>()
    for (const { _id, _rev } of gone) revisions.set(_id, [...(revisions.get(_id) ?? []), _rev])
    if (gone.length > 0) await database.purge(Object.fromEntries(revisions))
    await this.#putBack(database, kept)
    return [...isThere]
  }

  async #putBack(database: Database, note: Note): Promise<void> {
    await writeBulk(database, note.tombstones ?? [], { newEdits: false })
    await this.#notes.put({ _id: note._id, _rev: note._rev, _deleted: true })
  }

  /** @throws {CouchFault} where somebody else, another daemon, takes out documents of the same database */
  async #write(database: Database, note: Partial<Note> & { ids: string[] }): Promise<Note> {
    const doc = { ...note, _id: noteId(database.name) }
    const written = await this.#notes.put(doc)
    if (!written.ok) throw new CouchFault('server_error', PROVISIONING, written.reason)
    return { ...doc, _rev: written.rev }
  }
}

/** What is being taken out of a database; with the tombstones from just before they are purged until they are back. */
interface Note {
  _id: string
  _rev: string
  ids: string[]
  tombstones?: StoredDoc[]
}

const tombstoneOver = (leaf: Leaf | undefined): Doc[] =>
  leaf ? [{ _id: leaf._id, _rev: leaf._rev, _deleted: true, [REMOVED]: true }] : []

/** One that says nothing but that the document was taken out. */
const isTombstone = (leaf: StoredDoc): boolean =>
  leaf._deleted === true &&
  leaf[REMOVED] === true &&
  Object.keys(leaf).every((name) => name === REMOVED || (name.startsWith('_') && name !== '_attachments'))
