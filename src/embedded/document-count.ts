// How many documents a database has, deleted ones too: PouchDB counts the others alone, and reading all of them to answer
// `GET /db` took longer than all else that it does.
import type { Pouch, PouchWriteResult } from './packages.ts'

/** Local documents are in no list, and in no count. */
const LOCAL = '_local/'

/** The count of one database. Nothing is purged here, so an id that was seen once stays. */
export class DocumentCount {
  readonly #ids = new Set<string>()
  #known: Promise<void> | null

  /** @param isNew nothing was ever in the database: there is nothing to read */
  constructor(isNew: boolean) {
    this.#known = isNew ? Promise.resolve() : null
  }

  /** @param results of a write, as PouchDB's adapter gives them */
  note(results: readonly PouchWriteResult[]): void {
    for (const { ok, id } of results)
      if (ok === true && id !== undefined && !id.startsWith(LOCAL)) this.#ids.add(id)
  }

  /** Reads the whole database the first time. */
  async of(pouch: Pouch): Promise<number> {
    this.#known ??= this.#read(pouch)
    try {
      await this.#known
    } catch (fault) {
      this.#known = null
      throw fault
    }
    return this.#ids.size
  }

  /** What is written meanwhile is noted by then, or is read. */
  async #read(pouch: Pouch): Promise<void> {
    const { rows } = await pouch.allDocs({ deleted: 'ok' })
    for (const { id } of rows) this.#ids.add(String(id))
  }
}
