// How far each kind's databases were brought up to date with its skeleton, kept with the checkpoints.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { CouchFault } from '../couch/fault.ts'
import { CHECKPOINTS } from '../documents/names.ts'

/** Databases by name that are kept for another try; with more, all are looked at again. */
export const MOST_FAILED = 1000

/** Of one kind. */
export interface Progress {
  /** Of what is rolled out; equal where there is nothing new to roll out. */
  hash: string
  isDone: boolean
  /** Every database up to this name was looked at; null: none yet. */
  since: string | null
  total: number
  done: number
  changed: number
  /** Nothing differed. */
  skipped: number
  /** Databases that could not be brought up to date, to be tried again. */
  failed: string[]
  /** Databases in which a document that the daemon did not write stands in the place of one of the skeleton's. */
  foreign: number
}

/**
 * Of a rollout that has not begun.
 * @param hash of the skeleton
 * @param total databases of the kind
 */
export const beginning = (hash: string, total: number): Progress => ({
  hash,
  isDone: false,
  since: null,
  total,
  ...{ done: 0, changed: 0, skipped: 0, failed: [], foreign: 0 },
})

/** One document for all kinds. */
export class RolloutRecord {
  readonly #database: Database
  readonly #id: string
  #kinds: Record<string, Progress> | null = null
  #rev: string | null = null

  /** @param template of user databases: daemons with another one have records of their own. No database is called so. */
  constructor(couch: Couch, template: string) {
    this.#database = couch.database(CHECKPOINTS)
    this.#id = `rollout ${template}`
  }

  /** @throws {CouchFault} */
  async of(kind: string): Promise<Progress | null> {
    return (await this.#load())[kind] ?? null
  }

  /** Lands before it resolves. @throws {CouchFault} */
  async save(kind: string, progress: Progress): Promise<void> {
    const kinds = { ...(await this.#load()), [kind]: progress }
    const written = await this.#database.put({
      _id: this.#id,
      ...(this.#rev === null ? {} : { _rev: this.#rev }),
      kinds,
    })
    if (!written.ok) {
      // Somebody wrote here by hand: what they wrote counts, and what was done is done once more.
      this.#kinds = null
      throw new CouchFault('conflict', CHECKPOINTS, written.reason)
    }
    this.#kinds = kinds
    this.#rev = written.rev
  }

  async #load(): Promise<Record<string, Progress>> {
    if (this.#kinds !== null) return this.#kinds
    const doc = await this.#database.get(this.#id)
    this.#rev = doc?._rev ?? null
    this.#kinds = (doc?.['kinds'] as Record<string, Progress> | undefined) ?? {}
    return this.#kinds
  }
}
