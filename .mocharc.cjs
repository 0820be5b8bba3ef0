// The servers that a run starts are each worker's own, so that files run side by side; where all have to share one that
// somebody gave, they take turns.
const isShared = Boolean(process.env.COUCHDB_URL)
// Mocha adds the files that it is given to those that are named here.
const isNamed = process.argv.slice(2).some((argument) => argument.endsWith('.test.ts'))
const { availableParallelism } = process.getBuiltinModule('node:os')
// Long files first: at the end, when one worker after the other is done, only short ones are left to wait for.
const all = [
  // Histories with a crash at every write: up to a tenth of what all unit tests take, in one file.
  'test/unit/shares/*.test.ts',
  'test/replay/**/*.test.ts',
  'test/couch/**/*.test.ts',
  'test/unit/*.test.ts',
  'test/unit/!(shares)/**/*.test.ts',
  'test/unit/shares/*/**/*.test.ts',
]

module.exports = {
  'node-option': ['import=tsx'],
  ...(isNamed ? {} : { spec: all }),
  require: ['test/support/hooks.ts'],
  // What a case waits for has a time of its own; this is for a case as a whole, on a slow machine.
  timeout: 900_000,
  // Half of the time they wait for servers: two for each core keep it busy.
  ...(isShared ? {} : { parallel: true, jobs: Math.max(4, 2 * availableParallelism()) }),
}
