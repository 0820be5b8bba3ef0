// Builds the indexes of a changed design document while the old one still answers, so that nobody waits for them.
import type { Database } from '../couch/database.ts'
import { concernsServer, isFault } from '../couch/fault.ts'
import type { Logger } from '../log.ts'
import { marked } from './design.ts'
import { firstView, indexParts, needsIndex, warmingId } from './index-parts.ts'
import { planSkeleton, type Wanted } from './plan.ts'
import { inspect } from './apply.ts'

export interface WarmerOptions {
  log: Logger
  signal: AbortSignal
  /** Resolves after so many milliseconds, or when `signal` is aborted. */
  sleep: (ms: number) => Promise<void>
}

/** A request ends after this; the building goes on, and is asked for again. */
const ASK_MS = 55_000
/** CouchDB puts an index on the disk some 5 s after it was built; waited for at the most so long. */
const LONGEST_COMMIT_MS = 30_000
const LOOK_MS = 500

/**
 * Knows in which databases an index is being built. https://docs.couchdb.org/en/stable/ddocs/views/index.html
 */
export class Warmer {
  readonly #options: WarmerOptions
  /** Databases in which an index is being built: nobody is to bring them up to date meanwhile. */
  readonly #underWay = new Set<string>()

  constructor(options: WarmerOptions) {
    this.#options = options
  }

  isWarming(db: string): boolean {
    return this.#underWay.has(db)
  }

  /**
   * Resolves when a database has the indexes of all views that differ from the skeleton's, or has none. One that cannot
   * be built is told of, and does not keep the design document from its place.
   * @throws {CouchFault} where the server fails
   */
  async warm(database: Database, wanted: Wanted): Promise<void> {
    const designsOnly = { ...wanted, security: null }
    const plan = planSkeleton(designsOnly, await inspect(database, designsOnly))
    const changes = plan.designs.filter(
      (change) => change.kind === 'replace' && needsIndex(change.found, change.wanted),
    )
    if (changes.length === 0) return
    this.#underWay.add(database.name)
    try {
      for (const { id } of changes) {
        const design = wanted.designs.find(({ _id }) => _id === id)
        if (design) await this.#build(database, design)
      }
    } finally {
      this.#underWay.delete(database.name)
    }
  }

  async #build(database: Database, design: Record<string, unknown> & { _id: string }): Promise<void> {
    const { log, signal, sleep } = this.#options
    const view = firstView(design)
    if (view === null) return
    const begun = Date.now()
    const temporary = marked({ _id: warmingId(design._id), ...indexParts(design) })
    const there = await database.get(temporary._id)
    await database.put({ ...temporary, ...(there ? { _rev: there._rev } : {}) })
    const name = temporary._id.slice('_design/'.length)
    // One view stands for all: the views of a design document have one index.
    while (!signal.aborted) {
      try {
        await database.buildIndex(name, view, ASK_MS, signal)
        for (let waitedMs = 0; waitedMs < LONGEST_COMMIT_MS; waitedMs += LOOK_MS) {
          if (signal.aborted || (await database.isIndexOnDisk(name))) break
          await sleep(LOOK_MS)
        }
        log.info({ db: database.name, doc: design._id, ms: Date.now() - begun }, 'index built')
        return
      } catch (error) {
        if (isFault(error, 'timeout')) continue
        if (isFault(error, 'stopped') || (isFault(error) && concernsServer(error))) throw error
        log.warn({ db: database.name, doc: design._id, err: error }, 'index cannot be built beforehand')
        return
      }
    }
  }
}
