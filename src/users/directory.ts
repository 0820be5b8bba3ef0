// The names in `access` as they stand in CouchDB: who is meant, by which role or name, and whose databases are theirs.
import type { Databases } from '../couch/client.ts'
import type { UserDatabases } from '../documents/names.ts'
import type { Grants } from '../documents/security.ts'
import type { AccountIndex } from './account-index.ts'

/** Where users are looked up, and how they and their databases are called. */
export interface Directory {
  couch: Databases
  accounts: AccountIndex
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

/** Hoodie's, which people leave out. */
const NAME_PREFIX = 'user/'

const NO_CLAIMS: Claims = { byRole: new Set(), byName: new Set() }

/**
 * Finds the users of these names (docs/sharing.md); names that nobody has are left out. A name is that of
 * `_users.name`, or what follows `user/` in it. One user is meant by it, never two: the one who has the whole name, unless
 * only the other one stands as a role. So nobody gets what is shared with `joe` by choosing the name `user/joe`, nor what
 * is shared with Hoodie's `user/joe` by choosing the name `joe`.
 *
 * A user stands as a role where that role is the hash of a user database that exists, else as the name alone, which
 * lets nobody else in. Roles are given by the server's admins and names are chosen, so:
 * - of several such roles, those that others have too are a group's and do not count;
 * - a hash that is somebody's role and another's name in hex (couch_peruser) proves nothing for either of them.
 *
 * Asks `_users` for what has changed, and once for each hundred databases that might be the users'.
 * @throws {CouchFault}
 */
export async function resolveNames(
  directory: Directory,
  names: readonly string[],
): Promise<Map<string, NamedUser>> {
  const known = await hashesOfUsers(directory, names.filter(isWellFormed))
  const claims = await claimsOn(directory, await existing(directory, [...known.values()].flat()))
  const resolved = new Map<string, NamedUser>()
  for (const name of names) {
    const matching = [name, NAME_PREFIX + name].flatMap((user) => {
      const hashes = known.get(user)
      return hashes === undefined ? [] : [standingOf(directory, user, hashes, claims)]
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
export async function ownerGrants(directory: Directory, owner: string): Promise<Grants> {
  const { byRole, byName } = await claimsOnOne(directory, owner)
  return { names: byRole.size > 0 ? [] : [...byName], roles: [directory.users.roleOf(owner)] }
}

/**
 * The owner's name as others may see it: `_users.name` without `user/` before it, or null where nobody is known. Of
 * several users with the hash as a role, the one whose name sorts first.
 * @throws {CouchFault}
 */
export async function displayName(directory: Directory, owner: string): Promise<string | null> {
  const { byRole, byName } = await claimsOnOne(directory, owner)
  const [name] = [...(byRole.size > 0 ? byRole : byName)].sort()
  if (name === undefined) return null
  return withoutPrefix(name)
}

/**
 * All names by which `access` may mean the users of a database, in full and without `user/`.
 * @throws {CouchFault}
 */
export async function namesOfOwner(directory: Directory, owner: string): Promise<string[]> {
  const { byRole, byName } = await claimsOnOne(directory, owner)
  return [...byRole, ...byName].flatMap((name) =>
    name.startsWith(NAME_PREFIX) ? [name, name.slice(NAME_PREFIX.length)] : [name],
  )
}

/**
 * The one user of `_users` whose database that of an owner is, by the whole name; null where there is none, or more than one.
 * @throws {CouchFault}
 */
export async function userOfOwner(directory: Directory, owner: string): Promise<string | null> {
  return soleClaimant(await claimsOnOne(directory, owner))
}

/**
 * Of each owner, what says that an account has the user database: its role, or the name whose hex it is (couch_peruser); null
 * where nobody's does.
 * @throws {CouchFault} `not_found` where there is no `_users`
 */
export async function whatNamesOwners(
  directory: Directory,
  owners: readonly string[],
): Promise<Map<string, 'role' | 'name' | null>> {
  const claims = await claimsOn(directory, owners)
  return new Map(
    [...claims].map(([owner, { byRole, byName }]) => [
      owner,
      byRole.size > 0 ? 'role' : byName.size > 0 ? 'name' : null,
    ]),
  )
}

/**
 * Of these owners' user databases, those that are nobody's though an account is called as they are: it lacks the role, which is most
 * often forgotten. By owner, the account's name. They have to be there.
 * @throws {CouchFault}
 */
export async function namesakes(
  directory: Directory,
  owners: readonly string[],
): Promise<Map<string, string>> {
  const claims = await claimsOn(directory, owners)
  const nobodys = owners.filter((owner) => {
    const { byRole, byName } = claims.get(owner) ?? NO_CLAIMS
    return byRole.size + byName.size === 0
  })
  if (nobodys.length === 0) return new Map()
  const known = await directory.accounts.rolesOf(nobodys.flatMap((owner) => [owner, NAME_PREFIX + owner]))
  return new Map(
    nobodys.flatMap((owner): [string, string][] => {
      const name = [owner, NAME_PREFIX + owner].find((one) => known.has(one))
      return name === undefined ? [] : [[owner, name]]
    }),
  )
}

/** Of these names, those whose account has no user database, though one is there that is called as they are; by name, the owner. */
export async function namesWithoutRole(
  directory: Directory,
  names: readonly string[],
): Promise<Map<string, string>> {
  const ownerOf = new Map(names.filter(isWellFormed).map((name) => [name, withoutPrefix(name)]))
  const there = await namesakes(directory, await existing(directory, [...ownerOf.values()]))
  return new Map([...ownerOf].filter(([, owner]) => there.has(owner)))
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
export async function ownerOfUser(directory: Directory, name: string): Promise<string | null> {
  return (await ownersOfUsers(directory, [name])).get(name) ?? null
}

/** The same of many, by name; those for whom it is null are left out. @throws {CouchFault} */
export async function ownersOfUsers(
  directory: Directory,
  names: readonly string[],
): Promise<Map<string, string>> {
  const known = await hashesOfUsers(directory, names.filter(isWellFormed))
  const claims = await claimsOn(directory, await existing(directory, [...known.values()].flat()))
  const owners = new Map<string, string>()
  for (const name of names) {
    const [owner, ...others] = standingOf(directory, name, known.get(name) ?? [], claims).owners
    if (owner !== undefined && others.length === 0 && soleClaimant(claims.get(owner)) === name)
      owners.set(name, owner)
  }
  return owners
}

/** As much of a document of `_users` as says which user database is the account's. */
export interface Account {
  name: string
  roles: readonly string[]
}

/**
 * Of the user databases that are there and that one of these accounts names, by its roles or its name in hex, everybody who says that
 * it is theirs; by owner. The accounts may be gone.
 * @throws {CouchFault}
 */
export async function claimsOfAccounts(
  directory: Directory,
  accounts: readonly Account[],
): Promise<Map<string, string[]>> {
  const { users } = directory
  const candidates = accounts.flatMap(({ name, roles }) => [
    Buffer.from(name, 'utf8').toString('hex'),
    ...roles.flatMap((role) => users.ownerOfRole(role) ?? role),
  ])
  const claims = await claimsOn(directory, await existing(directory, candidates.filter(isWellFormed)))
  return new Map([...claims].map(([owner, { byRole, byName }]) => [owner, [...byRole, ...byName]]))
}

function standingOf(
  { users }: Directory,
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

/** Of each user with one of these names, in full or without `user/`: what all roles may stand for, and the name in hex. By full names. */
async function hashesOfUsers(
  { accounts, users }: Directory,
  names: readonly string[],
): Promise<Map<string, string[]>> {
  const asked = names.filter((name) => name !== '')
  if (asked.length === 0) return new Map()
  const known = await accounts.rolesOf(new Set(asked.flatMap((name) => [name, NAME_PREFIX + name])))
  // It is not said whether one is of a role or of the name; who claims what is asked after.
  return new Map(
    [...known].map(([user, roles]) => {
      const hashes = [...roles, hexOf(user)].flatMap((hash) => [hash, users.ownerOfRole(hash) ?? hash])
      return [user, [...new Set(hashes)]]
    }),
  )
}

/** Those of the candidates that name a user database that is there. */
async function existing({ couch, users }: Directory, candidates: readonly string[]): Promise<string[]> {
  const legal = [...new Set(candidates)].filter(
    (id) => !id.startsWith('_') && users.ownerOf(users.database(id)) === id,
  )
  const there = await couch.dbsInfo(legal.map((id) => users.database(id)))
  return legal.filter((id) => there.has(users.database(id)))
}

const claimsOnOne = async (directory: Directory, owner: string): Promise<Claims> =>
  (await claimsOn(directory, [owner])).get(owner) ?? NO_CLAIMS

async function claimsOn(
  { accounts, users }: Directory,
  ids: readonly string[],
): Promise<Map<string, Claims>> {
  const claims = new Map(ids.map((id): [string, Claims] => [id, { byRole: new Set(), byName: new Set() }]))
  if (claims.size === 0) return claims
  const named = new Map(ids.flatMap((id) => nameInHex(id) ?? []).map((name) => [name, hexOf(name)]))
  const [known, holders] = await Promise.all([
    accounts.rolesOf(named.keys()),
    accounts.namesWith(ids.map((id) => users.roleOf(id))),
  ])
  for (const name of known.keys()) claims.get(named.get(name) ?? '')?.byName.add(name)
  for (const [role, names] of holders)
    for (const name of names) claims.get(users.ownerOfRole(role) ?? '')?.byRole.add(name)
  return claims
}

const withoutPrefix = (name: string): string =>
  name.startsWith(NAME_PREFIX) && name !== NAME_PREFIX ? name.slice(NAME_PREFIX.length) : name

const hexOf = (name: string): string => Buffer.from(name, 'utf8').toString('hex')

/** The name whose hex it is; null where it is nobody's. */
function nameInHex(id: string): string | null {
  const name = Buffer.from(id, 'hex').toString('utf8')
  return name !== '' && hexOf(name) === id ? name : null
}

/** Half a surrogate pair is nobody's name, and CouchDB would refuse the whole request for it. */
const isWellFormed = (name: string): boolean => Buffer.from(name, 'utf8').toString('utf8') === name
