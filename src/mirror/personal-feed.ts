// Follows a user's own database that the daemon writes into, too: what of it is the user's writing.
import type { Database } from '../couch/database.ts'
import type { Change, DatabaseInfo, Seq } from '../couch/document.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import { START } from '../engine/checkpoint.ts'

/** A page of what was written by others. */
export interface ForeignPage {
  changes: Change[]
  /** There is nothing behind it. */
  isLast: boolean
  /** Where it ends. */
  end: Seq
  /** All that this page asks for is done. @param updateSeq of the database as it was seen before, where it is the last page */
  done: (updateSeq: Seq | undefined) => void
}

/** The feed of one user's database. */
export class PersonalFeed {
  readonly #database: Database
  readonly #checkpoints: Checkpoints
  readonly #ownWrites: OwnWrites

  constructor(
    database: Database,
    { checkpoints, ownWrites }: { checkpoints: Checkpoints; ownWrites: OwnWrites },
  ) {
    this.#database = database
    this.#checkpoints = checkpoints
    this.#ownWrites = ownWrites
  }

  /**
   * `renewed`: another database than the last time, which is read from its start; `first`: none was known.
   * @throws {CouchFault}
   */
  async checkInstance({
    instance_start_time: instance,
  }: DatabaseInfo): Promise<'same' | 'first' | 'renewed'> {
    const { name } = this.#database
    const checkpoint = (await this.#checkpoints.read([name])).get(name)
    if (checkpoint?.instance === instance) return 'same'
    if (checkpoint) this.#ownWrites.forget(name)
    this.#checkpoints.set(name, { ...START, instance })
    return checkpoint ? 'renewed' : 'first'
  }

  /** Of a database that has just been created: all of it is still to be read. */
  begin({ instance_start_time: instance }: DatabaseInfo): void {
    this.#checkpoints.set(this.#database.name, { ...START, instance })
  }

  /** True where nothing was written since the database was read to its end. @throws {CouchFault} */
  async isRead({ instance_start_time: instance, update_seq: updateSeq }: DatabaseInfo): Promise<boolean> {
    const { name } = this.#database
    const checkpoint = (await this.#checkpoints.read([name])).get(name)
    return checkpoint?.instance === instance && checkpoint.updateSeq === updateSeq
  }

  /**
   * All leaves: a late edit of an older revision may lose, and CouchDB shows the daemon's own then, and the user's beside it.
   * @param after the end of the page before it, which may not be done yet; absent: where what is done ends
   * @throws {CouchFault}
   */
  async page(limit: number, after?: Seq): Promise<ForeignPage> {
    const { name } = this.#database
    const checkpoint = (await this.#checkpoints.read([name])).get(name) ?? START
    const page = await this.#database.changes({
      ...{ since: after ?? checkpoint.since, limit, includeDocs: true, allLeaves: true },
    })
    const isLast = page.pending === 0
    return {
      changes: this.#ownWrites.foreign(name, page.results),
      isLast,
      end: page.last_seq,
      done: (updateSeq) =>
        this.#checkpoints.set(name, {
          ...checkpoint,
          since: page.last_seq,
          updateSeq: (isLast ? updateSeq : undefined) ?? checkpoint.updateSeq,
        }),
    }
  }
}
