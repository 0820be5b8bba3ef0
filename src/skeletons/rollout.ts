// Rolls a changed skeleton out to all databases of its kind: a few at a time, with progress, and on from where it stopped.
import type { Logger } from '../log.ts'
import { digestOf } from '../documents/digest.ts'
import { isFixedKind, PERSONAL_KIND } from './kinds.ts'
import { beginning, MOST_FAILED, type RolloutProgress, type RolloutRecord } from './rollout-record.ts'
import type { Skeletons } from './wanted.ts'
import {
  countOfKind,
  databasesAmong,
  databasesOfKind,
  type KindDatabase,
  type KindDatabasesOptions,
} from './databases.ts'
import { sideBySide } from '../engine/for-each.ts'
import type { RefreshResult } from './refresh-results.ts'

export interface RolloutOptions extends KindDatabasesOptions {
  skeletons: Skeletons
  record: RolloutRecord
  /** Databases that are visited at once. */
  concurrency: number
  /**
   * Other processes create databases, too. Until then each has heard of a change, and creates none as it was before: nobody would
   * visit that one. Absent: there are no others.
   */
  settleMs?: number | undefined
  /** Brings one database up to date; it never rejects. */
  visit: (database: KindDatabase) => Promise<RefreshResult>
  log: Logger
  signal: AbortSignal
  /** Resolves after so many milliseconds, or when `signal` is aborted. */
  sleep: (ms: number) => Promise<void>
  /** Milliseconds. */
  now: () => number
}

/** What was done is written down so often; after a crash, the rest is looked at once more. */
const SAVE_MS = 2_000
const PROGRESS_MS = 10_000
const RETRY_MS = 5_000
/** Names in a log line. */
const MOST_EXAMPLES = 10

/** The rollout of one kind. */
export class Rollout {
  readonly #options: RolloutOptions
  #isWoken = true
  /** When something may have changed. */
  #wokenAt: number
  #wake: () => void = () => undefined
  /** A sweep: databases that failed are tried again. */
  #isRetrying = false
  /** Databases that failed outside a rollout, by kind. */
  readonly #failed = new Map<string, Set<string>>()
  isRunning = false

  constructor(options: RolloutOptions) {
    this.#options = options
    this.#wokenAt = options.now()
  }

  /** There may be something to roll out. @param retry also to databases that failed */
  wake({ retry = false } = {}): void {
    this.#isWoken = true
    if (!retry) this.#wokenAt = this.#options.now()
    this.#isRetrying ||= retry
    this.#wake()
  }

  /** A database failed that no rollout had visited: it is tried again with those that did. */
  noteFailure(kind: string, db: string): void {
    const names = this.#failed.get(kind) ?? new Set()
    if (names.size < MOST_FAILED) this.#failed.set(kind, names.add(db))
  }

  /** True while databases of the kind are still to be visited for what the skeleton says now. @throws {CouchFault} */
  async isPending(kind: string): Promise<boolean> {
    const progress = await this.#options.record.of(kind)
    return progress?.hash !== this.#hash(kind) || !progress.isDone
  }

  /** Goes on until the signal is aborted. */
  async run(): Promise<void> {
    const { signal, sleep, log, skeletons } = this.#options
    const end = (): void => this.#wake()
    signal.addEventListener('abort', end, { once: true })
    while (!signal.aborted) {
      if (!this.#isWoken) {
        await new Promise<void>((resolve) => (this.#wake = resolve))
        continue
      }
      this.#isWoken = false
      const isRetrying = this.#isRetrying
      this.#isRetrying = false
      this.isRunning = true
      try {
        for (const kind of skeletons.kinds) await this.#rollOut(kind, isRetrying)
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, 'rollout interrupted, continued soon')
        this.wake({ retry: isRetrying })
        await sleep(RETRY_MS)
      }
      this.isRunning = false
    }
    signal.removeEventListener('abort', end)
  }

  /** Of what the databases of a kind are to have, and of which databases those are. */
  #hash(kind: string): string {
    const { skeletons, kinds } = this.#options
    const hash = skeletons.hash(kind)
    // Whoever makes a database of these kinds applies their skeletons to it.
    if (hash === '' || isFixedKind(kind) || kind === PERSONAL_KIND) return hash
    // Without masters as it was before there were any: an update of the daemon is no change of a skeleton.
    return digestOf([hash, kinds.assignments, ...(kinds.masters.length > 0 ? [kinds.masters] : [])])
  }

