// The names in `access` as they stand in CouchDB: who is meant, by which role or name, and whose databases are theirs.
import type { Couch } from '../couch/client.ts'
import type { UserDatabases } from '../model/names.ts'
import { USER_DOCUMENT_PREFIX } from '../model/person.ts'
import type { Grants } from '../model/security.ts'

/** Where users are looked up, and how they and their databases are called. */
export interface People {
  couch: Couch
  users: UserDatabases
}

/** A user whom somebody named. */
export interface NamedUser {
  /** How the user stands in `_security`. */
  grants: Grants
  /** What `{id}` stands for in the names of the user's databases; may be empty. */
  owners: string[]
}

/** Who says that an `{id}` is theirs, by names of users: those with the role, and the one whose name it is in hex. */
interface Claims {
  byRole: Set<string>
  byName: Set<string>
}

/** A row of the view that maps owner hashes to users. */
interface OwnerRow {
  by: 'role' | 'name'
  name: string
}

/** Hoodie's, which people leave out. */
const NAME_PREFIX = 'user/'

const NO_CLAIMS: Claims = { byRole: new Set(), byName: new Set() }

/**
 * Finds the users of these names (DESIGN.md, access); names that nobody has are left out. A name is that of
 * `_users.name`, or what follows `user/` in it. One user is meant by it, never two: the one who has the whole name, unless
 * only the other one stands as a role. So nobody gets what is shared with `joe` by choosing the name `user/joe`, nor what
 * is shared with Hoodie's `user/joe` by choosing the name `joe`.
 *
 * A user stands as a role where that role is the hash of a user database that exists, else as the name alone, which
 * lets nobody else in. Roles are given by the server's admins and names are chosen, so:
 * - of several such roles, those that others have too are a group's and do not count;
 * - a hash that is somebody's role and another's name in hex (couch_peruser) proves nothing for either of them.
 *
 * Asks twice of `_users`, and once for each hundred databases that might be the users'.
 * @throws {CouchFault}
 */
export async function resolveNames(
  people: People,
  names: readonly string[],
): Promise<Map<string, NamedUser>> {
  const known = await hashesOfUsers(people, names.filter(isWellFormed))
  const claims = await claimsOn(people, await existing(people, [...known.values()].flat()))
  const resolved = new Map<string, NamedUser>()
  for (const name of names) {
    const matching = [name, NAME_PREFIX + name].flatMap((user) => {
      const hashes = known.get(user)
      return hashes === undefined ? [] : [standingOf(people, user, hashes, claims)]
    })
    const meant = matching.find(({ grants }) => grants.roles.length > 0) ?? matching[0]
    if (meant) resolved.set(name, meant)
  }
  return resolved
}

/**
 * How the owner of a user database stands in `_security`: always by the hash as a role; where nobody has it as a role,
 * by the name whose hex it is, too (couch_peruser).
 * @throws {CouchFault}
 */
export async function ownerGrants(people: People, owner: string): Promise<Grants> {
  const { byRole, byName } = await claimsOnOne(people, owner)
  return { names: byRole.size > 0 ? [] : [...byName], roles: [people.users.roleOf(owner)] }
}

/**
 * The owner's name as others may see it: `_users.name` without `user/` before it, or null where nobody is known. Of
 * several users with the hash as a role, the one whose name sorts first.
 * @throws {CouchFault}
 */
export async function displayName(people: People, owner: string): Promise<string | null> {
  const { byRole, byName } = await claimsOnOne(people, owner)
  const [name] = [...(byRole.size > 0 ? byRole : byName)].sort()
  if (name === undefined) return null
  return name.startsWith(NAME_PREFIX) && name !== NAME_PREFIX ? name.slice(NAME_PREFIX.length) : name
}

/**
 * All names by which `access` may mean the users of a database, in full and without `user/`.
 * @throws {CouchFault}
 */
export async function namesOfOwner(people: People, owner: string): Promise<string[]> {
  const { byRole, byName } = await claimsOnOne(people, owner)
  return [...byRole, ...byName].flatMap((name) =>
    name.startsWith(NAME_PREFIX) ? [name, name.slice(NAME_PREFIX.length)] : [name],
  )
}

/**
 * The one user of `_users` whose database that of an owner is, by the whole name; null where there is none, or more than one.
 * @throws {CouchFault}
 */
export async function userOfOwner(people: People, owner: string): Promise<string | null> {
  return soleClaimant(await claimsOnOne(people, owner))
}

/**
 * Of each owner, what says that an account has the user database: its role, or the name whose hex it is (couch_peruser); null
 * where nobody's does.
 * @throws {CouchFault} `not_found` where the daemon's views are not in `_users` yet
 */
