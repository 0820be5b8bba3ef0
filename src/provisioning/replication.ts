// The replications of masters into personal databases, as documents of `_replicator`.
import { type Replication, type ReplicationServer, betweenDatabases } from '../documents/replication.ts'

/** Carries documents of a master into a user's personal database; `provision`, the user's name, marks it as the daemon's. */
export interface MasterReplication extends Replication {
  selector?: object
  /** A function of the master's, as `<design document>/<function>`. */
  filter?: string
  /** What the function finds in `req.query`, where everything is text. */
  query_params?: { roles: string; name: string }
  provision: string
}

/** Which documents of a master a user has. */
export type MasterFilter =
  | { kind: 'selector'; selector: object }
  /** `filter` is `<design document>/<function>`. */
  | { kind: 'function'; filter: string; roles: readonly string[]; name: string }

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
