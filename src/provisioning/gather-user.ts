// Gathers what planProvisionedUser asks about: what `_users` says of a user, and whose the databases are that are named there.
import type { Databases } from '../couch/client.ts'
import type { StoredDoc } from '../couch/document.ts'
import { isPersonalName } from '../documents/names.ts'
import type { FoundSecurity } from '../documents/security.ts'
import { isAnotherAccount } from '../users/account-history.ts'
import { knownUser, type KnownUser } from '../users/known-user.ts'
import { userDocumentId } from '../users/user-document.ts'
import type { ProvisionedUsers } from './provisioned-users.ts'
import type { ProvisionedUser } from './provisioned-user.ts'
import type { ProvisionedUserFacts } from './plan-user.ts'
import type { ProvisioningSettings } from './settings.ts'

const USERS = '_users'

export interface UserReading extends ProvisioningSettings {
  couch: Databases
  provisionedUsers: Pick<ProvisionedUsers, 'claims'>
  now: () => number
}

/** What is planned with, and what is written over. */
export interface GatheredUser {
  facts: ProvisionedUserFacts
  /** The document of `_users` that the facts are from; null for none. */
  document: StoredDoc | null
}

/**
 * @param entry what the registry has of the user, as it was just read
 * @throws {CouchFault}
 */
export async function gatherProvisionedUser(
  deps: UserReading,
  name: string,
  entry: ProvisionedUser | null,
): Promise<GatheredUser> {
  const { couch, provisionedUsers, attribute, onDeparture, graceMs, newDatabase, now } = deps
  const document = await couch.database(USERS).get(userDocumentId(name))
  const user = knownUser(document, name, deps)
  const databases = namedDatabases(user, entry)
  return {
    document,
    facts: {
      ...{ name, attribute, user, entry, onDeparture, graceMs },
      isAnother: await isAnothers(couch, name, user, entry),
      securities: await readSecurities(couch, databases),
      claims: await provisionedUsers.claims(databases),
      fresh: newDatabase(),
      at: new Date(now()).toISOString(),
    },
  }
}

/** Who names the database that the daemon has given knows it from the account itself. */
async function isAnothers(
  couch: Databases,
  name: string,
  user: KnownUser | null,
  entry: ProvisionedUser | null,
): Promise<boolean> {
  if (user === null || entry?.account === undefined || entry.state !== 'active') return false
  if (user.recorded === entry.database) return false
  return isAnotherAccount(couch, name, entry.account, user.account)
}

/** The personal databases that user and entry name. */
function namedDatabases(user: KnownUser | null, entry: ProvisionedUser | null): string[] {
  const named = [
    user?.recorded,
    ...Object.values(user?.others ?? {}),
    entry?.database,
    ...Object.values(entry?.others ?? {}),
  ]
  return [...new Set(named.filter(isPersonalName))]
}

/** The `_security` of those that exist. */
async function readSecurities(couch: Databases, databases: string[]): Promise<Map<string, FoundSecurity>> {
  const there = await couch.dbsInfo(databases)
  const securities = new Map<string, FoundSecurity>()
  for (const database of there.keys()) securities.set(database, await couch.database(database).security())
  return securities
}
