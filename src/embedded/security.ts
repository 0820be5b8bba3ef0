// `_security` of databases, and what it makes of a user: CouchDB's own rules. https://docs.couchdb.org/en/stable/api/database/security.html
import type { Database } from './databases.ts'
import { badRequest, orNull } from './faults.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'
import { isServerAdmin, type User } from './user.ts'

/** What CouchDB 3 gives to a new database. */
const ADMINS_ONLY: Json = { members: { roles: ['_admin'] }, admins: { roles: ['_admin'] } }

/** Nobody writes it as a document: who may would make oneself an admin. */
export const SECURITY_ID = '_local/_security'

/** Nothing else writes the document, so that what was read stays true. */
const known = new WeakMap<Database, Json>()

/** What `GET /db/_security` answers. Anybody may sign up in `_users`, as long as no admin says otherwise. */
export async function readSecurity(database: Database): Promise<Json> {
  const before = known.get(database)
  if (before !== undefined) return before
  const stored = (await readDocument(database))?.['security']
  const security = isJson(stored) ? stored : database.name === '_users' ? {} : ADMINS_ONLY
  if (!known.has(database)) known.set(database, security)
  return known.get(database) ?? security
}

/** Throws what CouchDB says of a malformed one, and writes nothing then. */
export async function writeSecurity(database: Database, security: Json): Promise<void> {
  checkSecurity(security)
  const rev = (await readDocument(database))?.['_rev']
  await database.pouch.put({ _id: SECURITY_ID, security, ...(rev === undefined ? {} : { _rev: rev }) })
  known.set(database, security)
}

/** May the user write design documents and `_security`? */
export function isDatabaseAdmin(user: User, security: Json): boolean {
  return isServerAdmin(user) || isListed(user, security['admins'])
}

/** May the user read? A database without members is everybody's, logged in or not. */
export function isMember(user: User, security: Json): boolean {
  const members = security['members'] ?? security['readers']
  const isPublic =
    (members === undefined || isJson(members)) &&
    listOf(members, 'names').length === 0 &&
    listOf(members, 'roles').length === 0
  return isPublic || isDatabaseAdmin(user, security) || isListed(user, members)
}

function isListed({ name, roles }: User, group: unknown): boolean {
  return (
    (name !== null && listOf(group, 'names').includes(name)) ||
    listOf(group, 'roles').some((role) => roles.includes(role as string))
  )
}

function listOf(group: unknown, kind: 'names' | 'roles'): unknown[] {
  const list = isJson(group) ? group[kind] : undefined
  return Array.isArray(list) ? list : []
}

function checkSecurity(security: Json): void {
  for (const group of [security['admins'], security['members'] ?? security['readers']]) {
    if (group === undefined) continue
    if (!isJson(group)) throw badRequest('admins or members must be a JSON list of strings')
    for (const kind of ['names', 'roles']) {
      const list = group[kind] ?? []
      const isFine = Array.isArray(list) && list.every((one) => typeof one === 'string')
      if (!isFine) throw badRequest(`${kind} must be a JSON list of strings`)
    }
  }
}

const readDocument = (database: Database): Promise<Json | null> => orNull(database.pouch.get(SECURITY_ID))
