// An outbox that somebody dropped took with it what was known of its user's objects: what is un-shared at that moment goes from
// the share all the same, nobody's changes are lost, nothing private gets out, and no turn fails for ever.
import assert from 'node:assert/strict'
import type { StoredDoc } from '../../../src/couch/document.ts'
import { assertRight } from '../../support/participants-checks.ts'
import { valuesOf, type Action, type Participants, type Wish } from '../../support/participants.ts'
import { ANN, BOB, edit, JOE, remove, threePeople, wish } from '../../support/three-people.ts'

const lose = (user: number): Action => ({ kind: 'lose-outbox', user })

/** Joe shares `a`; Ann writes and Bob does, or reads, or nobody but Joe writes. */
async function begun(bob: 'write' | 'read' | null = 'write', shown: Wish = true): Promise<Participants> {
  const people = await threePeople([ANN, BOB], bob, shown)
  backups.set(people, structuredClone([JOE, ANN, BOB].map((user) => leavesOf(people, user))))
  return people
}

/** What stands in the outboxes when all begins. */
const backups = new WeakMap<Participants, StoredDoc[][]>()
const leavesOf = (people: Participants, user: number): StoredDoc[] => {
  const outbox = people.outbox(user)
  return [...(outbox?.trees.keys() ?? [])].flatMap((id) => outbox?.leaves(id) ?? [])
}

/** Everything settles, in few writes, and everybody has the same. */
async function settles(people: Participants): Promise<void> {
  const before = people.world.couch.writes.length
  await people.world.settle()
  people.noteSettled()
  const written = people.world.couch.writes.slice(before).filter((line) => !line.startsWith('shares/'))
  assert(written.length < 80, `few writes until rest, not ${written.length}`)
  assertRight(people)
  for (const name of ['share/x', ...[JOE, ANN, BOB].map((user) => `subscription/x/${people.hash(user)}`)])
    assert.equal(people.registry.read(name)?.['forgotten'], undefined, `${name} is known again`)
}

const copy = (people: Participants, object = 'a'): string[] =>
  valuesOf(people.share('x')?.read(`share/x/${object}`) ?? null)
const values = (people: Participants, user: number, object = 'a'): string[] =>
  valuesOf(people.database(user).read(object))
const kept = (people: Participants, user: number, object = 'a'): string[] =>
  people
    .database(user)
    .leaves(object)
    .flatMap((leaf) => (leaf._deleted ? valuesOf(leaf) : []))
/** Everything that can be read in the share, of any age. */
const readable = (people: Participants, object = 'a'): string[] =>
  [...(people.share('x')?.trees.get(`share/x/${object}`)?.revisions.values() ?? [])].flatMap(({ body }) =>
    valuesOf(body),
  )

