// Performs what was planned for a user of `_users`: claims, entries, the personal database and who may enter it.
import { randomUUID } from 'node:crypto'
import isEqual from 'lodash/isEqual.js'
import type { Config } from '../config/config.ts'
import type { Couch } from '../couch/client.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import type { Logger } from '../log.ts'
import { personalSecurity, type PersonChange, type PersonEntry } from './person.ts'
import { isPersonalName } from '../documents/names.ts'
import { userDocumentId } from '../users/user-document.ts'
import type { FoundSecurity } from '../documents/security.ts'
import { planPerson, type PersonEffect, type PersonFacts } from './plan-person.ts'
import { isAnotherAccount } from '../users/account-history.ts'
import { knownUser, readPerson, type Named } from '../users/known-user.ts'
import { secure, type Births } from '../skeletons/births.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { People } from './people.ts'
import type { TurnLeases } from './leases.ts'

/** How provisioning is set up. */
export interface PersonSettings extends Named {
  onDeparture: 'keep' | 'drop'
  /** How long a user who is gone may come back to the same database. */
  graceMs: number
  /** A name that no database has. */
  newDatabase: () => string
}

/** How provisioning is set up, by the settings of the daemon. */
export const personSettings = ({
  personalDatabaseAttribute,
  userDatabaseAttributes,
  deprovision,
  deletionGraceMs,
}: Pick<
  Config,
  'personalDatabaseAttribute' | 'userDatabaseAttributes' | 'deprovision' | 'deletionGraceMs'
>): PersonSettings => ({
  attribute: personalDatabaseAttribute,
  attributes: userDatabaseAttributes,
  onDeparture: deprovision,
  graceMs: deletionGraceMs,
  newDatabase: () => `u${randomUUID()}`,
})

export interface PersonWriting extends PersonSettings {
  couch: Couch
  people: People
  births: Births
  leases: Pick<TurnLeases, 'stop'>
  checkpoints: Checkpoints
  ownWrites: OwnWrites
  configured: readonly string[]
  log: Logger
  now: () => number
}

const USERS = '_users'

/**
 * Brings about what `_users` says of a user.
 * @param known what the registry has of the user, as it was just read
 * @returns the user's roles, or null where there is no such user; and what the registry has then
 * @throws {CouchFault} where CouchDB fails, or somebody else was faster: then again
 */
export async function settlePerson(
  deps: PersonWriting,
  name: string,
  known: PersonEntry | null,
): Promise<{ roles: readonly string[] | null; entry: PersonEntry | null }> {
  const facts = await gather(deps, name, known)
  if (facts.isAnother)
    deps.log.warn(
      { db: USERS, doc: userDocumentId(name) },
      'the account was made again: nothing of the former one’s is given to it',
    )
  let entry = known
  for (const effect of planPerson(facts))
    if (effect.kind === 'change') entry = await change(deps, facts, effect.change)
    else await perform(deps, facts, effect)
  return { roles: facts.user?.roles ?? null, entry }
}

async function gather(deps: PersonWriting, name: string, entry: PersonEntry | null): Promise<PersonFacts> {
  const { couch, people, attribute, onDeparture, graceMs, newDatabase, now } = deps
  const user = await readPerson(couch, name, deps)
  const { account: known, database, state } = entry ?? {}
  // Who names the database that the daemon has given knows it from the account itself.
  const isDoubtful = known !== undefined && state === 'active' && user !== null && user.recorded !== database
  const isAnother = isDoubtful && (await isAnotherAccount(couch, name, known, user.account))
  const named = [
    user?.recorded,
    ...Object.values(user?.others ?? {}),
    entry?.database,
    ...Object.values(entry?.others ?? {}),
  ]
  const databases = [...new Set(named.filter(isPersonalName))]
  const there = await couch.dbsInfo(databases)
  const securities = new Map<string, FoundSecurity>()
  for (const database of there.keys()) securities.set(database, await couch.database(database).security())
  return {
    ...{ name, attribute, user, entry, isAnother, securities, onDeparture, graceMs },
    claims: await people.claims(databases),
    fresh: newDatabase(),
    at: new Date(now()).toISOString(),
  }
}

async function change(
  { people, log }: PersonWriting,
  { name, entry }: PersonFacts,
  planned: PersonChange,
): Promise<PersonEntry> {
  // Two at once would each give the user a database; and one may have seen roles that are over.
  const changed = await people.change(name, planned, { over: entry })
  const { problem, state } = planned
  if (problem) log.warn({ db: USERS, doc: userDocumentId(name), code: problem.code }, 'not as `_users` says')
  else if (state !== 'active') log.info({ db: USERS, doc: userDocumentId(name), state }, 'a user is gone')
  return changed
}

async function perform(
  deps: PersonWriting,
  facts: PersonFacts,
  effect: Exclude<PersonEffect, { kind: 'change' }>,
): Promise<void> {
  const { couch, people, leases, checkpoints } = deps
  const { name, securities } = facts
  switch (effect.kind) {
    case 'claim': {
      const isOurs = await people.claim(effect.database, name, effect.attribute)
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
      return people.endClaim(effect.database)
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
  { births, ownWrites, log }: Pick<PersonWriting, 'births' | 'ownWrites' | 'log'>,
  name: string,
  database: string,
  { isThere = false } = {},
): Promise<void> {
  if (!isThere && (await births.create(database))) log.info({ db: database }, 'personal database created')
  await births.equip(database, 'personal', personalSecurity(name, database), {
    onWritten: (id, rev) => ownWrites.add(database, id, rev),
  })
}

async function record(deps: PersonWriting, { name, user }: PersonFacts, database: string): Promise<void> {
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
