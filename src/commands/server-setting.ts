// What the configuration of CouchDB says, as far as it shows it.
import type { Couch } from '../couch/client.ts'
import { isFault } from '../couch/fault.ts'

/** Null where it is unset, or not to be seen. https://docs.couchdb.org/en/stable/api/server/configuration.html @throws {CouchFault} */
export async function readServerSetting(couch: Couch, section: string, name: string): Promise<string | null> {
  try {
    return await couch.request<string>({ path: ['_node', '_local', '_config', section, name] })
  } catch (error) {
    // Unset, or a server that has no settings; or one that does not show them.
    if (isFault(error) && !error.retryable) return null
    if (isFault(error, 'server_error')) return null
    throw error
  }
}
