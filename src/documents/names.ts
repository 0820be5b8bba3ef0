// The names of things: which database is whose, and how documents of the daemon are called.
// Everything here is text in, text out; encoding for URLs happens in couch/.
import { isAccountDatabaseOwner } from './account-name.ts'

/** Share ids: a database `share/<id>` must be a legal CouchDB name. */
export const SHARE_ID = /^[a-z0-9][a-z0-9_-]{0,99}$/

/** What `{id}` in the template of user databases may stand for: legal in a database name, and no `/`. */
const OWNER = '[a-z0-9_$()+-]+'

/** https://docs.couchdb.org/en/stable/api/database/common.html#put--db */
const DATABASE_NAME = /^[a-z][a-z0-9_$()+/-]*$/

/** The databases that CouchDB has for itself: the only ones whose names begin with `_`. https://docs.couchdb.org/en/stable/setup/single-node.html */
export const SYSTEM_DATABASES = ['_users', '_replicator', '_global_changes'] as const

/** True for a name that CouchDB gives to a database, none of its own. */
export const isDatabaseName = (name: string): boolean => DATABASE_NAME.test(name)

/** A document for each share, subscription and provisioned user, for admins only. */
export const REGISTRY = 'shares'
/** How far each database was read, for admins only. */
export const CHECKPOINTS = 'shares/checkpoints'
/** What provisioning remembers that is no authority: which roles a master's documents had, what is being taken out. */
export const PROVISIONING = 'shares/provisioning'
/** `skeleton/<kind>` holds what the databases of a kind are to have. */
export const SKELETON_PREFIX = 'skeleton/'
export const SHARE_PREFIX = 'share/'
/** What the name of an outbox ends with, whatever the template. */
export const OUTBOX_SUFFIX = '/$shares'

/** True for a string that may name a share. */
export const isShareId = (id: string): boolean => SHARE_ID.test(id)

/** The database that members of a share read. */
export const shareDatabase = (share: string): string => SHARE_PREFIX + share

/** Objects are all documents of a user but those whose id begins with `_` or `$`. */
export const isObjectId = (id: string): boolean => id !== '' && !id.startsWith('_') && !id.startsWith('$')

/** Tells user databases and their outboxes from all others. */
export interface UserDatabases {
  /** The template as configured, e.g. `user/{id}`. */
  readonly template: string
  /** The literal text before `{id}`: a range of `_all_dbs`. */
  readonly prefix: string
  /** Owner of a user database, or null where `db` is none. */
  ownerOf(db: string): string | null
  /** Owner of an outbox, or null where `db` is none. */
  ownerOfOutbox(db: string): string | null
  /** True for each name that fits the template, or is an outbox's: accounts of passwords have such databases too. */
  isTaken(db: string): boolean
  database(owner: string): string
  outbox(owner: string): string
  /** The role of the account that an owner's user database belongs to. */
  roleOf(owner: string): string
  /** The owner that a role of an account stands for, or null where it is another role. */
  ownerOfRole(role: string): string | null
}

/** A template that cannot be used; `expected` completes the sentence "expected …". */
export class TemplateError extends Error {
  readonly expected: string
  constructor(expected: string) {
    super(`expected ${expected}`)
    this.name = 'TemplateError'
    this.expected = expected
  }
}

const escapeRegExp = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')

/**
 * Compiles a template such as `user/{id}` or `userdb-{id}`.
 * @param accountRole how accounts are called by roles: `{id}`, `id:{id}` (Hoodie since 2016), `user:{id}` (CouchAuth)
 * @throws {TemplateError} without exactly one `{id}`, with an illegal database name around it,
 *   or where it would also match a database of the daemon or of CouchDB.
 */
