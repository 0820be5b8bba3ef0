// A `$share` or `$subscription` that an admin purged is gone as a deleted one is, and its old revisions with it.
import assert from 'node:assert/strict'
import type { Participants } from '../../../support/participants.ts'
import { ANN, BOB, JOE, threePeople } from '../../../support/three-people.ts'

for (const how of ['while the daemon runs', 'while it does not'])
  describe(`what an admin purged ${how}`, () => {
    async function purged(by: number, id: string): Promise<Participants> {
      const people = await threePeople([BOB], 'read')
      const user = people.database(by)
      const there = user.read(id) ?? assert.fail()
      user.purge(id, [there._rev])
      if (how === 'while it does not') await people.world.restart()
      await people.world.settle()
      return people
    }

    it('ends the share, where it was its document, and keeps what its owner has', async () => {
      const people = await purged(JOE, '$share/x')
      assert.equal(people.registry.read('share/x')?.['state'], 'ended')
      assert.equal(people.share('x'), null)
      assert.notEqual(people.database(JOE).read('a'), null)
      for (const other of [ANN, BOB]) assert.equal(people.database(other).read('a'), null)
    })

    it('lets its user leave, where it was a subscription', async () => {
      const people = await purged(BOB, '$subscription/x')
      assert.equal(people.database(BOB).read('a'), null)
      assert.notEqual(people.database(ANN).read('a'), null)
      const part = people.registry.read(`subscription/x/${people.hash(BOB)}`)
      assert.notEqual(part?.['state'], 'active')
    })
  })
