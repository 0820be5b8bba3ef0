// Replications of `_replicator`: written, watched and cancelled, on CouchDB's scheduler or on the embedded server.
import type { Replication } from '../documents/replication.ts'
import { sameReplication } from '../documents/replication.ts'
import type { Couch } from './client.ts'
import type { Database } from './database.ts'
import type { StoredDoc } from './document.ts'
import { CouchFault, isFault } from './fault.ts'
import { pagesOf } from './pages.ts'
import { plainWords } from './plain-words.ts'

/** https://docs.couchdb.org/en/stable/replication/replicator.html */
export const REPLICATOR = '_replicator'
/** The design document with the update function that cancels a replication. */
export const CANCEL_DESIGN = 'shares'
/** The update function in it. */
export const CANCEL_UPDATE = 'cancel'

const POLL_MS = 50
/** A job is gone 2.6 s after its document at the latest (docs/design.md, CouchDB as it is); past this the server has a problem. */
const JOB_GONE_TIMEOUT_MS = 30_000
const ACCEPTED_TIMEOUT_MS = 15_000
const PAGE = 200

/** What became of a replication document. */
export type ReplicationStatus =
  | { kind: 'absent' }
  /** There, and not looked at by the scheduler yet. */
  | { kind: 'waiting' }
  /**
   * `caughtUp`: as of some seconds ago, nothing is known to be left. `uncounted` is there while CouchDB has not counted
   * what is left, which it does half a minute after the first documents, and says how far it is: all is done only where
   * it gets no further. `refused` counts documents that a validation function of the target did not let pass.
   */
  | { kind: 'accepted'; caughtUp: boolean; uncounted?: string; refused: number }
  /** Tried again and again by CouchDB itself. */
  | { kind: 'crashing'; reason: string }
  /** Given up by CouchDB. */
  | { kind: 'failed'; reason: string }

interface SchedulerInfo {
  error?: string
  doc_write_failures?: number
  changes_pending?: number | null
  source_seq?: unknown
  through_seq?: unknown
  checkpointed_source_seq?: unknown
  revisions_checked?: number
  docs_read?: number
}

interface SchedulerDoc {
  doc_id: string
  id: string | null
  state: string | null
  info: SchedulerInfo | null
}

/** @param sleep resolves after so many milliseconds */
export class Replicator {
  readonly #couch: Couch
  readonly #database: Database
  readonly #hasScheduler: boolean
  readonly #sleep: (ms: number) => Promise<void>

  constructor(
    couch: Couch,
    { hasScheduler, sleep }: { hasScheduler: boolean; sleep: (ms: number) => Promise<void> },
  ) {
    this.#couch = couch
    this.#database = couch.database(REPLICATOR)
    this.#hasScheduler = hasScheduler
    this.#sleep = sleep
  }

  /** Has that replication there; a document that says the same already is left as it is. */
  async ensure(replication: Replication): Promise<void> {
    await this.#put(replication)
  }

