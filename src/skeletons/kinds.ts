// Which kind a database is of: told by its name alone, from the templates, from DATABASES and from MASTER_DATABASES.
import {
  CHECKPOINTS,
  isPersonalName,
  isShareId,
  OUTBOX_SUFFIX,
  parseGatewayUserDatabase,
  PERUSER_DATABASE,
  REGISTRY,
  ROUTES_SUFFIX,
  shareDatabase,
  SKELETON_PREFIX,
  type UserDatabases,
} from '../documents/names.ts'
import { SettingError } from '../documents/setting.ts'

/** What a folder of the skeleton may be called: a kind of database. */
export const KIND = /^[a-z][a-z0-9-]*$/

/** Kinds with a meaning of their own. All others are policies, put on databases by DATABASES and MASTER_DATABASES. */
export const FIXED_KINDS = [
  'user',
  'outbox',
  'share',
  'registry',
  'users',
  'replicator',
  'gateway-routes',
] as const
export type FixedKind = (typeof FIXED_KINDS)[number]

/** Those that every server has databases of; what they are to have is kept in `skeleton/<kind>`. */
export const KEPT_KINDS: readonly string[] = ['user', 'outbox', 'share'] satisfies FixedKind[]

/** The kind of all personal databases: no folder, but the union of `<kind>-user` of all masters in use. */
export const PERSONAL_KIND = 'personal'

/** No kind, but the folder with the sync functions of gateway databases. */
export const GATEWAY_FOLDER = 'gateway'

/** The kind of the indexes of gateways. */
export const ROUTES_KIND: FixedKind = 'gateway-routes'

/** What the name of a folder ends with whose design documents personal databases get because of a master. */
export const USER_KIND_SUFFIX = '-user'

/** True for the kind of what users get of a master. */
export const isUserKind = (kind: string): boolean => kind.endsWith(USER_KIND_SUFFIX)

/** The folder with what personal databases get because of a master of this kind. */
export const userKindOf = (kind: string): string => kind + USER_KIND_SUFFIX

/** True for the kinds that every server has. */
export const isFixedKind = (kind: string): kind is FixedKind =>
  (FIXED_KINDS as readonly string[]).includes(kind)

/** One entry of DATABASES: the databases whose names fit `pattern` are of this kind. */
export interface Assignment {
  /** A database name in which each `*` stands for any characters, none and `/` too. */
  pattern: string
  kind: string
}

/** A database that is of its kind by its name alone, as masters are. */
export interface NamedDatabase {
  database: string
  kind: string
}

