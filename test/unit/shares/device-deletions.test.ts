// A device deletes a document as its user has seen it, offline, while the daemon writes its own attributes into it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Doc, StoredDoc } from '../../../src/couch/document.ts'
import type { MemoryDatabase } from '../../support/memory-database.ts'
import { Participants, type Action } from '../../support/participants.ts'

const [JOE, ANN] = [0, 1]
const open: Action = { kind: 'access', share: 'x', access: { write: [ANN] } }
const join: Action = { kind: 'subscribe', user: ANN, share: 'x' }
const edit = (user: number, object: string, ...set: string[]): Action => ({
  ...{ kind: 'edit', user, object, set, drop: [], clock: { kind: 'none' } },
})
const share = (user: number, object: string, share = 'x'): Action => ({
  ...{ kind: 'wish', user, object, share, wish: true },
})

async function then(people: Participants, ...actions: Action[]): Promise<void> {
  for (const one of actions) people.act(one)
  await people.world.settle()
}

const seen = (database: MemoryDatabase, id: string): StoredDoc => {
  const [leaf] = database.leaves(id)
  assert(leaf)
  return leaf
}

/** A device that has seen a document sends what it made of it; `null` stands for a deletion. */
function send(database: MemoryDatabase, from: StoredDoc, ...made: (Doc | null)[]): void {
  const { start, ids } = from._revisions ?? assert.fail()
  const hashes = made.map((doc, at) =>
    createHash('md5')
      .update(`${from._rev} ${at} ${JSON.stringify(doc)}`)
      .digest('hex'),
  )
  const last = made.at(-1) ?? { _id: from._id, _deleted: true }
  database.merge({
    ...last,
    _id: from._id,
    _rev: `${start + made.length}-${hashes.at(-1)}`,
    _revisions: { start: start + made.length, ids: [...hashes.reverse(), ...ids] },
  })
}

