// Whose shares are, for whoever finds their databases on the server.
import type { UserDatabases } from '../documents/names.ts'
import { isOurs } from './model/entry.ts'
import type { Registry } from './registry.ts'

/**
 * The owners of those shares that are this daemon's and are not ended, by share: one that is noted for a user database of
 * another template is another daemon's.
 * @throws {CouchFault}
 */
export async function ownersOfShares(
  shares: string[],
  { registry, users }: { registry: Pick<Registry, 'entries'>; users: UserDatabases },
): Promise<Map<string, string>> {
  const entries = await registry.entries(shares)
  const ours = [...entries].filter(([, entry]) => entry.state !== 'ended' && isOurs(entry, users))
  return new Map(ours.map(([share, { owner }]) => [share, owner]))
}
