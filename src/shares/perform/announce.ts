// Tells everybody who follows a share that somebody has written into it.
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
