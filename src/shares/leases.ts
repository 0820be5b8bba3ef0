// Leases: continuous replications that run while a share has traffic, and are cancelled after it was idle for a while.
import type { ReplicationStatus } from '../couch/replicator.ts'
import type { UserDatabases } from '../documents/names.ts'
import { replicationId } from './model/ids.ts'
import { sameReplication, type ReplicationServer } from '../documents/replication.ts'
import { shareReplication, type ShareReplication } from './model/replication.ts'
import type { Home } from './plan/object-facts.ts'
import { Leases, type Adoption, type LeasesDeps } from '../engine/leases.ts'

export interface ShareLease {
  share: string
  owner: string
  /** Where copies are written, and the replication begins. */
  home: Home
  /** When the last copy was written, in milliseconds. */
  usedAt: number
}

const HOMES: readonly Home[] = ['outbox', 'share']

/** The leases that this daemon holds, by share. */
export class ShareLeases extends Leases<ShareLease> {
  readonly #users: UserDatabases
  readonly #server: ReplicationServer

  constructor(deps: LeasesDeps & { users: UserDatabases; server: ReplicationServer }) {
    super(deps)
    this.#users = deps.users
    this.#server = deps.server
  }

  /** Takes over the replication of a share that was there when the daemon started, as it should be. */
  adopt(share: string, owner: string, home: Home): Promise<Adoption> {
    return this.takeOver({ share, owner, home, usedAt: this.now() }, async (there) => {
      const wanted = this.replication(share, owner, home)
      if (sameReplication(there, wanted)) return false
      await this.replicator.start(wanted)
      return true
    })
  }

  /** Cancels a replication of a share, by its `_id`, that was there when the daemon started and should not be. */
  cancel(share: string, id: string): Promise<Adoption> {
    return this.dismiss(share, id)
  }

  /** Starts or corrects the replication of a share and waits until it is accepted, or known not to be. */
  start(share: string, owner: string, home: Home): Promise<ReplicationStatus> {
    return this.inTurn(share, async () => {
      const status = await this.replicator.start(this.replication(share, owner, home))
      this.hold({ share, owner, home, usedAt: this.now() })
      return status
    })
  }

  /** A copy was written: the replication has to run, and its idle time begins anew. */
  use(share: string, owner: string, home: Home): Promise<void> {
    return this.inTurn(share, async () => {
      const lease = this.find(share)
      if (lease) lease.usedAt = this.now()
      else {
        await this.replicator.ensure(this.replication(share, owner, home))
        this.hold({ share, owner, home, usedAt: this.now() })
      }
    })
  }

  /** Cancels the replication of a share, in either direction, and waits until no job of it is left. */
  stop(share: string, owner: string): Promise<void> {
    return this.end(share, this.#ids(share, owner))
  }

  /**
   * Cancels a lease that is idle, unless its replication still has something to do.
   * @returns whether it was cancelled
   */
  endIfIdle(share: string): Promise<boolean> {
    return this.endIdle(share)
  }

  /** The `_id` of the replication document. */
  id(share: string, owner: string, home: Home): string {
    return replicationId(this.#users.outbox(owner), share, home)
  }

  /** The document as it should be. */
  replication(share: string, owner: string, home: Home): ShareReplication {
    return shareReplication(share, this.#users.outbox(owner), this.#server, home)
  }

  protected keyOf({ share }: ShareLease): string {
    return share
  }

  protected replicationOf({ share, owner, home }: ShareLease): ShareReplication {
    return this.replication(share, owner, home)
  }

  protected idsOf({ share, owner }: ShareLease): string[] {
    return this.#ids(share, owner)
  }

  #ids(share: string, owner: string): string[] {
    return HOMES.map((home) => this.id(share, owner, home))
  }
}
