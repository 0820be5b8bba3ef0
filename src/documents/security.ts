// Who may do what with a database of the daemon, as CouchDB's `_security` says it.
import { isDeepStrictEqual as isEqual } from 'node:util'
import type { Access, Whom } from '../shares/model/access.ts'

/** Names and roles, as in https://docs.couchdb.org/en/stable/api/database/security.html */
export interface Grants {
  names: string[]
  roles: string[]
}

/** Keys of ours that CouchDB keeps and hands to `_design/write_access`. */
export interface Writers extends Grants {
  /** Everybody who is a member. */
  everyone?: true
  /** The most bytes of a document that somebody may write who is in neither list. */
  mostBytes?: number
  /** The database is being made anew: who may write is to try again in a moment. */
  closed?: true
}

export interface ShareSecurity {
  admins: Grants
  members: Grants
  writers: Writers
}

const SERVER_ADMINS: Grants = { names: [], roles: ['_admin'] }

/** The security of databases that are nobody's but the server's admins'. */
export const ADMIN_ONLY = { admins: SERVER_ADMINS, members: SERVER_ADMINS }

/** What a share's `_security` is made of. */
export interface ShareGrants {
  /** The owner: the hash as a role, and user names that the owner's database is named after (couch_peruser). */
  owner: Grants
  access: Access
  /** How named users stand in CouchDB, by their names in `access`; those that nobody has are left out. */
  users: ReadonlyMap<string, Grants>
  /** The role of those who know the password, where a public share has one; lets nobody into a share that is not public. */
  passwordRole: string | null
  /** The most bytes of a document that somebody may write who is not named. */
  publicMostBytes: number
}

/** A `_security` as it is found in CouchDB, where any key may be missing. */
export interface FoundSecurity {
  admins?: Partial<Grants>
  members?: Partial<Grants>
  /** What `members` was called once: where there is no `members`, CouchDB takes it for that. */
  readers?: Partial<Grants>
}

/**
 * The security of a share (docs/design.md, Access). `members` without any name or role means *public*, and comes of nothing
 * but `read: true` or `write: true` without a password. Lists are sorted, so that equal access is equal security.
 */
export function shareSecurity({
  owner,
  access: { read, write },
  users,
  passwordRole,
  publicMostBytes,
}: ShareGrants): ShareSecurity {
  const named = (whom: Whom): Grants[] => (whom === true ? [] : whom.flatMap((name) => users.get(name) ?? []))
  const writers = unite([owner, ...named(write)])
  const isForAll = read === true || write === true
  const withPassword = isForAll && passwordRole !== null ? [{ names: [], roles: [passwordRole] }] : []
  const isPublic = isForAll && passwordRole === null
  return {
    admins: SERVER_ADMINS,
    members: isPublic
      ? { names: [], roles: [] }
      : orAdmins(unite([owner, ...named(read), ...named(write), ...withPassword])),
    writers: write === true ? { ...writers, everyone: true, mostBytes: publicMostBytes } : writers,
  }
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
const orAdmins = (members: Grants): Grants =>
  members.names.length + members.roles.length > 0 ? members : SERVER_ADMINS

const unite = (grants: readonly Partial<Grants>[]): Grants => ({
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

/**
 * Lets nobody read or write whom `before` did not let, and nobody whom `after` does not: what may be put in force at any
 * time, whatever else is under way.
 */
export function narrower<Found extends FoundSecurity & { writers?: Partial<Writers> }>(
  before: Found,
  after: FoundSecurity & { writers?: Partial<Writers> },
): Found {
  const between = bothAllow(before, after)
  if (before.writers === undefined) return between
  return { ...between, writers: bothMayWrite(before.writers, after.writers ?? {}) }
}

/** Who writes because everybody may, and is named in the other, may write before and after. */
function bothMayWrite(one: Partial<Writers>, other: Partial<Writers>): Writers {
  const named =
    one.everyone === true && other.everyone !== true
      ? unite([other])
      : other.everyone === true && one.everyone !== true
        ? unite([one])
        : common(one, other)
  const limits = [one.mostBytes, other.mostBytes].filter((limit) => limit !== undefined)
  const isForAll = one.everyone === true && other.everyone === true
  return {
    ...named,
    ...(isForAll ? { everyone: true } : {}),
    ...(isForAll && limits.length > 0 ? { mostBytes: Math.min(...limits) } : {}),
    ...(one.closed === true || other.closed === true ? { closed: true } : {}),
  }
}

/**
 * The security of a share while its database is made anew: those who may read before and after go on reading, and
 * whoever may write is told to try again, so that nothing is written between the last look and the drop.
 */
export const closedToWriters = <Found extends FoundSecurity>(
  security: Found & { writers?: object },
): Found => ({ ...security, writers: { ...security.writers, closed: true } })

const common = (one: Partial<Grants>, other: Partial<Grants>): Grants => ({
  names: (one.names ?? []).filter((name) => other.names?.includes(name)),
  roles: (one.roles ?? []).filter((role) => other.roles?.includes(role)),
})

/** Whom a `_security` lets in, in one form whatever it leaves out. */
const grantsOf = (security: FoundSecurity): [Grants, Grants] => [
  unite([security.admins ?? {}]),
  unite([membersOf(security)]),
]
