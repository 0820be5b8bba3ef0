// The password of a public share: what its owner asks for, and the account in `_users` by which CouchDB asks for it.
import { isDeepStrictEqual } from 'node:util'
import { kindOf, LONGEST_PASSWORD, problem, type Problem } from '../../documents/problem.ts'

/** What the `password` of a `$share` asks for: `kept` is what the daemon left there, by the name of the account. */
export type PasswordWish =
  | { kind: 'none' }
  | { kind: 'kept'; name: string }
  | { kind: 'new'; password: string }
  | { kind: 'malformed'; problem: Problem }

/** Reads `password`. A problem tells what kind of value was found, and never the value. */
export function parsePassword(value: unknown): PasswordWish {
  if (value === undefined || value === null) return { kind: 'none' }
  if (isShownPassword(value)) return { kind: 'kept', name: value.name }
  if (typeof value !== 'string') return malformed(kindOf(value))
  if (value === '') return malformed('an empty text')
  if (value.length > LONGEST_PASSWORD) return malformed(`a text of ${value.length} characters`)
  return { kind: 'new', password: value }
}

const malformed = (found: string): PasswordWish => ({
  kind: 'malformed',
  problem: problem('invalid_password', found),
})

/** What stands in place of a password that is in force. */
export interface ShownPassword {
  set: true
  name: string
}

/** What stands in the `$share` in place of the password. */
export const shownPassword = ({ name }: PasswordAccount): ShownPassword => ({ set: true, name })

const isShownPassword = (value: unknown): value is ShownPassword =>
  typeof value === 'object' &&
  value !== null &&
  'set' in value &&
  value.set === true &&
  'name' in value &&
  typeof value.name === 'string' &&
  Object.keys(value).length === 2

/**
 * What the registry remembers of a password: enough to write the account again, and to check a password, without the
 * clear text.
 */
export interface PasswordAccount {
  /** As one logs in with it: `share-<share>-<32 hex>`, the share's id cut where it is long. */
  name: string
  /** `share/<share>/<32 hex>`: its slashes keep it from being the hash of any user database. */
  role: string
  /** CouchDB takes the bytes of this text, not what it may be the hex of. */
  salt: string
  /** Lower-case hex. Its length says by which function it was derived (`PRFS`). */
  derivedKey: string
  iterations: number
}

/**
 * So much of a share's id goes into the name of its account. The name of a database has 238 characters at most, and
 * where couch_peruser cannot make one for an account, by `userdb-` and the hex of its name, it fails for all users of
 * the server, again and again (couch_peruser.erl, `ensure_user_db`).
 */
const LONGEST_SHARE_IN_NAME = 64

/** @param random 32 hex digits: they alone keep names apart */
export const accountName = (share: string, random: string): string =>
  `share-${share.slice(0, LONGEST_SHARE_IN_NAME)}-${random}`

/** @param random the same as in the account's name */
export const accountRole = (share: string, random: string): string => `share/${share}/${random}`

/**
 * The functions that CouchDB derives keys with, by its own names, and the bytes of their keys: always as many as the
 * function gives (couch_passwords.erl, `pbkdf2/4`).
 */
export const PRFS = { sha: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 } as const

export type Prf = keyof typeof PRFS

/** True for a function that CouchDB derives keys with. */
export const isPrf = (name: string): name is Prf => Object.hasOwn(PRFS, name)

/** How a server hashes passwords. https://docs.couchdb.org/en/stable/config/auth.html */
export interface Hashing {
  /** `simple` is deprecated; the daemon's accounts are `pbkdf2` all the same. */
  scheme: 'pbkdf2' | 'simple'
  prf: Prf
  iterations: number
  /** The server writes an account anew, in this form, when somebody logs in with it (`upgrade_hash_on_auth`). */
  rehashes: boolean
}

/** The function that an account's key was derived with; null for a key of another length, which lets nobody in. */
export const prfOf = ({ derivedKey }: Pick<PasswordAccount, 'derivedKey'>): Prf | null =>
  (Object.keys(PRFS) as Prf[]).find((prf) => PRFS[prf] * 2 === derivedKey.length) ?? null

