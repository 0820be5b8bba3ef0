// What is known of an owner's databases before a turn, and after it.
import type { Seq } from '../couch/document.ts'

/** What is known of an owner's databases before a turn. */
export interface Hint {
  /** The outbox may have changed. */
  outbox?: boolean
  /** The user database may have changed. */
  user?: boolean
  /** An admin may have purged documents of the user database. */
  purged?: boolean
  /** The user database may have been dropped and created: everything is looked at anew. */
  recreated?: boolean
  /** Shares to be planned whether or not their documents changed. */
  shares?: ReadonlySet<string>
  /** Shares of others in which this user's part is to be planned. */
  subscriptions?: ReadonlySet<string>
  /** Shares, one's own or others', in which somebody has written. */
  feeds?: ReadonlySet<string>
  /** The user database was made again. Where the grace time is over, shares and subscriptions that are not back end. */
  returned?: boolean
  /** The user database was gone. If it still is, and the grace time is over, all that is left of it goes. */
  departed?: boolean
  /** Databases, of the user's own or of the user's shares, that may not be as their skeletons are. */
  skeleton?: ReadonlySet<string>
  /** Objects have waited since then, or longer, for shares that are not there. In milliseconds. */
  lateSince?: number
  /** Leases that were idle for long. */
  idle?: ReadonlySet<string>
  /** `update_seq` of the databases as `_dbs_info` showed them, to be kept if nothing is left to read after this turn. */
  updateSeqs?: ReadonlyMap<string, Seq> | undefined
}

/** What either hint says; a missing `user` or `outbox` is no. */
export function mergeHints(one: Hint, other: Hint): Hint {
  return {
    user: one.user === true || other.user === true,
    outbox: one.outbox === true || other.outbox === true,
    departed: one.departed === true || other.departed === true,
    purged: one.purged === true || other.purged === true,
    recreated: one.recreated === true || other.recreated === true,
    shares: new Set([...(one.shares ?? []), ...(other.shares ?? [])]),
    subscriptions: new Set([...(one.subscriptions ?? []), ...(other.subscriptions ?? [])]),
    feeds: new Set([...(one.feeds ?? []), ...(other.feeds ?? [])]),
    returned: one.returned === true || other.returned === true,
    skeleton: new Set([...(one.skeleton ?? []), ...(other.skeleton ?? [])]),
    ...lateOf(one, other),
    idle: new Set([...(one.idle ?? []), ...(other.idle ?? [])]),
    updateSeqs: new Map([...(one.updateSeqs ?? []), ...(other.updateSeqs ?? [])]),
  }
}

function lateOf(...hints: Hint[]): Pick<Hint, 'lateSince'> {
  const since = hints.flatMap(({ lateSince }) => lateSince ?? [])
  return since.length === 0 ? {} : { lateSince: Math.max(...since) }
}

export interface Outcome {
  /** False: the user database is not there. */
  isThere: boolean
  /** What there is left to do, or null. */
  next: Hint | null
  /** The user database had changes: more may come soon. */
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
