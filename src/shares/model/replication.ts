// The replication of a share, as a document of `_replicator`.
import { shareDatabase } from '../../documents/names.ts'
import { copyRange, replicationId } from './ids.ts'
import { type Replication, type ReplicationServer, betweenDatabases } from '../../documents/replication.ts'

/** Carries an owner's copies of a share; `share` marks the document as the daemon's. */
export interface ShareReplication extends Replication {
  selector: { _id: { $gte: string; $lt: string } }
  share: string
}

/**
 * The replication of a share, from where its copies are written to the other side; the range of ids is a selector,
 * which CouchDB evaluates in Erlang.
 */
export function shareReplication(
  share: string,
  outbox: string,
  server: ReplicationServer,
  home: 'outbox' | 'share' = 'outbox',
): ShareReplication {
  const { startKey, endKey } = copyRange(share)
  const [source, target] = home === 'outbox' ? [outbox, shareDatabase(share)] : [shareDatabase(share), outbox]
  return {
    _id: replicationId(outbox, share, home),
    ...betweenDatabases(source, target, server),
    selector: { _id: { $gte: startKey, $lt: endKey } },
    share,
  }
}