describe('a deletion on a device', () => {
  describe('while the daemon wrote its own attributes alone', () => {
    it('of a $share ends the share', async () => {
      const people = await Participants.create({ users: 2 })
      people.act(open)
      const before = seen(people.database(JOE), '$share/x')
      await then(people, join, edit(JOE, 'a', 'name'), share(JOE, 'a'))
      assert.equal(people.database(JOE).read('$share/x')?.['$state'], 'active')
      send(people.database(JOE), before, null)
      await then(people)
      assert.equal(people.database(JOE).read('$share/x'), null)
      assert.equal(people.registry.read('share/x')?.['state'], 'ended')
      assert.equal(people.share('x'), null)
    })

    it('of a $share whose password the daemon has put in force, too', async () => {
      const people = await Participants.create({ users: 2 })
      people.database(JOE).write({ _id: '$share/x', type: '$share', access: true, password: 'a good secret' })
      const before = seen(people.database(JOE), '$share/x')
      await then(people)
      assert.equal(people.database(JOE).read('$share/x')?.['$state'], 'active')
      send(people.database(JOE), before, null)
      await then(people)
      assert.equal(people.registry.read('share/x')?.['state'], 'ended')
    })

    it('of a $subscription is leaving, and its last words count', async () => {
      const people = await Participants.create({ users: 2 })
      await then(people, open, edit(JOE, 'a', 'name'), share(JOE, 'a'))
      people.act(join)
      const before = seen(people.database(ANN), '$subscription/x')
      await then(people)
      assert.equal(people.database(ANN).read('$subscription/x')?.['$state'], 'active')
      send(people.database(ANN), before, { _id: before._id, _deleted: true, onEnd: 'keep' })
      await then(people)
      assert.equal(people.database(ANN).read('$subscription/x'), null)
      assert.notEqual(people.registry.read('subscription/x/ann0')?.['state'], 'active')
      assert.equal(people.database(ANN).read('a')?.['$shares'], undefined)
      assert.notEqual(people.database(ANN).read('a'), null)
    })

    for (const access of [false, { write: [ANN] }] as const)
      it(`of an object takes it out of a share ${access ? 'that others write into' : 'of the owner alone'}`, async () => {
        const people = await Participants.create({ users: 2 })
        await then(people, { kind: 'access', share: 'x', access }, edit(JOE, 'a', 'name'), share(JOE, 'a'))
        people.database(JOE).write({
          ...people.database(JOE).read('a')!,
          $shares: { x: true, 'Not an id': true },
        })
        const before = seen(people.database(JOE), 'a')
        await then(people)
        assert.notEqual(people.database(JOE).read('a')?.['$error'], undefined)
        send(people.database(JOE), before, null)
        await then(people)
        assert.equal(people.database(JOE).read('a'), null)
        assert.equal(people.share('x')?.read('share/x/a'), null)
      })

    it('counts with what the device wrote before, which nobody has seen', async () => {
      const people = await Participants.create({ users: 2 })
      people.act(open)
      const before = seen(people.database(JOE), '$share/x')
      await then(people)
      send(people.database(JOE), before, { ...before, access: true }, null)
      await then(people)
      assert.equal(people.registry.read('share/x')?.['state'], 'ended')
    })
  })

  describe('does not count', () => {
    const marked = async (): Promise<{ people: Participants; before: StoredDoc }> => {
      const people = await Participants.create({ users: 2 })
      people.act(open)
      const before = seen(people.database(JOE), '$share/x')
      await then(people)
      return { people, before }
    }
    const isOpen = async (people: Participants): Promise<void> => {
      await then(people)
      assert.equal(people.registry.read('share/x')?.['state'], 'active')
      assert.equal(people.database(JOE).read('$share/x')?.['$state'], 'active')
    }

    it('where another device edited it meanwhile, though it says the same again later', async () => {
      const { people, before } = await marked()
      await then(people, { kind: 'access', share: 'x', access: true })
      send(people.database(JOE), before, null)
      await isOpen(people)
      await then(people, open)
      await isOpen(people)
    })

    it('where the user has made it again since', async () => {
      const { people, before } = await marked()
      send(people.database(JOE), before, null)
      await then(people)
      assert.equal(people.registry.read('share/x')?.['state'], 'ended')
      await then(people, open)
      await isOpen(people)
      await people.world.forgetCheckpoints()
      await isOpen(people)
    })

    it('where it is a leaf that was dropped', async () => {
      const { people, before } = await marked()
      const { _rev, _revisions, ...doc } = before
      // The user's device says the same once more, and that leaf goes.
      send(people.database(JOE), before, doc)
      await isOpen(people)
      assert.equal(people.database(JOE).leaves('$share/x').length, 2)
      people.act({ kind: 'subscribe', user: ANN, share: 'x' })
      await isOpen(people)
      people.database(JOE).compact()
      await people.world.forgetCheckpoints()
      await isOpen(people)
    })

    it('of an object into which the edit of somebody else was carried', async () => {
      const people = await Participants.create({ users: 2 })
      await then(people, open, join, edit(JOE, 'a', 'name'), share(JOE, 'a'))
      const before = seen(people.database(JOE), 'a')
      await then(people, edit(ANN, 'a', 'note'))
      send(people.database(JOE), before, null)
      await then(people)
      assert.deepEqual(people.database(JOE).read('a')?.['note'], people.database(ANN).read('a')?.['note'])
      assert.notEqual(people.share('x')?.read('share/x/a'), null)
    })

    it('of a document that is none of the daemon’s', async () => {
      const people = await Participants.create({ users: 1 })
      people.database(JOE).write({ _id: 'own', note: 1 })
      const before = seen(people.database(JOE), 'own')
      people.database(JOE).write({ _id: 'own', _rev: before._rev, note: 1, touched: true })
      send(people.database(JOE), before, null)
      await then(people)
      assert.notEqual(people.database(JOE).read('own'), null)
    })
  })
})
