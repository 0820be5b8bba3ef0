// What an object exchanges with a share, as far as it was read before.
import type { Base } from '../model/base.ts'
import { takesCopies, type ShareEntry } from '../model/entry.ts'
import { rightOf, type SubscriptionEntry } from '../model/subscription.ts'
import { own } from '../../documents/own.ts'
import type { ExchangeFacts, Forgotten, HomeCopy } from '../plan/exchange-facts.ts'
import type { KnownShares } from './entries.ts'
import type { Limit } from './limits.ts'
import { copyId } from '../model/ids.ts'

/** What was read of a page of objects and of their copies; copies by their ids. */
export interface Exchanged {
  /** The user database of the objects' author. */
  database: string
  shares: KnownShares
  bases: ReadonlyMap<string, Base | null>
  homes: ReadonlyMap<string, HomeCopy>
  /** Shares whose databases are away without a word of that. */
  away: ReadonlySet<string>
  limits: ReadonlyMap<string, Limit>
  /** Where bases were lost. */
  forgotten: ReadonlyMap<string, Forgotten>
}

/** All of what a plan asks about but how much may be written. */
export function exchangeOf(read: Exchanged, share: string, object: string): Omit<ExchangeFacts, 'bounds'> {
  const { database, shares, homes } = read
  const [entry, subscription] = [shares.entries.get(share), shares.subscriptions.get(share)]
  const id = copyId(share, object)
  const base = read.bases.get(object) ?? null
  const forgotten = read.forgotten.get(id)
  const home = homes.get(id) ?? { kind: 'none' }
  const { limit, isUnshared, isOwners }: Limit =
    entry?.database === database
      ? { limit: own(base?.shares, share) ?? (forgotten ? true : null) }
      : (read.limits.get(id) ?? { limit: null })
  const listed = (entry?.database === database ? entry : subscription)?.rejected
  return {
    ...{ share, home, limit, owner: entry?.owner ?? '' },
    ...(isUnshared ? { isUnshared } : {}),
    ...(entry?.losses ? { losses: entry.losses } : {}),
    ...(read.away.has(share) ? { isAway: true as const } : {}),
    ...(forgotten ? { forgotten } : {}),
    ...(home.kind === 'none' && homes.has(id) && isOwners ? { isToCome: true as const } : {}),
    ...partOf(entry, subscription, database, {
      isThere: homes.has(id),
      isLost: !isUnshared && isCopyLost(base, share, home, entry),
    }),
    rejected: listed?.find(({ document }) => document === object)?.code ?? null,
  }
}

/** True where the object and the share have nothing in common yet, or not any more. */
export const isNewTo = (share: string, base: Base | null): boolean =>
  ['unrelated', 'parted', undefined].includes(own(base?.agreed, share)?.state)

function partOf(
  entry: ShareEntry | undefined,
  subscription: SubscriptionEntry | undefined,
  database: string,
  { isThere, isLost }: { isThere: boolean; isLost: boolean },
): Pick<ExchangeFacts, 'role' | 'phase' | 'onEnd' | 'isToCome'> {
  const onEnd = subscription?.onEnd ?? 'remove'
  if (entry?.database === database) {
    const phase = entry.state === 'ending' ? 'closing' : takesCopies(entry) && isThere ? 'active' : 'waiting'
    return { role: 'owner', phase, onEnd }
  }
  const right = rightOf(entry ?? null, subscription ?? null)
  const role = right === 'write' ? 'writer' : 'reader'
  if (subscription?.state === 'ending') return { role, phase: 'ending', onEnd }
  const isSuspended = subscription?.order === 'suspend'
  const isInPlace = isThere && !isSuspended && right !== null && entry?.state === 'active' && !entry.rotate
  if (isInPlace && isLost) return { role, phase: 'waiting', onEnd, isToCome: true }
  return { role, phase: isInPlace ? 'active' : 'waiting', onEnd }
}

/** What both sides had, and what the share has not even a tombstone of, is being put back by its owner's lane. */
const isCopyLost = (
  base: Base | null,
  share: string,
  home: HomeCopy,
  entry: ShareEntry | undefined,
): boolean => {
  const agreed = own(base?.agreed, share)
  // After a loss it may be this participant's to put back.
  if ((agreed?.losses ?? 0) !== (entry?.losses ?? 0)) return false
  return home.kind === 'none' && (agreed?.state === 'both' || (agreed?.state === 'coming' && !agreed.mine))
}

/** True where a base that is not there went with a lost outbox, or may have. */
export function isBaseLost(
  base: Base | null | undefined,
  share: string,
  { entries, subscriptions }: KnownShares,
  database: string,
): boolean {
  if (own(base?.agreed, share) !== undefined) return false
  const entry = entries.get(share)
  return (entry?.database === database ? entry : subscriptions.get(share))?.forgotten === true
}
