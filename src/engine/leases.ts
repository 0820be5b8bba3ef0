// What leases of every kind have in common: which replications run as far as is known here, and for how long unused.
import type { StoredDoc } from '../couch/document.ts'
import type { Replicator, ReplicationStatus } from '../couch/replicator.ts'
import type { Replication } from '../documents/replication.ts'

/** Idle leases are looked for at least so often. */
const LONGEST_IDLE_CHECK_MS = 60_000

/** What became of a replication that was there when the daemon started; `left`: it is dealt with already. */
export type Adoption = 'kept' | 'corrected' | 'cancelled' | 'left'

export interface LeasesDeps {
  replicator: Pick<Replicator, 'start' | 'ensure' | 'replace' | 'stop' | 'status' | 'statuses' | 'document'>
  /** Milliseconds. */
  now: () => number
  idleTimeoutMs: number
}

/** `usedAt` is when something was last to be carried, in milliseconds. */
export abstract class Leases<Lease extends { usedAt: number }> {
  protected readonly replicator: LeasesDeps['replicator']
  protected readonly now: () => number
  readonly #idleTimeoutMs: number
  readonly #held = new Map<string, Lease>()
  /** What is being done to a replication, by key: it resolves when the last of it is done. */
  readonly #underWay = new Map<string, Promise<void>>()

  constructor({ replicator, now, idleTimeoutMs }: LeasesDeps) {
    this.replicator = replicator
    this.now = now
    this.#idleTimeoutMs = idleTimeoutMs
  }

  /** How often idle ones are to be looked for, in milliseconds. */
  get idleCheckMs(): number {
    return Math.min(this.#idleTimeoutMs / 4, LONGEST_IDLE_CHECK_MS)
  }

  protected abstract keyOf(lease: Lease): string
  /** The document as it should be. */
  protected abstract replicationOf(lease: Lease): Replication
  /** Every `_id` under which a replication of this lease may be there. */
  protected abstract idsOf(lease: Lease): string[]

  /** The leases whose replications run, as far as is known here. */
  held(): Lease[] {
    return [...this.#held.values()]
  }

  /** False for a lease that was stopped, or that another one has taken the place of. */
  isHeld(lease: Lease): boolean {
    return this.find(this.keyOf(lease)) === lease
  }

  /** True for a lease that was not used for the idle timeout. */
  isIdle({ usedAt }: Lease): boolean {
    return this.now() - usedAt >= this.#idleTimeoutMs
  }

  /** How all leases stand that are still held when that is known; without a lease nothing is asked. */
  async statuses(): Promise<[Lease, ReplicationStatus][]> {
    const held = this.held()
    if (held.length === 0) return []
    const statuses = await this.replicator.statuses()
    return held
      .filter((lease) => this.isHeld(lease))
      .map((lease) => [lease, statuses.get(this.replicationOf(lease)._id) ?? { kind: 'absent' }])
  }

  /** Puts a replication back that is held and was lost or given up; one that is stopped meanwhile stays stopped. */
  restart(lease: Lease): Promise<void> {
    return this.inTurn(this.keyOf(lease), async () => {
      if (this.isHeld(lease)) await this.replicator.ensure(this.replicationOf(lease))
    })
  }

  /**
   * Takes over a replication that was there when the daemon started, as this lease. What was used or stopped here before
   * is left as that has it, so that turns need not wait for adoption.
   * @param correct has it there as the lease says; gives whether it was otherwise
   */
  protected takeOver(lease: Lease, correct: (there: StoredDoc) => Promise<boolean>): Promise<Adoption> {
    const key = this.keyOf(lease)
    return this.inTurn(key, async () => {
      const there =
        this.find(key) === null ? await this.replicator.document(this.replicationOf(lease)._id) : null
      if (there === null) return 'left'
      const isCorrected = await correct(there)
      this.hold(lease)
      return isCorrected ? 'corrected' : 'kept'
    })
  }

  /** Cancels a replication that was there when the daemon started, unless it was used or stopped here before. */
  protected dismiss(key: string, id: string): Promise<Adoption> {
    return this.inTurn(key, async () => {
      const held = this.find(key)
      const isUsed = held !== null && this.replicationOf(held)._id === id
      if (isUsed || (await this.replicator.document(id)) === null) return 'left'
      await this.replicator.stop(id)
      return 'cancelled'
    })
  }

  protected find(key: string): Lease | null {
    return this.#held.get(key) ?? null
  }

  protected hold(lease: Lease): void {
    this.#held.set(this.keyOf(lease), lease)
  }

  protected forget(key: string): void {
    this.#held.delete(key)
  }

  /** Cancels what runs under these ids, and waits until no job of it is left. */
  protected end(key: string, ids: readonly string[]): Promise<void> {
    return this.inTurn(key, () => this.#end(key, ids))
  }

  /** Cancels a lease that is idle, unless its replication still has something to do. @returns whether it was cancelled */
  protected endIdle(key: string): Promise<boolean> {
    return this.inTurn(key, async () => {
      const lease = this.find(key)
      if (!lease || !this.isIdle(lease)) return false
      const status = await this.replicator.status(this.replicationOf(lease)._id)
      if (status.kind !== 'accepted' || !status.caughtUp) return false
      await this.#end(key, this.idsOf(lease))
      return true
    })
  }

  /** One thing at a time is done to a replication: nothing puts back what is just being cancelled, or replaced. */
  protected async inTurn<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#underWay.get(key) ?? Promise.resolve()
    const mine = before.then(work)
    const done = mine.then(
      () => undefined,
      () => undefined,
    )
    this.#underWay.set(key, done)
    try {
      return await mine
    } finally {
      if (this.#underWay.get(key) === done) this.#underWay.delete(key)
    }
  }

  async #end(key: string, ids: readonly string[]): Promise<void> {
    // Forgotten first: while it ends, the watch must not take it for lost.
    this.forget(key)
    for (const id of ids) await this.replicator.stop(id)
  }
}
