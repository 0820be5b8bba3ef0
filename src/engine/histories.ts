// How much of its documents' histories a database keeps: with too little, a deletion or an edit cannot be told from another document.
import type { Database } from '../couch/database.ts'
import { isFault } from '../couch/fault.ts'
import type { Logger } from '../log.ts'

/** CouchDB's own, and the least for a master and a gateway. https://docs.couchdb.org/en/stable/api/database/misc.html#db-revs-limit */
export const USUAL_REVS_LIMIT = 1000

/**
 * The least that users' databases, outboxes and shares can do with. What a device has done to a document is told from what others
 * have by the newest revision that both know, and a device that was away may be so many edits behind.
 */
export const LEAST_REVS_LIMIT = 100

/**
 * The `_revs_limit` of a database where it is lower than that; null where it is not, or the database is gone. Not for the
 * embedded server, which keeps 1,000 and does not say so.
 * @throws {CouchFault}
 */
export async function shortHistory(database: Database): Promise<number | null> {
  try {
    const limit = await database.revsLimit()
    return limit < LEAST_REVS_LIMIT ? limit : null
  } catch (error) {
    // What an admin has forbidden to be asked keeps nobody from anything.
    if (isFault(error) && !error.retryable && error.code !== 'stopped' && error.code !== 'unauthorized')
      return null
    throw error
  }
}

/** Says in the log which databases keep too little: once, when they are worked on first. */
export class Histories {
  readonly #log: Pick<Logger, 'warn'>
  readonly #seen = new Set<string>()

  readonly #isEmbedded: boolean

  constructor(log: Pick<Logger, 'warn'>, { isEmbedded }: { isEmbedded: boolean }) {
    this.#log = log
    this.#isEmbedded = isEmbedded
  }

  /** @throws {CouchFault} */
  async look(database: Database): Promise<void> {
    if (this.#isEmbedded || this.#seen.has(database.name)) return
    const limit = await shortHistory(database)
    this.#seen.add(database.name)
    if (limit !== null)
      this.#log.warn(
        { db: database.name, limit, least: LEAST_REVS_LIMIT },
        'unfit: the database keeps too few revisions of a document (_revs_limit), and what is deleted or edited there may not reach others',
      )
  }
}
