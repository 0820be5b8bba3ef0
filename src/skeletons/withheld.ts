// Databases that no pattern of DATABASES gets, whatever it fits: those that are, or were, somebody's under another kind.
import { isDeepStrictEqual } from 'node:util'
import { OUTBOX_SUFFIX, ROUTES_SUFFIX } from '../documents/names.ts'
import { isOneUsers, widens } from '../documents/security.ts'
import type { Security, SkeletonPlan, Wanted } from './plan.ts'

/** What a server knows of a database, beside its name. */
export interface Traces {
  db: string
  /** Databases whose names begin with this one's, of those that the daemon makes: `<db>/$shares`, `<db>/$routes`. */
  beside: readonly string[]
  /** A daemon has read its documents: as a user database, as somebody's personal one, as a master or a gateway. */
  isFollowed: boolean
  security: Security
}

/**
 * Why a pattern does not get a database, in words that complete "left as it is:"; null where it may. A setting may be lost or
 * misspelled (USER_DATABASES, MASTER_DATABASES, a gateway's folder), and then what is private looks like any other database.
 */
export function whyWithheld({ db, beside, isFollowed, security }: Traces, wanted: Wanted): string | null {
  if (beside.includes(db + OUTBOX_SUFFIX)) return `it is a user database, ${db}${OUTBOX_SUFFIX} is its outbox`
  if (beside.includes(db + ROUTES_SUFFIX)) return `it is a gateway, ${db}${ROUTES_SUFFIX} is its index`
  if (isFollowed) return 'a daemon follows it, or did: it is a user’s, a master or a gateway'
  // Keys that the daemon alone writes.
  if ('gateway' in security || 'writers' in security) return 'its _security is one that the daemon has made'
  if (wanted.security !== null && !isDeepStrictEqual(security, wanted.security) && isOneUsers(security))
    return 'its _security names one user, as that of a user database does'
  return null
}

/** True where a database has people of its own, and others would be let in. */
export const isWidening = ({ security }: SkeletonPlan): boolean =>
  security !== null && widens(security.before, security.after)

/** What is said of a database that has people of its own, where its policy would let in others. */
export const WIDENING =
  'its policy lets in others than its _security does now; `couch-shares skeleton apply --widen` does that'
