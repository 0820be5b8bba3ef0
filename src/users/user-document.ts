// The documents of `_users`, by the names of whom they are about.
import { isAccountName } from '../documents/account-name.ts'

/** https://docs.couchdb.org/en/stable/intro/security.html#authentication-database */
export const USER_DOCUMENT_PREFIX = 'org.couchdb.user:'

/** The document of `_users` for a name. */
export const userDocumentId = (name: string): string => USER_DOCUMENT_PREFIX + name

/** The name of a user whom a document of `_users` is about; null for design documents, and for the accounts of passwords. */
export function nameOfUserDocument(id: string): string | null {
  if (!id.startsWith(USER_DOCUMENT_PREFIX)) return null
  const name = id.slice(USER_DOCUMENT_PREFIX.length)
  return name === '' || isAccountName(name) ? null : name
}

/** First and last possible id of the documents for users; design documents are outside it. */
export const USER_DOCUMENT_RANGE = { startKey: USER_DOCUMENT_PREFIX, endKey: 'org.couchdb.user;' } as const
