// A user database that is dropped and made again: what it shared goes at once, what it received comes back, and what a
// device brings back is compared with what was shared before.
import assert from 'node:assert/strict'
import type { Base } from '../../../src/shares/model/base.ts'
import { GRACE_MS } from '../../support/memory-world.ts'
import { valuesOf, Participants, type Action, type Wish } from '../../support/participants.ts'

const [JOE, ANN, BOB] = [0, 1, 2]
const edit = (user: number, object: string, ...set: string[]): Action => ({
  ...{ kind: 'edit', user, object, set, drop: [], clock: { kind: 'none' } },
})
const wish = (user: number, object: string, value: Wish): Action => ({
  ...{ kind: 'wish', user, object, share: 'x', wish: value },
})
const access = (value: { read?: number[]; write?: number[] }): Action => ({
  ...{ kind: 'access', share: 'x', access: value },
})

/** Joe shares `a`, all of it or what is said, Ann writes, and Bob does or reads; both take part. */
async function begun(bob: 'read' | 'write' = 'write', shown: Wish = true): Promise<Participants> {
  const people = await Participants.create({ users: 3 })
  const open = bob === 'write' ? { write: [ANN, BOB] } : { read: [BOB], write: [ANN] }
  for (const one of [
    access(open),
    { kind: 'subscribe', user: ANN, share: 'x' } as const,
    { kind: 'subscribe', user: BOB, share: 'x' } as const,
    edit(JOE, 'a', 'name', 'note'),
    wish(JOE, 'a', shown),
  ])
    people.act(one)
  await people.world.settle()
  return people
}

/** A device has all that is there, and the database is made again. */
function recreate(people: Participants, user: number): void {
  people.act({ kind: 'pull', user, share: null })
  people.act({ kind: 'recreate', user })
}

const refill = (people: Participants, user: number): void =>
  people.act({ kind: 'push', user, share: null, all: true })

/** The daemon sees to whoever has something to do, and no time passes: whoever waits goes on waiting. */
async function turns(people: Participants): Promise<void> {
  for (let round = 0; round < 6; round += 1) {
    await people.world.listen()
    for (let user = 0; user < people.count; user += 1) await people.world.turn(people.hash(user))
    people.world.couch.replicate()
  }
}

const copy = (people: Participants): string[] => valuesOf(people.share('x')?.read('share/x/a') ?? null)
const values = (people: Participants, user: number): string[] => valuesOf(people.database(user).read('a'))
const base = (people: Participants, user: number): Base =>
  (people.outbox(user)?.read('base/a') ?? assert.fail()) as unknown as Base

/** Everything that can be read in the share, of any age. */
const readable = (people: Participants): string[] =>
  [...(people.share('x')?.trees.get('share/x/a')?.revisions.values() ?? [])].flatMap(({ body }) =>
    valuesOf(body),
  )

