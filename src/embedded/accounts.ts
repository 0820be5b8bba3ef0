// Accounts of `_users`: who logs in with them, and what may be written into them.
import type { Database, Databases } from './databases.ts'
import { CouchFault, notFound, orNull } from './faults.ts'
import type { Json } from './packages.ts'
import { Passwords } from './passwords.ts'
import { isDatabaseAdmin } from './security.ts'
import type { User } from './user.ts'

const PREFIX = 'org.couchdb.user:'

/** True for the database of accounts. */
export const isUsers = ({ name }: Pick<Database, 'name'>): boolean => name === '_users'

/** The user whose document that is; null for every other document. */
export const accountNameOf = (id: string): string | null =>
  id.startsWith(PREFIX) ? id.slice(PREFIX.length) : null

/** Somebody who has an account, and what makes sessions end when it changes. */
export interface Known {
  user: User
  salt: string
}

/** True where they are the admin's. */
export type CheckCredentials = (name: string, password: string) => boolean

/** The accounts of one server. */
export class Accounts {
  readonly #databases: Databases
  readonly #adminName: string
  readonly #isAdmin: CheckCredentials
  readonly #passwords = new Passwords()

  constructor(databases: Databases, adminName: string, isAdmin: CheckCredentials) {
    this.#databases = databases
    this.#adminName = adminName
    this.#isAdmin = isAdmin
  }

  /** Null where there is no such account. The admin's name means nobody else, whatever `_users` says. */
  async find(name: string): Promise<Known | null> {
    if (name === this.#adminName) return { user: { name, roles: ['_admin'] }, salt: '' }
    const doc = await this.#read(name)
    return doc === null ? null : known(name, doc)
  }

  /** Null where the name or the password is wrong. */
  async logIn(name: string, password: string): Promise<Known | null> {
    if (name === this.#adminName) return this.#isAdmin(name, password) ? this.find(name) : null
    const doc = await this.#read(name)
    return doc !== null && (await this.#passwords.verify(doc, password)) ? known(name, doc) : null
  }

  async #read(name: string): Promise<Json | null> {
    const database = this.#databases.get('_users')
    if (database === undefined || name === '') return null
    return orNull(database.pouch.get(PREFIX + name))
  }
}

function known(name: string, doc: Json): Known {
  const roles = Array.isArray(doc['roles']) ? (doc['roles'] as unknown[]) : []
  const salt = doc['salt']
  return {
    user: { name, roles: roles.filter((role): role is string => isRole(role)) },
    salt: typeof salt === 'string' ? salt : '',
  }
}

/** Roles that begin with `_` are the server's to give; CouchDB lets one of them stand in an account. */
const isRole = (role: unknown): role is string =>
  typeof role === 'string' && (!role.startsWith('_') || role === '_metrics')

/** What CouchDB does before all else: whose document it is not does not learn whether it is there. Throws. */
export function checkOwner(doc: Json, user: User, security: Json): void {
  const isOwn = user.name === null || accountNameOf(String(doc['_id'])) === user.name
  if (!isOwn && !isDatabaseAdmin(user, security)) throw notFound('missing')
}

/**
 * What CouchDB's `_design/_auth` says of a document of `_users`. Throws its refusals.
 * https://github.com/apache/couchdb/blob/main/src/couch/include/couch_js_functions.hrl
 */
export function checkAccount(doc: Json, before: Json | null, user: User, security: Json): void {
  const isAdmin = isDatabaseAdmin(user, security)
  if (doc['_deleted'] === true) {
    if (isAdmin || (user.name !== null && user.name === before?.['name'])) return
    throw forbidden('Only admins may delete other user docs.')
  }
  const { type, name, roles } = doc
  if (type !== 'user') throw forbidden('doc.type must be user')
  if (typeof name !== 'string' || name === '') throw forbidden('doc.name is required')
  if (!Array.isArray(roles)) throw forbidden('doc.roles must exist, and be an array')
  if (!roles.every((role) => typeof role === 'string')) throw forbidden('doc.roles can only contain strings')
  if (doc['_id'] !== PREFIX + name) throw forbidden('Doc ID must be of the form org.couchdb.user:name')
  const old = before === null || before['_deleted'] === true ? null : before
  if (old !== null && old['name'] !== name) throw forbidden('Usernames can not be changed.')
  checkHash(doc)
  if (!isAdmin) checkOwnChange(doc, old, roles, user)
  if (!roles.every(isRole)) throw forbidden('No system roles (starting with underscore) in users db.')
  if (name.startsWith('_')) throw forbidden('Username may not start with underscore.')
  if (name.includes(':')) throw forbidden('Character `:` is not allowed in usernames.')
}

function checkOwnChange({ name }: Json, old: Json | null, roles: string[], user: User): void {
  if (old === null) {
    if (roles.length > 0) throw forbidden('Only _admin may set roles')
    return
  }
  if (user.name !== name) throw forbidden('You may only update your own user document.')
  const before = Array.isArray(old['roles']) ? (old['roles'] as unknown[]) : []
  if (JSON.stringify([...before].sort()) !== JSON.stringify([...roles].sort()))
    throw forbidden('Only _admin may edit roles')
}

function checkHash({ password_sha, salt, password_scheme: scheme, iterations, derived_key }: Json): void {
  if (password_sha && !salt) throw forbidden('Users with password_sha must have a salt.')
  if (scheme && !['simple', 'pbkdf2', 'simple+pbkdf2'].includes(scheme as string))
    throw forbidden('This password scheme is not supported.')
  if (scheme !== 'pbkdf2') return
  if (typeof iterations !== 'number') throw forbidden('iterations must be a number.')
  if (typeof derived_key !== 'string') throw forbidden('derived_key must be a string.')
}

const forbidden = (reason: string): CouchFault => new CouchFault(403, 'forbidden', reason)
