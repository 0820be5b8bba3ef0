// The databases that exist: PouchDB makes one whenever it is asked for a name, CouchDB only on PUT.
import { readdirSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CouchFault, databaseMissing, logFault } from './faults.ts'
import { DocumentCount } from './document-count.ts'
import { fileOf, nameProblem, parseFile } from './names.ts'
import type { Json, Pouch, PouchClass, PouchWriteResult } from './packages.ts'
import { Quiet } from './quiet.ts'

export interface DatabaseEvent {
  name: string
  type: 'created' | 'updated' | 'deleted'
}
export type DatabaseListener = (event: DatabaseEvent) => void

/** A document in it is a replication that runs. */
export const REPLICATOR = '_replicator'
const DROPPED = '.dropped'
/** Requests that still use a dropped database get this long before its files go. */
const DROP_GRACE_MS = 5_000
const CLOSE_GRACE_MS = 500

/** One creation of one database. */
export class Database {
  readonly name: string
  readonly startTime: string
  readonly file: string
  /** Aborts when the database is dropped, or the server stops. */
  readonly gone: AbortSignal
  /** Another number as soon as a design document was written, for who remembers what these say. */
  designs = 0
  /** What reads by an index does so here. */
  readonly quiet = new Quiet()
  /** Of those that are deleted, too. */
  readonly count: DocumentCount
  #pouch: Pouch | null = null
  #uses = 0
  #idle: (() => void) | null = null
  readonly #gone = new AbortController()
  readonly #open: (database: Database) => Pouch

  /** @param isNew nothing was ever in it */
  constructor(name: string, startTime: string, isNew: boolean, open: (database: Database) => Pouch) {
    this.name = name
    this.startTime = startTime
    this.count = new DocumentCount(isNew)
    this.file = fileOf(name, startTime)
    this.gone = this.#gone.signal
    this.#open = open
  }

  get pouch(): Pouch {
    this.#pouch ??= this.#open(this)
    return this.#pouch
  }

  get isOpen(): boolean {
    return this.#pouch !== null
  }

