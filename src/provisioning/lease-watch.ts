// Watches the replications into personal databases: what is lost or given up is started again, and what changes is told.
import isEqual from 'lodash/isEqual.js'
import type { ReplicationStatus } from '../couch/replicator.ts'
import type { Logger } from '../log.ts'
import type { PersonalLease, PersonalLeases } from './leases.ts'
import { Trouble } from '../engine/trouble.ts'

/**
 * How a lease stands. `caught-up` and `behind` are some seconds old, for so seldom does CouchDB say how far it is;
 * `refused` counts the documents that a validation function of the personal database did not let pass.
 */
export type PersonalStatus =
  | { kind: 'starting' }
  | { kind: 'caught-up'; refused: number }
  | { kind: 'behind'; refused: number }
  /** In trouble at three looks in a row, and since. */
  | { kind: 'failing'; reason: string }

export interface PersonalWatchOptions {
  leases: PersonalLeases
  log: Logger
  /** Told of a lease at its first look, and then where something has changed; where this fails, the next look tells it again. */
  onStatus: (lease: PersonalLease, status: PersonalStatus) => void | Promise<void>
}

/** Looks at the leases again and again, and tells each change of one once. */
export class PersonalWatch {
  readonly #options: PersonalWatchOptions
  // Of a lease that was stopped or replaced, nothing holds for the one that comes after it.
  readonly #told = new WeakMap<PersonalLease, PersonalStatus>()
  readonly #troubles = new WeakMap<PersonalLease, Trouble>()
  /** How far those were whose changes CouchDB had not counted. */
  readonly #reached = new WeakMap<PersonalLease, string>()

  constructor(options: PersonalWatchOptions) {
    this.#options = options
  }

  /** Looks at all leases once; without a lease it asks nothing. @throws {CouchFault} when it has looked at all of them */
  async look(): Promise<void> {
    const { leases } = this.#options
    const failures: unknown[] = []
    for (const [lease, status] of await leases.statuses())
      if (leases.isHeld(lease))
        await this.#judge(lease, status).catch((error: unknown) => failures.push(error))
    if (failures.length > 0) throw failures[0]
  }

  async #judge(lease: PersonalLease, status: ReplicationStatus): Promise<void> {
    switch (status.kind) {
      case 'waiting':
        return this.#tellStarting(lease)
      case 'absent':
        // Somebody deleted the document, or the scheduler has not seen it yet; starting again is right in both cases.
        this.#options.log.warn(about(lease), 'replication is gone, started again')
        await this.#options.leases.restart(lease)
        return this.#tellStarting(lease)
      case 'accepted':
        this.#troubles.delete(lease)
        return this.#tell(lease, {
          kind: this.#isCaughtUp(lease, status) ? 'caught-up' : 'behind',
          refused: status.refused,
        })
      case 'crashing':
      case 'failed':
        return this.#trouble(lease, status)
      default:
        return status satisfies never
    }
  }

  #isCaughtUp(
    lease: PersonalLease,
    { caughtUp, uncounted }: { caughtUp: boolean; uncounted?: string },
  ): boolean {
    if (uncounted === undefined) return caughtUp
    const isFurther = this.#reached.get(lease) !== uncounted
    this.#reached.set(lease, uncounted)
    return caughtUp && !isFurther
  }

  async #trouble(
    lease: PersonalLease,
    { kind, reason }: { kind: 'crashing' | 'failed'; reason: string },
  ): Promise<void> {
    const { leases, log } = this.#options
    const trouble = this.#troubles.get(lease) ?? new Trouble()
    this.#troubles.set(lease, trouble)
    const isToStartAgain = trouble.look(kind)
    if (trouble.isNew) log.warn({ ...about(lease), state: kind, reason }, 'replication in trouble')
    if (isToStartAgain) await leases.restart(lease)
    if (trouble.isLasting) await this.#tell(lease, { kind: 'failing', reason })
  }

  /** One in trouble that is started again is still in trouble, until it is accepted. */
  async #tellStarting(lease: PersonalLease): Promise<void> {
    if (!this.#troubles.has(lease)) await this.#tell(lease, { kind: 'starting' })
  }

  async #tell(lease: PersonalLease, status: PersonalStatus): Promise<void> {
    if (!this.#options.leases.isHeld(lease) || isEqual(this.#told.get(lease), status)) return
    await this.#options.onStatus(lease, status)
    this.#told.set(lease, status)
  }
}

const about = ({ master, database }: PersonalLease): object => ({ master, db: database })
