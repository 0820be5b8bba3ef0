// Performs what was planned for a user of `_users`: claims, entries, the personal database and who may enter it.
import isEqual from 'lodash/isEqual.js'
import type { Databases } from '../couch/client.ts'
import type { StoredDoc, Written } from '../couch/document.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import type { Logger } from '../log.ts'
import { personalSecurity, type ProvisionedUserChange, type ProvisionedUser } from './provisioned-user.ts'
import { userDocumentId } from '../users/user-document.ts'
import type { ProvisionedUserEffect, ProvisionedUserFacts } from './plan-user.ts'
import { knownUser, type Named } from '../users/known-user.ts'
import type { GatheredUser } from './gather-user.ts'
import { secure, type DatabaseCreator } from '../skeletons/create-database.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { ProvisionedUsers } from './provisioned-users.ts'
import type { TurnLeases } from './leases.ts'

/** What the user's document is known by, and what writes. */
export interface UserWriting extends Named {
  couch: Databases
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

/**
 * @returns true where the personal database has just been created: nothing is in it yet but its design documents
 * @throws {CouchFault} `conflict` where somebody else was faster
 */
export async function performUserEffect(
  deps: UserWriting,
  gathered: GatheredUser,
  effect: Exclude<ProvisionedUserEffect, { kind: 'change' }>,
): Promise<boolean> {
  const { couch, provisionedUsers, leases, checkpoints } = deps
  const { name, securities } = gathered.facts
  switch (effect.kind) {
    case 'claim': {
      const isOurs = await provisionedUsers.claim(effect.database, name, effect.attribute)
      if (!isOurs) throw new CouchFault('conflict', effect.database, 'somebody else has claimed it meanwhile')
      return false
    }
    case 'record':
      await record(deps, gathered, effect.database)
      return false
    case 'open':
      return openPersonal(deps, name, effect.database, { isThere: securities.has(effect.database) })
    case 'secure':
      await orNull(secure(couch.database(effect.database), effect.security))
      return false
    case 'end-leases':
      for (const master of deps.configured) await leases.stop(master, effect.database)
      return false
    case 'end-claim':
      await provisionedUsers.endClaim(effect.database)
      return false
    case 'drop':
      await couch.database(effect.database).drop()
      checkpoints.remove(effect.database)
      return false
    default:
      return effect satisfies never
  }
}

/**
 * The personal database is there, guarded by its design documents before anybody is let in.
 * @param isThere it was just seen
 * @returns true where it was not there
 * @throws {CouchFault}
 */
export async function openPersonal(
  { creator, ownWrites, log }: Pick<UserWriting, 'creator' | 'ownWrites' | 'log'>,
  name: string,
  database: string,
  { isThere = false } = {},
): Promise<boolean> {
  const security = personalSecurity(name, database)
  const onWritten = (id: string, rev: string): void => ownWrites.add(database, id, rev)
  if (isThere) {
    await creator.apply(database, 'personal', security, { onWritten })
    return false
  }
  const isNew = await creator.open(database, 'personal', security, { onWritten })
  if (isNew) log.info({ db: database }, 'personal database created')
  return isNew
}

/** Over the document from which all else was planned; where somebody has changed it since, over what stands there then. */
async function record(
  deps: UserWriting,
  { facts: { name, user }, document }: GatheredUser,
  database: string,
): Promise<void> {
  const { couch, ownWrites, attribute } = deps
  const users = couch.database(USERS)
  const write = (doc: StoredDoc): Promise<Written> => users.put({ ...doc, [attribute]: database })
  let doc = document
  let written = doc && (await write(doc))
  if (written?.ok === false && written.error === 'conflict') {
    doc = await users.get(userDocumentId(name))
    written = doc && (await write(doc))
  }
  if (written === null) return
  if (!written.ok)
    throw new CouchFault('server_error', USERS, `a user's document was not written: ${written.reason}`)
  // Written over what is not known yet, it is the only sign of that.
  if (isEqual(knownUser(doc, name, deps), user)) ownWrites.add(USERS, written.id, written.rev)
}
