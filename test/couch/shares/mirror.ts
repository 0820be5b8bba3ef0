// What stands in the databases of a real server, read into databases in memory: there users act at once, and what they wrote
// goes to the server.
import type { Couch } from '../../../src/couch/client.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc, Seq, StoredDoc, Written } from '../../../src/couch/document.ts'
import { MemoryDatabase } from '../../support/memory-database.ts'

type Write =
  | { kind: 'write' | 'merge'; doc: Doc }
  | { kind: 'purge'; id: string; revs: readonly string[] }
  | { kind: 'compact' }

/** A database of which it is noted what was written. */
class MirrorDatabase extends MemoryDatabase {
  readonly written: Write[] = []

  override write(doc: Doc): Written {
    const written = super.write(doc)
    if (written.ok) this.written.push({ kind: 'write', doc })
    return written
  }

  override merge(doc: Doc): void {
    super.merge(doc)
    this.written.push({ kind: 'merge', doc })
  }

  override purge(id: string, revs: readonly string[]): void {
    super.purge(id, revs)
    this.written.push({ kind: 'purge', id, revs })
  }

  override compact(): void {
    this.written.push({ kind: 'compact' })
  }

  /** A revision as the server has it, attachments with their contents. */
  take(doc: StoredDoc): void {
    const { _attachments, ...rest } = doc
    super.merge(rest)
    const revision = this.trees.get(doc._id)?.revisions.get(doc._rev)
    if (revision?.body && _attachments)
      revision.body._attachments = Object.fromEntries(
        Object.entries(_attachments).map(([name, one]) => [name, { ...one, stub: true }]),
      )
  }
}

export class Mirror {
  readonly #couch: Couch
  readonly #databases: Map<string, MemoryDatabase>
  readonly #isOurs: (name: string) => boolean
  readonly #seqs = new Map<string, Seq>()

  /** @param databases of the server in memory, which become what the real ones are */
  constructor(couch: Couch, databases: Map<string, MemoryDatabase>, isOurs: (name: string) => boolean) {
    this.#couch = couch
    this.#databases = databases
    this.#isOurs = isOurs
  }

  /** Reads what is new. @param allRevisions not only leaves, but all that can be read still */
  async read({ allRevisions = false } = {}): Promise<void> {
    const names = (await this.#couch.allDbs({})).filter(this.#isOurs)
    for (const name of this.#databases.keys())
      if (!names.includes(name)) {
        this.#databases.delete(name)
        this.#seqs.delete(name)
      }
    const infos = await this.#couch.dbsInfo(names)
    await Promise.all(
      [...infos].map(async ([name, { update_seq: seq, instance_start_time: born }]) => {
        if (!allRevisions && this.#seqs.get(name) === seq) return
        const read = await this.#readOne(this.#couch.database(name), born, allRevisions)
        this.#databases.set(name, read)
        this.#seqs.set(name, seq)
      }),
    )
  }

  async #readOne(database: Database, born: string, allRevisions: boolean): Promise<MirrorDatabase> {
    const mirror = new MirrorDatabase(database.name, born, () => undefined)
    const { results } = await database.changes({
      since: '0',
      limit: 10_000,
      includeDocs: false,
      allLeaves: true,
    })
    const wanted = results.flatMap(({ id, changes }) => changes.map(({ rev }) => ({ id, rev })))
    const leaves = await database.leaves(wanted, { attachments: true })
    for (const leaf of leaves) mirror.take(leaf)
    if (allRevisions) {
      const inner = leaves.flatMap(({ _id: id, _revisions: { start = 0, ids = [] } = {} }) =>
        ids.slice(1).map((hash, age) => ({ id, rev: `${start - age - 1}-${hash}` })),
      )
      for (const doc of await database.leaves(inner)) mirror.take(doc)
    }
    mirror.secure(await database.security())
    return mirror
  }

  /** Brings to the server what was written here since it was read. */
  async send(): Promise<void> {
    for (const [name, mirror] of this.#databases) {
      if (!(mirror instanceof MirrorDatabase) || mirror.written.length === 0) continue
      this.#seqs.delete(name)
      const database = this.#couch.database(name)
      for (const one of mirror.written.splice(0)) await this.#send(database, one)
    }
  }

  async #send(database: Database, write: Write): Promise<void> {
    switch (write.kind) {
      case 'write':
      case 'merge': {
        const isMerge = write.kind === 'merge'
        for (const row of await database.bulk([asSent(write.doc)], { newEdits: !isMerge }))
          if (!row.ok)
            throw new Error(`Expected ${database.name} to take ${row.id}: ${row.error} ${row.reason}`)
        return
      }
      case 'purge':
        return database.purge({ [write.id]: [...write.revs] })
      case 'compact':
        await this.#couch.request({ method: 'POST', path: [database.name, '_compact'], body: {} })
        return
      default:
        return write satisfies never
    }
  }
}

/** A document as a client sends it: contents of attachments by themselves. */
function asSent({ _conflicts: _, _attachments, ...doc }: Doc): Doc {
  if (!_attachments) return doc
  const sent = Object.entries(_attachments).map(([name, { content_type = '', data = '' }]) => [
    name,
    { content_type, data },
  ])
  return { ...doc, _attachments: Object.fromEntries(sent) as NonNullable<Doc['_attachments']> }
}
