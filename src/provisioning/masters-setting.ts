// Master databases: which databases give documents to the personal databases of users, and of which kind each is.
import {
  FIXED_KINDS,
  GATEWAY_FOLDER,
  isFixedKind,
  isFree,
  isUserKind,
  KIND,
  PERSONAL_KIND,
  USER_KIND_SUFFIX,
  type NamedDatabase,
} from '../skeletons/kinds.ts'
import { isDatabaseName, isPersonalName, type UserDatabases } from '../documents/names.ts'
import { SettingError } from '../documents/setting.ts'

/** One entry of MASTER_DATABASES. */
export interface Master extends NamedDatabase {
  /** The folder of the skeleton whose design documents the master has; `<kind>-user` has those of personal databases. */
  kind: string
}

/** Of a master that is named without a kind. */
const DEFAULT_KIND = 'provisioning'

/**
 * Reads `database=kind, database`; without a kind it is `provisioning`. Whether the skeleton has the kinds is another
 * question.
 * @throws {SettingError} naming the entry: an illegal name, a database that is not free or that may be a user's, a kind that
 *   has another meaning, a database twice; or where user databases are called as personal ones are
 */
export function parseMasters(text: string, users: UserDatabases): Master[] {
  const entries = text.split(',').map((entry) => entry.trim())
  const masters = entries.filter((entry) => entry !== '').map((entry) => parseEntry(entry, users))
  for (const [at, { database }] of masters.entries())
    if (masters.findIndex((other) => other.database === database) !== at)
      throw new SettingError('a list that has each database once', database)
  // Then two would say whose a database is: its name, and the registry.
  if (masters.length > 0 && fitsPersonalNames(users))
    throw new SettingError(
      `unset where USER_DATABASES is ${users.template}: personal databases, u and a UUID, are called so too`,
      text,
    )
  return masters
}

function parseEntry(entry: string, users: UserDatabases): Master {
  const [database = '', kind = DEFAULT_KIND, ...more] = entry.split('=').map((part) => part.trim())
  if (more.length > 0) throw new SettingError('a list of database=kind, like cdr-master=cdrs', entry)
  if (!isDatabaseName(database))
    throw new SettingError(
      'exact names of databases: a-z first, then a-z 0-9 _ $ ( ) + - /, none of CouchDB’s own',
      entry,
    )
  if (isPersonalName(database))
    throw new SettingError('other databases than those that may be a user’s, u and a UUID', entry)
  if (!isFree(database, users))
    throw new SettingError(
      'databases that are free: no user databases or outboxes, no shares, none of the daemon’s own',
      entry,
    )
  if (!KIND.test(kind)) throw new SettingError('kinds that are called as folders of the skeleton', entry)
  if (isFixedKind(kind) || kind === PERSONAL_KIND || kind === GATEWAY_FOLDER || isUserKind(kind))
    throw new SettingError(
      `another kind than ${[...FIXED_KINDS, PERSONAL_KIND, GATEWAY_FOLDER].join(', ')} or …${USER_KIND_SUFFIX}, which belong to other databases`,
      entry,
    )
  return { database, kind }
}

const SOME_PERSONAL_NAME = 'u00000000-0000-0000-0000-000000000000'

/** True where a name may fit the template and be a personal database's. */
function fitsPersonalNames({ template }: UserDatabases): boolean {
  const [prefix = '', suffix = ''] = template.split('{id}')
  const end = SOME_PERSONAL_NAME.length - suffix.length
  return end > prefix.length && isPersonalName(prefix + SOME_PERSONAL_NAME.slice(prefix.length, end) + suffix)
}
