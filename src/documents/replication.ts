// The replications that the daemon has run, as documents of `_replicator`.
import { isDeepStrictEqual } from 'node:util'
import pick from 'lodash/pick.js'

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
  worker_processes: number
  http_connections: number
}

/** How CouchDB reaches itself: databases need full URLs and credentials on both ends. */
export interface ReplicationServer {
  url: string
  user: string
  pass: string
}

/** What all of them have, from one database of a server to another. */
export function betweenDatabases(
  source: string,
  target: string,
  server: ReplicationServer,
): Omit<Replication, '_id'> {
  const authorization = `Basic ${Buffer.from(`${server.user}:${server.pass}`).toString('base64')}`
  const endpoint = (db: string): Endpoint => ({
    url: `${server.url}/${encodeURIComponent(db)}`,
    headers: { Authorization: authorization },
  })
  return {
    source: endpoint(source),
    target: endpoint(target),
    continuous: true,
    // A share's follows behind copies that are pushed, where more workers would only write them a second time; and of
    // those into personal databases there are many at once.
    worker_processes: 1,
    http_connections: 2,
  }
}

/** What chooses the documents: in a document that is the same, what is not wanted is not there either. */
const CHOICES = ['selector', 'filter', 'query_params', 'doc_ids']

/** True where a document of `_replicator` says what it should; what CouchDB adds (`owner`, states) does not count. */
export const sameReplication = (there: object, wanted: Replication): boolean =>
  isDeepStrictEqual(pick(there, [...Object.keys(wanted), ...CHOICES]), wanted)