/** https://docs.couchdb.org/en/stable/api/database/common.html#put--db, and `*` wherever a character may be. */
const PATTERN = /^[a-z*][a-z0-9_$()+/*-]*$/

/**
 * Reads `pattern=kind, pattern=kind`. Whether the skeleton has the kinds is another question.
 *
 * Kinds of masters, and their `-user` kinds, are refused, as is the name of a master or of a personal database: such an
 * entry would do something else than it says. A database under a master's kind would look like a master and give nobody
 * anything; one under a `-user` kind would look like a personal database and be nobody's; and a master, or a personal
 * database, has its kind already, so that the entry would be passed over in silence. A broad pattern that fits them too is
 * fine, as with user databases.
 * @throws {SettingError} naming the entry: no `=`, an illegal name, a fixed kind, one of a master, a pattern twice, or
 *   one that fits nothing but databases that are not free
 */
export function parseAssignments(
  text: string,
  users: UserDatabases,
  masters: readonly NamedDatabase[] = [],
): Assignment[] {
  const entries = text.split(',').map((entry) => entry.trim())
  const assignments = entries.filter((entry) => entry !== '').map((entry) => parseEntry(entry, users))
  for (const assignment of assignments) refuseConfusion(assignment, masters)
  for (const [at, { pattern }] of assignments.entries())
    if (assignments.findIndex((other) => other.pattern === pattern) !== at)
      throw new SettingError('a list that has each pattern once', pattern)
  return assignments
}

function parseEntry(entry: string, users: UserDatabases): Assignment {
  const [pattern = '', kind, ...more] = entry.split('=').map((part) => part.trim())
  if (kind === undefined || more.length > 0)
    throw new SettingError('a list of pattern=kind, like project_*=authors', entry)
  if (!PATTERN.test(pattern))
    throw new SettingError(
      'names of databases with * for any characters: a-z first, then a-z 0-9 _ $ ( ) + - /, none of CouchDB’s own',
      entry,
    )
  if (!KIND.test(kind)) throw new SettingError('kinds that are called as folders of the skeleton', entry)
  if (isFixedKind(kind) || kind === PERSONAL_KIND || kind === GATEWAY_FOLDER)
    throw new SettingError(
      `another kind than ${[...FIXED_KINDS, PERSONAL_KIND, GATEWAY_FOLDER].join(', ')}, which belong to other databases`,
      entry,
    )
  // What a pattern is for shows where each * is a letter; a broad one that fits others too just never gets them.
  if (!isFree(pattern.replaceAll('*', 'x'), users))
    throw new SettingError(
      'databases that are free: no user databases (userdb- and hex, too), personal ones (u and a UUID) or outboxes, no shares, none of the daemon’s own',
      entry,
    )
  return { pattern, kind }
}

function refuseConfusion({ pattern, kind }: Assignment, masters: readonly NamedDatabase[]): void {
  const entry = `${pattern}=${kind}`
  const master = masters.find((one) => kind === one.kind || kind === userKindOf(one.kind))
  if (master !== undefined)
    throw new SettingError(
      `another kind than ${master.kind} and ${userKindOf(master.kind)}, which belong to the master ${master.database}`,
      entry,
    )
  if (masters.some(({ database }) => database === pattern))
    throw new SettingError('other databases than those of MASTER_DATABASES', entry)
}

/** False for databases that no policy is ever put on: CouchDB's own, the daemon's own, shares, and those of users. */
export function isFree(db: string, users: UserDatabases): boolean {
  if (db.startsWith('_') || db === REGISTRY || db === CHECKPOINTS || db.startsWith(`${REGISTRY}/`))
    return false
  if (db.startsWith(shareDatabase('')) || db.startsWith(SKELETON_PREFIX)) return false
  // What users of another daemon have, with another template, or other settings, is not free either.
  if (db.endsWith(OUTBOX_SUFFIX) || db.endsWith(ROUTES_SUFFIX)) return false
  if (isPersonalName(db) || PERUSER_DATABASE.test(db)) return false
  return !users.isTaken(db) && parseGatewayUserDatabase(users, db) === null
}

/** What a database is, by its name. Whether a share is one of this daemon's, and whose a personal database is, only the registry knows. */
export type Place =
  | { kind: 'user'; db: string; owner: string }
  | { kind: 'outbox'; db: string; owner: string }
  | { kind: 'share'; db: string; share: string }
  | { kind: 'personal'; db: string }
  | { kind: 'policy'; db: string; policy: string }

/** Tells the kinds of databases apart. */
export interface Kinds {
  /** The kinds of masters and of DATABASES, each once, in the order of their first masters and patterns. */
  readonly policies: readonly string[]
  /** `<kind>-user` of the masters, each once: personal databases have what is in all of them. Empty without masters. */
  readonly userKinds: readonly string[]
  readonly assignments: readonly Assignment[]
  readonly masters: readonly NamedDatabase[]
  /** The databases that have sync functions. */
  readonly gateways: readonly string[]
  isMaster(db: string): boolean
  /** Null: none of the daemon's business. */
  placeOf(db: string): Place | null
}

/**
 * Compiles the patterns. Where several fit, the first one counts; a master is of its own kind whatever fits it, and what the
 * daemon makes for gateways is of none. Without
 * masters there are no personal databases, and what is called so is of none either.
 */
export function kindsOf(
  assignments: readonly Assignment[],
  users: UserDatabases,
  masters: readonly NamedDatabase[] = [],
  gateways: readonly string[] = [],
): Kinds {
  const patterns = assignments.map(({ pattern, kind }) => ({ fits: compile(pattern), kind }))
  const kindOfMaster = new Map(masters.map(({ database, kind }) => [database, kind]))
  const masterKinds = [...new Set(kindOfMaster.values())]
  return {
    policies: [...new Set([...masterKinds, ...assignments.map(({ kind }) => kind)])],
    userKinds: masterKinds.map(userKindOf),
    assignments,
    masters,
    gateways,
    isMaster: (db) => kindOfMaster.has(db),
    placeOf: (db) => {
      const owner = users.ownerOf(db)
      if (owner !== null) return { kind: 'user', db, owner }
      const outboxOwner = users.ownerOfOutbox(db)
      if (outboxOwner !== null) return { kind: 'outbox', db, owner: outboxOwner }
      if (db.startsWith(shareDatabase(''))) {
        const share = db.slice(shareDatabase('').length)
        return isShareId(share) ? { kind: 'share', db, share } : null
      }
      if (masters.length > 0 && isPersonalName(db)) return { kind: 'personal', db }
      if (!isFree(db, users)) return null
      const policy = kindOfMaster.get(db) ?? patterns.find(({ fits }) => fits(db))?.kind
      return policy === undefined ? null : { kind: 'policy', db, policy }
    },
  }
}

/** Does a name fit a pattern? By hand: a regular expression of many `*` can take time without end. */
function compile(pattern: string): (name: string) => boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return (name) => name === pattern
  return (name) => {
    if (!name.startsWith(first) || name.length < first.length + last.length || !name.endsWith(last))
      return false
    const end = name.length - last.length
    let at = first.length
    for (const part of rest) {
      const found = name.indexOf(part, at)
      if (found < 0 || found + part.length > end) return false
      at = found + part.length
    }
    return true
  }
}

/** True where a name fits the pattern of an assignment. */
export const fits = ({ pattern }: Assignment, db: string): boolean => compile(pattern)(db)
