// What others bring into a share under an `_id` that its owner has nothing to do with, and take out again: nobody reads it.
import assert from 'node:assert/strict'
import { play, type Step } from '../../support/participants-play.ts'
import { valuesOf, type Action, type Participants } from '../../support/participants.ts'

const act = (action: Action): Step => ({ kind: 'act', action })
const settle: Step = { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] }
const [JOE, ANN] = [0, 1]
const edit = (user: number): Step =>
  act({ kind: 'edit', user, object: 'c', set: ['name', 'note'], drop: [], clock: { kind: 'none' } })
const show = (user: number, wish: boolean): Step => act({ kind: 'wish', user, object: 'c', share: 'x', wish })
const turn = (user: number): Step => ({
  ...{ kind: 'turns', users: [user], isRacing: false, seed: 0, meanwhile: [] },
})
const remove = act({ kind: 'remove', user: ANN, object: 'c' })

/** All values that any revision of the copy shows. */
const readable = (people: Participants): string[] =>
  [...(people.share('x')?.trees.get('share/x/c')?.revisions.values() ?? [])].flatMap(({ body }) =>
    valuesOf(body),
  )
const values = (people: Participants, user: number): string[] => valuesOf(people.database(user).read('c'))

describe('a copy that is none of its owner’s, and that its author takes out,', () => {
  for (const canPurge of [true, false]) {
    const where = canPurge ? 'purged' : 'made anew'
    const played = (...steps: Step[]): Promise<Participants> =>
      play({ users: 2, owners: { x: 0, y: 0 }, canPurge, begun: ['x'], steps })
    const brought = [edit(JOE), edit(ANN), show(ANN, true), settle]

    it(`is there until then, beside the owner’s own (${where})`, async () => {
      const people = await played(...brought)
      assert.deepEqual(readable(people), values(people, ANN))
      assert.equal(values(people, JOE).length, 2)
    })
    for (const [how, step] of [
      ['by deleting it', remove],
      ['by its `$shares`', show(ANN, false)],
    ] as const) {
      it(`${how} is not readable any more (${where})`, async () => {
        const people = await played(...brought, step)
        assert.deepEqual(readable(people), [])
        assert.equal(values(people, JOE).length, 2)
      })
      it(`${how} gives way to the owner’s object, which is alone (${where})`, async () => {
        const people = await played(...brought, step, turn(ANN), show(JOE, true))
        assert.deepEqual(readable(people), values(people, JOE))
        assert.equal(readable(people).length, 2)
      })
      it(`${how} before the owner’s lane has seen it is not readable any more (${where})`, async () => {
        const people = await played(edit(ANN), show(ANN, true), turn(ANN), step, turn(ANN))
        assert.deepEqual(readable(people), [])
      })
      for (const after of [0, 1, 2, 3, 4, 5])
        it(`${how} is readable no longer where the daemon stops between (${where}, ${after})`, async () => {
          const crash: Step = { kind: 'crash', after, users: [JOE], isRacing: false, seed: 0 }
          const gone = await played(...brought, step, turn(ANN), crash)
          assert.deepEqual(readable(gone), [])
          const replaced = await played(...brought, step, turn(ANN), show(JOE, true), crash)
          assert.deepEqual(readable(replaced), values(replaced, JOE))
        })
    }
    it(`directly, over what is not shared any more, is not readable (${where})`, async () => {
      const people = await played(
        act({ kind: 'pull', user: ANN, share: 'x' }),
        act({ kind: 'wish', user: JOE, object: 'a', share: 'x', wish: false }),
        settle,
        act({
          ...{ kind: 'edit-replica', user: ANN, share: 'x', object: 'a', set: ['name'] },
          clock: { kind: 'none' },
        }),
        act({ kind: 'push', user: ANN, share: 'x' }),
        act({ kind: 'remove-in-replica', user: ANN, share: 'x', object: 'a' }),
        act({ kind: 'push', user: ANN, share: 'x' }),
      )
      const all = [...(people.share('x')?.trees.get('share/x/a')?.revisions.values() ?? [])]
      assert.deepEqual(
        all.flatMap(({ body }) => valuesOf(body)),
        [],
      )
    })
  }
})
