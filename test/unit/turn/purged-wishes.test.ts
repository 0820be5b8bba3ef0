// A `$share` or `$subscription` that an admin purged is gone as a deleted one is, and its old revisions with it.
import assert from 'node:assert/strict'
import { ANN, BOB, JOE, threePeople } from '../../support/three-people.ts'

for (const how of ['while the daemon runs', 'while it does not'])
  describe(`what an admin purged ${how}`, () => {
    it('ends the share, where it was its document, and keeps what its owner has', async () => {
      const people = await threePeople([BOB], 'read')
      const user = people.database(JOE)
      const there = user.read('$share/x') ?? assert.fail()
      user.purge('$share/x', [there._rev])
      if (how === 'while it does not') await people.world.restart()
      await people.world.settle()
      assert.equal(people.registry.read('share/x')?.['state'], 'ended')
      assert.equal(people.share('x'), null)
      assert.notEqual(user.read('a'), null)
      for (const other of [ANN, BOB]) assert.equal(people.database(other).read('a'), null)
    })

    it('lets its user leave, where it was a subscription', async () => {
      const people = await threePeople([BOB], 'read')
      const user = people.database(BOB)
      const there = user.read('$subscription/x') ?? assert.fail()
      user.purge('$subscription/x', [there._rev])
      if (how === 'while it does not') await people.world.restart()
      await people.world.settle()
      assert.equal(user.read('a'), null)
      assert.notEqual(people.database(ANN).read('a'), null)
      const part = people.registry.read(`subscription/x/${people.hash(BOB)}`)
      assert.notEqual(part?.['state'], 'active')
    })
  })
