// What the owners of other users' shares show of each object, as their bases say.
import { parseBase, sharesOf, type Agreed } from '../model/base.ts'
import type { Selection } from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import type { ExchangeFacts } from '../plan/exchange-facts.ts'
import type { Deps } from '../deps.ts'
import type { KnownShares, SharesOfObjects } from './entries.ts'
import { readRows } from './rows.ts'
import { baseId, copyId, objectOfBase } from '../model/ids.ts'

/** What an owner shows of an object. */
export interface Limit {
  limit: ExchangeFacts['limit']
  /** The owner took the object out. */
  isUnshared?: true
  /** The owner has it, as far as the owner's lane knows. */
  isOwners?: true
}

/** What the owners of other users' shares show of each object, by the copy's id. */
export async function readLimits(
  { common, users }: Pick<Deps, 'common' | 'users'>,
  database: string,
  concerned: SharesOfObjects,
  { entries, subscriptions }: KnownShares,
): Promise<Map<string, Limit>> {
  const limits = new Map<string, Limit>()
  const foreign = [...subscriptions.keys()].flatMap((share) => entries.get(share) ?? [])
  const owners = new Set(foreign.filter((entry) => entry.database !== database).map(({ owner }) => owner))
  for (const owner of owners) {
    const bases = await readRows(common.database(users.outbox(owner)), [...concerned.keys()].map(baseId))
    for (const [id, { doc }] of bases) {
      const base = parseBase(doc)
      for (const share of sharesOf(base))
        if (entries.get(share)?.owner === owner)
          limits.set(
            copyId(share, objectOfBase(id) ?? ''),
            limitOf(own(base?.shares, share), own(base?.agreed, share)),
          )
    }
  }
  return limits
}

const limitOf = (shown: Selection | undefined, agreed: Agreed | undefined): Limit => ({
  limit: agreed?.limit ?? shown ?? null,
  ...(agreed?.state === 'unshared' ? { isUnshared: true as const } : {}),
  ...(agreed?.state === 'both' || agreed?.state === 'coming' ? { isOwners: true as const } : {}),
})