export function userDatabases(template: string, accountRole = '{id}'): UserDatabases {
  const { roleOf, ownerOfRole } = accountRoles(accountRole)
  const parts = template.split('{id}')
  const [prefix, suffix] = parts
  if (parts.length !== 2 || prefix === undefined || suffix === undefined)
    throw new TemplateError('a template with exactly one {id}, like user/{id} or userdb-{id}')
  if (!DATABASE_NAME.test(`${prefix}x${suffix}`) || prefix === '')
    throw new TemplateError(
      'legal characters of a database name around {id}: a-z first, then a-z 0-9 _ $ ( ) + - /',
    )
  if (suffix.endsWith(OUTBOX_SUFFIX))
    throw new TemplateError(`another ending than ${OUTBOX_SUFFIX}, which names outboxes`)

  const pattern = new RegExp(`^${escapeRegExp(prefix)}(${OWNER})${escapeRegExp(suffix)}$`)
  const ownerOf = (db: string): string | null => {
    const owner = pattern.exec(db)?.[1] ?? null
    // couch_peruser makes a database for the account of a password: it is no user's.
    return owner === null || isAccountDatabaseOwner(owner) ? null : owner
  }
  const taken = [REGISTRY, CHECKPOINTS, 'share/x', 'skeleton/x'].find((name) => ownerOf(name) !== null)
  if (taken !== undefined || 'share/'.startsWith(prefix) || prefix.startsWith('share/'))
    throw new TemplateError(
      `a template that does not match the daemon's own databases (${taken ?? 'share/…'})`,
    )

  const database = (owner: string): string => prefix + owner + suffix
  return {
    template,
    prefix,
    ownerOf,
    isTaken: (db) => pattern.test(db.endsWith(OUTBOX_SUFFIX) ? db.slice(0, -OUTBOX_SUFFIX.length) : db),
    ownerOfOutbox: (db) => (db.endsWith(OUTBOX_SUFFIX) ? ownerOf(db.slice(0, -OUTBOX_SUFFIX.length)) : null),
    database,
    outbox: (owner) => database(owner) + OUTBOX_SUFFIX,
    roleOf,
    ownerOfRole,
  }
}

function accountRoles(template: string): Pick<UserDatabases, 'roleOf' | 'ownerOfRole'> {
  const parts = template.split('{id}')
  const [prefix, suffix] = parts
  // Roles that begin with `_` are CouchDB's.
  if (parts.length !== 2 || prefix === undefined || suffix === undefined || prefix.startsWith('_'))
    throw new TemplateError('a template with exactly one {id}, like {id}, id:{id} or user:{id}')
  const pattern = new RegExp(`^${escapeRegExp(prefix)}(.+)${escapeRegExp(suffix)}$`, 's')
  return {
    roleOf: (owner) => prefix + owner + suffix,
    ownerOfRole: (role) => pattern.exec(role)?.[1] ?? null,
  }
}

/** As couch_peruser calls them unless it is told otherwise. https://docs.couchdb.org/en/stable/config/couch-peruser.html */
export const PERUSER_DATABASE = /^userdb-(?:[0-9a-f]{2})+$/

/** A personal database is called `u` and a UUID (docs/provisioning.md). */
const PERSONAL_DATABASE = /^u[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** True for a name that a personal database may have. */
export const isPersonalName = (name: unknown): name is string =>
  typeof name === 'string' && PERSONAL_DATABASE.test(name)

/** What the name of an index of routes ends with; no legal name of a gateway has a `/`. */
export const ROUTES_SUFFIX = '/$routes'

/** The admins' database with where each document of a gateway goes, and with the gateway's users. */
export const routesDatabase = (gateway: string): string => gateway + ROUTES_SUFFIX

/** `user/<hash>/<gateway>`: what one user may see of a gateway, and where the user writes. */
export const gatewayUserDatabase = (users: UserDatabases, owner: string, gateway: string): string =>
  `${users.database(owner)}/${gateway}`

/** Whose of which gateway a database is by its name, or null where it is none. */
export function parseGatewayUserDatabase(
  users: UserDatabases,
  db: string,
): { owner: string; gateway: string } | null {
  const slash = db.lastIndexOf('/')
  const owner = slash < 0 ? null : users.ownerOf(db.slice(0, slash))
  return owner === null ? null : { owner, gateway: db.slice(slash + 1) }
}
