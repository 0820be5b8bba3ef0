// What writing needs, handed in from daemon/wiring.ts: no module of perform/ reaches for anything else.
import type { Couch, Databases } from '../couch/client.ts'
import type { Replicator } from '../couch/replicator.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import type { Logger } from '../log.ts'
import type { Kinds } from '../skeletons/kinds.ts'
import type { UserDatabases } from '../documents/names.ts'
import type { Clock } from '../documents/time.ts'
import type { RefreshResult } from '../skeletons/refresh-results.ts'
import type { OwnerWork } from './work.ts'
import type { AccountIndex } from '../users/account-index.ts'
import type { RateLimiter } from './rate-limiter.ts'
import type { DatabaseCreator } from '../skeletons/create-database.ts'
import type { Ceilings } from './ceilings.ts'
import type { Histories } from '../engine/histories.ts'
import type { ShareLocks } from './share-locks.ts'
import type { ShareLeases } from './leases.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Portion } from '../engine/portion.ts'
import type { Registry } from './registry.ts'
import type { Warmer } from '../skeletons/index-warmer.ts'

/** What somebody may write into a public share who is not named there. */
export interface PublicLimits {
  /** The most bytes of an object. */
  mostBytes: number
  /** The most objects that one user brings into one share. */
  mostObjects: number
  /** The most changes a minute of one user in one share. */
  mostChanges: number
}

/** What one user may do, of whichever right; Infinity: without a limit. */
export interface UserLimits {
  /** The most shares that one user has. */
  mostShares: number
  /** The most bytes of an object in a share, with its attachments. */
  mostBytes: number
}

export interface Deps {
  couch: Couch
  /** The server as it is asked for what the lanes of many read at once: shares, and outboxes of others. */
  common: Databases
  accounts: AccountIndex
  users: UserDatabases
  /** Whose lanes are here. Who is elsewhere hears of what is written into the databases that all processes follow. */
  portion: Portion
  registry: Registry
  creator: DatabaseCreator
  kinds: Kinds
  warmer: Warmer
  replicator: Replicator
  leases: ShareLeases
  checkpoints: Checkpoints
  histories: Histories
  locks: ShareLocks
  ceilings: Ceilings
  /** Somebody was taken out of a share of the owner's: the turn under way is to end soon, the next one begins with that. */
  isUrgent: (owner: string) => boolean
  /** Changes of the public, by the registry's document of the subscription. */
  allowance: RateLimiter
  /** Guesses at passwords, by share and user database. */
  tries: RateLimiter
  limits: PublicLimits
  userLimits: UserLimits
  /** The most bytes that are remembered of one object, as JSON; where it is left out, as many as CouchDB takes by itself. */
  mostRemembered?: number
  /** By owner, the shares whose databases are to be made anew once the owner's page is the last one. */
  rotations: Map<string, Set<string>>
  ownWrites: OwnWrites
  /**
   * Has an owner's lane look at something; nothing is lost where that is forgotten in a crash, it only comes later. Of an owner who
   * is elsewhere, nothing is noted.
   */
  mark: (owner: string, work: OwnerWork) => void
  /** Documents of an owner by which the owner may ask for the documents of a master. */
  onUserDocs: (owner: string, docs: readonly { _id: string }[]) => Promise<void>
  /** A database was brought up to the skeleton of its kind, or could not be. */
  onRefreshed: (db: string, result: RefreshResult) => void
  /** False on the embedded server, which cannot remove revisions: there a share database is made anew instead. */
  canPurge: boolean
  /** How long what is left of a user database that is gone, or was made again, waits for what was in it; milliseconds. */
  graceMs: number
  /** Milliseconds. */
  now: () => number
  /** Where documents say when they were written. */
  updatedAt: Clock['updatedAt']
  log: Logger
}
