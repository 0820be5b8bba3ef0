// Keeps the databases of every kind as their skeletons have them: after a change of a skeleton, and of a database.
import type PQueue from 'p-queue'
import { isFault } from '../couch/fault.ts'
import type { Logger } from '../log.ts'
import { counted } from '../documents/counted.ts'
import { SKELETON_PREFIX } from '../documents/names.ts'
import type { DatabaseCreator } from './create-database.ts'
import { RolloutRecord } from './rollout-record.ts'
import type { Skeletons } from './wanted.ts'
import type { Warmer } from './index-warmer.ts'
import { mergeDatabaseWork, type DatabaseWork } from './work.ts'
import { refreshDatabase } from './refresh.ts'
import { inBatches } from '../engine/batches.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import { databasesOfKind, type KindDatabase, type KindDatabasesOptions } from './databases.ts'
import { health, readiness, type Controller, type ProbeResult } from '../engine/controller.ts'
import type { Meter, Standing } from '../engine/meter.ts'
import { isMoved, resync, type Resynced } from '../engine/resync.ts'
import { WorkQueue, type Result } from '../engine/work-queue.ts'
import type { Portion } from '../engine/portion.ts'
import type { Pulse } from '../engine/pulse.ts'
import { Rollout } from './rollout.ts'
import { sideBySide } from '../engine/for-each.ts'
import type { Update } from '../engine/db-updates.ts'
import type { RunErrand } from '../engine/errands.ts'
import { AwaitedRefreshes, type RefreshResult } from './refresh-results.ts'
import { START } from '../engine/checkpoint.ts'

export interface UpkeepOptions extends KindDatabasesOptions {
  /** Whose lanes are here. Rollouts, and what is nobody's, are done where the first of all partitions is. */
  portion: Portion
  skeletons: Skeletons
  creator: DatabaseCreator
  warmer: Warmer
  checkpoints: Checkpoints
  /** Indexes are built before a changed design document is put in place. */
  isWarming: boolean
  /** Of the owners' lanes: the limit is for all databases together. */
  queue: PQueue
  concurrency: number
  /** Of the owners' lanes, too. */
  pulse: Pulse
  meter: Meter
  /** A database has nothing left to do. */
  onIdle: () => void
  markOwner: (owner: string, work: DatabaseWork) => void
  /** The server does not answer, or a turn failed otherwise; it is tried again. */
  onFailure: (db: string, error: unknown) => void
  log: Logger
  signal: AbortSignal
  sleep: (ms: number) => Promise<void>
  now: () => number
}

/**
 * Databases of policies are written to by everybody all day, and only seldom is it a design document: after a write
 * each is looked at once within this time, however many writes there are.
 */
export const LOOK_MS = 30_000

/** Databases that one batch of a sweep asks about. */
const BATCH = 100

/** `_db_updates` tells within half a second: every process that can write has heard of a changed skeleton by then, and read it. */
const SETTLE_MS = 5_000

/** The controller of skeletons. */
export class Upkeep implements Controller {
  readonly part = 'skeletons'
  readonly #options: UpkeepOptions
  readonly #rollout: Rollout
  readonly #awaited = new AwaitedRefreshes()
  /** One lane for each database without an owner's lane here that there is something to do for: of policies, personal, of who is elsewhere. */
  readonly #policies: WorkQueue<DatabaseWork>
  /** Databases of policies in which something was written. */
  readonly #touched = new Set<string>()
  /** Databases that fit a pattern and are left as they are, as far as the log has said so. */
  readonly #withheld = new Set<string>()
  /** Databases of policies that were looked at since the start: by name, 10,000 of them are a megabyte. */
  readonly #seen = new Set<string>()
  /** Databases of users here that could not be brought up to date, where rollouts are another process's. */
  readonly #failed = new Set<string>()

