// `npm run test:faults`: many of what CI plays a few of.
import { spawnSync } from 'node:child_process'

const FILES = [
  'test/couch/daemon/black-box.test.ts',
  'test/couch/daemon/killed-anywhere.test.ts',
  'test/couch/daemon/restored-backups.test.ts',
]
const env = { FAULT_RUNS: '100', ...process.env }
const { status } = spawnSync(
  'npx',
  ['mocha', '--no-parallel', '--timeout', '0', ...FILES, ...process.argv.slice(2)],
  { env, stdio: 'inherit' },
)
process.exit(status ?? 1)
