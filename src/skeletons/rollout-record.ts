// How far each kind's databases were brought up to date with its skeleton, kept with the checkpoints.
import type { Couch } from '../couch/client.ts'
import { CHECKPOINTS } from '../documents/names.ts'
import { Store, type Entry } from '../engine/store.ts'

/** Databases by name that are kept for another try; with more, all are looked at again. */
export const MOST_FAILED = 1000

/** Of one kind. */
export interface RolloutProgress {
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
export const beginning = (hash: string, total: number): RolloutProgress => ({
  hash,
  isDone: false,
  since: null,
  total,
  ...{ done: 0, changed: 0, skipped: 0, failed: [], foreign: 0 },
})

interface Rollouts extends Entry {
  kinds: Record<string, RolloutProgress>
}

/** One document for all kinds. */
export class RolloutRecord {
  readonly #store: Store<Rollouts>
  readonly #id: string
  /** As read or written last, null for none; undefined: to be read. */
  #known: Rollouts | null | undefined

  /** @param template of user databases: daemons with another one have records of their own. No database is called so. */
  constructor(couch: Couch, template: string) {
    this.#store = new Store({ database: couch.database(CHECKPOINTS), parse: parseRollouts })
    this.#id = `rollout ${template}`
  }

  /** @throws {CouchFault} */
  async of(kind: string): Promise<RolloutProgress | null> {
    return (await this.#load())?.kinds[kind] ?? null
  }

  /** Lands before it resolves. @throws {CouchFault} */
  async save(kind: string, progress: RolloutProgress): Promise<void> {
    const known = await this.#load()
    const kinds = { ...known?.kinds, [kind]: progress }
    try {
      this.#known = await this.#store.changeOver(this.#id, known, { ...known, kinds })
    } catch (error) {
      // Somebody may have written here by hand: what they wrote counts, and what was done is done once more.
      this.#known = undefined
      throw error
    }
  }

  async #load(): Promise<Rollouts | null> {
    if (this.#known === undefined) this.#known = await this.#store.get(this.#id)
    return this.#known
  }
}

/** What an admin's hand has left of it; a kind whose progress cannot be read is rolled out anew. */
function parseRollouts(doc: Record<string, unknown> | null): Rollouts | null {
  const kinds = doc?.['kinds']
  if (typeof kinds !== 'object' || kinds === null || Array.isArray(kinds)) return null
  const readable = Object.entries(kinds).filter((pair): pair is [string, RolloutProgress] =>
    isProgress(pair[1]),
  )
  return { ...(doc as unknown as Rollouts), kinds: Object.fromEntries(readable) }
}

function isProgress(value: unknown): value is RolloutProgress {
  if (typeof value !== 'object' || value === null) return false
  const { hash, isDone, since, failed, ...counts } = value as Record<keyof RolloutProgress, unknown>
  const numbers = [counts.total, counts.done, counts.changed, counts.skipped, counts.foreign]
  const isNamed = typeof hash === 'string' && typeof isDone === 'boolean'
  const isKey = since === null || typeof since === 'string'
  const isCounted = numbers.every((count) => Number.isSafeInteger(count))
  return (
    isNamed && isKey && isCounted && Array.isArray(failed) && failed.every((name) => typeof name === 'string')
  )
}
