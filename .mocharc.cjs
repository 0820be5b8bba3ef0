// The servers that a run starts are each worker's own, so that files run side by side; where all have to share one that
// somebody gave, they take turns.
const isShared = Boolean(process.env.COUCHDB_URL)
// Mocha adds the files that it is given to those that are named here.
const isNamed = process.argv.slice(2).some((argument) => argument.endsWith('.test.ts'))
const all = ['test/unit/**/*.test.ts', 'test/replay/**/*.test.ts', 'test/couch/**/*.test.ts']

module.exports = {
  'node-option': ['import=tsx'],
  ...(isNamed ? {} : { spec: all }),
  require: ['test/support/hooks.ts'],
  timeout: 120_000,
  // Mostly they wait: on two cores, four take half the time of one.
  ...(isShared ? {} : { parallel: true, jobs: 4 }),
}
