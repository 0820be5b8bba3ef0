// A share database that somebody dropped is filled again with what its owner, those who take part, and the outbox have:
// nothing that anybody wrote gives way to what was there before it, and nothing that is un-shared comes back.
import assert from 'node:assert/strict'
import type { Doc } from '../../../src/couch/document.ts'
import type { Base } from '../../../src/shares/model/base.ts'
import { assertRight } from '../../support/participants-checks.ts'
import { valuesOf, type Action, type Participants, type Wish } from '../../support/participants.ts'
import { ANN, BOB, edit, JOE, remove, threePeople, wish } from '../../support/three-people.ts'

const lose: Action = { kind: 'lose', share: 'x' }

/** Joe shares `a`; Ann and Bob take part, and write, or Bob reads. */
const begun = (bob: 'write' | 'read' | null = 'write', shown: Wish = true): Promise<Participants> =>
  threePeople([BOB], bob, shown)

/** Only this user's lane sees what that user writes; nobody else does, and nothing is replicated. */
async function alone(people: Participants, user: number, ...actions: Action[]): Promise<void> {
  for (const one of actions) people.act(one)
  await people.world.turn(people.hash(user))
}

/** Everything settles, in few writes, and everybody has the same. */
async function settles(people: Participants): Promise<void> {
  const before = people.world.couch.writes.length
  await people.world.settle()
  people.noteSettled()
  const written = people.world.couch.writes.slice(before).filter((line) => !line.startsWith('shares/'))
  assert(written.length < 80, `few writes until rest, not ${written.length}`)
  assertRight(people)
}

const copy = (people: Participants, object = 'a'): Doc | null =>
  people.share('x')?.read(`share/x/${object}`) ?? null
const values = (people: Participants, user: number, object = 'a'): string[] =>
  valuesOf(people.database(user).read(object))
const losses = (people: Participants): unknown => people.registry.read('share/x')?.['losses']

describe('a share database that another daemon makes anew', () => {
  for (const user of [null, ANN])
    it(`has what its owner's lane was just writing there, ${user === null ? 'and nobody else has' : 'though a writer goes on from what was before'}`, async () => {
      const people = await begun()
      const share = people.share('x') ?? assert.fail()
      const [saved] = share.leaves('share/x/a')
      await alone(people, JOE, edit(JOE, 'a', ['name']))
      const [name] = values(people, JOE)
      share.trees.delete('share/x/a')
      share.merge(saved ?? assert.fail())
      if (user !== null) await alone(people, user, edit(user, 'a', ['note']))
      await settles(people)
      for (const one of [JOE, ANN, BOB]) assert.equal(people.database(one).read('a')?.['name'], name)
      if (user !== null) assert.match(String(copy(people)?.['note']), /^ann/)
    })
})

