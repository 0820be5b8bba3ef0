// A device of a user: PouchDB with a database of its own, that goes offline and comes back.
import { createRequire } from 'node:module'
import type { Content } from './story.ts'

export type PouchDoc = Content & { _id: string; _rev: string; _conflicts?: string[] }

/** As much of PouchDB as a client needs. https://pouchdb.com/api.html */
export interface Pouch {
  get(id: string): Promise<PouchDoc>
  put(doc: Content): Promise<unknown>
  remove(doc: PouchDoc): Promise<unknown>
  allDocs(options: object): Promise<{ rows: { id: string; doc?: PouchDoc }[] }>
  sync(remote: Pouch, options: object): Sync
  replicate: { from(remote: Pouch, options: object): Sync }
  destroy(): Promise<unknown>
  close(): Promise<unknown>
}
/** A replication, or two. */
export interface Sync {
  on(event: 'error' | 'denied' | 'complete', listener: (fault: unknown) => void): Sync
  cancel(): void
  /** Resolves when it was cancelled. */
  then(done: () => void, failed: (fault: unknown) => void): void
}
interface PouchClass {
  new (name: string, options: object): Pouch
  plugin(plugin: unknown): PouchClass
}

const load = createRequire(import.meta.url)

let loaded: PouchClass | null = null

/** The class with its plugins, which it takes only once. */
export function loadPouch(): PouchClass {
  if (loaded) return loaded
  loaded = load('pouchdb-core') as PouchClass
  for (const name of ['pouchdb-adapter-memory', 'pouchdb-adapter-http', 'pouchdb-replication'])
    loaded.plugin(load(name))
  return loaded
}

/** A device: a database of its own, and what it syncs with when it is online. */
export class Device {
  readonly name: string
  readonly local: Pouch
  readonly #remote: () => Pouch
  #sync: Sync | null = null
  #isOver: Promise<unknown> = Promise.resolve()
  /** What the server would not take. */
  readonly denied: unknown[] = []

  constructor(name: string, local: Pouch, remote: () => Pouch) {
    this.name = name
    this.local = local
    this.#remote = remote
  }

  goOnline(): void {
    const remote = this.#remote()
    const sync = this.local.sync(remote, { live: true, retry: true, batch_size: 20 })
    sync.on('denied', (fault) => this.denied.push(fault))
    const isOver = new Promise<void>((resolve) =>
      sync.then(
        () => resolve(),
        () => resolve(),
      ),
    )
    this.#isOver = isOver.then(() => remote.close())
    this.#sync = sync
  }

  async goOffline(): Promise<void> {
    this.#sync?.cancel()
    this.#sync = null
    await this.#isOver
  }

  async docs(): Promise<PouchDoc[]> {
    const { rows } = await this.local.allDocs({ include_docs: true, conflicts: true })
    return rows.flatMap(({ doc }) => (doc && !doc._id.startsWith('_') ? [doc] : []))
  }

  /** Changes a document as it is here. @returns false where it is not here, or where another change came in between */
  async edit(id: string, change: Content): Promise<boolean> {
    const doc = await this.local.get(id).catch(() => null)
    if (doc === null) return false
    return this.local.put({ ...doc, ...change }).then(
      () => true,
      () => false,
    )
  }

  async remove(id: string): Promise<void> {
    const doc = await this.local.get(id).catch(() => null)
    if (doc) await this.local.remove(doc).catch(() => null)
  }

  async destroy(): Promise<void> {
    await this.goOffline()
    await this.local.destroy()
  }
}
