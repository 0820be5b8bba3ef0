// Replications of shares that were there when the daemon started: taken over, brought up to date with the settings, or cancelled.
import { sameReplication } from '../documents/replication.ts'
import type { Deps } from './deps.ts'

/** Goes through the daemon's documents of `_replicator` once. Those of another template are another daemon's. */
export async function adoptReplications({ replicator, leases, registry, users, log }: Deps): Promise<void> {
  for await (const doc of replicator.documents('share')) {
    const { share, _id: id } = doc
    const entry = await registry.entry(share)
    const isOurs = entry
      ? users.database(entry.owner) === entry.database
      : id.split(' => ').some((db) => users.ownerOfOutbox(db) !== null)
    const home = entry?.home ?? 'outbox'
    // Shares that are being opened or taken apart see to their replications themselves.
    if (!isOurs || entry?.state === 'opening' || entry?.state === 'ending') continue
    if (entry?.state !== 'active' || leases.id(share, entry.owner, home) !== id) {
      log.info({ share }, 'replication without a share, cancelled')
      await replicator.stop(id)
    } else if (sameReplication(doc, leases.replication(share, entry.owner, home)))
      leases.adopt(share, entry.owner, home)
    else {
      log.info({ share, db: users.outbox(entry.owner) }, 'replication brought up to date')
      await leases.start(share, entry.owner, home)
    }
  }
}
