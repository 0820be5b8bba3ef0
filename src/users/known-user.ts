// What a document of `_users` says of somebody, as far as the daemon goes by it.
import type { Databases } from '../couch/client.ts'
import type { StoredDoc } from '../couch/document.ts'
import { isText } from '../documents/shapes.ts'
import { markOfAccount, type AccountMark } from './account.ts'
import { userDocumentId } from './user-document.ts'

const USERS = '_users'

/** Where `_users` documents name databases. */
export interface Named {
  /** The attribute of `_users` documents that names the personal database. */
  attribute: string
  /** Further ones that name databases of the user. */
  attributes: readonly string[]
}

/** As much of a `_users` document as counts here. */
export interface KnownUser {
  /** Given by the server's admins. */
  roles: readonly string[]
  /** The personal database, which may be the user's own writing; undefined where there is none. */
  recorded: unknown
  /** The other attributes that name databases, as they are. */
  others: Readonly<Record<string, unknown>>
  /** What the account is known by. */
  account: AccountMark
}

/** What `_users` says of a name, as far as it counts; null for nobody. */
export async function readKnownUser(couch: Databases, name: string, named: Named): Promise<KnownUser | null> {
  return knownUser(await couch.database(USERS).get(userDocumentId(name)), name, named)
}

/** The same, of a document that was read already. */
export function knownUser(
  doc: StoredDoc | null,
  name: string,
  { attribute, attributes }: Named,
): KnownUser | null {
  if (doc === null || doc._deleted || doc['name'] !== name) return null
  const roles = Array.isArray(doc['roles']) ? doc['roles'] : []
  return {
    roles: roles.filter(isText),
    recorded: doc[attribute],
    others: Object.fromEntries(attributes.map((other) => [other, doc[other]])),
    account: markOfAccount(doc),
  }
}
