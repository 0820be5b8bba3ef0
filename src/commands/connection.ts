// What commands that talk to the server begin with: settings, skeleton, and an admin's connection.
import { checkPolicies, loadConfig, type Config } from '../config.ts'
import { Couch } from '../couch/client.ts'
import type { KindDatabasesOptions } from '../feed/kind-databases.ts'
import { identify } from '../install.ts'
import { createLogger, type Logger } from '../log.ts'
import { kindsOf, type Kinds } from '../model/kinds.ts'
import { readSkeleton, type SkeletonOfKind } from '../skeleton.ts'
import { OwnWrites } from '../write/own-writes.ts'
import { Registry } from '../write/registry.ts'

export interface Connection extends KindDatabasesOptions {
  config: Config
  kinds: Kinds
  skeleton: ReadonlyMap<string, SkeletonOfKind>
  isEmbedded: boolean
  /** To stderr, warnings and worse. */
  log: Logger
}

/** The server that the settings name; without one, the embedded server of a daemon that runs here. */
export const urlOf = ({ server }: Pick<Config, 'server'>): string =>
  server.kind === 'couchdb' ? server.url : `http://127.0.0.1:${server.port}`

/** Settings, and as much of the skeleton as they need. @throws {ConfigError | SkeletonError} */
export async function readSettings(
  env: NodeJS.ProcessEnv,
): Promise<{ config: Config; skeleton: Map<string, SkeletonOfKind> }> {
  const config = loadConfig(env)
  // Bundling what no database has would cost every start time, and a process.
  const skeleton = await readSkeleton(
    config.skeleton,
    kindsOf(config.databases, config.userDatabases).policies,
  )
  checkPolicies(config, skeleton)
  return { config, skeleton }
}

/**
 * Does something with the server, and closes the connection.
 * @throws {ConfigError | SkeletonError | InstallError} where there is nothing to work with
 * @throws {CouchFault} where the server does not answer
 */
export async function withConnection<T>(
  env: NodeJS.ProcessEnv,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { config, skeleton } = await readSettings(env)
  const couch = new Couch({ url: urlOf(config), ...config.admin, connections: config.concurrency * 2 })
  try {
    const { isEmbedded } = await identify(couch)
    const users = config.userDatabases
    return await work({
      ...{ config, skeleton, couch, users, isEmbedded },
      kinds: kindsOf(config.databases, users),
      registry: new Registry(couch, new OwnWrites(), Date.now),
      log: createLogger({
        level: 'warn',
        pretty: process.stderr.isTTY,
        destination: { write: (line) => void process.stderr.write(line) },
      }),
    })
  } finally {
    await couch.close()
  }
}