export async function whatNamesOwners(
  people: People,
  owners: readonly string[],
): Promise<Map<string, 'role' | 'name' | null>> {
  const claims = await claimsOn(people, owners)
  return new Map(
    [...claims].map(([owner, { byRole, byName }]) => [
      owner,
      byRole.size > 0 ? 'role' : byName.size > 0 ? 'name' : null,
    ]),
  )
}

function soleClaimant({ byRole, byName } = NO_CLAIMS): string | null {
  const [name, ...others] = byRole.size > 0 ? byRole : byName
  return name !== undefined && others.length === 0 ? name : null
}

/**
 * The owner whose user database is that of a user of `_users`: as the user stands in it, where nobody else does; null where the
 * user has no database, more than one, or one together with others.
 * @throws {CouchFault}
 */
export async function ownerOfUser(people: People, name: string): Promise<string | null> {
  const hashes = (await hashesOfUsers(people, [name].filter(isWellFormed))).get(name)
  if (hashes === undefined) return null
  const claims = await claimsOn(people, await existing(people, hashes))
  const [owner, ...others] = standingOf(people, name, hashes, claims).owners
  if (owner === undefined || others.length > 0) return null
  return soleClaimant(claims.get(owner)) === name ? owner : null
}

function standingOf(
  { users }: People,
  user: string,
  hashes: readonly string[],
  claims: ReadonlyMap<string, Claims>,
): NamedUser {
  const claimed = hashes.map((hash) => ({ hash, ...(claims.get(hash) ?? NO_CLAIMS) }))
  const roles = claimed.filter(
    ({ byRole, byName }) => byRole.has(user) && [...byName].every((name) => name === user),
  )
  const own = roles.filter(({ byRole }) => byRole.size === 1)
  const standing = (own.length > 0 ? own : roles).map(({ hash }) => hash).sort()
  if (standing.length > 0)
    return { grants: { names: [], roles: standing.map((hash) => users.roleOf(hash)) }, owners: standing }
  const inHex = claimed.filter(({ byRole, byName }) => byName.has(user) && byRole.size === 0)
  return { grants: { names: [user], roles: [] }, owners: inHex.map(({ hash }) => hash) }
}

/**
 * Of each user with one of these names, in full or without `user/`: what all roles may stand for, and the name in hex. By full names.
 * CouchDB compares keys of views as people read them, so that a name with an invisible character more is found as well
 * *(seen)*: what counts is the `_id` of the user's document.
 */
async function hashesOfUsers(
  { couch, users }: People,
  names: readonly string[],
): Promise<Map<string, string[]>> {
  const asked = new Set(names)
  if (asked.size === 0) return new Map()
  const rows = await couch.database('_users').view<string>('shares', 'hashes', [...asked])
  const hashes = new Map<string, Set<string>>()
  for (const { id, value } of rows) {
    const user = id.slice(USER_DOCUMENT_PREFIX.length)
    const isMeant =
      asked.has(user) || (user.startsWith(NAME_PREFIX) && asked.has(user.slice(NAME_PREFIX.length)))
    if (!isMeant) continue
    const found = hashes.get(user) ?? new Set()
    // The row says not whether it is of a role or of the name; who claims what is asked after.
    hashes.set(user, found.add(value).add(users.ownerOfRole(value) ?? value))
  }
  return new Map([...hashes].map(([user, found]) => [user, [...found]]))
}

/** Those of the candidates that name a user database that is there. */
async function existing({ couch, users }: People, candidates: readonly string[]): Promise<string[]> {
  const legal = [...new Set(candidates)].filter(
    (id) => !id.startsWith('_') && users.ownerOf(users.database(id)) === id,
  )
  const there = await couch.dbsInfo(legal.map((id) => users.database(id)))
  return legal.filter((id) => there.has(users.database(id)))
}

const claimsOnOne = async (people: People, owner: string): Promise<Claims> =>
  (await claimsOn(people, [owner])).get(owner) ?? NO_CLAIMS

async function claimsOn({ couch, users }: People, ids: readonly string[]): Promise<Map<string, Claims>> {
  const claims = new Map(ids.map((id): [string, Claims] => [id, { byRole: new Set(), byName: new Set() }]))
  if (claims.size === 0) return claims
  const keys = new Set(ids.flatMap((id) => [id, users.roleOf(id)]))
  const rows = await couch.database('_users').view<OwnerRow>('shares', 'owners', [...keys])
  for (const { key, value } of rows) {
    if (value.by === 'name') claims.get(key)?.byName.add(value.name)
    else claims.get(users.ownerOfRole(key) ?? '')?.byRole.add(value.name)
  }
  return claims
}

/** Half a surrogate pair is nobody's name, and CouchDB would refuse the whole request for it. */
const isWellFormed = (name: string): boolean => Buffer.from(name, 'utf8').toString('utf8') === name
