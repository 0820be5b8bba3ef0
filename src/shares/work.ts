// What is known of an owner's databases before a turn, and after it.
import type { Seq } from '../couch/document.ts'
import { defineWork, flag, lastOfEach, latest, set, type WorkOf } from '../engine/work.ts'
import type { Result } from '../engine/work-queue.ts'

const parts = {
  /** The outbox may have changed. */
  outbox: flag,
  /** The user database may have changed. */
  user: flag,
  /** An admin may have purged documents of the user database. */
  purged: flag,
  /** The user database may have been dropped and created: everything is looked at anew. */
  recreated: flag,
  /** All objects are to be gone through again: the registry was lost, and is back. */
  rescan: flag,
  /** Of what was refused because its user has as much as one may have, some may have a place by now. */
  room: flag,
  /** Shares to be planned whether or not their documents changed. */
  shares: set(),
  /** Shares of others in which this user's part is to be planned. */
  subscriptions: set(),
  /** Shares, one's own or others', in which somebody has written. */
  feeds: set(),
  /** The user database was made again. Where the grace time is over, shares and subscriptions that are not back end. */
  returned: flag,
  /** The user database was gone. If it still is, and the grace time is over, all that is left of it goes. */
  departed: flag,
  /** Databases, of the user's own or of the user's shares, that may not be as their skeletons are. */
  skeleton: set(),
  /** Objects have waited since then, or longer, for shares that are not there. In milliseconds. */
  lateSince: latest,
  /** Leases that were idle for long. */
  idle: set(),
  /** `update_seq` of the databases as `_dbs_info` showed them, to be kept if nothing is left to read after this turn. */
  updateSeqs: lastOfEach<Seq>(),
}

/** What there may be to do for an owner. */
export type OwnerWork = WorkOf<typeof parts>

/** What either says. */
export const mergeOwnerWork = defineWork(parts)

/** True where nothing but the user database may have changed. */
export const isOnlyOfUser = ({ user, ...others }: OwnerWork): boolean =>
  user === true && Object.values(others).every((part) => part === undefined || part === false)

/** What a turn of an owner has left, and has seen. */
export interface OwnerResult extends Result<OwnerWork> {
  /** The user database had changes that are not the daemon's own: more may come soon. */
  isActive: boolean
  /** Shares that could not be opened, to be tried again later. */
  halted: ReadonlySet<string>
  /** When the user database was seen to be gone, in milliseconds. */
  goneSince?: number
  /** When it was made again: after the grace time, shares and subscriptions whose documents are not back end. */
  recreatedAt?: number | undefined
  /** Shares of others that were out of reach, to be looked at again soon. */
  paused: ReadonlySet<string>
  /** Public shares in which more was written than is taken in for now, to be read on soon. */
  throttled: ReadonlySet<string>
}
