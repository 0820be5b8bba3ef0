// Who may enter the daemon's own databases: what somebody else has made of a `_security` is put right.
import isEqual from 'lodash/isEqual.js'
import type { Database } from '../couch/database.ts'
import type { Security } from '../couch/document.ts'
import { orNull } from '../couch/fault.ts'
import type { Logger } from '../log.ts'
import { isPublic } from '../documents/security.ts'

/**
 * Puts back a `_security` that is not as the daemon set it: CouchDB tells nobody that it was changed, and an empty one lets in
 * everybody. Of a database that is not there nothing is said.
 * @returns true where it was another one
 * @throws {CouchFault}
 */
export async function keepSecurity(
  database: Database,
  wanted: object,
  log: Pick<Logger, 'warn'>,
): Promise<boolean> {
  const there = await orNull(database.security())
  if (there === null || isEqual(there, wanted)) return false
  await orNull(database.putSecurity(wanted as Security))
  log.warn(
    { db: database.name, wasPublic: isPublic(there) },
    'somebody else had changed `_security`, put back',
  )
  return true
}
