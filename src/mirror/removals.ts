// Takes documents out of a personal database: clients see a tombstone, and what was there is not readable any more.
import chunk from 'lodash/chunk.js'
import groupBy from 'lodash/groupBy.js'
import type { Databases } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { StoredDoc, Written } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { encodeJson } from '../documents/json.ts'
import { MOST_PURGED } from '../couch/purge.ts'
import { PROVISIONING } from '../documents/names.ts'
import { isForgotten, REMOVED } from '../documents/tombstone.ts'
import { isLive, isRelated, type Leaf } from '../documents/revisions.ts'
import { writeBulk } from '../couch/bulk.ts'
import { revisionOver } from '../documents/deterministic-revision.ts'
import type { OwnWrites } from '../engine/own-writes.ts'

/** The tombstones of a note: CouchDB takes eight million bytes for a document, unless it is told otherwise. */
const MOST_CHARACTERS = 4_000_000

/** What became of documents that were to be taken out. */
export interface Removed {
  again: Set<string>
  refused: Refused[]
}

type Refused = Extract<Written, { ok: false }>

/** The document that says what is being taken out of a database. */
const noteId = (database: string): string => `removal ${database}`

export interface RemovalsOptions {
  couch: Databases
  ownWrites: OwnWrites
  /** False on the embedded server, which cannot remove revisions: old ones stay readable there. */
  canPurge: boolean
}

/** Removals outlive a crash: what was begun is noted, and `resume` ends it. */
export class Removals {
  readonly #options: RemovalsOptions
  readonly #notes: Database

  constructor(options: RemovalsOptions) {
    this.#options = options
    this.#notes = options.couch.database(PROVISIONING)
  }

  /**
   * Puts a tombstone over each of these leaves, then purges all that the documents ever were and puts the tombstones
   * back with their whole histories, as for withdrawn copies (shares/perform/withdrawals.ts).
   * @returns documents into which somebody wrote meanwhile, and those of which the database has refused the tombstone
   * @throws {CouchFault}
   */
  async remove(database: Database, leaves: readonly Leaf[]): Promise<Removed> {
    const again = new Set<string>()
    const refused: Refused[] = []
    if (leaves.length === 0) return { again, refused }
    await this.resume(database)
    for (const documents of chunk(byDocument(leaves), MOST_PURGED)) {
      const ids = documents.flatMap(([first]) => first?._id ?? [])
      // Written down first: of a document that has its tombstone, nobody would see that it is still to be forgotten.
      const note = this.#options.canPurge ? await this.#write(database, { ids }) : null
      refused.push(...(await this.#bury(database, documents.flat())))
      if (note) for (const id of await this.#forget(database, note)) again.add(id)
    }
    return { again, refused }
  }

  /** What a crash has left undone. @throws {CouchFault} */
  async resume(database: Database): Promise<void> {
    const note = (await this.#notes.get(noteId(database.name))) as Note | null
    if (note === null) return
    await writeBulk(database, note.tombstones ?? [], { newEdits: false })
    await this.#forget(database, note)
  }

  /** All at once, as they are: of hundreds of conflicts, a request for each would take minutes. @returns what was refused */
  async #bury(database: Database, leaves: readonly Leaf[]): Promise<Refused[]> {
    const tombstones = leaves.map(tombstoneOver)
    for (const { _id, _rev } of tombstones) this.#options.ownWrites.add(database.name, _id, _rev)
    const rows = await writeBulk(database, tombstones, { newEdits: false })
    return rows.flatMap((row) => (row.ok ? [] : [row]))
  }

  /** @returns documents of which there is a live leaf, still or again */
  async #forget(database: Database, note: Note): Promise<string[]> {
    const leaves = await database.leaves(note.ids.map((id) => ({ id })))
    const isThere = new Set(leaves.filter(({ _deleted }) => !_deleted).map(({ _id }) => _id))
    let kept = note
    for (const part of partsOf(
      byDocument(leaves)
        .map(forgettable)
        .filter((all) => all.length > 0),
    )) {
      const tombstones = part.flatMap((all) => fitting(all.filter(isForgotten)))
      kept = await this.#write(database, { ...kept, tombstones })
      // Users choose the ids, and `__proto__` is one, too.
      const revisions = part.map((all): [string, string[]] => [
        all[0]?._id ?? '',
        all.map(({ _rev }) => _rev),
      ])
      await database.purge(Object.fromEntries(revisions))
      await writeBulk(database, tombstones, { newEdits: false })
    }
    await this.#notes.put({ _id: kept._id, _rev: kept._rev, _deleted: true })
    return [...isThere]
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

const tombstoneOver = (leaf: Leaf): StoredDoc => ({
  _id: leaf._id,
  ...revisionOver(leaf, REMOVED),
  _deleted: true,
  [REMOVED]: true,
})

const byDocument = <One extends { _id: string }>(leaves: readonly One[]): One[][] =>
  Object.values(groupBy(leaves, '_id'))

/** All of a document that is gone; beside what somebody wrote meanwhile, the tombstones that have nothing in common with it. */
function forgettable(leaves: StoredDoc[]): StoredDoc[] {
  const live = (leaves as Leaf[]).filter(isLive)
  if (live.length === 0) return leaves
  return leaves.filter((leaf) => isForgotten(leaf) && !live.some((one) => isRelated(leaf, one)))
}

const sizeOf = (docs: readonly StoredDoc[]): number =>
  docs.reduce((sum, doc) => sum + encodeJson(doc).length, 0)

/** Documents whose tombstones fit into one note. */
function partsOf(documents: StoredDoc[][]): StoredDoc[][][] {
  const parts: StoredDoc[][][] = []
  let room = 0
  for (const all of documents) {
    const size = sizeOf(all)
    const last = parts.at(-1)
    if (last && size <= room) last.push(all)
    else {
      parts.push([all])
      room = MOST_CHARACTERS
    }
    room -= size
  }
  return parts
}

/** As many of one document as a note takes: nobody but who means to makes so many conflicts with such long histories. */
function fitting(tombstones: StoredDoc[]): StoredDoc[] {
  let size = 0
  return tombstones.filter((doc) => (size += sizeOf([doc])) <= MOST_CHARACTERS)
}
