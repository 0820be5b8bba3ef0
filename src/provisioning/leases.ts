// Leases of provisioned users: the replications of masters into personal databases, which run while anything happens there.
import type { ReplicationStatus } from '../couch/replicator.ts'
import { sameReplication, type ReplicationServer } from '../documents/replication.ts'
import { Leases, type Adoption, type LeasesDeps } from '../engine/leases.ts'
import {
  masterReplication,
  masterReplicationId,
  type MasterFilter,
  type MasterReplication,
} from './replication.ts'

/** Whose documents of which master. */
export interface PersonalSubject {
  master: string
  /** The personal database. */
  database: string
  /** The user's. */
  name: string
}

export interface PersonalLease extends PersonalSubject {
  /** When something last happened that it is there for, in milliseconds. */
  usedAt: number
  /** As it should be. */
  replication: MasterReplication
}

/** What a turn of a user has to do with replications. */
export type TurnLeases = Pick<
  PersonalLeases,
  'use' | 'narrow' | 'stop' | 'touch' | 'endIfIdle' | 'isOutdated'
> & {
  held(): readonly PersonalSubject[]
}

/** The leases that this daemon holds, by master and database. */
export class PersonalLeases extends Leases<PersonalLease> {
  readonly #server: ReplicationServer

  constructor(deps: LeasesDeps & { server: ReplicationServer }) {
    super(deps)
    this.#server = deps.server
  }

  /**
   * Something happened: the replication has to run, with this filter, and its idle time begins anew. When this resolves,
   * no job is left that brings what an earlier filter let pass.
   * @returns true where it had to be started or replaced
   */
  use(subject: PersonalSubject, filter: MasterFilter): Promise<boolean> {
    return this.inTurn(idOf(subject), async () => {
      const lease = this.#lease(subject, filter)
      const there = this.find(idOf(subject))
      if (there && sameReplication(there.replication, lease.replication)) {
        there.usedAt = lease.usedAt
        return false
      }
      // While it is replaced, the watch must not take it for lost, nor put it back where that fails halfway.
      this.forget(idOf(subject))
      return this.#replace(lease)
    })
  }

  /** No job is left that brings what an earlier filter let pass. @returns true where one with this filter had to be started */
  narrow(subject: PersonalSubject, filter: MasterFilter): Promise<boolean> {
    return this.use(subject, filter)
  }

  /** True for a lease with another filter: somebody else has compared what the roles say now. */
  isOutdated(subject: PersonalSubject, filter: MasterFilter): boolean {
    const there = this.find(idOf(subject))
    return there !== null && !sameReplication(there.replication, this.#lease(subject, filter).replication)
  }

  /** A lease that runs is idle later; nothing is started, and nothing asked. */
  touch(master: string, database: string): void {
    const lease = this.find(masterReplicationId(master, database))
    if (lease) lease.usedAt = this.now()
  }

  /** Cancels the replication and waits until no job of it is left; nothing happens where there is none. */
  stop(master: string, database: string): Promise<void> {
    const id = masterReplicationId(master, database)
    return this.end(id, [id])
  }

  /**
   * Cancels a lease that is idle, unless its replication still has something to do.
   * @returns whether it was cancelled
   */
  endIfIdle(master: string, database: string): Promise<boolean> {
    return this.endIdle(masterReplicationId(master, database))
  }

  /** How the replication stands, whether or not a lease is held here. */
  status(master: string, database: string): Promise<ReplicationStatus> {
    return this.replicator.status(masterReplicationId(master, database))
  }

  /** Takes over a replication that was there when the daemon started, with this filter; null cancels it. */
  adopt(subject: PersonalSubject, filter: MasterFilter | null): Promise<Adoption> {
    if (filter === null) return this.dismiss(idOf(subject), idOf(subject))
    const lease = this.#lease(subject, filter)
    return this.takeOver(lease, () => this.replicator.replace(lease.replication))
  }

  protected keyOf(lease: PersonalLease): string {
    return idOf(lease)
  }

  protected replicationOf({ replication }: PersonalLease): MasterReplication {
    return replication
  }

  protected idsOf(lease: PersonalLease): string[] {
    return [idOf(lease)]
  }

  async #replace(lease: PersonalLease): Promise<boolean> {
    const isNew = await this.replicator.replace(lease.replication)
    this.hold(lease)
    return isNew
  }

  #lease({ master, database, name }: PersonalSubject, filter: MasterFilter): PersonalLease {
    const replication = masterReplication({ master, database, name, server: this.#server, filter })
    return { master, database, name, usedAt: this.now(), replication }
  }
}

const idOf = ({ master, database }: PersonalSubject): string => masterReplicationId(master, database)
