// Performs what was planned for a user of `_users`: claims, entries, the personal database and who may enter it.
import isEqual from 'lodash/isEqual.js'
import type { Couch } from '../couch/client.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import type { Logger } from '../log.ts'
import { personalSecurity, type ProvisionedUserChange, type ProvisionedUser } from './provisioned-user.ts'
import { userDocumentId } from '../users/user-document.ts'
import type { ProvisionedUserEffect, ProvisionedUserFacts } from './plan-user.ts'
import { knownUser, type Named } from '../users/known-user.ts'
import { secure, type DatabaseCreator } from '../skeletons/create-database.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { ProvisionedUsers } from './provisioned-users.ts'
import type { TurnLeases } from './leases.ts'

/** What the user's document is known by, and what writes. */
export interface UserWriting extends Named {
  couch: Couch
  provisionedUsers: ProvisionedUsers
  creator: DatabaseCreator
  leases: Pick<TurnLeases, 'stop'>
  checkpoints: Checkpoints
  ownWrites: OwnWrites
  /** The names of all masters that are configured. */
  configured: readonly string[]
  log: Logger
}

const USERS = '_users'

/**
 * @returns the entry as it stands then
 * @throws {CouchFault} `conflict` where somebody else was faster
 */
export async function changeProvisionedUser(
  { provisionedUsers, log }: UserWriting,
  { name, entry }: ProvisionedUserFacts,
  planned: ProvisionedUserChange,
): Promise<ProvisionedUser> {
  // Two at once would each give the user a database; and one may have seen roles that are over.
  const changed = await provisionedUsers.change(name, planned, { over: entry })
  const { problem, state } = planned
  if (problem) log.warn({ db: USERS, doc: userDocumentId(name), code: problem.code }, 'not as `_users` says')
  else if (state !== 'active') log.info({ db: USERS, doc: userDocumentId(name), state }, 'a user is gone')
  return changed
}

/** @throws {CouchFault} `conflict` where somebody else was faster */
export async function performUserEffect(
  deps: UserWriting,
  facts: ProvisionedUserFacts,
  effect: Exclude<ProvisionedUserEffect, { kind: 'change' }>,
): Promise<void> {
  const { couch, provisionedUsers, leases, checkpoints } = deps
  const { name, securities } = facts
  switch (effect.kind) {
    case 'claim': {
      const isOurs = await provisionedUsers.claim(effect.database, name, effect.attribute)
      if (!isOurs) throw new CouchFault('conflict', effect.database, 'somebody else has claimed it meanwhile')
      return
    }
    case 'record':
      return record(deps, facts, effect.database)
    case 'open':
      return openPersonal(deps, name, effect.database, { isThere: securities.has(effect.database) })
    case 'secure':
      await orNull(secure(couch.database(effect.database), effect.security))
      return
    case 'end-leases':
      for (const master of deps.configured) await leases.stop(master, effect.database)
      return
    case 'end-claim':
      return provisionedUsers.endClaim(effect.database)
    case 'drop':
      await couch.database(effect.database).drop()
      checkpoints.remove(effect.database)
      return
    default:
      return effect satisfies never
  }
}

/** The personal database is there, guarded by its design documents before anybody is let in. @param isThere it was just seen @throws {CouchFault} */
export async function openPersonal(
  { creator, ownWrites, log }: Pick<UserWriting, 'creator' | 'ownWrites' | 'log'>,
  name: string,
  database: string,
  { isThere = false } = {},
): Promise<void> {
  if (!isThere && (await creator.create(database))) log.info({ db: database }, 'personal database created')
  await creator.apply(database, 'personal', personalSecurity(name, database), {
    onWritten: (id, rev) => ownWrites.add(database, id, rev),
  })
}

async function record(
  deps: UserWriting,
  { name, user }: ProvisionedUserFacts,
  database: string,
): Promise<void> {
  const { couch, ownWrites, attribute } = deps
  const users = couch.database(USERS)
  const doc = await users.get(userDocumentId(name))
  if (doc === null || doc._deleted) return
  const written = await users.put({ ...doc, [attribute]: database })
  if (!written.ok)
    throw new CouchFault('server_error', USERS, `a user's document was not written: ${written.reason}`)
  // Written over what is not known yet, it is the only sign of that.
  if (isEqual(knownUser(doc, name, deps), user)) ownWrites.add(USERS, written.id, written.rev)
}
