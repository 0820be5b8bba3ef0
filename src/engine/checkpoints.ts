// Checkpoints: how far each followed database was read, kept in an admin-only database and written in bulk.
import isEqual from 'lodash/isEqual.js'
import pick from 'lodash/pick.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc } from '../couch/document.ts'
import { pagesOf } from '../couch/pages.ts'
import { deletionsOf } from '../couch/rows.ts'
import { CHECKPOINTS } from '../documents/names.ts'
import { mergeCheckpoints } from './merged-checkpoint.ts'
import type { Checkpoint } from './checkpoint.ts'
import { isDutyId } from './duty-document.ts'

type Stored = Checkpoint & { _id: string; _rev: string }

/** Checkpoints kept in memory at the most; the rest is read when it is needed. */
const CACHED = 5000
const PAGE = 1000

/** Says in which database these checkpoints were made. It is no checkpoint: no database is called so. */
const PLACE_ID = 'database of checkpoints'

/** The checkpoints of one daemon: set in memory, written by `flush`. */
export class Checkpoints {
  readonly #database: Database
  /** As last read or written, with revisions; in the order of use. */
  readonly #cache = new Map<string, { rev: string | null; checkpoint: Checkpoint | null }>()
  readonly #dirty = new Map<string, Checkpoint | null>()
  #writing: Promise<void> = Promise.resolve()

  constructor(couch: Couch) {
    this.#database = couch.database(CHECKPOINTS)
  }

  /**
   * Forgets all checkpoints that were made in another database, and brought here with everything else, to another server for instance: its
   * sequences mean nothing, and every database would seem to have been made anew. What is read once more from the start is compared,
   * and nothing is lost by that. To be called before any is read.
   * @returns how many there were
   * @throws {CouchFault}
   */
  async forgetOfElsewhere(): Promise<number> {
    const instance = (await this.#database.info())?.instance_start_time ?? null
    const place = await this.#database.get(PLACE_ID)
    if (instance === null || place?.['instance'] === instance) return 0
    const forgotten = place === null ? 0 : await this.#forgetAll()
    const [written] = await this.#database.bulk([
      { _id: PLACE_ID, ...(place ? { _rev: place._rev } : {}), instance },
    ])
    // Where another daemon was faster, it has noted the same.
    return written?.ok ? forgotten : 0
  }

  /** All but what says who works, and where this is. */
  async #forgetAll(): Promise<number> {
    let forgotten = 0
    for await (const rows of pagesOf(this.#database, { limit: PAGE })) {
      const old = rows.filter(({ id }) => !isDutyId(id) && id !== PLACE_ID && !id.startsWith('_'))
      await this.#database.bulk(deletionsOf(old))
      forgotten += old.length
    }
    return forgotten
  }

  /** The checkpoints of databases, by name; those that have none are left out. */
  async read(names: readonly string[]): Promise<Map<string, Checkpoint>> {
    // Of one that was set here, what another daemon has is merged when it is written.
    const unknown = names.filter((name) => !this.#cache.has(name) && !this.#dirty.has(name))
    const rows = await this.#database.fetch(unknown)
    for (const { id, doc } of rows) {
      if (this.#cache.has(id)) continue
      this.#cache.set(id, {
        rev: doc?._rev ?? null,
        checkpoint: doc === null ? null : toCheckpoint(doc as unknown as Stored),
      })
    }
    const found = new Map<string, Checkpoint>()
    for (const name of names) {
      const checkpoint = this.#dirty.has(name) ? this.#dirty.get(name) : this.#cache.get(name)?.checkpoint
      if (checkpoint) found.set(name, checkpoint)
    }
    this.#evict()
    return found
  }

  /** Moves a checkpoint; it reaches the disk with the next `flush`. */
  set(name: string, checkpoint: Checkpoint): void {
    const current = this.#dirty.get(name) ?? this.#cache.get(name)?.checkpoint
    if (!isEqual(current, checkpoint)) this.#dirty.set(name, checkpoint)
  }

  /** Forgets a database that is gone; the document goes with the next `flush`. */
  remove(name: string): void {
    this.#dirty.set(name, null)
  }

  /** Writes what has moved since, in bulk. Runs one at a time; lands before it resolves. */
  flush(): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write())
    return this.#writing
  }

  /** The names of all databases that have a checkpoint, a page at a time. */
  async *names(): AsyncGenerator<string[]> {
    for await (const rows of pagesOf(this.#database, { limit: PAGE }))
      yield rows.map(({ id }) => id).filter((id) => !id.startsWith('_'))
  }

  async #write(): Promise<void> {
    let names = [...this.#dirty.keys()]
    await this.#compare(names.filter((name) => !this.#cache.has(name)))
    while (names.length > 0) names = await this.#writeOnce(names)
    this.#evict()
  }

  /** @returns those that another daemon has written meanwhile; what it wants is part of them now */
  async #writeOnce(names: readonly string[]): Promise<string[]> {
    const moved = [...this.#dirty].filter(([name]) => names.includes(name))
    const docs = moved.flatMap(([name, checkpoint]): Doc[] => {
      const rev = this.#cache.get(name)?.rev ?? null
      const revision = rev === null ? {} : { _rev: rev }
      if (checkpoint !== null) return [{ _id: name, ...revision, ...checkpoint }]
      return rev === null ? [] : [{ _id: name, ...revision, _deleted: true }]
    })
    const written = new Map((await this.#database.bulk(docs)).map((row) => [row.id, row]))
    const conflicts: string[] = []
    for (const [name, checkpoint] of moved) {
      const row = written.get(name)
      if (row && !row.ok) {
        if (row.error === 'conflict') conflicts.push(name)
        continue
      }
      this.#cache.set(name, { rev: checkpoint === null ? null : (row?.rev ?? null), checkpoint })
      if (this.#dirty.get(name) === checkpoint) this.#dirty.delete(name)
    }
    await this.#compare(conflicts)
    return conflicts
  }

  /** Reads what is there, and merges what is to be written with it. */
  async #compare(names: readonly string[]): Promise<void> {
    for (const { id, doc } of await this.#database.fetch([...names])) {
      const theirs = doc === null ? null : toCheckpoint(doc as unknown as Stored)
      const mine = this.#dirty.get(id) ?? null
      const known = this.#cache.get(id)
      // What was forgotten unread is to go whatever it says.
      if (known || mine) this.#dirty.set(id, mergeCheckpoints(known?.checkpoint ?? null, mine, theirs))
      this.#cache.set(id, { rev: doc?._rev ?? null, checkpoint: theirs })
    }
  }

  #evict(): void {
    for (const name of this.#cache.keys()) {
      if (this.#cache.size <= CACHED) return
      // What moved from there is still to be written: by then it is known what another daemon has changed.
      if (!this.#dirty.has(name)) this.#cache.delete(name)
    }
  }
}

/** What is not there stays away. */
const toCheckpoint = (stored: Stored): Checkpoint =>
  pick(stored, [
    'since',
    'updateSeq',
    'instance',
    'purgeSeq',
    'scan',
    'isFromStart',
    'recreatedAt',
    'goneSince',
    'awaiting',
    'overLimit',
  ])
