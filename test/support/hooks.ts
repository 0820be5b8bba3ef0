// What holds for the whole run: it says which servers were used and how many cases had none, and leaves no server behind.
import fc from 'fast-check'
import { couchdbSource, stopServers } from './servers.ts'
import { casesWithoutCouchdb } from './suites.ts'

/**
 * A run says something of the tree that it runs on, and the same each time: the histories are those of one seed, unless
 * another one, or `random`, is asked for. Looking for new ones takes more runs than the suite has time for, and is done by hand.
 */
const { PROPERTY_SEED = '1' } = process.env
if (PROPERTY_SEED !== 'random') fc.configureGlobal({ seed: Number(PROPERTY_SEED) })

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
