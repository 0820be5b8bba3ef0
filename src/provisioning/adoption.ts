// Replications of users that were there when the daemon started: taken over, brought up to date with the masters, or cancelled.
import type { Replicator } from '../couch/replicator.ts'
import type { Logger } from '../log.ts'
import type { ProvisionedUser } from './provisioned-user.ts'
import { endsOfReplication, type MasterFilter } from './replication.ts'
import type { ProvisionedUsers } from './provisioned-users.ts'
import type { PersonalLeases } from './leases.ts'

export interface PersonalAdoption {
  replicator: Pick<Replicator, 'documents'>
  leases: PersonalLeases
  provisionedUsers: Pick<ProvisionedUsers, 'entry'>
  /** The names of the masters that are configured here. */
  masters: { has: (master: string) => boolean }
  log: Logger
  /** Whose lanes are here: the replications of others are other processes'. */
  isHere: (name: string) => boolean
  /** What an active user is to have of a master; null where that is nothing, and the replication is cancelled. */
  filterOf: (entry: ProvisionedUser, master: string) => MasterFilter | null | Promise<MasterFilter | null>
}

/**
 * Goes through the replications of provisioned users once, which turns may do something about meanwhile. Those of masters
 * that are not configured here are another daemon's: several share a server, its `_users` and the registry, so that
 * nothing but the masters tells them apart. What is left of a master that nobody configures any more is logged.
 * @throws {CouchFault}
 */
export async function adoptPersonalReplications({
  replicator,
  leases,
  provisionedUsers,
  masters,
  log,
  isHere,
  filterOf,
}: PersonalAdoption): Promise<void> {
  for await (const { _id: id, provision: name } of replicator.documents('provision')) {
    if (!isHere(name)) continue
    const { source: master, target: database } = endsOfReplication(id) ?? {}
    if (master === undefined || database === undefined || !masters.has(master)) {
      log.info({ replication: id }, 'replication of a master that is not configured here, left alone')
      continue
    }
    const entry = await provisionedUsers.entry(name)
    const isTheirs = entry?.state === 'active' && entry.database === database
    const filter = isTheirs ? await filterOf(entry, master) : null
    const done = await leases.adopt({ master, database, name }, filter)
    if (done === 'corrected') log.info({ master, db: database }, 'replication brought up to date')
    if (done === 'cancelled') log.info({ master, db: database }, 'replication without a user, cancelled')
  }
}
