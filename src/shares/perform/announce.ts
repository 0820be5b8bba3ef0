// Tells others of a share: everybody who follows it that somebody has written into it, or its owner that something is to be done.
import { isOurs, type ShareEntry } from '../model/entry.ts'
import { shareCheckpoint } from '../model/ids.ts'
import { shareDatabase } from '../../documents/names.ts'
import type { Deps } from '../deps.ts'

type Telling = Pick<Deps, 'registry' | 'users' | 'mark'>

/** @param except who wrote, and knows */
export async function announce(deps: Telling, share: string, except: string | null): Promise<void> {
  const { followers } = await readFollowers(deps, share)
  for (const owner of followers) if (owner !== except) deps.mark(owner, { feeds: new Set([share]) })
}

/**
 * The same, without those who have read all of it: most of what is heard of a share's database they have read already, because whoever
 * wrote it told them. The database is asked how far it goes: an `update_seq` at which somebody has ended has nothing after it.
 */
export async function announceUnread(
  deps: Telling & Pick<Deps, 'couch' | 'checkpoints' | 'portion'>,
  share: string,
): Promise<void> {
  const { couch, checkpoints, users, portion, mark } = deps
  const [info, { entry, followers: all }] = await Promise.all([
    couch.database(shareDatabase(share)).info(),
    readFollowers(deps, share),
  ])
  const followers = all.filter((owner) => portion.has(owner))
  const nameOf = (owner: string): string => shareCheckpoint(share, users.database(owner))
  const known = await checkpoints.read(followers.map(nameOf))
  // What is said of a database that was made anew meanwhile means nothing for the one before.
  const instance = String(entry?.rotations ?? 0)
  for (const owner of followers) {
    const checkpoint = known.get(nameOf(owner))
    const hasReadAll = checkpoint?.instance === instance && checkpoint.since === info?.update_seq
    if (!hasReadAll) mark(owner, { feeds: new Set([share]) })
  }
}

/** The owner of a share, and everybody who takes part in it; nobody where it has ended. */
async function readFollowers(
  { registry, users }: Pick<Deps, 'registry' | 'users'>,
  share: string,
): Promise<{ entry: ShareEntry | null; followers: string[] }> {
  const [entry, participants] = await Promise.all([registry.entry(share), registry.participants(share)])
  if (!entry || entry.state === 'ended') return { entry, followers: [] }
  const others = participants.filter(
    ({ state, subscriber, database }) => state === 'active' && database === users.database(subscriber),
  )
  const owners = isOurs(entry, users) ? [entry.owner] : []
  return { entry, followers: [...owners, ...others.map(({ subscriber }) => subscriber)] }
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
