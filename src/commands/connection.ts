// What commands that talk to the server begin with: settings, skeleton, and an admin's connection.
import { loadConfig, type Config } from '../config/config.ts'
import { UnansweredFault } from '../couch/advice.ts'
import { Couch } from '../couch/client.ts'
import { isFault, isUnanswered } from '../couch/fault.ts'
import type { KindDatabasesOptions } from '../skeletons/databases.ts'
import { loadGateways, type Gateway } from '../gateways/gateway.ts'
import { identify } from '../skeletons/install.ts'
import { createLogger, type Logger } from '../log.ts'
import { kindsOf, type Kinds } from '../skeletons/kinds.ts'
import { readOverlaid, SHIPPED_SKELETON, type Difference } from '../skeletons/overlay.ts'
import { kindsInSkeleton, type SkeletonOfKind } from '../skeletons/folder.ts'
import { OwnWrites } from '../engine/own-writes.ts'
import { ownershipOf } from '../daemon/ownership.ts'
import { layoutNow } from '../daemon/upgrade.ts'
import { ProvisionedUsers } from '../provisioning/provisioned-users.ts'
import { Registry } from '../shares/registry.ts'
import { checkMasters, checkPolicies, unusedFolders, type UnusedFolder } from '../config/skeleton-checks.ts'

export interface Connection extends KindDatabasesOptions {
  config: Config
  kinds: Kinds
  gateways: readonly Gateway[]
  registry: Registry
  provisionedUsers: ProvisionedUsers
  skeleton: ReadonlyMap<string, SkeletonOfKind>
  /** Between the folder of SKELETON and what is shipped. */
  differences: readonly Difference[]
  /** Folders in that of SKELETON. */
  unused: readonly UnusedFolder[]
  isEmbedded: boolean
  /** To stderr, warnings and worse. */
  log: Logger
}

/** The server that the settings name; without one, the embedded server of a daemon that runs here. */
export const urlOf = ({ server }: Pick<Config, 'server'>): string =>
  server.kind === 'couchdb' ? server.url : `http://127.0.0.1:${server.port}`

const kindsIn = ({ databases, userDatabases, masters }: Config, gateways: readonly Gateway[]): Kinds =>
  kindsOf(
    databases,
    userDatabases,
    masters,
    gateways.map(({ name }) => name),
  )

export interface Settings {
  config: Config
  skeleton: Map<string, SkeletonOfKind>
  differences: Difference[]
  unused: UnusedFolder[]
  gateways: Gateway[]
}

/** Settings, and as much of the skeleton as they need. @throws {ConfigError | SkeletonError} */
export async function readSettings(env: NodeJS.ProcessEnv): Promise<Settings> {
  const config = loadConfig(env)
  // Bundling what no database has would cost every start time, and a process.
  const { policies, userKinds } = kindsIn(config, [])
  const { skeleton, differences } = await readOverlaid(config.skeleton, [...policies, ...userKinds])
  const folder = config.skeleton
  const shipped = await kindsInSkeleton(SHIPPED_SKELETON)
  const own = folder === null ? new Set<string>() : await kindsInSkeleton(folder)
  checkPolicies(config, new Set([...shipped, ...own]))
  checkMasters(config, skeleton)
  const unused = folder === null ? [] : unusedFolders({ folder, own, shipped }, config)
  return { config, skeleton, differences, unused, gateways: await loadGateways(config) }
}

/**
 * Does something with the server, and closes the connection.
 * @throws {ConfigError | SkeletonError | InstallError} where there is nothing to work with
 * @throws {UnansweredFault} where the server does not answer, and {CouchFault} where it says no
 */
export async function withConnection<T>(
  env: NodeJS.ProcessEnv,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { config, skeleton, differences, unused, gateways } = await readSettings(env)
  const couch = new Couch({ url: urlOf(config), ...config.admin, connections: config.concurrency * 2 })
  try {
    const { isEmbedded } = await identify(couch).catch((error: unknown) => {
      // It was asked for no more than what it is.
      throw isFault(error) ? new UnansweredFault(couch.url, error) : error
    })
    await layoutNow(couch)
    const users = config.userDatabases
    const registry = new Registry(couch, new OwnWrites(), Date.now)
    const provisionedUsers = new ProvisionedUsers(couch, new OwnWrites(), Date.now)
    return await work({
      ...{ config, skeleton, differences, unused, couch, users, isEmbedded },
      kinds: kindsIn(config, gateways),
      gateways,
      ...{ registry, provisionedUsers },
      ownership: ownershipOf({ registry, provisionedUsers, users }),
      log: createLogger({
        level: 'warn',
        pretty: process.stderr.isTTY,
        destination: { write: (line) => void process.stderr.write(line) },
      }),
    })
  } catch (error) {
    throw isFault(error) && isUnanswered(error) ? new UnansweredFault(couch.url, error) : error
  } finally {
    await couch.close()
  }
}
