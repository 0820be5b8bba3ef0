// What commands say of a server that is away.
import assert from 'node:assert/strict'
import { provision } from '../../../src/commands/provision.ts'
import { skeletonDiff } from '../../../src/commands/skeleton-diff.ts'
import { isFault } from '../../../src/couch/fault.ts'
import { freePort } from '../../support/servers.ts'

describe('commands/connection', () => {
  const commands: [string, (env: NodeJS.ProcessEnv) => Promise<unknown>][] = [
    ['skeleton diff', (env) => skeletonDiff(env, () => undefined)],
    ['provision --all', (env) => provision(['--all'], env)],
  ]
  for (const [name, run] of commands)
    it(`says in \`${name}\` which server does not answer`, async () => {
      const url = `http://127.0.0.1:${await freePort()}`
      const login = { HOODIE_ADMIN_USER: 'admin', HOODIE_ADMIN_PASS: 'secret' }
      await assert.rejects(
        run({ HOODIE_SERVER: url, ...login, MASTER_DATABASES: 'provisioning' }),
        (error) => {
          assert(isFault(error, 'unreachable'))
          assert.match(error.message, new RegExp(`^the server at ${url} does not answer: .*ECONNREFUSED`))
          return true
        },
      )
    })
})
