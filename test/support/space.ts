// A space of its own for each test on a server: user databases under a prefix, a daemon that follows just those.
import clamp from 'lodash/clamp.js'
import once from 'lodash/once.js'
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { Couch } from '../../src/couch/client.ts'
import { isFault, orNull } from '../../src/couch/fault.ts'
import type { Database } from '../../src/couch/database.ts'
import type { Doc, Row, StoredDoc } from '../../src/couch/document.ts'
import { Daemon } from '../../src/daemon/daemon.ts'
import type { Gateway } from '../../src/gateways/gateway.ts'
import { portionOf, WHOLE } from '../../src/engine/portion.ts'
import { createLogger } from '../../src/log.ts'
import { REGISTRY, shareDatabase, userDatabases } from '../../src/documents/names.ts'
import { UPDATED_AT } from '../../src/documents/time.ts'
import { readSkeleton } from '../../src/skeletons/folder.ts'
import { areAtRest, Barrier, turnsOf, type Listener } from './barrier.ts'
import { Patience } from './patience.ts'
import type { Server } from './servers.ts'
import type { DaemonConfig } from '../../src/config/config.ts'
import { copyId } from '../../src/shares/model/ids.ts'

export const SKELETON = fileURLToPath(new URL('../../skeleton', import.meta.url))

/** What is in it, read once: nearly all tests start with the same. */
export const shippedSkeleton = once(() => readSkeleton(SKELETON))

/** How long a test waits for a state before it fails: on a machine that is busy with four servers, a share is open after 20 s. */
const PATIENCE_MS = 60_000
/** The same of a start: all that was there is done then, for users of masters and gateways, too. */
const START_PATIENCE_MS = 2 * PATIENCE_MS

/** Between two looks at a state that is waited for. */
const LEAST_PAUSE_MS = 20
const MOST_PAUSE_MS = 100

/** So many daemons divide the users, and what a test sees is the same: DIVIDED=3 before a run. */
const DIVIDED = Number(process.env['DIVIDED'] ?? 1)

/** How long nothing happens when a daemon has settled. */
const QUIET_MS = { embedded: 60, couchdb: 400 }

export type SpaceOptions = Partial<Omit<DaemonConfig, 'url' | 'admin' | 'userDatabases'>> & {
  template?: (prefix: string) => string
  accountRole?: string
  /** What the names of its databases begin with; absent: something that no other space has. */
  prefix?: string
}

export class Space {
  readonly server: Server
  readonly couch: Couch
  readonly prefix: string
  /** What the daemon logged, parsed. */
  readonly lines: Record<string, unknown>[] = []
  readonly config: DaemonConfig
  /** The folder that the daemon is started with. */
  skeleton = SKELETON
  /** The gateways that the daemon is started with. */
  gateways: Gateway[] = []
  /** How far the daemon's clock is ahead. */
  aheadMs = 0
  readonly #barrier: Barrier
  #daemon: Daemon | null = null
  /** What of the barrier each daemon has heard. */
  readonly #listeners = new Map<Daemon, Listener>()
  /** Daemons that work beside it, as no process does: each would wait for the other. */
  readonly #others: Daemon[] = []

  /** @param name of the test: its databases are called after it */
  constructor(
    server: Server,
    name: string,
    { template, accountRole, prefix, ...settings }: SpaceOptions = {},
  ) {
    this.server = server
    const slug = name
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .slice(0, 30)
    this.prefix = prefix ?? `t${randomBytes(3).toString('hex')}-${slug}/`
    this.couch = new Couch({ url: server.url, user: server.user, pass: server.pass })
    this.#barrier = new Barrier(this.couch, `barrier-${this.prefix.slice(0, -1)}`)
    this.config = {
      url: server.url,
      admin: { user: server.user, pass: server.pass },
      userDatabases: userDatabases(template?.(this.prefix) ?? `${this.prefix}{id}`, accountRole),
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
      ...settings,
    }
  }

