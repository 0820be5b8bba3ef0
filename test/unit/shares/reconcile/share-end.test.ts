// A share that ends is taken apart, wherever the daemon was killed on the way there.
import assert from 'node:assert/strict'
import { MemoryWorld } from '../../../support/memory-world.ts'
import { Participants } from '../../../support/participants.ts'

const MOST_WRITES = 25

/** A share is opened, and deleted again before the owner's objects were gone through for its beginning. */
async function openedAndDeleted(world: MemoryWorld): Promise<void> {
  const user = world.couch.create('user/joe')
  for (let n = 0; n < 3; n += 1) user.write({ _id: `o${n}`, n, $shares: { s: true } })
  await world.settle()
  user.write({ _id: '$share/s', type: '$share' })
  await world.turn('joe')
  const there = user.read('$share/s')
  assert.ok(there)
  user.write({ _id: '$share/s', _rev: there._rev, _deleted: true })
}

describe('a share that ends', () => {
  it('is gone for good, wherever the daemon is killed', async () => {
    for (let after = 0; after < MOST_WRITES; after += 1) {
      const world = await MemoryWorld.create({ canPurge: after % 2 === 0 })
      await world.crash(after, () => openedAndDeleted(world))
      // Killed before the document was deleted, it is deleted now.
      const user = world.couch.databases.get('user/joe')
      const there = user?.read('$share/s')
      if (there) user?.write({ _id: '$share/s', _rev: there._rev, _deleted: true })
      if (there) await world.crash(after, () => world.settle())
      await world.settle()
      const entry = world.couch.databases.get('shares')?.read('share/s')
      assert.equal(entry?.['state'] ?? 'ended', 'ended', `killed before write ${after}`)
      assert.equal(world.couch.databases.has('share/s'), false, `killed before write ${after}`)
      const outbox = world.couch.databases.get('user/joe/$shares')
      for (const id of outbox?.trees.keys() ?? [])
        if (id.startsWith('share/s/'))
          for (const leaf of outbox?.leaves(id) ?? [])
            assert.equal(leaf['n'], undefined, `${id} ${leaf._rev}`)
    }
  })

  it('is taken apart where it was deleted while objects are gone through for its beginning', async () => {
    for (let after = 0; after < MOST_WRITES; after += 1) {
      const world = await MemoryWorld.create()
      await openedAndDeleted(world)
      await world.crash(after, () => world.settle())
      await world.settle()
      assert.equal(world.couch.databases.get('shares')?.read('share/s')?.['state'], 'ended')
      assert.equal(world.couch.databases.has('share/s'), false, `killed before write ${after}`)
    }
  })

  it('has what others wrote last come to its owner, also where it was to be made anew', async () => {
    const people = await Participants.create({ users: 2, canPurge: false })
    people.act({ kind: 'access', share: 'x', access: { write: [1] } })
    people.act({ kind: 'subscribe', user: 1, share: 'x' })
    const edit = (user: number): void =>
      people.act({ kind: 'edit', user, object: 'a', set: ['name'], drop: [], clock: { kind: 'none' } })
    edit(0)
    people.act({ kind: 'wish', user: 0, object: 'a', share: 'x', wish: true })
    await people.world.settle()
    edit(1)
    await people.world.turn(people.hash(1))
    await people.world.deps.registry.orderRotation('x')
    people.act({ kind: 'close', share: 'x' })
    await people.world.settle()
    assert.match(String(people.database(0).read('a')?.['name']), /^ann/)
  })

  it('has what a lane that looked before it was closed writes after it was drained', async () => {
    const people = await Participants.create({ users: 2 })
    people.act({ kind: 'access', share: 'x', access: { write: [1] } })
    people.act({ kind: 'subscribe', user: 1, share: 'x' })
    people.act({
      ...{ kind: 'edit', user: 0, object: 'a', set: ['name'], drop: [] },
      clock: { kind: 'none' },
    })
    people.act({ kind: 'wish', user: 0, object: 'a', share: 'x', wish: true })
    await people.world.settle()
    people.act({ kind: 'close', share: 'x' })
    const share = people.share('x')
    let isLate = false
    people.world.couch.onWrite = (_db, id) => {
      const { saved } = (people.registry.read('share/x') ?? {}) as { saved?: boolean }
      const there = share?.read('share/x/a')
      if (isLate || !saved || !id.startsWith('subscription/x') || !there) return
      const { _conflicts: _, ...copy } = there
      share?.write({ ...copy, name: 'late' })
      isLate = true
    }
    await people.world.settle()
    assert(isLate)
    assert.equal(people.database(0).read('a')?.['name'], 'late')
    assert.equal(people.share('x'), null)
  })
})
