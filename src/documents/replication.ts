// The replications that the daemon has run, as documents of `_replicator`: a share's, and those into personal databases.
import { isDeepStrictEqual } from 'node:util'
import pick from 'lodash/pick.js'
import { copyRange, replicationId, shareDatabase } from './names.ts'

export interface Endpoint {
  url: string
  headers: { Authorization: string }
}

/** https://docs.couchdb.org/en/stable/replication/replicator.html */
interface ContinuousReplication {
  _id: string
  source: Endpoint
  target: Endpoint
  continuous: true
  worker_processes: number
  http_connections: number
}

/** Carries an owner's copies of a share; `share` marks the document as the daemon's. */
export interface ShareReplication extends ContinuousReplication {
  selector: { _id: { $gte: string; $lt: string } }
  share: string
}

/** Carries documents of a master into a user's personal database; `provision`, the user's name, marks it as the daemon's. */
export interface MasterReplication extends ContinuousReplication {
  selector?: object
  /** A function of the master's, as `<design document>/<function>`. */
  filter?: string
  /** What the function finds in `req.query`, where everything is text. */
  query_params?: { roles: string; name: string }
  provision: string
}

export type Replication = ShareReplication | MasterReplication

/** Which documents of a master a user has. */
export type MasterFilter =
  | { kind: 'selector'; selector: object }
  /** `filter` is `<design document>/<function>`. */
  | { kind: 'function'; filter: string; roles: readonly string[]; name: string }

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

/** The `_id` of the replication of a master into a personal database. */
export const masterReplicationId = (master: string, database: string): string => `${master} => ${database}`

/** The two databases of a replication's `_id`, unchecked, or null where it names none. */
export function endsOfReplication(id: string): { source: string; target: string } | null {
  const [source, target, ...more] = id.split(' => ')
  return source === undefined || target === undefined || more.length > 0 ? null : { source, target }
}

/** The replication of those documents of a master that a user may have into the user's personal database. */
export const masterReplication = ({
  master,
  database,
  name,
  server,
  filter,
}: {
  master: string
  /** The personal database. */
  database: string
  /** The user's. */
  name: string
  server: ReplicationServer
  filter: MasterFilter
}): MasterReplication => ({
  _id: masterReplicationId(master, database),
  ...betweenDatabases(master, database, server),
  ...(filter.kind === 'selector'
    ? { selector: filter.selector }
    : {
        filter: filter.filter,
        query_params: { roles: JSON.stringify([...filter.roles].sort()), name: filter.name },
      }),
  provision: name,
})

function betweenDatabases(
  source: string,
  target: string,
  server: ReplicationServer,
): Omit<ContinuousReplication, '_id'> {
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