  /** A share id that no other test has. */
  shareId(name = 'share'): string {
    return `${name}-${this.prefix.slice(1, 7)}`
  }

  get daemon(): Daemon {
    assert(this.#daemon !== null, 'Expected the daemon to run')
    return this.#daemon
  }

  /** Starts the daemon, or those that divide the users. */
  async begin(settings: Partial<DaemonConfig> = {}): Promise<void> {
    this.#daemon = await this.#begin(settings, portionOf([0], DIVIDED))
    for (let number = 1; number < DIVIDED; number += 1)
      this.#others.push(await this.#begin(settings, portionOf([number], DIVIDED)))
  }

  /** Starts the daemon and waits until it has caught up. */
  async start(settings: Partial<DaemonConfig> = {}): Promise<void> {
    await this.begin(settings)
    const all = [this.daemon, ...this.#others]
    const isReady = (): Promise<boolean> => Promise.resolve(all.every((one) => one.ready().ok))
    await this.until('the daemon is ready', isReady, START_PATIENCE_MS, LEAST_PAUSE_MS)
  }

  /** Starts one more that works at the same time, on the same databases. */
  async startAnother(settings: Partial<DaemonConfig> = {}): Promise<void> {
    const another = await this.#begin(settings)
    this.#others.push(another)
    await this.until(
      'the other daemon is ready',
      () => Promise.resolve(another.ready().ok),
      START_PATIENCE_MS,
      LEAST_PAUSE_MS,
    )
  }

  async #begin(settings: Partial<DaemonConfig>, portion = WHOLE): Promise<Daemon> {
    const log = createLogger({
      level: 'debug',
      pretty: false,
      destination: {
        write: (line: string) => void this.lines.push(JSON.parse(line) as Record<string, unknown>),
      },
    })
    const listener = this.#barrier.listener()
    const daemon = new Daemon({
      onUpdate: listener.onUpdate,
      config: { ...this.config, ...settings },
      portion,
      skeleton: await (this.skeleton === SKELETON ? shippedSkeleton() : readSkeleton(this.skeleton)),
      gateways: this.gateways,
      log,
      now: () => Date.now() + this.aheadMs,
    })
    this.#listeners.set(daemon, listener)
    await daemon.start()
    return daemon
  }

  async stop(): Promise<void> {
    const others = this.#others.splice(0)
    await Promise.all([this.#daemon?.stop(), ...others.map((daemon) => daemon.stop())])
    this.#daemon = null
  }

  /** An owner's user database. */
  user(owner: string): Database {
    return this.couch.database(this.config.userDatabases.database(owner))
  }

  outbox(owner: string): Database {
    return this.couch.database(this.config.userDatabases.outbox(owner))
  }

  share(id: string): Database {
    return this.couch.database(shareDatabase(id))
  }

  /** The registry's document of a share. */
  entry(id: string): Promise<StoredDoc | null> {
    return this.couch.database(REGISTRY).get(shareDatabase(id))
  }

  /** The copy of an object in a share as a member sees it, without `_id` and `_rev`; null where there is none. */
  async copy(id: string, object: string): Promise<Record<string, unknown> | null> {
    const [row] = await this.share(id).fetchIfThere([copyId(id, object)])
    if (!row?.doc) return null
    const { _id, _rev, ...content } = row.doc
    return content
  }

  /** Writes a document over whatever is there, as a user's client does. @returns its revision */
  async write(database: Database, doc: Doc): Promise<string> {
    for (let tries = 0; tries < 10; tries += 1) {
      const there = await database.get(doc._id)
      const written = await database.put({ ...doc, ...(there ? { _rev: there._rev } : {}) })
      if (written.ok) return written.rev
    }
    throw new Error(`Expected to write ${doc._id} within 10 tries`)
  }

  /**
   * Waits for a state; fails with what it waited for, and with what CouchDB said last.
   * @param mostPauseMs between two looks: they come the less often, the longer it takes, so that looking keeps nobody from working
   */
  async until(
    what: string,
    holds: () => Promise<boolean>,
    patienceMs = PATIENCE_MS,
    mostPauseMs = MOST_PAUSE_MS,
  ): Promise<void> {
    let last = ''
    const begin = Date.now()
    for (const patience = new Patience(patienceMs, mostPauseMs); !patience.isOver();) {
      try {
        if (await holds()) return
        last = ''
      } catch (error) {
        // A database that is made anew just now: "No DB shards could be opened".
        if (!isFault(error, 'server_error')) throw error
        last = `: ${error.message}`
      }
      await delay(clamp((Date.now() - begin) / 5, LEAST_PAUSE_MS, mostPauseMs))
    }
    throw new assert.AssertionError({ message: `Expected within ${patienceMs / 1000} s that ${what}${last}` })
  }

  /** Waits until something is read; fails with the difference. */
  async eventually<Value>(
    what: string,
    read: () => Promise<Value>,
    expected: Value,
    patienceMs = PATIENCE_MS,
  ): Promise<void> {
    let seen: Value | undefined
    const look = async (): Promise<boolean> => isDeepStrictEqual((seen = await read()), expected)
    await this.until(what, look, patienceMs).catch((fault: unknown) => {
      if (!(fault instanceof assert.AssertionError)) throw fault
      assert.deepEqual(seen, expected, what)
      throw fault
    })
  }

  /**
   * Waits until the daemons have seen all that was written, and have nothing left to do.
   * @param quietMs for so long after that, too: CouchDB's replications say late that they go on
   */
  async settled(quietMs = QUIET_MS[this.server.kind], patienceMs = PATIENCE_MS): Promise<void> {
    let since: { at: number; turns: number } | null = null
    await this.until(
      'the daemon settles',
      async () => {
        const running = new Set([this.daemon, ...this.#others])
        const turns = turnsOf(running)
        if (since === null || !areAtRest(running) || since.turns !== turns) {
          const daemons = new Map([...this.#listeners].filter(([one]) => running.has(one)))
          const isSettled = await this.#barrier.isSettled(daemons, this.server.kind === 'embedded')
          since = isSettled ? { at: Date.now(), turns } : null
        }
        return since !== null && Date.now() - since.at >= quietMs
      },
      patienceMs,
      LEAST_PAUSE_MS,
    )
  }

  /** Runs a test in this space, and drops all its databases; those of a failed test stay, and its message names them. */
  async run(test: (space: Space) => Promise<void>): Promise<void> {
    try {
      await test(this)
      await this.stop()
      await this.#drop()
    } catch (error) {
      if (error instanceof Error) error.message += ` [databases: ${this.prefix}…]`
      throw error
    } finally {
      await this.stop()
      await this.couch.close()
    }
  }

  async #drop(): Promise<void> {
    const { couch, prefix } = this
    // On a server on which no daemon has run yet there is none of the daemon's own.
    const inDatabase = async (name: string, keys: Parameters<Database['range']>[0]): Promise<Row[]> =>
      (await orNull(couch.database(name).range(keys))) ?? []
    const registry = couch.database(REGISTRY)
    const entries = (
      await inDatabase(REGISTRY, { startKey: 'share/', endKey: 'share0', includeDocs: true })
    ).flatMap(({ doc }) => (doc && String(doc['database']).startsWith(prefix) ? [doc] : []))
    await registry.bulk(entries.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })))
    const replicator = couch.database('_replicator')
    const own = { startKey: prefix, endKey: `${prefix}\ufff0` }
    const replications = await inDatabase(replicator.name, own)
    await replicator.bulk(replications.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
    const checkpoints = couch.database('shares/checkpoints')
    const marks = await inDatabase(checkpoints.name, own)
    await checkpoints.bulk(marks.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
    await this.#barrier.drop()
    const databases = await couch.allDbs(own)
    for (const name of [...databases, ...entries.map(({ _id }) => _id)]) await couch.database(name).drop()
  }
}
