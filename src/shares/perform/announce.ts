// Tells others of a share: everybody who follows it that somebody has written into it, or its owner that something is to be done.
import { isOurs } from '../model/entry.ts'
import type { Deps } from '../deps.ts'

/** @param except who wrote, and knows */
export async function announce(
  { registry, users, mark }: Pick<Deps, 'registry' | 'users' | 'mark'>,
  share: string,
  except: string | null,
): Promise<void> {
  const [entry, participants] = await Promise.all([registry.entry(share), registry.participants(share)])
  if (!entry || entry.state === 'ended') return
  const followers = participants.filter(
    ({ state, subscriber, database }) => state === 'active' && database === users.database(subscriber),
  )
  for (const owner of [
    ...(isOurs(entry, users) ? [entry.owner] : []),
    ...followers.map(({ subscriber }) => subscriber),
  ])
    if (owner !== except) mark(owner, { feeds: new Set([share]) })
}

/** Has the owner's lane look at a share, here, or wherever it is. @throws {CouchFault} */
export async function tellOwner(
  { registry, portion, mark }: Pick<Deps, 'registry' | 'portion' | 'mark'>,
  owner: string,
  share: string,
): Promise<void> {
  if (portion.has(owner)) mark(owner, { shares: new Set([share]) })
  else await registry.tell(share)
}
