// What holds for the whole run: it says which servers were used and how many cases had none, and leaves no server behind.
import { couchdbSource, stopServers } from './servers.ts'
import { casesWithoutCouchdb } from './suites.ts'

export const mochaHooks = {
  async afterAll(): Promise<void> {
    await stopServers()
    const skipped = casesWithoutCouchdb()
    const couchdb =
      couchdbSource === null
        ? 'no CouchDB (set COUCHDB_URL, or put couchdb on the PATH)'
        : `CouchDB (${couchdbSource})`
    process.stdout.write(`\n  Servers: the embedded one, and ${couchdb}.\n`)
    if (skipped > 0) process.stdout.write(`  ${skipped} cases did not run, because no CouchDB was there.\n`)
  },
}
