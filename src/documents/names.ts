// The names of things: which database is whose, and how documents of the daemon are called.
// Everything here is text in, text out; encoding for URLs happens in couch/.
import { isAccountDatabaseOwner } from './account-name.ts'

/** Share ids: a database `share/<id>` must be a legal CouchDB name. */
export const SHARE_ID = /^[a-z0-9][a-z0-9_-]{0,99}$/

/** What `{id}` in the template of user databases may stand for: legal in a database name, and no `/`. */
const OWNER = '[a-z0-9_$()+-]+'

/** https://docs.couchdb.org/en/stable/api/database/common.html#put--db */
const DATABASE_NAME = /^[a-z][a-z0-9_$()+/-]*$/

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

const SHARE_DOCUMENT_PREFIX = '$share/'
const SUBSCRIPTION_DOCUMENT_PREFIX = '$subscription/'
const INVITATION_DOCUMENT_PREFIX = '$invitation/'
const SUBSCRIPTION_PREFIX = 'subscription/'
const SHARE_PREFIX = 'share/'
const BASE_PREFIX = 'base/'
/** The key after those of all bases. */
export const BASES_END = 'base0'
/** What the name of an outbox ends with, whatever the template. */
export const OUTBOX_SUFFIX = '/$shares'

/** True for a string that may name a share. */
export const isShareId = (id: string): boolean => SHARE_ID.test(id)

/** `$share/<id>`: the document by which an owner asks for a share. */
export const shareDocumentId = (share: string): string => SHARE_DOCUMENT_PREFIX + share

/** The share id in `$share/<id>`, unchecked, or null where the document is no `$share`. */
export const shareOfDocument = (documentId: string): string | null =>
  documentId.startsWith(SHARE_DOCUMENT_PREFIX) ? documentId.slice(SHARE_DOCUMENT_PREFIX.length) : null

/** `$subscription/<id>`: the document by which a user takes part in somebody else's share. */
export const subscriptionDocumentId = (share: string): string => SUBSCRIPTION_DOCUMENT_PREFIX + share

/** The share id in `$subscription/<id>`, unchecked, or null where the document is none. */
export const shareOfSubscription = (documentId: string): string | null =>
  documentId.startsWith(SUBSCRIPTION_DOCUMENT_PREFIX)
    ? documentId.slice(SUBSCRIPTION_DOCUMENT_PREFIX.length)
    : null

/** `$invitation/<id>`: tells a user of a share that names him. */
export const invitationDocumentId = (share: string): string => INVITATION_DOCUMENT_PREFIX + share

/** The share id in `$invitation/<id>`, unchecked, or null where the document is none. */
export const shareOfInvitation = (documentId: string): string | null =>
  documentId.startsWith(INVITATION_DOCUMENT_PREFIX)
    ? documentId.slice(INVITATION_DOCUMENT_PREFIX.length)
    : null

/** The registry's document for a subscription. */
export const subscriptionEntryId = (share: string, subscriber: string): string =>
  `${SUBSCRIPTION_PREFIX}${share}/${subscriber}`

/** First and last possible id of the registry's documents for a share's subscriptions. */
export const subscriptionRange = (share: string): { startKey: string; endKey: string } => ({
  startKey: `${SUBSCRIPTION_PREFIX}${share}/`,
  endKey: `${SUBSCRIPTION_PREFIX}${share}0`,
})

/** Where it is noted how far a participant has followed a share database. No database is called so. */
export const shareCheckpoint = (share: string, database: string): string =>
  `${SHARE_PREFIX}${share} ${database}`

/** The database that members of a share read. */
export const shareDatabase = (share: string): string => SHARE_PREFIX + share

/** How many design documents a share database is born with. */
export const SHARE_DESIGN_DOCUMENTS = 2

/** The registry's document for a share. */
export const entryId = (share: string): string => SHARE_PREFIX + share

/** The share whose registry document this is, or null. */
export const shareOfEntry = (id: string): string | null =>
  id.startsWith(SHARE_PREFIX) ? id.slice(SHARE_PREFIX.length) : null

/** The document that a copy of `object` is, in the outbox and in the share: `share/<id>/<object id>`. */
export const copyId = (share: string, object: string): string => `${SHARE_PREFIX}${share}/${object}`

/** Share and object of a copy's id, or null where the id is not that of a copy. */
export function parseCopyId(id: string): { share: string; object: string } | null {
  if (!id.startsWith(SHARE_PREFIX)) return null
  const slash = id.indexOf('/', SHARE_PREFIX.length)
  if (slash < 0 || slash === id.length - 1) return null
  const share = id.slice(SHARE_PREFIX.length, slash)
  return isShareId(share) ? { share, object: id.slice(slash + 1) } : null
}

/** First and last possible id of a share's copies; `0` is the character after `/`. */
export const copyRange = (share: string): { startKey: string; endKey: string } => ({
  startKey: `${SHARE_PREFIX}${share}/`,
  endKey: `${SHARE_PREFIX}${share}0`,
})

/** The outbox document that remembers where an object has copies. */
export const baseId = (object: string): string => BASE_PREFIX + object

/** The object of a base's id, or null. */
export const objectOfBase = (id: string): string | null =>
  id.startsWith(BASE_PREFIX) ? id.slice(BASE_PREFIX.length) : null

/** Objects are all documents of a user but those whose id begins with `_` or `$`. */
export const isObjectId = (id: string): boolean => id !== '' && !id.startsWith('_') && !id.startsWith('$')

/**
 * The `_id` of the replication between an owner's outbox and a share, as Hoodie's shares worker named it; where others write into
 * the share, it goes the other way round.
 */
export const replicationId = (outbox: string, share: string, home: 'outbox' | 'share' = 'outbox'): string =>
  home === 'outbox' ? `${outbox} => ${shareDatabase(share)}` : `${shareDatabase(share)} => ${outbox}`

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
