// Where the demo plays: a throw-away server in memory with a daemon, users who write, and an eye on what stands where.
import { setTimeout as delay } from 'node:timers/promises'
import nano from 'nano'
import type { Doc, StoredDoc } from '../couch/document.ts'
import { Daemon } from '../daemon/daemon.ts'
import { startEmbedded } from '../embedded/server.ts'
import { createLogger } from '../log.ts'
import { userDatabases } from '../documents/names.ts'
import { UPDATED_AT } from '../documents/time.ts'
import { readSkeleton } from '../skeletons/folder.ts'
import { SHIPPED_SKELETON } from '../skeletons/overlay.ts'
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

/** The server, the daemon and the users of the demo. `close` it in any case. */
export class Stage {
  readonly url: string
  /** What users write with, and what looks on: sharing needs no client of its own. */
  readonly #couch: nano.ServerScope
  readonly #daemon: Daemon
  /** What the daemon had to complain of. */
  readonly complaints: string[]
  readonly #stopServer: () => Promise<void>
  /** The revision of every document that was shown, by database and id. */
  readonly #shown = new Map<string, string>()

  private constructor(parts: {
    url: string
    couch: nano.ServerScope
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
    const skeleton = await readSkeleton(SHIPPED_SKELETON)
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
        userLimits: { mostShares: Infinity, mostBytes: Infinity },
        updatedAt: UPDATED_AT,
      },
      skeleton,
      log: createLogger({
        level: 'warn',
        pretty: false,
        destination: { write: (line) => void complaints.push(line.trimEnd()) },
      }),
    })
    const couch = nano(server.url.replace('//', `//${admin.user}:${admin.pass}@`))
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
    } finally {
      await this.#stopServer()
    }
  }

  /** Does what somebody does. @returns the document as it was sent; null for a database */
  async act(action: Action): Promise<Doc | null> {
    if (action.kind === 'create') {
      await this.#couch.db.create(action.db)
      return null
    }
    const database = this.#couch.use(action.db)
    for (;;) {
      const there = await orNull(database.get(action.doc._id))
      const doc: Doc = {
        ...(action.kind === 'delete' ? { _id: action.doc._id, _deleted: true } : action.doc),
        ...(there === null ? {} : { _rev: there._rev }),
      }
      try {
        await database.insert(doc)
        return doc
      } catch (error) {
        const { statusCode, reason } = error as nano.RequestError
        if (statusCode !== 409) throw new DemoError(`${action.db} refused ${doc._id}: ${reason}`)
      }
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

  async #look({ db, id, isFormer }: Exhibit): Promise<Seen> {
    const rev = isFormer ? this.#shown.get(`${db} ${id}`) : undefined
    const reading: Promise<unknown> =
      id === '_security'
        ? this.#couch.request({ db, path: id })
        : this.#couch.use(db).get(id, rev === undefined ? {} : { rev })
    try {
      return { doc: (await orNull(reading)) as Doc | null, hasDatabase: true }
    } catch (error) {
      if ((error as nano.RequestError).statusCode === 404) return { doc: null, hasDatabase: false }
      throw error
    }
  }

  #remember(looks: (readonly [Exhibit, Seen])[]): void {
    for (const [{ db, id }, { doc }] of looks)
      if (doc?._rev !== undefined) this.#shown.set(`${db} ${id}`, (doc as StoredDoc)._rev)
  }
}

/** The document, or null where its database has none of that name. */
async function orNull<Document>(reading: Promise<Document>): Promise<Document | null> {
  try {
    return await reading
  } catch (error) {
    const { statusCode, reason = '' } = error as nano.RequestError
    if (statusCode === 404 && /^(?:missing|deleted)$/.test(reason)) return null
    throw error
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
