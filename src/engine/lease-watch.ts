// Watches the replications of leases: what is lost or given up is started again, and whoever has leases is told how they stand.
import type { ReplicationStatus } from '../couch/replicator.ts'
import type { Logger } from '../log.ts'
import type { Host } from './host.ts'
import type { Leases } from './leases.ts'
import { FailureStreak } from './failure-streak.ts'

/**
 * How a lease stands. `caught-up` and `behind` are some seconds old, for so seldom does CouchDB say how far it is;
 * `refused` counts the documents that a validation function of the target did not let pass.
 */
export type LeaseStatus =
  | { kind: 'starting' }
  | { kind: 'caught-up'; refused: number }
  | { kind: 'behind'; refused: number }
  /** In trouble for longer than a hiccup, and since. */
  | { kind: 'failing'; state: 'crashing' | 'failed'; reason: string }

export interface LeaseWatchOptions<Lease extends { usedAt: number }> extends Pick<Host, 'every'> {
  leases: Leases<Lease>
  /** How often all leases are looked at, in milliseconds. */
  checkIntervalMs: number
  log: Logger
  /** What the log says of a lease. */
  fieldsOf: (lease: Lease) => object
  /** Told at every look how each lease stands; not while a trouble may still be a hiccup. */
  onStatus: (lease: Lease, status: LeaseStatus) => void | Promise<void>
  /** Told again and again of each lease that was not used for the idle timeout. */
  onIdle: (lease: Lease) => void
}

/** Looks at the leases of one feature again and again. */
export class LeaseWatch<Lease extends { usedAt: number }> {
  readonly #options: LeaseWatchOptions<Lease>
  // Of a lease that was stopped or replaced, nothing holds for the one that comes after it.
  readonly #streaks = new WeakMap<Lease, FailureStreak>()
  /** How far those were whose changes CouchDB had not counted. */
  readonly #reached = new WeakMap<Lease, string>()

  constructor(options: LeaseWatchOptions<Lease>) {
    this.#options = options
  }

  /** Looks at all leases, and for idle ones, at intervals until the daemon stops. */
  async run(): Promise<void> {
    const { every, checkIntervalMs, leases } = this.#options
    await Promise.all([
      every(checkIntervalMs, () => this.look()),
      every(leases.idleCheckMs, () => this.#findIdle()),
    ])
  }

  /** Looks at all leases once; without a lease it asks nothing. @throws {CouchFault} when it has looked at all of them */
  async look(): Promise<void> {
    const { leases, log } = this.#options
    const failures: unknown[] = []
    const statuses = await leases.statuses()
    for (const [lease, status] of statuses)
      if (leases.isHeld(lease))
        await this.#judge(lease, status).catch((error: unknown) => failures.push(error))
    if (statuses.length > 0) log.debug({ count: statuses.length }, 'replications looked at')
    if (failures.length > 0) throw failures[0]
  }

  #findIdle(): Promise<void> {
    const { leases, onIdle } = this.#options
    for (const lease of leases.held()) if (leases.isIdle(lease)) onIdle(lease)
    return Promise.resolve()
  }

  async #judge(lease: Lease, status: ReplicationStatus): Promise<void> {
    const { leases, log, fieldsOf } = this.#options
    switch (status.kind) {
      case 'waiting':
        return this.#tellStarting(lease)
      case 'absent':
        // Somebody deleted the document, or the scheduler has not seen it yet; starting again is right in both cases.
        log.warn(fieldsOf(lease), 'replication is gone, started again')
        await leases.restart(lease)
        return this.#tellStarting(lease)
      case 'accepted':
        this.#streaks.delete(lease)
        return this.#tell(lease, {
          kind: this.#isCaughtUp(lease, status) ? 'caught-up' : 'behind',
          refused: status.refused,
        })
      case 'crashing':
      case 'failed':
        return this.#noteTrouble(lease, status)
      default:
        return status satisfies never
    }
  }

  #isCaughtUp(lease: Lease, { caughtUp, uncounted }: { caughtUp: boolean; uncounted?: string }): boolean {
    if (uncounted === undefined) return caughtUp
    const isFurther = this.#reached.get(lease) !== uncounted
    this.#reached.set(lease, uncounted)
    return caughtUp && !isFurther
  }

  async #noteTrouble(
    lease: Lease,
    { kind: state, reason }: { kind: 'crashing' | 'failed'; reason: string },
  ): Promise<void> {
    const { leases, log, fieldsOf } = this.#options
    const streak = this.#streaks.get(lease) ?? new FailureStreak()
    this.#streaks.set(lease, streak)
    const isToStartAgain = streak.look(state)
    if (streak.isNew) log.warn({ ...fieldsOf(lease), state, reason }, 'replication in trouble')
    if (isToStartAgain) await leases.restart(lease)
    if (streak.isLasting) await this.#tell(lease, { kind: 'failing', state, reason })
  }

  /** One in trouble that is started again is still in trouble, until it is accepted. */
  async #tellStarting(lease: Lease): Promise<void> {
    if (!this.#streaks.has(lease)) await this.#tell(lease, { kind: 'starting' })
  }

  async #tell(lease: Lease, status: LeaseStatus): Promise<void> {
    // It may have been stopped while it was started again.
    if (this.#options.leases.isHeld(lease)) await this.#options.onStatus(lease, status)
  }
}