  constructor(options: UpkeepOptions) {
    this.#options = options
    this.#rollout = new Rollout({
      ...options,
      record: new RolloutRecord(options.couch, options.users.template),
      settleMs: options.portion.isWhole ? undefined : SETTLE_MS,
      visit: (database) => this.#warmAndRefresh(database),
    })
    this.#policies = new WorkQueue({
      concurrency: options.concurrency,
      queue: options.queue,
      pulse: options.pulse,
      merge: mergeDatabaseWork,
      reconcile: (db, work) => this.#refreshPolicy(db, work),
      onTurn: (turn) => options.meter.turn('skeletons', turn),
      onFailure: options.onFailure,
      onIdle: options.onIdle,
    })
  }

  get standing(): Standing {
    return this.#policies.standing
  }

  /** Turns taken since the start. */
  get turns(): number {
    return this.#policies.turns
  }

  /** Databases of policies that have something to do; a rollout counts as one. */
  get busy(): number {
    return this.#policies.busy.length + (this.#rollout.isRunning ? 1 : 0)
  }

  /** Whether all databases of policies that had changed before the start were looked at. A rollout keeps nobody waiting. */
  ready(): ProbeResult {
    return readiness(this.#policies.left, (left) =>
      counted(left, 'database of policies', 'databases of policies'),
    )
  }

  healthy(): ProbeResult {
    return health(this.#policies.isStuck)
  }

  /** Reads the skeletons; what has changed is rolled out. @throws {CouchFault} */
  async load(): Promise<void> {
    await this.#options.skeletons.load()
    this.#rollout.wake()
  }

  /** Goes on until the signal is aborted. */
  async run(): Promise<void> {
    if (!this.#options.portion.isFirst) return
    await Promise.all([this.#rollout.run(), this.#lookAtTouched()])
  }

  /** @returns true where the update is of no concern to anybody else: false for masters, and for personal databases */
  onUpdate({ db, type }: Update, run: RunErrand): boolean {
    if (db.startsWith(SKELETON_PREFIX)) {
      if (type === 'updated') run('skeletons', () => this.load())
      return true
    }
    const { kinds, portion } = this.#options
    if (kinds.placeOf(db)?.kind !== 'policy') return false
    if (!portion.isFirst) return !kinds.isMaster(db)
    // What is created and written to at once may come as `updated` alone.
    if (type === 'created' || (type === 'updated' && !this.#seen.has(db))) this.#policies.mark(db, {})
    else if (type === 'updated') this.#touched.add(db)
    else this.#seen.delete(db)
    return !kinds.isMaster(db)
  }

  /** A lane has looked at a database. */
  onRefreshed(db: string, result: RefreshResult): void {
    if (this.#awaited.resolve(db, result)) return
    if (result.kind === 'withheld') this.#tellWithheld(db, result.reason)
    if (result.kind !== 'failed') return
    const place = this.#options.kinds.placeOf(db)
    if (place === null) return
    this.#options.log.warn({ db, err: result.error }, 'skeleton not put in place, tried again later')
    if (!this.#options.portion.isFirst) this.#failed.add(db)
    else this.#rollout.noteFailure(place.kind === 'policy' ? place.policy : place.kind, db)
  }

  #tellWithheld(db: string, reason: string): void {
    if (this.#withheld.has(db)) return
    this.#withheld.add(db)
    this.#options.log.warn({ db, reason }, 'a database that fits is not its policy’s, and stays as it is')
  }

  /** Finds databases of policies that changed while nobody looked, and has what failed tried again. @throws {CouchFault} */
  async sweep(rest: () => Promise<void>): Promise<void> {
    const { kinds, portion, signal } = this.#options
    for (const policy of portion.isFirst ? kinds.policies : []) {
      // It visits all of them anyway.
      if (await this.#rollout.isPending(policy)) continue
      for await (const databases of databasesOfKind(policy, null, this.#options))
        await inBatches(databases, { size: BATCH, signal, rest }, (batch) => this.#compare(batch))
    }
    this.#policies.noteFound()
    for (const db of this.#failed) this.#policies.mark(db, {})
    this.#failed.clear()
    this.#rollout.wake({ retry: true })
  }

  /** Checkpoints of databases of policies move with their turns. */
  save(): Promise<void> {
    return Promise.resolve()
  }

  /** Lets the turns that are under way finish, and begins no other. */
  async stop(): Promise<void> {
    this.#awaited.stop()
    await this.#policies.stop()
  }

  async #compare(databases: readonly KindDatabase[]): Promise<void> {
    const names = databases.map(({ db }) => db)
    const found = await resync(this.#options, names)
    const changed = databases.filter(({ db }) => isToVisit(found.get(db)))
    await this.#refreshAll(changed, ({ db }) => ({
      updateSeqs: new Map([[db, found.get(db)?.info?.update_seq ?? '']]),
    }))
  }

  async #lookAtTouched(): Promise<void> {
    const { sleep, signal } = this.#options
    while (!signal.aborted) {
      await sleep(LOOK_MS)
      const touched = [...this.#touched].map((db) => ({ db, kind: 'policy', owner: null }))
      this.#touched.clear()
      await this.#refreshAll(touched, () => ({}))
    }
  }

  /** A few at once, so that those who wait in the same queue come in between. */
  async #refreshAll(
    databases: readonly KindDatabase[],
    workOf: (database: KindDatabase) => DatabaseWork,
  ): Promise<void> {
    await sideBySide(databases, this.#options.concurrency, async (database) => {
      if (this.#options.signal.aborted) return false
      const result = await this.#refresh(database, workOf(database))
      if (result.kind === 'failed') this.onRefreshed(database.db, result)
      return true
    })
  }

  async #warmAndRefresh(database: KindDatabase): Promise<RefreshResult> {
    const { isWarming, warmer, skeletons, creator, couch, log } = this.#options
    const wanted = skeletons.of(database.kind)
    if (isWarming && wanted !== null)
      try {
        const isWithheld = (await creator.whyWithheld(database.db, database.kind)) !== null
        if (!isWithheld) await warmer.warm(couch.database(database.db), wanted)
      } catch (error) {
        if (!isFault(error, 'not_found') && !isFault(error, 'stopped'))
          log.warn({ db: database.db, err: error }, 'index not built beforehand')
      }
    return this.#refresh(database, { skeleton: new Set([database.db]) })
  }

  #refresh({ db, owner }: KindDatabase, work: DatabaseWork): Promise<RefreshResult> {
    return this.#awaited.begin(db, () => {
      if (owner === null || !this.#options.portion.has(owner)) this.#policies.mark(db, work)
      else this.#options.markOwner(owner, work)
    })
  }

  /** @returns false where the database is gone */
  async #refreshPolicy(db: string, work: DatabaseWork): Promise<Result<DatabaseWork>> {
    const { creator, kinds, warmer, checkpoints, couch } = this.#options
    const updateSeq = work.updateSeqs?.get(db)
    const info = updateSeq === undefined ? null : await couch.database(db).info()
    const onRefreshed = (name: string, result: RefreshResult): void => this.onRefreshed(name, result)
    const inRollout = work.skeleton?.has(db) === true
    const result = await refreshDatabase({ creator, kinds, warmer, onRefreshed }, db, { inRollout })
    const kind = kinds.placeOf(db)?.kind
    // How far the databases of users and shares were read is their lanes' own.
    if (result.kind === 'gone' && (kind === 'policy' || kind === 'personal')) checkpoints.remove(db)
    else if (kind === 'policy') this.#seen.add(db)
    // As it was before it was looked at: what is written from now on makes it another.
    if (result.kind === 'same' && updateSeq !== undefined && info?.update_seq === updateSeq)
      checkpoints.set(db, { ...START, updateSeq, instance: info.instance_start_time })
    return { next: null }
  }
}

/** Also one that another feature has noted by its name: that says nothing of its design documents. */
const isToVisit = (one: Resynced | undefined): boolean =>
  isMoved(one) || (one?.kind === 'same' && one.checkpoint.instance === null)
