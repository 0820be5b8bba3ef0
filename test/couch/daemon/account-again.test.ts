// An account that is deleted, and signed up again at once by somebody else under the same name, gets nothing of the former one.
import assert from 'node:assert/strict'
import { ADMIN_ONLY } from '../../../src/documents/security.ts'
import { GatewayGround } from '../../support/gateway.ts'
import { NOTES } from '../../support/gateway-notes.ts'
import { Ground } from '../../support/provisioning.ts'
import { onEachServer } from '../../support/suites.ts'

const X = 'number_domain:x.test'
const NUMBER = 'number:1@x.test'

onEachServer('an account that is made again at once', ({ it }) => {
  for (const isStopped of [false, true])
    it(`gets a personal database of its own${isStopped ? ', also where the daemon was stopped' : ''}`, (space) =>
      Ground.use(space, async (ground) => {
        const [ann, bob] = [ground.user('ann'), ground.user('bob')]
        await ground.put(ground.master, { _id: NUMBER, label: 'one' })
        // As long as a former account may come back, too.
        const settings = { deletionGraceMs: 600_000 }
        await space.start(settings)
        for (const user of [ann, bob]) await user.sign({ roles: [X] })
        const [hers, his] = [await ann.database(), await bob.database()]
        for (const user of [ann, bob]) await user.has(NUMBER)
        await space.settled()
        if (isStopped) await space.stop()

        await ann.leave()
        await ann.sign({ roles: [X] })
        // Another password is no deletion, also where a client leaves out what it does not know.
        await bob.sign({ database: undefined, password: bob.password })
        if (isStopped) await space.start(settings)
        assert.notEqual(await ann.database(), hers)
        await ann.has(NUMBER)
        assert.deepEqual(await ground.couch.database(hers).security(), ADMIN_ONLY)
        assert.equal(await bob.database(), his)
        await bob.has(NUMBER)
        await space.settled()
      }))

  it('gets a database of a gateway of its own, and who has another password keeps the one that was there', (space) =>
    GatewayGround.use(space, NOTES, async (ground) => {
      const [joe, bob] = [ground.user('joe'), ground.user('bob')]
      for (const user of [joe, bob]) await user.signUp()
      await space.start()
      for (const user of [joe, bob]) await user.isIn()
      await space.settled()
      await space.stop()
      const instances = async (): Promise<unknown[]> =>
        Promise.all([joe, bob].map(async ({ database }) => (await database.info())?.instance_start_time))
      const [his, hers] = await instances()

      await joe.leave()
      await joe.setRoles([])
      await bob.setPassword('another one')
      await space.start()
      await space.settled()
      for (const user of [joe, bob]) await user.isIn()
      const [later, same] = await instances()
      assert.notEqual(later, his)
      assert.equal(same, hers)
    }))
})
