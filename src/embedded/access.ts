// What a request needs that no server admin makes: CouchDB's rules, and nothing of what is not known to be harmless.
// https://github.com/apache/couchdb/blob/main/src/chttpd/src/chttpd_auth_request.erl
import { accountNameOf } from './accounts.ts'
import type { Databases } from './databases.ts'
import { databaseMissing, notFound } from './faults.ts'
import { isDatabaseAdmin, isMember, readSecurity } from './security.ts'
import { denied, isServerAdmin, unauthorized } from './user.ts'
import type { Request } from './request.ts'

export type Need = 'nothing' | 'member' | 'database admin' | 'server admin'

/** Throws where the user may not ask for that. Whoever is told of a database that is not there might have been its member. */
export async function assertAllowed(databases: Databases, request: Request): Promise<void> {
  const { user, method, parts } = request
  if (isServerAdmin(user)) return
  const need = needOf(method, parts)
  if (need === 'nothing') return
  if (need === 'server admin') throw unauthorized('You are not a server admin.')
  const [name = '', id = ''] = parts
  const database = databases.get(name)
  if (database === undefined) throw databaseMissing()
  const security = await readSecurity(database)
  if (!isMember(user, security))
    throw denied(user, `You are not ${user.name === null ? 'authorized' : 'allowed'} to access this db.`)
  request.entered = database
  if (isDatabaseAdmin(user, security)) return
  if (need === 'database admin') throw denied(user, 'You are not a db or server admin.')
  // Of an account nobody else learns whether it is there, but by signing up under its name.
  const isAccount = name === '_users' && parts.length === 2 && !id.startsWith('_') && method !== 'PUT'
  if (isAccount && (user.name === null || accountNameOf(id) !== user.name)) throw notFound('missing')
}

const isRead = (method: string): boolean => method === 'GET' || method === 'HEAD'
const isWrite = (method: string): boolean => method === 'PUT' || method === 'DELETE'

const OPEN = new Set(['_up', '_session', '_uuids', '_utils', 'favicon.ico'])

/** Of a database: what its members may ask for, and how. */
const FOR_MEMBERS = new Map<string, readonly string[]>([
  ['_all_docs', ['GET', 'HEAD', 'POST']],
  ['_bulk_docs', ['POST']],
  ['_bulk_get', ['POST']],
  ['_changes', ['GET', 'HEAD', 'POST']],
  ['_ensure_full_commit', ['POST']],
  ['_explain', ['POST']],
  ['_find', ['POST']],
  ['_index', ['GET', 'HEAD']],
  ['_revs_diff', ['POST']],
  ['_security', ['GET', 'HEAD']],
])
const FOR_DATABASE_ADMINS = new Map<string, readonly string[]>([
  ['_compact', ['POST']],
  ['_index', ['POST', 'DELETE']],
  ['_security', ['PUT']],
  ['_view_cleanup', ['POST']],
])
/** Of a design document: what is more than reading it. */
const FUNCTIONS = new Map<string, readonly string[]>([
  ['_info', ['GET', 'HEAD']],
  ['_list', ['GET', 'HEAD', 'POST']],
  ['_show', ['GET', 'HEAD', 'POST']],
  ['_update', ['PUT', 'POST']],
  ['_view', ['GET', 'HEAD', 'POST']],
])

/** @param parts as `partsOf` gives them */
export function needOf(method: string, parts: readonly string[]): Need {
  const [first = '', second = ''] = parts
  if (parts.length === 0) return 'nothing'
  if (OPEN.has(first)) return 'nothing'
  if (parts.includes('')) return 'server admin'
  if (first === '_users') return needOfAccounts(method, parts)
  if (first.startsWith('_')) return 'server admin'
  if (parts.length === 1) return isRead(method) || method === 'POST' ? 'member' : 'server admin'
  if (second === '_design') return needOfDesign(method, parts.slice(2))
  if (second === '_local') return parts.length === 3 ? needOfDocument(method) : 'server admin'
  if (!second.startsWith('_')) return needOfDocument(method)
  if (parts.length > 2 && second !== '_index') return 'server admin'
  if (FOR_MEMBERS.get(second)?.includes(method)) return 'member'
  return FOR_DATABASE_ADMINS.get(second)?.includes(method) ? 'database admin' : 'server admin'
}

/** Of a document, or of an attachment. */
const needOfDocument = (method: string): Need =>
  isRead(method) || isWrite(method) ? 'member' : 'server admin'

function needOfDesign(method: string, [, kind]: readonly string[]): Need {
  const asked = kind === undefined ? undefined : FUNCTIONS.get(kind)
  if (asked !== undefined) return asked.includes(method) ? 'member' : 'server admin'
  if (kind?.startsWith('_')) return 'server admin'
  if (isRead(method)) return 'member'
  return isWrite(method) ? 'database admin' : 'server admin'
}

/** Of `_users`: one's own document, and signing up; no list of who is there. */
function needOfAccounts(method: string, [, second, ...more]: readonly string[]): Need {
  if (second === undefined) return isRead(method) || method === 'POST' ? 'member' : 'server admin'
  if (more.length > 0) return 'server admin'
  if (second === '_bulk_docs') return method === 'POST' ? 'member' : 'server admin'
  return second.startsWith('_') ? 'server admin' : needOfDocument(method)
}
