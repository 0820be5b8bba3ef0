// Performs what was planned for a user of a gateway: the entry, the database, and who may enter that.
import type { Couch } from '../couch/client.ts'
import { orNull } from '../couch/fault.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import { keepSecurity } from '../engine/kept-security.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Logger } from '../log.ts'
import { createDatabase, applyWithSecurity, secure } from '../skeletons/create-database.ts'
import { userDocumentId } from '../users/user-document.ts'
import type { Holdings } from './function/grants.ts'
import type { Gateway } from './gateway.ts'
import { gatewaySecurity, MOST_GRANTS_IN_SECURITY, type GatewayUser } from './model.ts'
import type { GatewayUserEffect } from './plan-user.ts'
import type { Routes } from './routes.ts'

export interface GatewayUserWriting {
  couch: Couch
  gateway: Gateway
  routes: Routes
  checkpoints: Checkpoints
  ownWrites: OwnWrites
  log: Logger
}

/** What says nothing of the entry that is worked on. */
type OutwardEffect = Exclude<GatewayUserEffect, { kind: 'change' | 'confirm' }>

/** @throws {CouchFault} */
export async function performUserEffect(
  deps: GatewayUserWriting,
  name: string,
  effect: OutwardEffect,
): Promise<void> {
  const { couch, log } = deps
  switch (effect.kind) {
    case 'end':
      return end(deps, effect.entry)
    case 'close':
      await orNull(secure(couch.database(effect.database), ADMIN_ONLY))
      return
    case 'keep-closed':
      await keepSecurity(couch.database(effect.database), ADMIN_ONLY, log)
      return
    case 'open':
      return open(deps, name, effect.database, effect.holdings)
    default:
      return effect satisfies never
  }
}

/** @returns the entry as it stands then @throws {CouchFault} `conflict` where another daemon was faster */
export async function changeGatewayUser(
  { gateway, routes, log }: Pick<GatewayUserWriting, 'gateway' | 'routes' | 'log'>,
  { over, change }: Extract<GatewayUserEffect, { kind: 'change' }>,
): Promise<GatewayUser> {
  const entry = await routes.change(over, change)
  if (change.state === 'leaving')
    log.info({ db: gateway.name, doc: userDocumentId(entry.name) }, 'a user of a gateway is gone')
  return entry
}

/** The database is there, and says who may enter it and what the user has, before anything comes or goes. */
async function open(
  { couch, gateway, ownWrites, log }: GatewayUserWriting,
  name: string,
  db: string,
  holdings: Holdings,
): Promise<void> {
  const database = couch.database(db)
  if (await createDatabase(database)) log.info({ db }, 'database of a gateway’s user created')
  const wanted = { designs: [gateway.guard], security: null, isStrict: true }
  await applyWithSecurity(database, wanted, gatewaySecurity(name, holdings), {
    onWritten: (id, rev) => ownWrites.add(db, id, rev),
  })
  const grants = holdings.roles.length + holdings.channels.length
  if (grants > MOST_GRANTS_IN_SECURITY)
    log.warn({ db, grants, limit: MOST_GRANTS_IN_SECURITY }, 'a user has very much')
}

async function end(
  { couch, routes, checkpoints, ownWrites, log }: GatewayUserWriting,
  entry: GatewayUser,
): Promise<void> {
  const { database: db } = entry
  if (await couch.database(db).drop()) log.info({ db }, 'database of a gateway’s user dropped')
  checkpoints.remove(db)
  ownWrites.forget(db)
  await routes.forget(entry)
}