  /**
   * Has that replication there, and nothing of another one under the same id: that one is cancelled first, until no job
   * of it is left.
   * @returns whether it was not there yet
   */
  async replace(replication: Replication): Promise<boolean> {
    for (;;) {
      const there = await this.#database.get(replication._id)
      const isSame = there !== null && sameReplication(there, replication)
      if (isSame && ownStatus(there).kind !== 'failed') return false
      if (there !== null && !isSame) await this.stop(replication._id)
      if (await this.#put(replication)) return true
    }
  }

  /**
   * Has that replication there and accepted. A document that says the same already is left as it is.
   * @returns what the scheduler made of it, or `waiting` where it has not looked at it in time
   */
  async start(replication: Replication): Promise<ReplicationStatus> {
    await this.#put(replication)
    for (let waited = 0; waited < ACCEPTED_TIMEOUT_MS; waited += POLL_MS) {
      const status = await this.status(replication._id)
      if (status.kind === 'absent') await this.#put(replication)
      else if (status.kind !== 'waiting') return status
      await this.#sleep(POLL_MS)
    }
    return { kind: 'waiting' }
  }

  /** Cancels a replication and waits until no job of it is left; nothing happens where there is none. */
  async stop(id: string): Promise<void> {
    const job = await this.#job(id)
    if ((await this.#database.get(id)) !== null)
      await this.#database.callUpdate(CANCEL_DESIGN, CANCEL_UPDATE, id)
    if (job === null) return
    for (let waited = 0; waited < JOB_GONE_TIMEOUT_MS; waited += POLL_MS) {
      if (!(await this.#isRunning(job))) return
      await this.#sleep(POLL_MS)
    }
    throw new CouchFault('timeout', REPLICATOR, 'a job did not end in time after its document was deleted')
  }

  /** How a replication stands. */
  async status(id: string): Promise<ReplicationStatus> {
    if (!this.#hasScheduler) return ownStatus(await this.#database.get(id))
    const scheduled = await this.#scheduled(id)
    if (scheduled !== null && scheduled.state !== null) return schedulerStatus(scheduled)
    return (await this.#database.get(id)) === null ? { kind: 'absent' } : { kind: 'waiting' }
  }

  /** How every replication stands, by document id. Costs a request for each 200, whatever their number of changes. */
  async statuses(): Promise<Map<string, ReplicationStatus>> {
    const statuses = new Map<string, ReplicationStatus>()
    if (!this.#hasScheduler) {
      for await (const doc of this.#all()) statuses.set(doc._id, ownStatus(doc))
      return statuses
    }
    for (let skip = 0; ; skip += PAGE) {
      const { docs } = await this.#couch.request<{ docs: SchedulerDoc[] }>({
        path: ['_scheduler', 'docs', REPLICATOR],
        query: { limit: PAGE, skip },
      })
      for (const doc of docs) statuses.set(doc.doc_id, schedulerStatus(doc))
      if (docs.length < PAGE) return statuses
    }
  }

  /** A document of `_replicator`, or null. */
  async document(id: string): Promise<StoredDoc | null> {
    return this.#database.get(id)
  }

  /** The daemon's own documents of `_replicator`: those that name a share, or those that name a provisioned user. */
  async *documents<Mark extends 'share' | 'provision'>(
    mark: Mark,
  ): AsyncGenerator<StoredDoc & Record<Mark, string>> {
    for await (const doc of this.#all())
      if (typeof doc[mark] === 'string') yield doc as StoredDoc & Record<Mark, string>
  }

  async *#all(): AsyncGenerator<StoredDoc> {
    for await (const rows of pagesOf(this.#database, { limit: PAGE, includeDocs: true }))
      for (const { doc } of rows) if (doc) yield doc
  }

  /** @returns whether it was written */
  async #put(replication: Replication): Promise<boolean> {
    const there = await this.#database.get(replication._id)
    if (there !== null && sameReplication(there, replication) && ownStatus(there).kind !== 'failed')
      return false
    const written = await this.#database.put({
      ...replication,
      ...(there === null ? {} : { _rev: there._rev }),
    })
    // In a conflict somebody else, the replicator itself, has just written: the next look tells what.
    if (!written.ok && written.error !== 'conflict')
      throw new CouchFault('bad_request', REPLICATOR, `a replication document was refused: ${written.reason}`)
    return written.ok
  }

  async #scheduled(id: string): Promise<SchedulerDoc | null> {
    try {
      return await this.#couch.request<SchedulerDoc>({ path: ['_scheduler', 'docs', REPLICATOR, id] })
    } catch (error) {
      if (isFault(error, 'not_found')) return null
      throw error
    }
  }

  /** The id of the job that carries out a replication, or null. */
  async #job(id: string): Promise<string | null> {
    return this.#hasScheduler ? ((await this.#scheduled(id))?.id ?? null) : null
  }

  /** `_scheduler/docs` forgets a job before it has ended; `_scheduler/jobs` does not (docs/design.md, CouchDB as it is). */
  async #isRunning(job: string): Promise<boolean> {
    try {
      await this.#couch.request({ path: ['_scheduler', 'jobs', job] })
      return true
    } catch (error) {
      if (isFault(error, 'not_found')) return false
      throw error
    }
  }
}

/** https://docs.couchdb.org/en/stable/replication/replicator.html#replication-states */
function schedulerStatus({ state, info }: SchedulerDoc): ReplicationStatus {
  const reason = plainWords(info?.error ?? 'no reason given')
  switch (state) {
    case 'failed':
      return { kind: 'failed', reason }
    case 'crashing':
    case 'error':
      return { kind: 'crashing', reason }
    case 'running':
    case 'pending':
    case 'completed':
      return info === null
        ? { kind: 'accepted', caughtUp: false, refused: 0 }
        : {
            kind: 'accepted',
            caughtUp: !info.changes_pending && isInNoBatch(info),
            ...(typeof info.changes_pending === 'number' ? {} : { uncounted: progressOf(info) }),
            refused: info.doc_write_failures ?? 0,
          }
    default:
      return { kind: 'waiting' }
  }
}

/** A job that went on where an earlier one had ended says 0 for `source_seq` until there is something to carry. */
const isInNoBatch = (info: SchedulerInfo): boolean =>
  info.through_seq === info.source_seq || info.through_seq === info.checkpointed_source_seq

const progressOf = ({ through_seq, revisions_checked, docs_read }: SchedulerInfo): string =>
  JSON.stringify([through_seq, revisions_checked, docs_read])

/** The embedded server, like CouchDB before 2.1, writes the state into the document. */
function ownStatus(doc: StoredDoc | null): ReplicationStatus {
  if (doc === null) return { kind: 'absent' }
  switch (doc['_replication_state']) {
    case undefined:
      return { kind: 'waiting' }
    case 'error':
    case 'failed':
      return { kind: 'failed', reason: reasonOf(doc['_replication_state_reason']) }
    default:
      return { kind: 'accepted', caughtUp: true, refused: 0 }
  }
}

const reasonOf = (reason: unknown): string =>
  typeof reason === 'string' ? plainWords(reason) : 'no reason given'