for (const how of [
  'while the daemon runs',
  'while it does not',
  'and created again by somebody',
  'and put back from a backup',
]) {
  describe(`an outbox that is lost ${how}`, () => {
    const goOn = async (people: Participants, user: number, ...actions: Action[]): Promise<void> => {
      if (how.startsWith('and')) {
        const { name } = people.outbox(user) ?? assert.fail()
        people.act(lose(user))
        const outbox = people.world.couch.create(name)
        if (how.endsWith('backup')) for (const leaf of backups.get(people)?.[user] ?? []) outbox.merge(leaf)
      } else people.act(lose(user))
      for (const one of actions) people.act(one)
      if (how === 'while it does not') await people.world.restart()
      await settles(people)
    }

    for (const bob of ['write', null] as const)
      describe(
        bob ? 'by the owner of a share that others write into' : 'by an owner who alone writes',
        () => {
          it('changes nothing where nothing is changed', async () => {
            const people = await begun(bob)
            const before = values(people, JOE)
            await goOn(people, JOE)
            for (const user of [JOE, ANN, BOB]) assert.deepEqual(values(people, user), before)
            assert.deepEqual(copy(people), before)
          })

          it('has what is edited then', async () => {
            const people = await begun(bob)
            await goOn(people, JOE, edit(JOE, 'a', ['name', 'own']))
            for (const user of [ANN, BOB]) assert.deepEqual(values(people, user), values(people, JOE))
            assert.equal(values(people, JOE).length, 3)
          })

          it('withdraws what is narrowed then', async () => {
            const people = await begun(bob)
            const [name = '', note = ''] = values(people, JOE)
            await goOn(people, JOE, wish(JOE, 'a', ['name']))
            assert.deepEqual(copy(people), [name])
            assert(!readable(people).includes(note))
            for (const user of [ANN, BOB]) assert.deepEqual(values(people, user), [name])
            assert.deepEqual(values(people, JOE), [name, note])
          })

          for (const taken of [false, null] as const)
            it(`withdraws what is un-shared then, ${taken === false ? 'by `false`' : 'by taking the id out'}`, async () => {
              const people = await begun(bob)
              const before = values(people, JOE)
              await goOn(people, JOE, wish(JOE, 'a', taken))
              assert.deepEqual(copy(people), [])
              assert.deepEqual(readable(people), [])
              for (const user of [ANN, BOB]) assert.deepEqual(values(people, user), [])
              assert.deepEqual(values(people, JOE), before)
            })

          it('withdraws what is deleted then', async () => {
            const people = await begun(bob)
            await goOn(people, JOE, remove(JOE, 'a'))
            assert.deepEqual(readable(people), [])
            for (const user of [JOE, ANN, BOB]) assert.deepEqual(values(people, user), [])
          })

          it('withdraws what an admin purges then', async () => {
            const people = await begun(bob)
            await goOn(people, JOE, { kind: 'purge', user: JOE, object: 'a' })
            assert.deepEqual(readable(people), [])
            for (const user of [JOE, ANN, BOB]) assert.deepEqual(values(people, user), [])
          })
        },
      )

    describe('by the owner of a share that others write into', () => {
      it('has what others edit then', async () => {
        const people = await begun()
        await goOn(people, JOE, edit(ANN, 'a', ['name']))
        for (const user of [JOE, BOB]) assert.deepEqual(values(people, user), values(people, ANN))
      })

      it('has what both edit then, in different attributes', async () => {
        const people = await begun()
        await goOn(people, JOE, edit(ANN, 'a', ['name']), edit(JOE, 'a', ['note']))
        for (const user of [JOE, ANN, BOB])
          assert.deepEqual(
            values(people, user).map((one) => one.slice(0, 3)),
            ['ann', 'joe'],
          )
      })

      it('loses nothing of what a writer edits while it is un-shared', async () => {
        const people = await begun()
        people.act(edit(ANN, 'a', ['name']))
        await people.world.turn(people.hash(ANN))
        const [name = ''] = values(people, ANN)
        await goOn(people, JOE, wish(JOE, 'a', null))
        assert.deepEqual(copy(people), [])
        assert([...values(people, JOE), ...kept(people, JOE)].includes(name))
      })

      it('has what a writer brings then', async () => {
        const people = await begun()
        await goOn(people, JOE, edit(ANN, 'b', ['name']), wish(ANN, 'b'))
        for (const user of [JOE, BOB]) assert.deepEqual(values(people, user, 'b'), values(people, ANN, 'b'))
      })

      it('leaves two objects of one _id two', async () => {
        const people = await begun()
        for (const one of [edit(JOE, 'b', ['name']), edit(ANN, 'b', ['name']), wish(ANN, 'b')])
          people.act(one)
        await people.world.settle()
        people.noteSettled()
        const [mine, theirs] = [values(people, JOE, 'b'), values(people, ANN, 'b')]
        await goOn(people, JOE, edit(JOE, 'b', ['note']))
        assert.deepEqual(values(people, JOE, 'b')[0], mine[0])
        for (const user of [ANN, BOB]) assert.deepEqual(values(people, user, 'b'), theirs)
      })

      it('leaves an object alone that was never in the share, and that a writer brings another one beside then', async () => {
        const people = await begun()
        people.act(edit(JOE, 'b', ['name']))
        await people.world.settle()
        const mine = values(people, JOE, 'b')
        await goOn(people, JOE, edit(ANN, 'b', ['name']), wish(ANN, 'b'))
        assert.deepEqual(values(people, JOE, 'b'), mine)
        assert.deepEqual(values(people, BOB, 'b'), values(people, ANN, 'b'))
      })

      it('ends with what others wrote last', async () => {
        const people = await begun()
        await goOn(people, JOE, edit(ANN, 'a', ['name']), { kind: 'close', share: 'x' })
        assert(values(people, JOE).some((one) => one.startsWith('joe')))
      })
    })

    describe('by a writer', () => {
      it('has what the writer edits then, and others get it', async () => {
        const people = await begun()
        await goOn(people, ANN, edit(ANN, 'a', ['name']))
        for (const user of [JOE, BOB]) assert.deepEqual(values(people, user), values(people, ANN))
        assert(values(people, JOE)[0]?.startsWith('ann'))
      })

      it('has what others edit then', async () => {
        const people = await begun()
        await goOn(people, ANN, edit(JOE, 'a', ['note']), edit(BOB, 'a', ['name']))
        for (const user of [ANN, BOB]) assert.deepEqual(values(people, user), values(people, JOE))
        assert.deepEqual(
          values(people, JOE).map((one) => one.slice(0, 3)),
          ['bob', 'joe'],
        )
      })

      it('loses nothing where CouchDB has compacted what both had', async () => {
        const people = await begun()
        people.act(edit(ANN, 'a', ['name']))
        const mine = values(people, ANN)[0] ?? ''
        await goOn(people, ANN, { kind: 'compact', user: ANN })
        assert.deepEqual(values(people, ANN), values(people, JOE))
        assert([...values(people, ANN), ...kept(people, ANN)].includes(mine))
      })

      it('takes out what is deleted then', async () => {
        const people = await begun()
        await goOn(people, ANN, remove(ANN, 'a'))
        assert.deepEqual(copy(people), [])
        assert.deepEqual(values(people, BOB), [])
        assert.equal(values(people, JOE).length, 2)
      })

      it('brings nothing back that its owner takes out then', async () => {
        const people = await begun()
        await goOn(people, ANN, wish(JOE, 'a', false))
        assert.deepEqual(copy(people), [])
        assert.equal(people.database(ANN).read('a')?.['$shares'], undefined)
      })

      it('brings nothing back that an admin purges then', async () => {
        const people = await begun()
        const before = values(people, JOE)
        await goOn(people, ANN, { kind: 'purge', user: ANN, object: 'a' })
        assert.deepEqual(values(people, ANN), [])
        for (const user of [JOE, BOB]) assert.deepEqual(values(people, user), before)
        people.act(edit(JOE, 'a', ['name']))
        await settles(people)
        assert.deepEqual(values(people, ANN), [])
      })

      it('has nothing of what stays private', async () => {
        const people = await begun('write', ['name'])
        people.act(edit(ANN, 'a', ['own']))
        await people.world.settle()
        people.noteSettled()
        const own = values(people, ANN)[1] ?? ''
        await goOn(people, ANN, wish(JOE, 'a', true))
        assert(!copy(people).includes(own))
        assert(values(people, ANN).includes(own))
      })
    })

    describe('by who has an object from one of two shares of an owner', () => {
      const give = (share: 'x' | 'y', value: Wish = true): Action => ({
        ...{ kind: 'wish', user: JOE, object: 'a', share, wish: value },
      })
      const inOne = async (one: 'x' | 'y'): Promise<Participants> => {
        const people = await begun('write', one === 'x' ? true : null)
        people.act({ kind: 'access', share: 'y', access: { write: [ANN, BOB] } })
        people.act({ kind: 'subscribe', user: ANN, share: 'y' })
        if (one === 'y') people.act(give('y'))
        await people.world.settle()
        people.noteSettled()
        return people
      }
      const sharesOf = (people: Participants): unknown => people.database(ANN).read('a')?.['$shares']

      for (const [one, other] of [
        ['x', 'y'],
        ['y', 'x'],
      ] as const) {
        it(`has it from ${other}, too, where it comes there then`, async () => {
          const people = await inOne(one)
          await goOn(people, ANN, give(other))
          assert.deepEqual(sharesOf(people), { x: true, y: true })
          people.act(edit(JOE, 'a', ['name']))
          people.act(give(one, null))
          await settles(people)
          assert.deepEqual(values(people, ANN), values(people, JOE))
        })

        it(`has it from ${other}, too, where it is edited and comes there then`, async () => {
          const people = await inOne(one)
          await goOn(people, ANN, give(other), edit(ANN, 'a', ['name']))
          assert.deepEqual(sharesOf(people), { x: true, y: true })
          assert.deepEqual(values(people, JOE), values(people, ANN))
        })

        it(`has it from ${other} when the user says so, where nobody knows whether it was taken out there`, async () => {
          const people = await inOne(one)
          people.act(edit(ANN, 'a', ['name']))
          await settles(people)
          await goOn(people, ANN, { kind: 'compact', user: ANN }, give(other))
          assert.deepEqual(sharesOf(people), { [one]: true })
          people.act({ kind: 'wish', user: ANN, object: 'a', share: other, wish: true })
          await settles(people)
          assert.deepEqual(sharesOf(people), { x: true, y: true })
          people.act(edit(JOE, 'a', ['name']))
          people.act(give(one, null))
          await settles(people)
          assert.deepEqual(values(people, ANN), values(people, JOE))
        })

        it(`does not have it from ${other} where the user had taken it out there`, async () => {
          const people = await inOne(one)
          people.act(give(other))
          await people.world.settle()
          people.act({ kind: 'wish', user: ANN, object: 'a', share: other, wish: null })
          await people.world.settle()
          people.noteSettled()
          await goOn(people, ANN)
          assert.deepEqual(sharesOf(people), { [one]: true })
        })
      }
    })

    describe('by a reader', () => {
      it('has what others edit then, and sends nothing', async () => {
        const people = await begun('read')
        await goOn(people, BOB, edit(JOE, 'a', ['note']))
        assert.deepEqual(values(people, BOB), values(people, JOE))
        people.act(edit(BOB, 'a', ['name']))
        await settles(people)
        assert(!copy(people).some((one) => one.startsWith('bob')))
      })

      it('sends nothing of what was changed before, where the reader may write then', async () => {
        for (const change of [
          edit(BOB, 'a', ['name']),
          edit(BOB, 'a', ['own']),
          edit(BOB, 'a', [], ['note']),
        ]) {
          const people = await begun('read')
          const before = copy(people)
          people.act(change)
          await settles(people)
          const mine = values(people, BOB)
          people.act({ kind: 'access', share: 'x', access: { write: [ANN, BOB] } })
          await people.world.turn(people.hash(JOE))
          await goOn(people, BOB)
          assert.deepEqual(copy(people), before)
          assert.deepEqual(values(people, BOB), mine)
          people.act(edit(JOE, 'a', ['note']))
          people.act(edit(BOB, 'a', ['own']))
          await settles(people)
          assert(copy(people).length === 3)
        }
      })

      it('takes nothing out that was deleted before, where the reader may write then', async () => {
        const people = await begun('read')
        const before = copy(people)
        people.act(remove(BOB, 'a'))
        await settles(people)
        people.act({ kind: 'access', share: 'x', access: { write: [ANN, BOB] } })
        await people.world.turn(people.hash(JOE))
        await goOn(people, BOB)
        assert.deepEqual(copy(people), before)
        assert.deepEqual(values(people, BOB), [])
      })

      it('loses nothing of what is edited then', async () => {
        const people = await begun('read')
        people.act(edit(BOB, 'a', ['name']))
        const mine = values(people, BOB)[0] ?? ''
        await goOn(people, BOB)
        assert([...values(people, BOB), ...kept(people, BOB)].includes(mine))
        assert(!copy(people).includes(mine))
      })
    })
  })
}

