// The replication that carries an owner's copies into a share, as a document of `_replicator`.
import { isDeepStrictEqual } from 'node:util'
import pick from 'lodash/pick.js'
import { copyRange, replicationId, shareDatabase } from './names.ts'

export interface Endpoint {
  url: string
  headers: { Authorization: string }
}

/** https://docs.couchdb.org/en/stable/replication/replicator.html */
export interface Replication {
  _id: string
  source: Endpoint
  target: Endpoint
  continuous: true
  selector: { _id: { $gte: string; $lt: string } }
  worker_processes: number
  http_connections: number
  /** Marks the document as the daemon's. */
  share: string
}

/** How CouchDB reaches itself: databases need full URLs and credentials on both ends. */
export interface ReplicationServer {
  url: string
  user: string
  pass: string
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
): Replication {
  const authorization = `Basic ${Buffer.from(`${server.user}:${server.pass}`).toString('base64')}`
  const endpoint = (db: string): Endpoint => ({
    url: `${server.url}/${encodeURIComponent(db)}`,
    headers: { Authorization: authorization },
  })
  const { startKey, endKey } = copyRange(share)
  const [source, target] = home === 'outbox' ? [outbox, shareDatabase(share)] : [shareDatabase(share), outbox]
  return {
    _id: replicationId(outbox, share, home),
    source: endpoint(source),
    target: endpoint(target),
    continuous: true,
    selector: { _id: { $gte: startKey, $lt: endKey } },
    // It follows behind copies that are pushed: more workers would only write them a second time.
    worker_processes: 1,
    http_connections: 2,
    share,
  }
}

/** True where a document of `_replicator` says what it should; what CouchDB adds (`owner`, states) does not count. */
export const sameReplication = (there: object, wanted: Replication): boolean =>
  isDeepStrictEqual(pick(there, Object.keys(wanted)), wanted)
