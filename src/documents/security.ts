// Who may do what with a database of the daemon, as CouchDB's `_security` says it.
import { isDeepStrictEqual as isEqual } from 'node:util'

/** Names and roles, as in https://docs.couchdb.org/en/stable/api/database/security.html */
export interface Grants {
  names: string[]
  roles: string[]
}

export const SERVER_ADMINS: Grants = { names: [], roles: ['_admin'] }

/** The security of databases that are nobody's but the server's admins'. */
export const ADMIN_ONLY = { admins: SERVER_ADMINS, members: SERVER_ADMINS }

/** A `_security` as it is found in CouchDB, where any key may be missing. */
export interface FoundSecurity {
  admins?: Partial<Grants>
  members?: Partial<Grants>
  /** What `members` was called once: where there is no `members`, CouchDB takes it for that. */
  readers?: Partial<Grants>
}

/**
 * True where somebody who could read under `before` cannot under `after`: feeds that are open have to end. As the lists
 * say it: a user who stands in them as a name and then as a role counts as taken out.
 */
export function narrowsReading(before: FoundSecurity, after: FoundSecurity): boolean {
  if (isPublic(after)) return false
  if (isPublic(before)) return true
  const left = readersOf(after)
  const { names, roles } = readersOf(before)
  return names.some((name) => !left.names.includes(name)) || roles.some((role) => !left.roles.includes(role))
}

/**
 * True where a database has people of its own, and `after` lets in others, too. One that is the server's admins' alone, or
 * everybody's, has nobody whose it is.
 */
export function widens(before: FoundSecurity, after: FoundSecurity): boolean {
  const { names, roles } = readersOf(before)
  return names.length + roles.length > 0 && narrowsReading(after, before)
}

/** True where one user alone is a member, as in the databases of couch_peruser. */
export function isOneUsers(security: FoundSecurity): boolean {
  const { names = [], roles = [] } = membersOf(security)
  return names.length === 1 && roles.every((role) => role === '_admin')
}

/** CouchDB takes a database without members for a public one. `is_public_db` in its couch_db.erl */
export const isPublic = (security: FoundSecurity): boolean => {
  const { names = [], roles = [] } = membersOf(security)
  return names.length === 0 && roles.length === 0
}

const membersOf = ({ members, readers }: FoundSecurity): Partial<Grants> => members ?? readers ?? {}

/** Whom the lists let read: members, and the database's own admins. The server's admins may always. */
function readersOf(security: FoundSecurity): Grants {
  const { names, roles } = unite([security.admins ?? {}, membersOf(security)])
  return { names, roles: roles.filter((role) => role !== '_admin') }
}

/** Whoever is to be let in: nobody is not everybody. */
export const orAdmins = (members: Grants): Grants =>
  members.names.length + members.roles.length > 0 ? members : SERVER_ADMINS

/** Whoever is in one of the lists, sorted and each once. */
export const unite = (grants: readonly Partial<Grants>[]): Grants => ({
  names: [...new Set(grants.flatMap(({ names }) => names ?? []))].sort(),
  roles: [...new Set(grants.flatMap(({ roles }) => roles ?? []))].sort(),
})

/**
 * Lets in only whom both let in: what is in force while a database goes from one to the other. Who both leave public
 * stays public. Keys other than `admins` and `members` are those of `before`, which it is itself where it lets in the
 * fewest.
 */
export function bothAllow<Found extends FoundSecurity>(before: Found, after: FoundSecurity): Found {
  const others = membersOf(after)
  const between = {
    ...before,
    admins: common(before.admins ?? {}, after.admins ?? {}),
    members: isPublic(before)
      ? { names: others.names ?? [], roles: others.roles ?? [] }
      : isPublic(after)
        ? membersOf(before)
        : orAdmins(common(membersOf(before), others)),
  }
  return isPublic(before) === isPublic(between) && isEqual(grantsOf(before), grantsOf(between))
    ? before
    : between
}

/** Whoever is in both. */
export const common = (one: Partial<Grants>, other: Partial<Grants>): Grants => ({
  names: (one.names ?? []).filter((name) => other.names?.includes(name)),
  roles: (one.roles ?? []).filter((role) => other.roles?.includes(role)),
})

/** Whom a `_security` lets in, in one form whatever it leaves out. */
const grantsOf = (security: FoundSecurity): [Grants, Grants] => [
  unite([security.admins ?? {}]),
  unite([membersOf(security)]),
]
