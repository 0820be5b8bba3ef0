// What writing needs, handed in from daemon.ts: no module of write/ reaches for anything else.
import type { Couch } from '../couch/client.ts'
import type { Replicator } from '../couch/replicator.ts'
import type { Checkpoints } from '../feed/checkpoints.ts'
import type { Logger } from '../log.ts'
import type { UserDatabases } from '../model/names.ts'
import type { Births } from './births.ts'
import type { Leases } from './leases.ts'
import type { OwnWrites } from './own-writes.ts'
import type { Registry } from './registry.ts'

export interface Deps {
  couch: Couch
  users: UserDatabases
  registry: Registry
  births: Births
  replicator: Replicator
  leases: Leases
  checkpoints: Checkpoints
  /** By owner, the shares whose databases are to be made anew once the owner's page is the last one. */
  rotations: Map<string, Set<string>>
  ownWrites: OwnWrites
  /** False on the embedded server, which cannot remove revisions: there a share database is made anew instead. */
  canPurge: boolean
  log: Logger
}
