// Replications of shares that were there when the daemon started: taken over, brought up to date with the settings, or cancelled.
import { isOurs, type ShareEntry } from './model/entry.ts'
import type { Deps } from './deps.ts'

/**
 * Goes once through the daemon's documents of `_replicator`, which turns may do something about meanwhile. Those of another
 * template, and of owners who are elsewhere, are another daemon's.
 * @throws {CouchFault}
 */
export async function adoptReplications(deps: Deps): Promise<void> {
  const { replicator, leases, registry, users, log } = deps
  for await (const { share, _id: id } of replicator.documents('share')) {
    const entry = await registry.entry(share)
    // Shares that are being opened or taken apart see to their replications themselves.
    if (!isReplicationOurs(deps, entry, id) || entry?.state === 'opening' || entry?.state === 'ending')
      continue
    const home = entry?.home ?? 'outbox'
    if (entry?.state !== 'active' || leases.id(share, entry.owner, home) !== id) {
      const done = await leases.cancel(share, id)
      if (done === 'cancelled') log.info({ share }, 'replication without a share, cancelled')
      continue
    }
    const done = await leases.adopt(share, entry.owner, home)
    if (done === 'corrected')
      log.info({ share, db: users.outbox(entry.owner) }, 'replication brought up to date')
  }
}

/** @param id names an outbox, which tells of one whose share nobody knows */
function isReplicationOurs({ users, portion }: Deps, entry: ShareEntry | null, id: string): boolean {
  if (entry !== null) return isOurs(entry, users) && portion.has(entry.owner)
  const owners = id.split(' => ').flatMap((db) => users.ownerOfOutbox(db) ?? [])
  return owners.some(portion.has)
}
