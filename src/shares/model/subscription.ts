// A `$subscription` document, by which a user takes part in somebody else's share, and the registry's document for it.
import { publicRight, type Right } from './access.ts'
import type { Order, ShareEntry } from './entry.ts'
import { isShareId } from '../../documents/names.ts'
import { kindOf, problem, type Problem } from '../../documents/problem.ts'
import type { Rejection } from '../../documents/rejected.ts'
import { shareOfSubscription, subscriptionEntryId } from './ids.ts'

export type OnEnd = 'keep' | 'remove'

export type SubscriptionRequest =
  /** A password that is none is told where one is needed, and harms nobody else. */
  | { kind: 'valid'; share: string; onEnd: OnEnd; passwordProblem: Problem | null }
  | { kind: 'malformed'; problem: Problem }

/** True for documents that ask for a subscription, rightly or wrongly made. */
export const asksForSubscription = (doc: { _id: string; type?: unknown }): boolean =>
  shareOfSubscription(doc._id) !== null || doc.type === '$subscription'

/** Checks a `$subscription` document: id, type, `onEnd`, `password`. */
export function parseSubscriptionRequest(doc: {
  _id: string
  type?: unknown
  onEnd?: unknown
  password?: unknown
}): SubscriptionRequest {
  const share = shareOfSubscription(doc._id)
  if (share === null || (doc.type !== undefined && doc.type !== '$subscription'))
    return malformed(
      problem('wrong_type', doc._id, typeof doc.type === 'string' ? doc.type : kindOf(doc.type)),
    )
  if (!isShareId(share)) return malformed(problem('invalid_share_id', share))
  const { onEnd = 'remove', password = null } = doc
  if (onEnd !== 'keep' && onEnd !== 'remove')
    return malformed(
      problem(
        'invalid_on_end',
        typeof onEnd === 'string' ? JSON.stringify(onEnd.slice(0, 80)) : kindOf(onEnd),
      ),
    )
  const passwordProblem =
    password === null || typeof password === 'string' ? null : problem('invalid_password', kindOf(password))
  return { kind: 'valid', share, onEnd, passwordProblem }
}

const malformed = (found: Problem): SubscriptionRequest => ({ kind: 'malformed', problem: found })

/**
 * `invited`: named in `access`, not (or no longer) taking part · `active` · `ending`: objects are being taken out ·
 * `refused`: asked for, and not allowed yet · `ended`: over, and neither invited.
 */
export type SubscriptionState = 'invited' | 'refused' | 'active' | 'ending' | 'ended'

export interface SubscriptionEntry {
  _id: string
  _rev?: string
  type: 'subscription'
  share: string
  /** The `{id}` of the user database that takes part. */
  subscriber: string
  database: string
  state: SubscriptionState
  order?: Order
  /** The right that the share's owner gave to this user by name. */
  granted?: Right
  /** The right that the user's `$invitation` tells of. */
  invited?: Right
  /** The user knew the password when joining. */
  admitted?: true
  onEnd?: OnEnd
  /** Why it ended. */
  reason?: string
  /** The share was out of reach for a while: everything is to be compared when it is back. */
  paused?: true
  /** This user's outbox was lost, and not everything has been compared since: what there is no base of may have been known. */
  forgotten?: true
  /** Something of the share has changed that this user's database has to learn of. */
  due?: true
  rejected?: Rejection[]
  joinedAt?: string
  createdAt: string
  updatedAt: string
}

/**
 * The entry of a subscription that has just begun.
 * @param now ISO 8601
 */
export const newSubscriptionEntry = (
  share: string,
  subscriber: string,
  database: string,
  now: string,
): SubscriptionEntry => ({
  _id: subscriptionEntryId(share, subscriber),
  type: 'subscription',
  share,
  subscriber,
  database,
  state: 'ended',
  createdAt: now,
  updatedAt: now,
})

const STATES: readonly unknown[] = [
  'invited',
  'refused',
  'active',
  'ending',
  'ended',
] satisfies SubscriptionState[]

/** An entry read from the registry, or null where the document is none. */
export function parseSubscriptionEntry(doc: Record<string, unknown> | null): SubscriptionEntry | null {
  if (doc === null || doc['type'] !== 'subscription' || !STATES.includes(doc['state'])) return null
  const { rejected, ...rest } = doc
  const texts = ['share', 'subscriber', 'database'].map((name) => doc[name])
  if (!texts.every((text) => typeof text === 'string')) return null
  return {
    ...(rest as unknown as SubscriptionEntry),
    ...(Array.isArray(rejected) ? { rejected: rejected as Rejection[] } : {}),
  }
}

/** What a user may do in a share: what was given by name, or what everybody may. */
export function rightOf(
  share: Pick<ShareEntry, 'access' | 'password'> | null,
  entry: Pick<SubscriptionEntry, 'granted' | 'admitted'> | null,
): Right | null {
  if (!share?.access) return null
  const open = share.password && entry?.admitted !== true ? null : publicRight(share.access)
  return entry?.granted === 'write' || open === 'write' ? 'write' : (entry?.granted ?? open)
}