describe('a user database that is made again', () => {
  describe('of the owner of a share that others write into', () => {
    it('has its objects go from the share at once, with old revisions', async () => {
      const people = await begun()
      recreate(people, JOE)
      await turns(people)
      assert.deepEqual(copy(people), [])
      assert.deepEqual(readable(people), [])
      assert.equal(people.database(ANN).read('a'), null)
      assert.equal(people.registry.read('share/x')?.['state'], 'active')
    })

    it('has them there again when a device brings them', async () => {
      const people = await begun()
      const before = values(people, JOE)
      recreate(people, JOE)
      await turns(people)
      refill(people, JOE)
      await turns(people)
      assert.deepEqual(copy(people), before)
      assert.deepEqual(values(people, ANN), before)
      assert.deepEqual(people.database(BOB).read('$subscription/x')?.['$rejected'], undefined)
    })

    for (const canPurge of [true, false])
      it(`shows nothing of what comes back narrower, ${canPurge ? 'with' : 'without'} purge`, async () => {
        const people = await begun()
        Object.assign(people.world.deps, { canPurge })
        const [name = '', note = ''] = values(people, JOE)
        people.act({ kind: 'recreate', user: JOE })
        await turns(people)
        people.act(access({ write: [ANN, BOB] }))
        people.database(JOE).write({ _id: 'a', name, note, $shares: { x: ['name'] } })
        await turns(people)
        await people.world.settle()
        assert.deepEqual(copy(people), [name])
        assert.deepEqual(readable(people), [name])
      })

    it('shows nothing of it where both came before the daemon looked', async () => {
      const people = await begun()
      const [name = '', note = ''] = values(people, JOE)
      people.act({ kind: 'recreate', user: JOE })
      people.act(access({ write: [ANN, BOB] }))
      people.database(JOE).write({ _id: 'a', name, note, $shares: { x: ['name'] } })
      await people.world.settle()
      assert.deepEqual(readable(people), [name])
    })

    it('sends nothing that a writer has beside the list', async () => {
      const people = await begun('write', ['name'])
      people.act(edit(ANN, 'a', 'own'))
      await people.world.settle()
      const own = people.database(ANN).read('a')?.['own']
      recreate(people, JOE)
      await people.world.listen()
      await people.world.turn('joe0')
      people.act(edit(ANN, 'a', 'note'))
      await turns(people)
      refill(people, JOE)
      await turns(people)
      await people.world.settle()
      assert.equal(readable(people).includes(String(own)), false)
      assert.equal(values(people, JOE).includes(String(own)), false)
      assert.ok(values(people, ANN).includes(String(own)))
    })

    it('brings back what somebody changed that its user had not seen', async () => {
      const people = await begun()
      people.act({ kind: 'recreate', user: JOE })
      people.act(edit(ANN, 'a', 'note'))
      await people.world.turn('ann0')
      await turns(people)
      const note = String(people.database(ANN).read('a')?.['note'])
      assert.ok(values(people, JOE).includes(note))
    })
  })

  for (const bob of ['write', 'read'] as const)
    describe(`of somebody who may ${bob}`, () => {
      it('gets what is shared at once', async () => {
        const people = await begun(bob)
        people.act({ kind: 'recreate', user: BOB })
        await turns(people)
        assert.deepEqual(values(people, BOB), values(people, JOE))
        assert.deepEqual(copy(people), values(people, JOE))
        assert.equal(base(people, BOB).agreed['x']?.state, 'both')
      })

      it('gets what came while there was none', async () => {
        const people = await begun(bob)
        const { name } = people.database(BOB)
        people.world.couch.databases.delete(name)
        people.database(JOE).write({ _id: 'b', name: 'joe 9', $shares: { x: true } })
        await people.world.turn('joe0')
        await people.world.turn('bob0', { feeds: new Set(['x']) })
        people.world.couch.recreate(name)
        await turns(people)
        assert.deepEqual(valuesOf(people.database(BOB).read('b')), ['joe 9'])
      })

      it('is one object with what a device brings', async () => {
        const people = await begun(bob)
        const before = values(people, JOE)
        recreate(people, BOB)
        await turns(people)
        refill(people, BOB)
        await turns(people)
        await people.world.settle()
        assert.equal(people.database(BOB).read('a')?._conflicts, undefined)
        assert.deepEqual(values(people, BOB), before)
        assert.deepEqual(copy(people), before)
      })
    })

  for (const [how, wasPurged] of [
    ['went with it', false],
    ['was purged', true],
  ] as const)
    it(`leaves nothing of a share that ends, of an object that ${how}`, async () => {
      const people = await begun()
      people.act(wasPurged ? { kind: 'purge', user: JOE, object: 'a' } : { kind: 'recreate', user: JOE })
      if (!wasPurged) people.act(access({ write: [ANN, BOB] }))
      await people.world.settle()
      assert.equal(base(people, JOE).agreed['x']?.state, 'unshared')
      people.act({ kind: 'close', share: 'x' })
      await people.world.settle()
      assert.equal(people.registry.read('share/x')?.['state'], 'ended')
      assert.equal(people.outbox(JOE)?.read('base/a'), null)
    })

  it('has the invitations of its user again', async () => {
    const people = await begun()
    people.act({ kind: 'recreate', user: BOB })
    await turns(people)
    assert.equal(people.database(BOB).read('$invitation/x')?.['access'], 'write')
  })

  it('has them again where its user was only invited', async () => {
    const people = await begun()
    people.act({ kind: 'leave', user: BOB, share: 'x' })
    await people.world.settle()
    people.act({ kind: 'recreate', user: BOB })
    await turns(people)
    assert.equal(people.database(BOB).read('$invitation/x')?.['access'], 'write')
  })

  for (const [what, user, id] of [
    ['share', JOE, 'share/x'],
    ['subscription', BOB, 'subscription/x/bob0'],
  ] as const)
    it(`ends a ${what} that has not come back, though nobody knows how far it was read`, async () => {
      const people = await begun()
      people.act({ kind: 'recreate', user })
      await people.world.forgetCheckpoints()
      await turns(people)
      assert.equal(people.registry.read(id)?.['state'], 'active')
      await people.world.settle()
      assert.notEqual(people.registry.read(id)?.['state'], 'active')
    })

  it('does not take out what its user was just bringing in', async () => {
    const people = await begun()
    people.act(edit(ANN, 'b', 'name'))
    people.act(wish(ANN, 'b', true))
    await people.world.crash(2, () => people.world.turn('ann0'))
    const there = people.share('x')?.read('share/x/b')
    const coming = people.outbox(ANN)?.read('base/b')?.['agreed'] as Base['agreed'] | undefined
    assert.deepEqual([valuesOf(there ?? null).length, coming?.['x']?.state], [1, 'coming'])
    people.act({ kind: 'recreate', user: ANN })
    await turns(people)
    assert.equal(valuesOf(people.share('x')?.read('share/x/b') ?? null).length, 1)
    assert.equal(valuesOf(people.database(ANN).read('b')).length, 1)
  })

  it('keeps private what its user had beside the list, when the owner shows all meanwhile', async () => {
    const people = await begun('write', ['name'])
    people.act(edit(ANN, 'a', 'own'))
    await people.world.settle()
    const own = String(people.database(ANN).read('a')?.['own'])
    people.act(wish(JOE, 'a', true))
    await people.world.settle()
    recreate(people, ANN)
    await turns(people)
    refill(people, ANN)
    await turns(people)
    await people.world.settle()
    assert.ok(values(people, ANN).includes(own))
    assert.equal(readable(people).includes(own), false)
  })

  for (const [how, isMadeAgain] of [
    ['and stays empty', true],
    ['or is not', false],
  ] as const)
    for (const [what, user] of [
      ['a share', JOE],
      ['a subscription', BOB],
    ] as const)
      it(`${how} ends ${what} in time, though the daemon was restarted while it waited`, async () => {
        const people = await begun()
        const { world } = people
        const stands = (): unknown =>
          people.registry.read(user === JOE ? 'share/x' : 'subscription/x/bob0')?.['state']
        if (isMadeAgain) people.act({ kind: 'recreate', user })
        else world.couch.databases.delete(people.database(user).name)
        await world.turn(people.hash(user))
        await turns(people)
        world.now += GRACE_MS - 1
        await world.saveCheckpoints()
        await world.restart()
        await turns(people)
        world.expire()
        await turns(people)
        assert.equal(stands(), 'active')
        world.now += 1
        world.expire()
        await turns(people)
        assert.notEqual(stands(), 'active')
        await world.settle()
        const written = world.couch.writes.length
        await world.restart()
        await world.settle()
        assert.deepEqual(world.couch.writes.slice(written), [])
      })
})
