// Databases that the daemon needs are dropped, and restored, beside it, without what the daemon keeps there.
import assert from 'node:assert/strict'
import { routesDatabase } from '../../../src/documents/names.ts'
import { complete, GatewayGround } from '../../support/gateway.ts'
import { needs, onEachServer } from '../../support/suites.ts'

const SOURCE = 'function (doc) { channel(doc.lists) }'

onEachServer('a database that the daemon needs', ({ it, server }) => {
  it('is put in place and filled again where somebody has dropped it beside the daemon', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      Object.assign(space.config, { sweepIntervalMs: 500 })
      const ann = ground.user('ann')
      await ground.put({ _id: 'a', lists: '!' })
      await ann.signUp()
      await space.start()
      await ann.sees('a')
      await space.settled()
      const index = space.couch.database(routesDatabase(ground.name))
      await index.drop()
      await ground.put({ _id: 'b', lists: '!' })
      await ann.sees('a', 'b')
      await ground.eventually('the routes', async () => (await ground.routes.of(['a', 'b'])).size, 2)
      assert.deepEqual((await index.security()).members, { names: [], roles: ['_admin'] })
    }))

  it('is `_users`, whose accounts are looked up again before any sweep', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      // The accounts of everybody on the server are gone for a moment.
      needs(server().isOurs, 'a server of the tests’ own')
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ground.put({ _id: 'a', lists: '!' })
      await ann.signUp()
      await space.start()
      await ann.sees('a')
      const users = space.couch.database('_users')
      await users.drop()
      await users.create()
      for (const user of [ann, bob]) await user.signUp()
      for (const user of [ann, bob]) await user.stands(complete(1))
    }))
})
