// What /readyz and /healthz promise of users of masters and of gateways: who was there at the start has what is theirs, and who is
// kept waiting for long is seen.
import assert from 'node:assert/strict'
import { isPersonalName } from '../../../src/documents/names.ts'
import { GateProxy } from '../../support/gate-proxy.ts'
import { complete as filled, GatewayGround } from '../../support/gateway.ts'
import { complete, Ground } from '../../support/provisioning.ts'
import { onEachServer } from '../../support/suites.ts'

const NAMES = ['ann', 'bob', 'cy', 'dee', 'eve', 'fay']
/** Longer than the daemon lets anybody wait. */
const LONG_MS = 6 * 60_000

onEachServer('a daemon that says it is ready', ({ it, kind }) => {
  it('has made the personal databases of all users who were there, with their documents', (space) =>
    Ground.use(space, async (ground) => {
      const users = NAMES.map((name) => ground.user(name))
      await ground.put(ground.master, { _id: 'number:1@x.test', label: 'one' })
      for (const user of users) await user.sign({ roles: ['number_domain:x.test'] })
      await space.start()
      for (const user of users) {
        const name = (await user.account())?.['database']
        assert(isPersonalName(name), `${user.name} has ${String(name)}`)
        assert.deepEqual(await user.standing(), complete(1), user.name)
      }
    }))

  it('has made the databases of all users of a gateway who were there, with their documents', (space) =>
    GatewayGround.use(space, 'function (doc) { channel("!") }', async (ground) => {
      const users = NAMES.map((name) => ground.user(name))
      await ground.put({ _id: 'note-1' })
      for (const user of users) await user.signUp()
      await space.start()
      for (const user of users) assert.deepEqual(await user.standing(), filled(1), user.name)
    }))

  // A proxy is the same to both.
  if (kind === 'embedded')
    it('is not healthy while a user of a master waits for long, and is when that is over', (space) =>
      Ground.use(space, async (ground) => {
        const ann = ground.user('ann')
        await space.start()
        await space.settled()
        await space.stop()
        await ann.sign({ roles: ['number_domain:x.test'] })
        // A personal database is made.
        const proxy = await GateProxy.start(space.server.url, /^PUT \/u[0-9a-f-]{36}(\?|$)/)
        try {
          await space.begin({ url: proxy.url })
          await space.until('her turn has begun', () => Promise.resolve(proxy.held > 0))
          assert.deepEqual(space.daemon.health(), { ok: true })
          space.aheadMs = LONG_MS
          assert.deepEqual(space.daemon.health(), {
            ok: false,
            reason: 'no turn was finished for five minutes',
          })
          proxy.open()
          await ann.database()
          await space.until('the daemon is well', () => Promise.resolve(space.daemon.health().ok))
        } finally {
          await space.stop()
          await proxy.stop()
        }
      }))
})
