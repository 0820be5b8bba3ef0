// A user of a gateway: what `_users` and the routes say of him, the database that he has for it, and who may enter that.
import isEqual from 'lodash/isEqual.js'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import type { Gateway } from './gateway.ts'
import type { Holdings } from './function/grants.ts'
import type { Logger } from '../log.ts'
import type { AccountMark } from '../users/account.ts'
import { gatewaySecurity, gatewayUserId, MOST_GRANTS_IN_SECURITY, type GatewayUser } from './model.ts'
import { gatewayUserDatabase, type UserDatabases } from '../documents/names.ts'
import { userDocumentId } from '../users/user-document.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import { graceLeft } from '../documents/grace.ts'
import { isAnotherAccount } from '../users/account-history.ts'
import { createDatabase, equipDatabase, secure } from '../skeletons/births.ts'
import { keepSecurity } from '../engine/kept-security.ts'
import type { AccountIndex } from '../users/account-index.ts'
import { ownerOfUser } from '../users/directory.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import { readPerson } from '../users/known-user.ts'
import type { Routes } from './routes.ts'

export interface GatewayUserDeps {
  couch: Couch
  users: UserDatabases
  accounts: AccountIndex
  gateway: Gateway
  routes: Routes
  checkpoints: Checkpoints
  ownWrites: OwnWrites
  /** How long the database of a user who is gone is kept, closed. */
  graceMs: number
  log: Logger
  now: () => number
  /** Somebody else's turn is to come. */
  mark: (name: string) => void
}

/** A user as he is now. */
export interface Standing {
  /** With what he had and has, as long as it is not carried out. */
  entry: GatewayUser
  holdings: Holdings
}

/**
 * What a user has now: by `_users`, and by all that documents grant; null for nobody.
 * @throws {CouchFault}
 */
export async function readHoldings(
  deps: Pick<GatewayUserDeps, 'couch' | 'routes'>,
  name: string,
): Promise<Holdings | null> {
  return (await readUser(deps, name))?.holdings ?? null
}

async function readUser(
  { couch, routes }: Pick<GatewayUserDeps, 'couch' | 'routes'>,
  name: string,
): Promise<{ holdings: Holdings; account: AccountMark } | null> {
  const person = await readPerson(couch, name, { attribute: 'database', attributes: [] })
  return person && { holdings: await routes.holdings(name, person.roles), account: person.account }
}

/**
 * Brings about what `_users` and the routes say of a user: the entry, which is written first, so that whoever looks for
 * readers from then on finds this one; the database, with its guard and its `_security`; and the end of both.
 * @param known the entry as it was just read
 * @returns null where the user has no database, or none any more
 * @throws {CouchFault} where CouchDB fails, or somebody else was faster: then again
 */
export async function settleGatewayUser(
  deps: GatewayUserDeps,
  name: string,
  known: GatewayUser | null,
): Promise<Standing | null> {
  const { couch, users, gateway, routes, log } = deps
  const user = await readUser(deps, name)
  const owner = user === null ? null : await ownerOfUser(deps, name)
  const database = owner === null ? null : gatewayUserDatabase(users, owner, gateway.name)
  if (user === null || database === null) {
    if (known) await leave(deps, known)
    return null
  }
  const { holdings, account } = user
  // Under the same name it may be somebody else, and in the same database there may be what was never sent.
  const isAnother =
    known?.account !== undefined && (await isAnotherAccount(couch, name, known.account, account))
  if (isAnother)
    log.warn(
      { db: gateway.name, doc: userDocumentId(name) },
      'the account was made again: nothing of the former one’s is given to it',
    )
  const isOther = known !== null && (known.database !== database || known.state !== 'active' || isAnother)
  if (isOther) await end(deps, known)
  const there = isOther ? null : known
  await takeOver(deps, name, database)
  const entry = await routes.change(there ?? newEntry(name, database), {
    ...changeTo(there, holdings),
    account,
  })
  // Who granted something to a role meanwhile may not have found this one among its holders.
  if (entry !== there && !isEqual(await readHoldings(deps, name), holdings))
    return settleGatewayUser(deps, name, entry)
  await open(deps, entry, holdings)
  return { entry, holdings }
}

/**
 * The user database may have been another account's, which is gone or has lost its role: what it has left in the gateway's goes with
 * it, for whoever comes after is somebody else.
 * @throws {CouchFault} where the other one has it still
 */
async function takeOver(deps: GatewayUserDeps, name: string, database: string): Promise<void> {
  for (const other of await deps.routes.usersOf(database)) {
    if (other === name) continue
    const entry = await deps.routes.user(other)
    if (entry === null) continue
    if (entry.state === 'leaving') await end(deps, entry)
    else {
      deps.mark(other)
      throw new CouchFault('server_error', database, 'it is another user’s still')
    }
  }
}

/** What he had counts until all documents are compared. */
function changeTo(there: GatewayUser | null, { roles, channels }: Holdings): Partial<GatewayUser> {
  if (there && !there.due && isEqual({ roles, channels }, { roles: there.roles, channels: there.channels }))
    return {}
  return {
    due: true,
    roles: [...new Set([...(there?.roles ?? []), ...roles])].sort(),
    channels: [...new Set([...(there?.channels ?? []), ...channels])].sort(),
  }
}

const newEntry = (name: string, database: string): GatewayUser => ({
  _id: gatewayUserId(name),
  type: 'user',
  name,
  database,
  state: 'active',
  roles: [],
  channels: [],
  function: '',
  documents: 0,
  updatedAt: '',
})

/** The database is there, and says who may enter it and what he has, before anything comes or goes. */
async function open(
  { couch, gateway, ownWrites, log }: GatewayUserDeps,
  { name, database: db }: GatewayUser,
  holdings: Holdings,
): Promise<void> {
  const database = couch.database(db)
  if (await createDatabase(database)) log.info({ db }, 'database of a gateway’s user created')
  const wanted = { designs: [gateway.guard], security: null, isStrict: true }
  await equipDatabase(database, wanted, gatewaySecurity(name, holdings), {
    onWritten: (id, rev) => ownWrites.add(db, id, rev),
  })
  const grants = holdings.roles.length + holdings.channels.length
  if (grants > MOST_GRANTS_IN_SECURITY)
    log.warn({ db, grants, limit: MOST_GRANTS_IN_SECURITY }, 'a user has very much')
}

/** The account, or the user database, is gone: nobody enters any more, and after a while it goes for good. */
async function leave(deps: GatewayUserDeps, entry: GatewayUser): Promise<void> {
  const { couch, routes, gateway, graceMs, log, now } = deps
  const at = new Date(now()).toISOString()
  if (entry.state === 'active') {
    await orNull(secure(couch.database(entry.database), ADMIN_ONLY))
    await routes.change(entry, { state: 'leaving', leftAt: at, due: undefined })
    log.info({ db: gateway.name, doc: userDocumentId(entry.name) }, 'a user of a gateway is gone')
  } else if (graceLeft(entry.leftAt, graceMs, at) === 0) await end(deps, entry)
  else await keepSecurity(couch.database(entry.database), ADMIN_ONLY, log)
}

async function end(
  { couch, routes, checkpoints, ownWrites, log }: GatewayUserDeps,
  entry: GatewayUser,
): Promise<void> {
  const database: Database = couch.database(entry.database)
  if (await database.drop()) log.info({ db: entry.database }, 'database of a gateway’s user dropped')
  checkpoints.remove(entry.database)
  ownWrites.forget(entry.database)
  await routes.forget(entry)
}