  /** Announces work on the files; the returned function, called once, ends it. */
  use(): () => void {
    if (this.gone.aborted) throw databaseMissing()
    this.#uses += 1
    let ended = false
    return () => {
      if (ended) return
      ended = true
      this.#uses -= 1
      if (this.#uses === 0) this.#idle?.()
    }
  }

  /** No new work begins after this; resolves when the old has ended, or after the grace time. */
  async retire(graceMs: number): Promise<void> {
    this.#gone.abort()
    if (this.#uses === 0) return
    let timer: NodeJS.Timeout | undefined
    await new Promise<void>((resolve) => {
      this.#idle = resolve
      timer = setTimeout(resolve, graceMs)
    })
    clearTimeout(timer)
  }

  /** CouchDB's sequences are opaque strings; naming the creation makes one from an earlier database recognizable. */
  sequence(seq: number): string {
    return `${seq}-${this.startTime}`
  }

  /** The number in a sequence; one of an earlier database of this name counts as 0. Throws for what is none. */
  parseSequence(sequence: string): number {
    const match = /^"?(\d+)(?:-(.*?))?"?$/.exec(sequence)
    if (match === null)
      throw new CouchFault(400, 'bad_request', "Malformed sequence supplied in 'since' parameter.")
    if (match[2] !== undefined && match[2] !== this.startTime) return 0
    return Number(match[1])
  }

  /** What `GET /db` answers. */
  async info(): Promise<Json> {
    const info = await this.pouch.info()
    return {
      db_name: this.name,
      instance_start_time: this.startTime,
      update_seq: this.sequence(info.update_seq),
      purge_seq: this.sequence(0),
      doc_count: info.doc_count,
      doc_del_count: Math.max(0, (await this.count.of(this.pouch)) - info.doc_count),
      sizes: { file: 0, external: 0, active: 0 },
      props: {},
      disk_format_version: 8,
      compact_running: false,
      cluster: { q: 1, n: 1, w: 1, r: 1 },
    }
  }
}

/** All databases of one server, in memory or in a folder. */
export class Databases {
  readonly #databases = new Map<string, Database>()
  readonly #listeners = new Set<DatabaseListener>()
  readonly #dropping = new Set<Promise<void>>()
  readonly #Pouch: PouchClass
  readonly #dataDir: string | null
  #lastStart = 0

  /** `Pouch` is a class of this server's own, made with `PouchDB.defaults`. */
  constructor(Pouch: PouchClass, dataDir: string | null) {
    this.#Pouch = Pouch
    this.#dataDir = dataDir
  }

  /** Finds the databases of an earlier run. */
  async load(): Promise<void> {
    if (this.#dataDir === null) return
    await mkdir(this.#dataDir, { recursive: true })
    const entries = readdirSync(this.#dataDir)
    const dropped = entries.filter((entry) => entry.endsWith(DROPPED))
    for (const entry of dropped) await this.#removeFiles(entry.slice(0, -DROPPED.length))
    for (const entry of readdirSync(this.#dataDir)) {
      const found = parseFile(entry)
      if (found === null) continue
      this.#lastStart = Math.max(this.#lastStart, Number(found.startTime))
      const known = this.#databases.get(found.name)
      if (known !== undefined && Number(known.startTime) > Number(found.startTime)) continue
      this.#databases.set(found.name, this.#database(found.name, found.startTime, false))
    }
  }

  names(): string[] {
    return [...this.#databases.keys()].sort()
  }

  get(name: string): Database | undefined {
    return this.#databases.get(name)
  }

  /** Throws CouchDB's faults for a bad name and for one that is taken. */
  async create(name: string): Promise<Database> {
    const problem = nameProblem(name)
    if (problem !== null) throw new CouchFault(400, problem.error, problem.reason)
    if (this.#databases.has(name)) {
      throw new CouchFault(412, 'file_exists', 'The database could not be created, the file already exists.')
    }
    this.#lastStart = Math.max(this.#lastStart + 1, Date.now() * 1_000)
    const database = this.#database(name, String(this.#lastStart), true)
    // Taken before the first await, so that of two requests one is refused.
    this.#databases.set(name, database)
    try {
      await database.pouch.info()
    } catch (fault) {
      this.#databases.delete(name)
      throw fault
    }
    this.#tell({ name, type: 'created' })
    return database
  }

  /** Resolves as soon as the database is gone for everyone; its files follow. */
  async drop(name: string): Promise<void> {
    const database = this.#databases.get(name)
    if (database === undefined) throw databaseMissing()
    this.#databases.delete(name)
    // The mark outlives a crash between now and the removal of the files.
    if (this.#dataDir !== null) await writeFile(join(this.#dataDir, database.file + DROPPED), '')
    const removal: Promise<void> = this.#destroy(database)
      .catch(logFault)
      .finally(() => this.#dropping.delete(removal))
    this.#dropping.add(removal)
    this.#tell({ name, type: 'deleted' })
  }

  /** Calls the listener after each creation, write and drop, before the writer is answered. Returns the way to end it. */
  listen(listener: DatabaseListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Flushes everything and closes it. */
  async close(): Promise<void> {
    const closing = [...this.#databases.values()].map(async (database) => {
      await database.retire(CLOSE_GRACE_MS)
      if (database.isOpen) await database.pouch.close()
    })
    await Promise.allSettled([...closing, ...this.#dropping])
  }

  #database(name: string, startTime: string, isNew: boolean): Database {
    return new Database(name, startTime, isNew, (database) => this.#openPouch(database))
  }

  #openPouch(database: Database): Pouch {
    const pouch = new this.#Pouch(database.file)
    pouch.setMaxListeners(0)
    // All writes end here, whoever makes them: requests, update handlers, replications.
    const bulkDocs = pouch._bulkDocs
    let seen = 0
    pouch._bulkDocs = (request, options, callback) => {
      const isDesign = request.docs.some(({ _id: id }) => String(id).startsWith('_design/'))
      database.quiet.write((ended) =>
        bulkDocs.call(pouch, request, options, (fault, result) => {
          ended()
          if (isDesign) database.designs += 1
          if (Array.isArray(result)) database.count.note(result as PouchWriteResult[])
          pouch._info((_, info) => {
            if (info !== undefined && info.update_seq !== seen) {
              seen = info.update_seq
              if (!database.gone.aborted) this.#tell({ name: database.name, type: 'updated' })
            }
            callback(fault, result)
          })
        }),
      )
    }
    return pouch
  }

  async #destroy(database: Database): Promise<void> {
    await database.retire(DROP_GRACE_MS)
    await database.pouch.destroy()
    await this.#removeFiles(database.file)
  }

  async #removeFiles(file: string): Promise<void> {
    if (this.#dataDir === null) return
    for (const entry of readdirSync(this.#dataDir)) {
      if (entry === file || entry.startsWith(`${file}-`)) {
        await rm(join(this.#dataDir, entry), { recursive: true, force: true })
      }
    }
    await rm(join(this.#dataDir, file + DROPPED), { force: true })
  }

  #tell(event: DatabaseEvent): void {
    for (const listener of [...this.#listeners]) listener(event)
  }
}
