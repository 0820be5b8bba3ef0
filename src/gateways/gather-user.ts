// Gathers what planGatewayUser asks about: what `_users` and the routes say of a user, and who has the user's database by the index.
import type { Couch } from '../couch/client.ts'
import { gatewayUserDatabase, type UserDatabases } from '../documents/names.ts'
import { isAnotherAccount } from '../users/account-history.ts'
import type { AccountIndex } from '../users/account-index.ts'
import type { AccountMark } from '../users/account.ts'
import { ownerOfUser } from '../users/directory.ts'
import { readKnownUser } from '../users/known-user.ts'
import type { Holdings } from './function/grants.ts'
import type { Gateway } from './gateway.ts'
import type { GatewayUser } from './model.ts'
import type { GatewayUserFacts, WantedUser } from './plan-user.ts'
import type { Routes } from './routes.ts'

export interface GatewayUserReading {
  couch: Couch
  users: UserDatabases
  accounts: AccountIndex
  gateway: Pick<Gateway, 'name'>
  routes: Routes
  /** How long the database of a user who is gone is kept, closed. */
  graceMs: number
  now: () => number
}

/**
 * What a user has now: by `_users`, and by all that documents grant; null for nobody.
 * @throws {CouchFault}
 */
export async function readHoldings(
  deps: Pick<GatewayUserReading, 'couch' | 'routes'>,
  name: string,
): Promise<Holdings | null> {
  return (await readUser(deps, name))?.holdings ?? null
}

/**
 * @param entry what the index has of the user, as it was just read
 * @throws {CouchFault}
 */
export async function gatherGatewayUser(
  deps: GatewayUserReading,
  name: string,
  entry: GatewayUser | null,
): Promise<GatewayUserFacts> {
  const { couch, graceMs, now } = deps
  const wanted = await readWanted(deps, name)
  const isAnother =
    wanted !== null &&
    entry?.account !== undefined &&
    (await isAnotherAccount(couch, name, entry.account, wanted.account))
  const others = wanted === null ? [] : await readOthers(deps, name, wanted.database)
  return { name, entry, wanted, isAnother, others, graceMs, at: new Date(now()).toISOString() }
}

async function readUser(
  { couch, routes }: Pick<GatewayUserReading, 'couch' | 'routes'>,
  name: string,
): Promise<{ holdings: Holdings; account: AccountMark } | null> {
  const user = await readKnownUser(couch, name, { attribute: 'database', attributes: [] })
  return user && { holdings: await routes.holdings(name, user.roles), account: user.account }
}

async function readWanted(deps: GatewayUserReading, name: string): Promise<WantedUser | null> {
  const user = await readUser(deps, name)
  const owner = user === null ? null : await ownerOfUser(deps, name)
  if (user === null || owner === null) return null
  return { ...user, database: gatewayUserDatabase(deps.users, owner, deps.gateway.name) }
}

async function readOthers(
  { routes }: GatewayUserReading,
  name: string,
  database: string,
): Promise<GatewayUser[]> {
  const others: GatewayUser[] = []
  for (const other of await routes.usersOf(database)) {
    const entry = other === name ? null : await routes.user(other)
    if (entry !== null) others.push(entry)
  }
  return others
}