/** The document that an account is. A type, since an interface cannot stand where any document may. */
export type AccountDoc = {
  _id: string
  type: 'user'
  name: string
  roles: string[]
  password_scheme: 'pbkdf2'
  pbkdf2_prf: Prf
  salt: string
  iterations: number
  derived_key: string
}

/** `org.couchdb.user:<name>`, as https://docs.couchdb.org/en/stable/intro/security.html says. */
export const accountDocumentId = (name: string): string => `org.couchdb.user:${name}`

/**
 * The account as CouchDB takes it without a `password`: then it stores what it is given (couch_users_db.erl,
 * `save_doc`). The key is PBKDF2 of the UTF-8 bytes of password and salt, neither of them normalised.
 *
 * From 3.4 on, `pbkdf2_prf` tells the function, and where it is missing that is `sha`, SHA-1 (couch_httpd_auth.erl,
 * `authenticate_int_pbkdf2`); 3.0 to 3.3 know SHA-1 only, and do not read `pbkdf2_prf` (couch_passwords.erl,
 * `SHA1_OUTPUT_LENGTH`). From 3.4 on, CouchDB also writes an account anew at a login where scheme, function or
 * iterations are not those of its settings, even where they are stronger (couch_password_hasher.erl, `needs_upgrade`;
 * by default in 3.4.0 and from 3.5.0 on). So no one form stays as it is on every 3.x: keys are derived as the server
 * itself would (`Hashing`), and then it leaves them alone.
 */
export const accountDoc = (account: PasswordAccount): AccountDoc => ({
  _id: accountDocumentId(account.name),
  type: 'user',
  name: account.name,
  roles: [account.role],
  password_scheme: 'pbkdf2',
  pbkdf2_prf: prfOf(account) ?? 'sha256',
  salt: account.salt,
  iterations: account.iterations,
  derived_key: account.derivedKey,
})

type Found = Readonly<Record<string, unknown>>

/**
 * True where the document, read with its conflicts, lets in exactly those who know the password, with exactly the
 * account's role. Attributes that CouchDB does not look at are not looked at here.
 */
export const isInForce = (doc: Found | null, account: PasswordAccount): boolean =>
  doc !== null && isUnhindered(doc) && says(doc, accountDoc(account))

/**
 * True where the document is the account as the server itself wrote it anew at a login, in the form that its settings
 * ask for now: with the same salt (`preserve_salt` in couch_password_hasher.erl), so that sessions go on.
 *
 * Whether the key is that of the same password cannot be told without the clear text: the account's holder may have
 * written one in just that form. It is believed all the same, else CouchDB and the daemon would overwrite each other at
 * every login. That can happen only where the server's settings have changed since the password was set, and ends
 * when it is set again. While the settings are those of the account, nothing is believed.
 */
export function isRehashed(doc: Found, account: PasswordAccount, hashing: Hashing): boolean {
  const { _id, type, name, roles, salt } = accountDoc(account)
  if (!hashing.rehashes || !isUnhindered(doc) || !says(doc, { _id, type, name, roles, salt })) return false
  if (hashing.scheme === 'simple')
    return says(doc, { password_scheme: 'simple' }) && typeof doc['password_sha'] === 'string'
  const { prf, iterations } = hashing
  if (prf === prfOf(account) && iterations === account.iterations) return false
  return (
    says(doc, { password_scheme: 'pbkdf2', pbkdf2_prf: prf, iterations }) &&
    typeof doc['derived_key'] === 'string' &&
    prfOf({ derivedKey: doc['derived_key'] }) === prf
  )
}

/** True where the document carries the account's role, which nobody but a server admin can have put there. */
export const carriesRole = (doc: Found, { role }: PasswordAccount): boolean =>
  Array.isArray(doc['roles']) && doc['roles'].includes(role)

/**
 * CouchDB lets nobody in by a document that has conflicts (chttpd_auth_cache.erl, `maybe_validate_user_creds`), nor by
 * the password alone where there is a `totp` (couch_httpd_auth.erl, `reject_if_totp`).
 */
const isUnhindered = (doc: Found): boolean =>
  doc['_deleted'] !== true &&
  !(Array.isArray(doc['_conflicts']) && doc['_conflicts'].length > 0) &&
  !Object.hasOwn(doc, 'totp')

const says = (doc: Found, wanted: object): boolean =>
  Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(doc[name], value))
