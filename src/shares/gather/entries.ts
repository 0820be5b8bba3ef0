// What the registry has of the shares that a page of objects has to do with, and how they stand to the objects' author.
import { isBeingFilled, isHomeShare, isToBeThere, type ShareEntry } from '../model/entry.ts'
import type { SubscriptionEntry } from '../model/subscription.ts'
import { idsIn, parseConsents } from '../../documents/content.ts'
import { isShareId } from '../../documents/names.ts'
import { copyId } from '../model/ids.ts'
import type { Standing } from '../plan/object-facts.ts'
import type { Deps } from '../deps.ts'
import type { UserDoc } from './user-docs.ts'

/** The shares that a page of objects has to do with. */
export interface KnownShares {
  entries: ReadonlyMap<string, ShareEntry>
  /** The author's part in those that are somebody else's. */
  subscriptions: ReadonlyMap<string, SubscriptionEntry>
}

/** By object, the shares that it or its base names. */
export type SharesOfObjects = ReadonlyMap<string, readonly string[]>

/** @throws {CouchFault} */
export async function readShares(
  { registry, users }: Pick<Deps, 'registry' | 'users'>,
  owner: string,
  shares: string[],
): Promise<KnownShares> {
  const { entries, subscriptions } = await registry.withParts(shares, owner)
  const database = users.database(owner)
  const foreign = [...subscriptions].filter(([share]) => entries.get(share)?.database !== database)
  return { entries, subscriptions: new Map(foreign) }
}

/** What is known, and what of it was read again, or only now. */
export const withShares = (one: KnownShares, other: Partial<KnownShares>): KnownShares => ({
  entries: new Map([...one.entries, ...(other.entries ?? [])]),
  subscriptions: new Map([...one.subscriptions, ...(other.subscriptions ?? [])]),
})

/** Every share id in `$shares`, of any leaf, that can be one, and those of copies that were found. */
export function mentionedShares({ doc, rivals, copiedTo = [] }: UserDoc): string[] {
  const leaves = doc === null ? [] : [doc, ...rivals.map(({ leaf }) => leaf)]
  const named = leaves.flatMap((leaf) => idsIn(parseConsents(leaf['$shares'])))
  return [...new Set([...named, ...copiedTo])].filter(isShareId)
}

/** True where changes go in both directions, or come from somebody else's share. */
export function isExchange(
  entry: ShareEntry | undefined,
  subscription: SubscriptionEntry | undefined,
  database: string,
): boolean {
  if (entry?.database === database) return isHomeShare(entry) && entry.state !== 'ended'
  return subscription?.state === 'active' || subscription?.state === 'ending'
}

/** How a share stands to the author whose user database is given. */
export function standing(entry: ShareEntry | undefined, database: string): Standing {
  if (!entry) return 'absent'
  if (entry.database !== database) return 'foreign'
  switch (entry.state) {
    case 'active':
      return 'open'
    case 'opening':
      return isBeingFilled(entry) ? 'open' : 'opening'
    case 'suspended':
      return 'opening'
    case 'ending':
      return 'ending'
    case 'ended':
      return 'absent'
    default:
      return entry.state satisfies never
  }
}

/**
 * The shares of others that this user is leaving, and whose databases are away without a word of that. What was noted before one
 * went is read after it was seen to be away.
 * @param homes the copies that were found, or seen not to be there, by their ids
 * @returns those shares, and the entries that were read again
 */
export async function readAway(
  { registry }: Pick<Deps, 'registry'>,
  database: string,
  { concerned, homes }: { concerned: SharesOfObjects; homes: ReadonlyMap<string, unknown> },
  { entries, subscriptions }: KnownShares,
): Promise<{ away: Set<string>; entries: KnownShares['entries'] }> {
  const left = [...concerned].flatMap(([id, shares]) =>
    shares.filter(
      (share) =>
        subscriptions.get(share)?.state === 'ending' &&
        entries.get(share)?.database !== database &&
        !homes.has(copyId(share, id)),
    ),
  )
  if (left.length === 0) return { away: new Set(), entries: new Map() }
  const now = await registry.entries([...new Set(left)])
  return {
    away: new Set([...now].flatMap(([share, entry]) => (isToBeThere(entry) ? share : []))),
    entries: now,
  }
}
