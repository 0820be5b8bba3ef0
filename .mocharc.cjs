const { join } = process.getBuiltinModule('node:path')
const { availableParallelism } = process.getBuiltinModule('node:os')
const { readdirSync } = process.getBuiltinModule('node:fs')

// The servers that a run starts are each worker's own, so that files run side by side; where all have to share one that
// somebody gave, they take turns.
const isShared = Boolean(process.env.COUCHDB_URL)
// Mocha adds the files that it is given to those that are named here.
const isNamed = process.argv.slice(2).some((argument) => argument.endsWith('.test.ts'))

const filesIn = (folder) =>
  readdirSync(join(__dirname, 'test', folder), { recursive: true })
    .filter((name) => name.endsWith('.test.ts'))
    .map((name) => `test/${folder}/${name}`)
    .sort()

// Long files first: at the end, when one worker after the other is done, only short ones are left to wait for.
const LONG = [
  'couch/daemon/process',
  'couch/shares/subscriptions',
  'couch/daemon/busy-server',
  'couch/daemon/standby',
  'couch/shares/both-directions',
  'couch/embedded/embedded',
  'couch/gateways/matrix',
  // Histories with a crash at every write: up to a tenth of what all unit tests take, in one file.
  'unit/shares/lost-outbox',
  'unit/shares/lost-share',
  'unit/shares/participants',
].map((name) => `test/${name}.test.ts`)
const longFirst = (files) => [
  ...LONG.filter((file) => files.includes(file)),
  ...files.filter((file) => !LONG.includes(file)),
]

/** Those that wait for servers between those that reckon all the time, so that there is always something to do. */
function mixed(waiting, reckoning) {
  const all = [
    ...waiting.map((file, at) => [at / waiting.length, file]),
    ...reckoning.map((file, at) => [at / reckoning.length, file]),
  ]
  return all.sort(([a], [b]) => a - b).map(([, file]) => file)
}

module.exports = {
  'node-option': ['import=tsx'],
  ...(isNamed
    ? {}
    : { spec: mixed(longFirst([...filesIn('couch'), ...filesIn('replay')]), longFirst(filesIn('unit'))) }),
  require: ['test/support/hooks.ts'],
  // What a case waits for has a time of its own; this is for a case as a whole, on a slow machine.
  timeout: 900_000,
  // Half of the time they wait for servers: two for each core keep it busy.
  ...(isShared ? {} : { parallel: true, jobs: Math.max(4, 2 * availableParallelism()) }),
}