describe('an outbox that is lost', () => {
  it('is made anew with all that is right, wherever the daemon is killed', async () => {
    for (const user of [JOE, ANN])
      for (let after = 0; after < 50; after += 1) {
        const people = await begun()
        people.act(lose(user))
        people.act(edit(ANN, 'a', ['name']))
        people.act(wish(JOE, 'a', ['name']))
        await people.world.crash(after, async () => {
          for (const one of [JOE, ANN, BOB])
            await people.world.turn(people.hash(one), { user: true, outbox: true, shares: new Set(['x']) })
        })
        await settles(people)
        assert.deepEqual(copy(people), values(people, BOB), `killed before write ${after}`)
        assert.deepEqual(copy(people), values(people, ANN).slice(0, 1))
        assert(copy(people)[0]?.startsWith('ann'))
      }
  })

  it('and put back as it was before the last edits gives nothing way to old values', async () => {
    for (const user of [JOE, ANN]) {
      const people = await begun()
      const other = user === JOE ? ANN : JOE
      people.act(edit(other, 'a', ['name', 'note']))
      await settles(people)
      const outbox = people.outbox(user) ?? assert.fail()
      people.act(lose(user))
      const old = people.world.couch.create(outbox.name)
      for (const leaf of backups.get(people)?.[user] ?? []) old.merge(leaf)
      people.act(edit(BOB, 'a', ['name']))
      await people.world.restart()
      await settles(people)
      for (const one of [JOE, ANN, BOB]) assert.match(values(people, one)[0] ?? '', /^bob/)
    }
  })

  it('does not keep anybody from having everybody’s outbox lost', async () => {
    const people = await begun()
    for (const user of [JOE, ANN, BOB]) people.act(lose(user))
    people.act(edit(ANN, 'a', ['name']))
    people.act(edit(JOE, 'a', ['note']))
    await settles(people)
    for (const user of [JOE, ANN, BOB])
      assert.deepEqual(
        values(people, user).map((one) => one.slice(0, 3)),
        ['ann', 'joe'],
      )
  })

  it('and with it how far was read, is noticed all the same', async () => {
    const people = await begun()
    const before = values(people, JOE)
    people.act(lose(JOE))
    people.act(wish(JOE, 'a', false))
    await people.world.forgetCheckpoints()
    await settles(people)
    assert.deepEqual(readable(people), [])
    assert.deepEqual(values(people, JOE), before)
  })
})
