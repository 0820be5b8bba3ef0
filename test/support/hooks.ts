// What holds for the whole run: it says which servers were used and how many cases had none, and leaves no server behind.
import { appendFile, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import sumBy from 'lodash/sumBy.js'
import { casesLeftOut, type LeftOut } from './left-out.ts'
import { couchdbSource, stopServers } from './servers.ts'

/**
 * A run says something of the tree that it runs on, and the same each time: the histories are those of one seed, unless
 * another one, or `random`, is asked for. Looking for new ones takes more runs than the suite has time for, and is done by hand.
 */
const { PROPERTY_SEED = '1' } = process.env
if (PROPERTY_SEED !== 'random') fc.configureGlobal({ seed: Number(PROPERTY_SEED) })

/** What each file left out, a line each: files may run in processes of their own, and one of them sums it up. */
const worker = process.env['MOCHA_WORKER_ID']
const run = worker === undefined ? process.pid : process.ppid
const LEFT_OUT = join(tmpdir(), `couch-shares-left-out-${run}`)

export const mochaHooks = {
  /** Once for the run, or, where files run side by side, for each of them. */
  async afterAll(): Promise<void> {
    await stopServers({ isOver: worker === undefined })
    await appendFile(LEFT_OUT, `${JSON.stringify(casesLeftOut())}\n`)
  },
}

export async function mochaGlobalTeardown(): Promise<void> {
  const couchdb =
    couchdbSource === null
      ? 'no CouchDB (set COUCHDB_URL, or put couchdb on the PATH)'
      : `CouchDB (${couchdbSource})`
  // Where no case ran, nothing has said yet what was left out.
  await appendFile(LEFT_OUT, `${JSON.stringify(casesLeftOut())}\n`)
  const lines = (await readFile(LEFT_OUT, 'utf8')).trim().split('\n')
  await rm(LEFT_OUT)
  const leftOut = lines.map((line) => JSON.parse(line) as LeftOut)
  const absent = sumBy(leftOut, 'absent')
  const spared = sumBy(leftOut, 'spared')
  process.stdout.write(`\n  Servers: the embedded one, and ${couchdb}.\n`)
  if (absent > 0) process.stdout.write(`  ${absent} cases did not run, because no CouchDB was there.\n`)
  if (spared > 0)
    process.stdout.write(`  ${spared} cases ran on CouchDB alone; EMBEDDED=whole has them run on both.\n`)
}
