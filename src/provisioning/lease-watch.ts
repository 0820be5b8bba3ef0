// Watches the replications into personal databases: how each of them stands, and that whoever has just asked learns it soon.
import isEqual from 'lodash/isEqual.js'
import { LeaseWatch, type LeaseStatus, type LeaseWatchOptions } from '../engine/lease-watch.ts'
import type { PersonalLease } from './leases.ts'
import type { LeaseState } from './plan-status.ts'

/** A replication that has just been started is looked at so often, and so many times, until it has caught up. */
const CLOSE_LOOK_MS = 1_000
const MOST_CLOSE_LOOKS = 30

export interface PersonalWatchOptions extends Omit<
  LeaseWatchOptions<PersonalLease>,
  'fieldsOf' | 'onStatus'
> {
  /** Told when a lease is seen for the first time, and then where it stands otherwise than before. */
  onChanged: (lease: PersonalLease) => void
}

/** Looks at the leases, often while one of them has just been started, and keeps how each stood. */
export class PersonalWatch {
  readonly #options: PersonalWatchOptions
  readonly #watch: LeaseWatch<PersonalLease>
  // Of a lease that was stopped or replaced, nothing holds for the one that comes after it.
  readonly #statuses = new WeakMap<PersonalLease, LeaseStatus>()
  #closeLooks = 0

  constructor(options: PersonalWatchOptions) {
    this.#options = options
    this.#watch = new LeaseWatch({
      ...options,
      fieldsOf: ({ master, database }) => ({ master, db: database }),
      onStatus: (lease, status) => this.#note(lease, status),
    })
  }

  /** Goes on until the daemon stops. */
  async run(): Promise<void> {
    await Promise.all([this.#watch.run(), this.#options.every(CLOSE_LOOK_MS, () => this.#lookClosely())])
  }

  /** Looks at all leases once; without a lease it asks nothing. @throws {CouchFault} when it has looked at all of them */
  look(): Promise<void> {
    return this.#watch.look()
  }

  /** A lease has just been started: whoever has asked for it waits for the answer. */
  expect(): void {
    this.#closeLooks = MOST_CLOSE_LOOKS
  }

  /** How a replication stood at the last look. */
  state(master: string, database: string): LeaseState {
    const held = this.#options.leases
      .held()
      .find((lease) => lease.master === master && lease.database === database)
    return held ? (this.#statuses.get(held) ?? { kind: 'starting' }) : { kind: 'none' }
  }

  async #lookClosely(): Promise<void> {
    if (this.#closeLooks === 0) return
    this.#closeLooks -= 1
    await this.look()
    const isWaiting = this.#options.leases
      .held()
      .some((lease) => this.#statuses.get(lease)?.kind !== 'caught-up')
    if (!isWaiting) this.#closeLooks = 0
  }

  #note(lease: PersonalLease, status: LeaseStatus): void {
    if (isEqual(this.#statuses.get(lease), status)) return
    this.#statuses.set(lease, status)
    this.#options.onChanged(lease)
  }
}
