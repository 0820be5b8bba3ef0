// What the program runs with, read from the environment; each setting is in settings.ts.
import { readFileSync } from 'node:fs'
import { userDatabases, type UserDatabases } from '../documents/names.ts'
import { parseMasters, type Master } from '../provisioning/masters-setting.ts'
import { parseAssignments, type Assignment } from '../skeletons/kinds.ts'
import { ConfigError, display } from './faults.ts'
import { SettingsReader } from './reader.ts'
import { readAddress, readAdmin, readEmbedded } from './server.ts'
import type { Plain } from './settings.ts'

/** What the daemon runs with; times in milliseconds, folders absolute. */
export interface Config extends Plain {
  server: { kind: 'couchdb'; url: string } | { kind: 'embedded'; port: number; dataDir: string | null }
  admin: { user: string; pass: string }
  userDatabases: UserDatabases
  /** Which databases are under which policy of the skeleton; the first pattern that fits counts. */
  databases: Assignment[]
  /** The databases that give documents to personal databases; without any, nobody gets a personal database. */
  masters: Master[]
  publicLimits: { mostBytes: number; mostObjects: number; mostChanges: number }
  /** What one user may do; Infinity: without a limit. */
  userLimits: { mostShares: number; mostBytes: number }
}

/** Those of them that the daemon is given, with the URL of the server that is there by then. */
export type DaemonConfig = Pick<
  Config,
  | 'admin'
  | 'userDatabases'
  | 'databases'
  | 'masters'
  | 'personalDatabaseAttribute'
  | 'userDatabaseAttributes'
  | 'deprovision'
  | 'skeletonWarm'
  | 'concurrency'
  | 'replicationServer'
  | 'replicationIdleTimeoutMs'
  | 'replicationCheckIntervalMs'
  | 'outbox'
  | 'sweepIntervalMs'
  | 'deletionGraceMs'
  | 'publicLimits'
  | 'userLimits'
  | 'updatedAt'
> & { url: string }

const readTextFile = (path: string): string => readFileSync(path, 'utf8')

/**
 * Reads the settings from an environment; an empty value counts as unset.
 * @param readFile gives the text of a `…_FILE`; it throws where there is none.
 * @throws {ConfigError} with every fault there is
 */
export function loadConfig(env: Record<string, string | undefined>, readFile = readTextFile): Config {
  const settings = new SettingsReader(env, readFile)
  const address = readAddress(settings)
  const admin = readAdmin(settings, address)
  const databases = readDatabases(settings)
  checkAttributes(settings)
  const plain = settings.plain()
  const publicLimits = {
    mostObjects: settings.read('PUBLIC_MAX_OBJECTS'),
    mostBytes: settings.read('PUBLIC_MAX_BYTES'),
    mostChanges: settings.read('PUBLIC_MAX_CHANGES'),
  }
  const userLimits = {
    mostShares: settings.read('USER_MAX_SHARES'),
    mostBytes: settings.read('USER_MAX_BYTES'),
  }
  const embedded = readEmbedded(settings)
  if (settings.faults.length > 0) throw new ConfigError(settings.faults)
  const server = address ? { kind: 'couchdb', url: address.url } : { kind: 'embedded', ...embedded }
  // Without a fault every value is there: what has a default is not null, and nothing is undefined.
  return { server, admin, ...databases, ...plain, publicLimits, userLimits } as Config
}

/** Which databases are whose, and of which kind; undefined where a fault was noted. */
function readDatabases(
  settings: SettingsReader,
): Partial<Pick<Config, 'userDatabases' | 'masters' | 'databases'>> {
  const named = settings.read('USER_DATABASES')
  const role = settings.read('ACCOUNT_ROLE')
  // Nothing is checked against a template that is wrong itself, and masters that are wrong count as none.
  if (!named) return {}
  const users = userDatabases(named.template, role ?? undefined)
  const masters = settings.readList('MASTER_DATABASES', (text) => parseMasters(text, users))
  const databases = settings.readList('DATABASES', (text) => parseAssignments(text, users, masters))
  return { userDatabases: users, ...(masters && { masters }), ...(databases && { databases }) }
}

function checkAttributes(settings: SettingsReader): void {
  const personal = settings.read('PERSONAL_DATABASE_ATTRIBUTE')
  const others = settings.read('USER_DATABASE_ATTRIBUTES')
  if (personal && others?.includes(personal))
    settings.fault(
      'USER_DATABASE_ATTRIBUTES',
      'other attributes than `PERSONAL_DATABASE_ATTRIBUTE`',
      display(personal),
    )
}
