// Leases: continuous replications that run while a share has traffic, and are cancelled after it was idle for a while.
import type { Replicator } from '../couch/replicator.ts'
import { shareReplication, type ReplicationServer, type ShareReplication } from '../model/replication.ts'
import { replicationId, type UserDatabases } from '../model/names.ts'
import type { Home } from '../plan/object.ts'
import type { ReplicationStatus } from '../couch/replicator.ts'

export interface Lease {
  share: string
  owner: string
  /** Where copies are written, and the replication begins. */
  home: Home
  /** When the last copy was written, in milliseconds. */
  usedAt: number
}

export class Leases {
  readonly #replicator: Replicator
  readonly #users: UserDatabases
  readonly #server: ReplicationServer
  readonly #now: () => number
  readonly #idleTimeoutMs: number
  readonly #held = new Map<string, Lease>()

  constructor(deps: {
    replicator: Replicator
    users: UserDatabases
    server: ReplicationServer
    now: () => number
    idleTimeoutMs: number
  }) {
    this.#replicator = deps.replicator
    this.#users = deps.users
    this.#server = deps.server
    this.#now = deps.now
    this.#idleTimeoutMs = deps.idleTimeoutMs
  }

  /** The shares whose replication runs, as far as is known here. */
  held(): Lease[] {
    return [...this.#held.values()]
  }

  /** True for a lease that no copy was written under for the idle timeout. */
  isIdle({ usedAt }: Lease): boolean {
    return this.#now() - usedAt >= this.#idleTimeoutMs
  }

  /** Takes note of a replication that was there when the daemon started. */
  adopt(share: string, owner: string, home: Home): void {
    if (!this.#held.has(share)) this.#held.set(share, { share, owner, home, usedAt: this.#now() })
  }

  /** Starts or corrects the replication of a share and waits until it is accepted, or known not to be. */
  async start(share: string, owner: string, home: Home): Promise<ReplicationStatus> {
    const status = await this.#replicator.start(this.replication(share, owner, home))
    this.#held.set(share, { share, owner, home, usedAt: this.#now() })
    return status
  }

  /** A copy was written: the replication has to run, and its idle time begins anew. */
  async use(share: string, owner: string, home: Home): Promise<void> {
    const lease = this.#held.get(share)
    if (lease) lease.usedAt = this.#now()
    else {
      await this.#replicator.ensure(this.replication(share, owner, home))
      this.adopt(share, owner, home)
    }
  }

  /** Cancels the replication of a share, in either direction, and waits until no job of it is left. */
  async stop(share: string, owner: string): Promise<void> {
    // Forgotten first: while it ends, the watch must not take it for lost.
    this.#held.delete(share)
    for (const home of ['outbox', 'share'] as const) await this.#replicator.stop(this.id(share, owner, home))
  }

  /** Puts a replication back that is held and was lost or given up; one that is stopped meanwhile stays stopped. */
  async restart({ share, owner, home }: Lease): Promise<void> {
    if (!this.#held.has(share)) return
    await this.#replicator.ensure(this.replication(share, owner, home))
    if (!this.#held.has(share)) await this.#replicator.stop(this.id(share, owner, home))
  }

  /**
   * Cancels a lease that is idle, unless its replication still has something to do.
   * @returns whether it was cancelled
   */
  async endIfIdle(share: string): Promise<boolean> {
    const lease = this.#held.get(share)
    if (!lease || !this.isIdle(lease)) return false
    const status = await this.#replicator.status(this.id(share, lease.owner, lease.home))
    if (status.kind !== 'accepted' || !status.caughtUp) return false
    await this.stop(share, lease.owner)
    return true
  }

  /** The `_id` of the replication document. */
  id(share: string, owner: string, home: Home): string {
    return replicationId(this.#users.outbox(owner), share, home)
  }

  /** The document as it should be. */
  replication(share: string, owner: string, home: Home): ShareReplication {
    return shareReplication(share, this.#users.outbox(owner), this.#server, home)
  }
}
