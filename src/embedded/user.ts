// Who a request is made by, in CouchDB's words: `userCtx`, and what is thrown where that is not enough.
import { CouchFault } from './faults.ts'

/** The name is null for whoever is not logged in. */
export interface User {
  name: string | null
  roles: readonly string[]
}

/** Who did not log in. */
export const NOBODY: User = Object.freeze({ name: null, roles: [] })

/** A server admin. */
export const isServerAdmin = ({ roles }: User): boolean => roles.includes('_admin')

/** Whoever is not logged in may try again with a password; for the others the answer is final. */
export function denied({ name }: User, reason: string): CouchFault {
  return name === null ? unauthorized(reason) : new CouchFault(403, 'forbidden', reason)
}

/** 401 */
export const unauthorized = (reason: string): CouchFault => new CouchFault(401, 'unauthorized', reason)

/** 401, in CouchDB's words for a wrong name or password. */
export const wrongCredentials = (): CouchFault => unauthorized('Name or password is incorrect.')
