// Whatever the daemon needs on the server is put in place at the start, and again where it went while the daemon runs.
import type { Couch } from '../couch/client.ts'
import type { Change } from '../couch/document.ts'
import type { Logger } from '../log.ts'
import type { SkeletonOfKind } from './folder.ts'
import { install, InstallError, keptDatabases } from './install.ts'
import type { Kinds } from './kinds.ts'

export interface InPlaceOptions {
  couch: Couch
  skeleton: ReadonlyMap<string, SkeletonOfKind>
  kinds: Kinds
  log: Logger
  /** Puts it in place, with what goes before that and after it; absent: nothing does. @throws {InstallError} where it may not be put there */
  around?: (put: () => Promise<void>) => Promise<void>
  /** Told where it could not be put back. */
  onRefused?: (error: InstallError) => void
}

/** The daemon's own databases, their views and their security. */
export class InPlace {
  readonly #options: InPlaceOptions
  #placing: Promise<void> | null = null
  #isThere = true
  /** Revisions of design documents by database, as they were when they were looked at last. */
  readonly #revisions = new Map<string, ReadonlyMap<string, string>>()

  constructor(options: InPlaceOptions) {
    this.#options = options
  }

  /** False where it could not be put in place the last time. */
  get isThere(): boolean {
    return this.#isThere
  }

  /** Whether a database is one of those that are put in place. */
  includes(db: string): boolean {
    return keptDatabases(this.#options.kinds).includes(db)
  }

  /** Two calls at once are one. @throws {InstallError} {CouchFault} */
  async put(): Promise<void> {
    const { couch, skeleton, log, kinds, around = (put) => put() } = this.#options
    this.#placing ??= around(() =>
      install(couch, skeleton, log, kinds, (db, revisions) => this.#revisions.set(db, revisions)),
    )
    try {
      await this.#placing
      this.#isThere = true
    } catch (error) {
      this.#isThere = false
      throw error
    } finally {
      this.#placing = null
    }
  }

  /**
   * The same beside a running daemon: somebody may have dropped a database, or have put another one in its place, without the views that
   * the daemon asks. What cannot be helped keeps nothing else from going on.
   * @throws {CouchFault}
   */
  async putBack(): Promise<void> {
    try {
      await this.put()
    } catch (error) {
      if (!(error instanceof InstallError)) throw error
      this.#options.log.error({ code: error.code }, error.message)
      this.#options.onRefused?.(error)
    }
  }

  /**
   * The same where one of these changes of a database made a design document another one than it was when they were looked at last: what the
   * daemon itself writes comes back as a change.
   * @throws {CouchFault}
   */
  async putBackAfter(db: string, changes: readonly Change[]): Promise<void> {
    const revisions = this.#revisions.get(db)
    if (changes.some((change) => isDesign(change) && !isKnown(change, revisions))) await this.putBack()
  }
}

const isDesign = ({ id }: Change): boolean => id.startsWith('_design/')

/** One that was deleted before anybody looked is not missed. */
function isKnown(
  { id, deleted, changes: [leaf] }: Change,
  revisions: ReadonlyMap<string, string> | undefined,
): boolean {
  if (revisions === undefined) return false
  const revision = revisions.get(id)
  return revision === undefined ? deleted === true : revision === leaf?.rev
}
