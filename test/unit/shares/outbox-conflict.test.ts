// A copy that has two live leaves in the outbox of a share which its owner alone writes: a backup that was put back, or two
// nodes of a cluster. What is un-shared is readable in none of them.
import assert from 'node:assert/strict'
import { MemoryWorld } from '../../support/memory-world.ts'

const COPY = 'share/s/o'

describe('a copy with two leaves in an outbox', () => {
  for (const rev of ['1-0', '9-0'])
    for (const canPurge of [true, false])
      for (const [what, change] of Object.entries({
        'shows less': { $shares: { s: ['name'] } },
        'is un-shared': { $shares: {} },
        'is deleted': { _deleted: true },
      }))
        it(`says nothing more of an object that ${what}: ${rev}, canPurge ${canPurge}`, async () => {
          const world = await MemoryWorld.create({ canPurge })
          const user = world.couch.create('user/joe')
          user.write({ _id: '$share/s', type: '$share', access: { read: true } })
          user.write({ _id: 'o', name: 'n', secret: 'secret', $shares: { s: true } })
          await world.settle()
          const outbox = world.couch.databases.get('user/joe/$shares') ?? assert.fail()
          outbox.merge({ _id: COPY, _rev: rev, name: 'n', secret: 'secret' })
          await world.settle()
          assert.equal(outbox.leaves(COPY).filter(({ _deleted }) => !_deleted).length, 2)
          user.write({ _id: 'o', _rev: user.read('o')?._rev ?? '', name: 'n', secret: 'secret', ...change })
          await world.settle()
          const share = world.couch.databases.get('share/s') ?? assert.fail()
          for (const database of [share, outbox])
            for (const leaf of database.leaves(COPY)) assert.equal(leaf['secret'], undefined, database.name)
          assert.equal(share.read(COPY)?.['name'], what === 'shows less' ? 'n' : undefined)
        })
})