  async #rollOut(kind: string, isRetrying: boolean): Promise<void> {
    const { record, signal } = this.#options
    while (!signal.aborted) {
      const hash = this.#hash(kind)
      if (hash === '') return
      const there = await record.of(kind)
      if (there?.hash === hash && there.isDone) return isRetrying ? this.#retry(kind, there) : undefined
      if (there?.hash !== hash && (await this.#settle())) continue
      const progress = there?.hash === hash ? there : beginning(hash, await countOfKind(kind, this.#options))
      if (await this.#walk(kind, progress)) return
    }
  }

  /** @returns false where nobody has to be waited for */
  async #settle(): Promise<boolean> {
    const { settleMs = 0, sleep, now } = this.#options
    const leftMs = settleMs === 0 ? 0 : this.#wokenAt + settleMs - now()
    if (leftMs <= 0) return false
    await sleep(leftMs)
    return true
  }

  /** @returns false where the skeleton changed meanwhile: then all begins again */
  async #walk(kind: string, there: RolloutProgress): Promise<boolean> {
    const { log, signal } = this.#options
    const pass = new Pass(kind, there, this.#options)
    if (there.total > 0) log.info(pass.fields, there.since === null ? 'rollout begins' : 'rollout goes on')
    for await (const page of databasesOfKind(kind, there.since, this.#options)) {
      await pass.visit(page, () => !signal.aborted && this.#hash(kind) === there.hash)
      if (signal.aborted) return true
      if (this.#hash(kind) !== there.hash) {
        log.info(pass.fields, 'skeleton changed meanwhile, rollout begins anew')
        return false
      }
    }
    await pass.end()
    return true
  }

  /** What failed, one by one; where there was too much to remember, everything. */
  async #retry(kind: string, there: RolloutProgress): Promise<void> {
    const { record } = this.#options
    const failed = [...new Set([...there.failed, ...(this.#failed.get(kind) ?? [])])].sort()
    this.#failed.delete(kind)
    if (failed.length === 0) return
    if (failed.length >= MOST_FAILED) {
      await record.save(kind, beginning(there.hash, there.total))
      return this.wake()
    }
    const databases = await databasesAmong(failed, kind, this.#options)
    const pass = new Pass(kind, beginning(there.hash, databases.length), this.#options)
    await pass.visit(databases, () => !this.#options.signal.aborted)
    if (!this.#options.signal.aborted) await pass.end(there)
  }
}

/** One pass over the databases of a kind: what was done, and where. */
class Pass {
  readonly #kind: string
  readonly #options: RolloutOptions
  #progress: RolloutProgress
  readonly #foreign: string[] = []
  /** Databases that are left as they are, each with the reason. */
  readonly #withheld: string[] = []
  #withheldCount = 0
  #savedAt: number
  #toldAt: number

  constructor(kind: string, progress: RolloutProgress, options: RolloutOptions) {
    this.#kind = kind
    this.#options = options
    this.#progress = progress
    this.#savedAt = this.#toldAt = options.now()
  }

  /** For the log. */
  get fields(): Record<string, unknown> {
    const { done, total, changed, skipped, failed } = this.#progress
    return { kind: this.#kind, done, total: Math.max(done, total), changed, skipped, failed: failed.length }
  }

  /** Visits databases that come in the server's order, a few at a time. */
  async visit(databases: readonly KindDatabase[], goesOn: () => boolean): Promise<void> {
    const visited = new Set<number>()
    let settled = 0
    await sideBySide(databases.entries(), this.#options.concurrency, async ([at, database]) => {
      if (!goesOn()) return false
      const result = await this.#options.visit(database)
      if (result.kind === 'stopped') return false
      this.#count(database, result)
      visited.add(at)
      // Only what comes before everything that is under way is behind us.
      while (visited.delete(settled)) settled += 1
      const last = databases[settled - 1]
      if (last) this.#progress = { ...this.#progress, since: last.db }
      await this.#tell()
      return true
    })
  }

  /** @param all what was done before, where this pass was only over what had failed there */
  async end(all?: RolloutProgress): Promise<void> {
    const { record, log } = this.#options
    this.#progress = { ...this.#progress, isDone: true, since: null, total: this.#progress.done }
    await record.save(this.#kind, all ? { ...all, failed: this.#progress.failed } : this.#progress)
    if (this.#progress.total > 0) log.info(this.fields, 'rollout finished')
    if (this.#withheldCount > 0)
      this.#options.log.warn(
        { kind: this.#kind, databases: this.#withheldCount, examples: this.#withheld },
        'databases that fit are not the policy’s, and stay as they are; `couch-shares skeleton diff` names them',
      )
    if (this.#foreign.length > 0)
      log.warn(
        { kind: this.#kind, databases: this.#progress.foreign, examples: this.#foreign },
        'design documents that couch-shares did not write stand in the place of the skeleton’s, left alone',
      )
  }

  #count({ db }: KindDatabase, result: Exclude<RefreshResult, { kind: 'stopped' }>): void {
    const progress = { ...this.#progress, done: this.#progress.done + 1 }
    switch (result.kind) {
      case 'failed':
        progress.failed = [...progress.failed, db].slice(0, MOST_FAILED)
        this.#options.log.warn(
          { db, kind: this.#kind, err: result.error },
          'skeleton not rolled out, tried again later',
        )
        break
      case 'gone':
        break
      case 'withheld':
        progress.skipped += 1
        this.#withheldCount += 1
        if (this.#withheld.length < MOST_EXAMPLES) this.#withheld.push(`${db}: ${result.reason}`)
        break
      case 'changed':
      case 'same':
        if (result.kind === 'changed') progress.changed += 1
        else progress.skipped += 1
        if (result.foreign.length > 0) {
          progress.foreign += 1
          for (const id of result.foreign)
            if (this.#foreign.length < MOST_EXAMPLES) this.#foreign.push(`${db} ${id}`)
        }
        break
      default:
        result satisfies never
    }
    this.#progress = progress
  }

  async #tell(): Promise<void> {
    const { now, log, record } = this.#options
    if (now() - this.#toldAt >= PROGRESS_MS) {
      this.#toldAt = now()
      log.info(this.fields, 'rollout')
    }
    if (now() - this.#savedAt >= SAVE_MS) {
      this.#savedAt = now()
      // Not written down is not lost: it is looked at once more. The other visits go on.
      await record
        .save(this.#kind, this.#progress)
        .catch((err: unknown) => log.debug({ err }, 'progress not saved'))
    }
  }
}