describe('a share database that is lost', () => {
  for (const how of ['while the daemon runs', 'while it does not']) {
    const goOn = async (people: Participants): Promise<void> => {
      people.act(lose)
      if (how === 'while it does not') await people.world.restart()
      await settles(people)
    }

    describe(how, () => {
      it('has what a writer wrote last, which its owner had not seen', async () => {
        const people = await begun()
        await alone(people, ANN, edit(ANN, 'a', ['name', 'own']))
        const wanted = values(people, ANN)
        await goOn(people)
        for (const user of [JOE, ANN, BOB]) assert.deepEqual(values(people, user), wanted)
        assert.deepEqual(valuesOf(copy(people)), wanted)
      })

      it('has what its owner wrote last, where others had not seen it', async () => {
        const people = await begun()
        await alone(people, JOE, edit(JOE, 'a', ['name'], ['note']))
        const wanted = values(people, JOE)
        await goOn(people)
        for (const user of [JOE, ANN, BOB]) assert.deepEqual(values(people, user), wanted)
      })

      it('has what several wrote of one object', async () => {
        const people = await begun()
        await alone(people, ANN, edit(ANN, 'a', ['name']))
        people.act(edit(BOB, 'a', ['note']))
        people.act(edit(JOE, 'a', ['own']))
        const [name] = values(people, ANN)
        const note = people.database(BOB).read('a')?.['note']
        const own = people.database(JOE).read('a')?.['own']
        await goOn(people)
        for (const user of [JOE, ANN, BOB])
          assert.deepEqual(new Set(values(people, user)), new Set([name, note, own]))
      })

      it('has an object that only a writer had brought', async () => {
        const people = await begun()
        await alone(people, ANN, edit(ANN, 'b', ['name']), wish(ANN, 'b'))
        assert(copy(people, 'b'))
        const wanted = values(people, ANN, 'b')
        await goOn(people)
        for (const user of [JOE, BOB]) assert.deepEqual(values(people, user, 'b'), wanted)
      })

      it('has nothing that its owner has taken out, or shows no more', async () => {
        const people = await begun()
        people.act(edit(JOE, 'b', ['name', 'note']))
        people.act(wish(JOE, 'b'))
        await people.world.settle()
        await alone(people, JOE, wish(JOE, 'a', null), wish(JOE, 'b', ['name']))
        await goOn(people)
        assert.equal(copy(people), null)
        assert.deepEqual(values(people, ANN), [])
        assert.equal(copy(people, 'b')?.['note'], undefined)
      })

      it('is without what its owner has deleted, and not told anybody', async () => {
        const people = await begun()
        people.act(remove(JOE, 'a'))
        await goOn(people)
        assert.equal(copy(people), null)
        assert.deepEqual(values(people, ANN), [])
      })

      it('is without what its owner has deleted, which the outbox never had', async () => {
        const people = await begun()
        await alone(people, JOE, edit(JOE, 'b', ['name']), wish(JOE, 'b'))
        for (const user of [ANN, BOB]) await people.world.turn(people.hash(user), { feeds: new Set(['x']) })
        assert.notDeepEqual(values(people, ANN, 'b'), [])
        assert.equal(people.outbox(JOE)?.read('share/x/b'), null)
        people.act(remove(JOE, 'b'))
        await goOn(people)
        for (const user of [ANN, BOB]) assert.equal(people.database(user).read('b'), null)
      })

      it('has what its owner took out and shared again, of which the outbox knows the first alone', async () => {
        const people = await begun()
        people.act(wish(JOE, 'a', null))
        await people.world.settle()
        await alone(people, JOE, wish(JOE, 'a'))
        assert(copy(people))
        assert.equal(people.outbox(JOE)?.read('share/x/a'), null)
        await goOn(people)
        for (const user of [ANN, BOB]) assert.deepEqual(values(people, user), values(people, JOE))
        assert.deepEqual(valuesOf(copy(people)), values(people, JOE))
      })

      it('is without what a writer has deleted, whose lane had not seen it', async () => {
        const people = await begun()
        people.act(remove(ANN, 'a'))
        await goOn(people)
        assert.equal(copy(people), null)
        assert.deepEqual(values(people, BOB), [])
        assert.notDeepEqual(values(people, JOE), [])
      })

      it('is without what a writer has deleted, as far as the outbox knows', async () => {
        const people = await begun()
        await alone(people, ANN, remove(ANN, 'a'))
        people.world.couch.replicate()
        await goOn(people)
        assert.equal(copy(people), null)
        assert.deepEqual(values(people, BOB), [])
      })

      it('where only its owner writes, has all that it had', async () => {
        const people = await begun(null)
        people.act(edit(JOE, 'b', ['name']))
        people.act(wish(JOE, 'b', ['name']))
        await people.world.settle()
        people.act(edit(JOE, 'a', ['note']))
        await goOn(people)
        assert.deepEqual(valuesOf(copy(people)), values(people, JOE))
        assert.deepEqual(values(people, BOB), values(people, JOE))
      })

      it('gives a reader what is there, who keeps nothing back', async () => {
        const people = await begun('read')
        await alone(people, ANN, edit(ANN, 'a', ['name']))
        await alone(people, BOB)
        await goOn(people)
        assert.deepEqual(values(people, BOB), values(people, ANN))
        assert.equal(people.database(BOB).read('$subscription/x')?.['$rejected'], undefined)
      })

      it('shows nothing of what a writer has beside the list', async () => {
        const people = await begun('write', ['name'])
        await alone(people, ANN, edit(ANN, 'a', ['name', 'own']))
        people.act(wish(JOE, 'a', ['name', 'own']))
        await people.world.settle()
        people.noteSettled()
        assert.equal(copy(people)?.['own'], undefined)
        await goOn(people)
        assert.equal(copy(people)?.['own'], undefined)
      })
    })
  }

  it('is lost again, and again', async () => {
    const people = await begun()
    for (let time = 1; time <= 3; time += 1) {
      await alone(people, time % 2 ? ANN : BOB, edit(time % 2 ? ANN : BOB, 'a', ['name']))
      const wanted = values(people, time % 2 ? ANN : BOB)
      people.act(lose)
      await settles(people)
      assert.equal(losses(people), time)
      assert.deepEqual(values(people, JOE), wanted)
    }
  })

  it('is not counted as lost where the daemon was killed while it made it anew', async () => {
    for (let after = 0; after < 60; after += 1) {
      const people = await begun()
      await alone(people, ANN, edit(ANN, 'a', ['name']))
      const wanted = values(people, ANN)
      people.act({ kind: 'access', share: 'x', access: { write: [ANN] } })
      await people.world.crash(after, () => people.world.turn(people.hash(JOE)))
      await settles(people)
      assert.equal(losses(people), undefined, `killed before write ${after}`)
      assert.deepEqual(values(people, JOE), wanted)
    }
  })

  it('is right wherever the daemon is killed while it fills it', async () => {
    for (let after = 0; after < 60; after += 1) {
      const people = await begun()
      await alone(people, ANN, edit(ANN, 'a', ['name']), edit(ANN, 'b', ['name']), wish(ANN, 'b'))
      const wanted = values(people, ANN)
      people.act(lose)
      await people.world.crash(after, async () => {
        for (const user of [JOE, ANN, BOB])
          await people.world.turn(people.hash(user), { user: true, shares: new Set(['x']) })
      })
      await settles(people)
      for (const user of [JOE, BOB]) {
        assert.deepEqual(values(people, user), wanted, `killed before write ${after}`)
        assert.deepEqual(values(people, user, 'b'), values(people, ANN, 'b'))
      }
    }
  })

  it('is without what its owner has deleted, also where others look before that is seen', async () => {
    for (let after = 0; after < 40; after += 1) {
      const people = await begun()
      await alone(people, JOE, edit(JOE, 'b', ['name']), wish(JOE, 'b'))
      for (const user of [ANN, BOB]) await people.world.turn(people.hash(user), { feeds: new Set(['x']) })
      people.act(remove(JOE, 'b'))
      people.act(lose)
      const work = { user: true, shares: new Set(['x']), subscriptions: new Set(['x']) }
      await people.world.crash(after, () => people.world.turn(people.hash(JOE), work))
      for (const user of [ANN, BOB, ANN, BOB]) await people.world.turn(people.hash(user), work)
      await settles(people)
      for (const user of [ANN, BOB])
        assert.equal(people.database(user).read('b'), null, `killed before write ${after}`)
    }
  })

  describe('with what only a writer has besides, which stays with the writer', () => {
    const ENDS: Record<string, Action> = {
      'where its owner ends the share': { kind: 'close', share: 'x' },
      'where the writer leaves': { kind: 'leave', user: ANN, share: 'x' },
      'where the writer is taken out': { kind: 'access', share: 'x', access: { write: [BOB] } },
      'where its owner takes the object out': wish(JOE, 'a', null),
      'where its owner deletes the object': remove(JOE, 'a'),
      'where its owner shows less of the object': wish(JOE, 'a', ['note']),
    }
    for (const [when, end] of Object.entries(ENDS))
      for (const first of [ANN, JOE])
        it(`${when}, and ${first === ANN ? 'the writer' : 'the owner'} sees that first`, async () => {
          const people = await begun()
          await alone(people, ANN, edit(ANN, 'a', ['name']))
          const [wanted = ''] = values(people, ANN)
          people.act(lose)
          await alone(people, first, end)
          await settles(people)
          const found = [JOE, ANN, BOB].flatMap((user) => values(people, user))
          assert(found.includes(wanted), `${wanted} is somewhere`)
        })

    it('where the daemon is killed while it ends the share, which is lost then', async () => {
      for (let after = 0; after < 30; after += 1) {
        const people = await begun()
        await alone(people, ANN, edit(ANN, 'a', ['name']))
        people.act({ kind: 'close', share: 'x' })
        await people.world.crash(after, () => people.world.turn(people.hash(JOE)))
        const work = { user: true, subscriptions: new Set(['x']) }
        for (let turns = 0; turns < 3; turns += 1) await people.world.turn(people.hash(ANN), work)
        people.act(lose)
        await settles(people)
      }
    })
  })

  it('takes what an older daemon agreed on for what it is', async () => {
    const people = await begun()
    people.act(lose)
    await settles(people)
    const base = people.outbox(ANN)?.read('base/a') as unknown as Base
    assert.equal(base.agreed['x']?.losses, 1)
    const { losses: _, ...older } = base.agreed['x'] ?? assert.fail()
    people.outbox(ANN)?.write({ ...base, agreed: { x: older } })
    people.act(edit(ANN, 'a', ['name']))
    const wanted = values(people, ANN)
    await settles(people)
    assert.deepEqual(values(people, JOE), wanted)
  })
})
