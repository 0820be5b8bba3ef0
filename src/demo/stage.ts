// Where the demo plays: a throw-away server in memory with a daemon, users who write, and an eye on what stands where.
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Couch } from '../couch/client.ts'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import { Daemon } from '../daemon.ts'
import { startEmbedded } from '../embedded/server.ts'
import { createLogger } from '../log.ts'
import { userDatabases } from '../model/names.ts'
import { UPDATED_AT } from '../model/time.ts'
import { readSkeleton } from '../skeleton.ts'
import { DemoError } from './failure.ts'
import type { Action, Exhibit } from './story.ts'

/** What an exhibit shows at a moment. */
export interface Seen {
  doc: Doc | null
  /** False where not even the database is there. */
  hasDatabase: boolean
}

const POLL_MS = 25
const START_PATIENCE_MS = 60_000
const SKELETON = fileURLToPath(new URL('../../skeleton', import.meta.url))

export class Stage {
  readonly url: string
  readonly #couch: Couch
  readonly #daemon: Daemon
  /** What the daemon had to complain of. */
  readonly complaints: string[]
  readonly #stopServer: () => Promise<void>
  /** The revision of every document that was shown, by database and id. */
  readonly #shown = new Map<string, string>()

  private constructor(parts: {
    url: string
    couch: Couch
    daemon: Daemon
    complaints: string[]
    stopServer: () => Promise<void>
  }) {
    this.url = parts.url
    this.#couch = parts.couch
    this.#daemon = parts.daemon
    this.complaints = parts.complaints
    this.#stopServer = parts.stopServer
  }

  /**
   * Starts the server and the daemon.
   * @throws {EmbeddedError} with a sentence for the user, where the server's packages are not installed
   */
  static async open(): Promise<Stage> {
    const admin = { user: 'admin', pass: 'demo' }
    const skeleton = await readSkeleton(SKELETON)
    const server = await startEmbedded({ port: 0, dataDir: null, admin })
    const complaints: string[] = []
    const daemon = new Daemon({
      config: {
        url: server.url,
        admin,
        userDatabases: userDatabases('user/{id}'),
        databases: [],
        masters: [],
        personalDatabaseAttribute: 'database',
        userDatabaseAttributes: ['voicemail_db'],
        deprovision: 'keep',
        skeletonWarm: false,
        concurrency: 8,
        replicationServer: null,
        replicationIdleTimeoutMs: 30 * 60_000,
        replicationCheckIntervalMs: 15_000,
        outbox: 'always',
        sweepIntervalMs: 15 * 60_000,
        deletionGraceMs: 5 * 60_000,
        publicLimits: { mostObjects: 1000, mostBytes: 100_000, mostChanges: 120 },
        updatedAt: UPDATED_AT,
      },
      skeleton,
      log: createLogger({
        level: 'warn',
        pretty: false,
        destination: { write: (line) => void complaints.push(line.trimEnd()) },
      }),
    })
    const couch = new Couch({ url: server.url, ...admin })
    const stage = new Stage({ url: server.url, couch, daemon, complaints, stopServer: () => server.stop() })
    try {
      await Promise.race([daemon.start(), tooLate('the daemon has not started', START_PATIENCE_MS)])
    } catch (error) {
      await stage.close()
      throw error
    }
    return stage
  }

  async close(): Promise<void> {
    try {
      await this.#daemon.stop()
      await this.#couch.close()
    } finally {
      await this.#stopServer()
    }
  }

  /** Does what somebody does. @returns the document as it was sent; null for a database */
  async act(action: Action): Promise<Doc | null> {
    const database = this.#couch.database(action.db)
    if (action.kind === 'create') {
      await database.create()
      return null
    }
    for (;;) {
      const there = await database.get(action.doc._id)
      const doc: Doc = {
        ...(action.kind === 'delete' ? { _id: action.doc._id, _deleted: true } : action.doc),
        ...(there === null ? {} : { _rev: there._rev }),
      }
      const written = await database.put(doc)
      if (written.ok) return doc
      if (written.error !== 'conflict')
        throw new DemoError(`${action.db} refused ${doc._id}: ${written.reason}`)
    }
  }

  /**
   * Waits until every exhibit is as it has to be.
   * @returns what each shows then, or the first that is still otherwise when the time is over
   */
  async until(
    exhibits: readonly Exhibit[],
    patienceMs: number,
  ): Promise<{ kind: 'seen'; seen: Map<Exhibit, Seen> } | { kind: 'missing'; exhibit: Exhibit; seen: Seen }> {
    const deadline = performance.now() + patienceMs
    for (;;) {
      const looks = await Promise.all(exhibits.map(async (one) => [one, await this.#look(one)] as const))
      const missing = looks.find(([exhibit, seen]) => !holds(exhibit, seen))
      if (missing === undefined) {
        this.#remember(looks)
        return { kind: 'seen', seen: new Map(looks) }
      }
      if (performance.now() > deadline) return { kind: 'missing', exhibit: missing[0], seen: missing[1] }
      await delay(POLL_MS)
    }
  }

  async #look(exhibit: Exhibit): Promise<Seen> {
    try {
      return { doc: await this.#read(exhibit), hasDatabase: true }
    } catch (error) {
      if (isFault(error, 'not_found')) return { doc: null, hasDatabase: false }
      throw error
    }
  }

  async #read({ db, id, isFormer }: Exhibit): Promise<Doc | null> {
    const database = this.#couch.database(db)
    if (id === '_security') return { ...(await database.security()) } as unknown as Doc
    if (!isFormer) return database.get(id)
    const rev = this.#shown.get(`${db} ${id}`) ?? ''
    const [leaf] = await database.leaves([{ id, rev }])
    return leaf ?? null
  }

  #remember(looks: (readonly [Exhibit, Seen])[]): void {
    for (const [{ db, id }, { doc }] of looks)
      if (doc?._rev !== undefined) this.#shown.set(`${db} ${id}`, (doc as StoredDoc)._rev)
  }
}

/** A document is not gone because its database is being made anew just now. */
const holds = (exhibit: Exhibit, { doc, hasDatabase }: Seen): boolean =>
  (hasDatabase || exhibit.id === '_security') && exhibit.holds(doc)

/** Rejects after a while; keeps nothing alive that long. */
async function tooLate(what: string, ms: number): Promise<never> {
  await delay(ms, undefined, { ref: false })
  throw new DemoError(`Waited for ${ms / 1000} s, and ${what}.`)
}
