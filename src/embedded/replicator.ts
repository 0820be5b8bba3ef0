// Keeps a replication running for each document in _replicator.
import { setTimeout as sleep } from 'node:timers/promises'
import { readChanges } from './changes.ts'
import { type Database, REPLICATOR } from './databases.ts'
import { logFault, toFault } from './faults.ts'
import { Bell } from './feed.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'
import { replicate, type ReplicationProgress, type ReplicationStats } from './replication.ts'
import { definitionOf, endNames, readRequest, type RequestContext } from './replication-request.ts'

type State = 'triggered' | 'completed' | 'error'

interface Job extends ReplicationProgress {
  definition: string
  /** Databases whose creation is a reason to try again. */
  names: string[]
  state: State
  abort: AbortController
  /** Resolves when the job touches no database any more. */
  done: Promise<void>
}

const PAGE = 100
const SETTLE_LIMIT_MS = 1_000
/** A job that PouchDB never answers must not hold up the others. */
const END_LIMIT_MS = 1_000

/** The replications of one server. */
export class Replicator {
  readonly #context: RequestContext
  readonly #jobs = new Map<string, Job>()
  readonly #retries = new Set<string>()
  readonly #bell = new Bell()
  readonly #stopping = new AbortController()
  readonly #waiting = new Set<() => void>()
  #database: Database | undefined
  #reached = 0
  #loop: Promise<void> = Promise.resolve()

  constructor(context: RequestContext) {
    this.#context = context
  }

  start(): void {
    this.#context.databases.listen((event) => {
      if (event.name === REPLICATOR) return this.#bell.ring()
      if (event.type === 'created') this.#retryFor(event.name)
    })
    this.#loop = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#loop
    await Promise.all([...this.#jobs.keys()].map((id) => this.#end(id)))
  }

  /** What `_active_tasks` says; `changes_pending` is 0 where all is copied, and null where something is to be done. */
  tasks(): Json[] {
    return [...this.#jobs]
      .filter(([, { state }]) => state === 'triggered')
      .map(([doc_id, { isIdle }]) => ({ type: 'replication', doc_id, changes_pending: isIdle ? 0 : null }))
  }

  /** Waits, not for long, until what stands in `_replicator` now has been acted upon. */
  async settled(database: Database): Promise<void> {
    if (database.name !== REPLICATOR || this.#stopping.signal.aborted) return
    const { update_seq } = await database.pouch.info()
    const reached = () => this.#database === database && this.#reached >= update_seq
    if (reached()) return
    await new Promise<void>((resolve) => {
      const settle = () => {
        clearTimeout(limit)
        this.#waiting.delete(check)
        resolve()
      }
      const check = () => {
        if (reached() || database.gone.aborted) settle()
      }
      const limit = setTimeout(settle, SETTLE_LIMIT_MS)
      this.#waiting.add(check)
    })
  }

  /** One at a time, so that a document is never started twice. */
  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      try {
        if (await this.#step()) continue
      } catch (fault) {
        if (!this.#database?.gone.aborted) logFault(fault)
      }
      await this.#bell.wait(this.#stopping.signal)
    }
  }

  /** True if there may be more to do at once. */
  async #step(): Promise<boolean> {
    const database = this.#context.databases.get(REPLICATOR)
    if (database !== this.#database) {
      this.#database = database
      this.#reached = 0
      await Promise.all([...this.#jobs.keys()].map((id) => this.#end(id)))
    }
    if (database === undefined) return false
    for (const id of [...this.#retries]) {
      this.#retries.delete(id)
      const doc = await database.pouch.get(id).catch(() => null)
      if (doc !== null && this.#jobs.get(id)?.state === 'error') await this.#begin(id, doc)
    }
    const page = await readChanges(database, this.#reached, PAGE, { include_docs: true })
    for (const { id, doc, deleted } of page.results) {
      await this.#apply(String(id), deleted === true || !isJson(doc) ? null : doc)
    }
    this.#reached = page.reached
    for (const check of [...this.#waiting]) check()
    return !page.complete
  }

  async #apply(id: string, doc: Json | null): Promise<void> {
    if (id.startsWith('_design/')) return
    if (doc === null) return this.#end(id)
    const job = this.#jobs.get(id)
    const written = doc['_replication_state']
    if (job !== undefined && job.definition === definitionOf(doc)) {
      // A state that is not the job's is an older one; only a document without any was written by a client.
      if (written !== undefined) return
      if (job.state === 'triggered') return this.#write(id, job, {})
    } else if (job === undefined && written === 'completed' && doc['continuous'] !== true) {
      this.#jobs.set(id, newJob(doc, 'completed'))
      return
    }
    await this.#begin(id, doc)
  }

  async #begin(id: string, doc: Json): Promise<void> {
    await this.#end(id)
    const job = newJob(doc, 'triggered')
    this.#jobs.set(id, job)
    job.done = this.#work(id, job, doc).catch(logFault)
  }

  async #end(id: string): Promise<void> {
    const job = this.#jobs.get(id)
    if (job === undefined) return
    this.#jobs.delete(id)
    job.abort.abort()
    const limit = new AbortController()
    await Promise.race([
      job.done,
      sleep(END_LIMIT_MS, undefined, { signal: limit.signal }).catch(() => undefined),
    ])
    limit.abort()
  }

  async #work(id: string, job: Job, doc: Json): Promise<void> {
    let stats: ReplicationStats
    try {
      const replication = await readRequest(doc, this.#context)
      await this.#write(id, job, {})
      stats = await replicate(replication, this.#context.databases, job.abort.signal, job)
    } catch (thrown) {
      if (job.abort.signal.aborted || this.#stopping.signal.aborted) return
      const fault = toFault(thrown)
      job.state = 'error'
      await this.#write(id, job, { _replication_state_reason: `${fault.error}: ${fault.reason}` })
      // Created again while this was being noticed: its event came too early.
      if (fault.error === 'db_not_found' && job.names.every((name) => this.#context.databases.get(name))) {
        this.#retry(id)
      }
      return
    }
    if (job.abort.signal.aborted) return
    job.state = 'completed'
    const { id: _replication_id, source_last_seq, ...counts } = stats
    await this.#write(id, job, { _replication_id, _replication_stats: { ...counts, source_last_seq } })
  }

  /** Writes the job's state into its document, unless the document asks for something else by now. */
  async #write(id: string, job: Job, more: Json): Promise<void> {
    const database = this.#context.databases.get(REPLICATOR)
    if (database === undefined) return
    const done = database.use()
    try {
      for (let attempt = 0; attempt < 5; attempt += 1) {
        const doc = await database.pouch.get(id).catch(() => null)
        if (doc === null || job.abort.signal.aborted || definitionOf(doc) !== job.definition) return
        delete doc['_replication_state_reason']
        Object.assign(doc, more, {
          _replication_state: job.state,
          _replication_state_time: new Date().toISOString(),
        })
        const [result] = await database.pouch.bulkDocs({ docs: [doc] }, { new_edits: true })
        if (result?.name !== 'conflict') return
      }
    } finally {
      done()
    }
  }

  #retryFor(name: string): void {
    for (const [id, job] of this.#jobs) {
      if (job.state === 'error' && job.names.includes(name)) this.#retry(id)
    }
  }

  #retry(id: string): void {
    this.#retries.add(id)
    this.#bell.ring()
  }
}

function newJob(doc: Json, state: State): Job {
  return {
    definition: definitionOf(doc),
    names: endNames(doc),
    state,
    isIdle: false,
    abort: new AbortController(),
    done: Promise.resolve(),
  }
}
