// Who comes back to a share finds what it has: after leaving, after having been taken out, after having deleted.
import assert from 'node:assert/strict'
import type { Doc } from '../../../src/couch/document.ts'
import { assertRight } from '../../support/participants-checks.ts'
import { Participants, type Action } from '../../support/participants.ts'

const NO_CLOCK = { kind: 'none' } as const
const [JOE, ANN, BOB] = [0, 1, 2]
const WRITERS = { write: [ANN, BOB] }
const open: Action = { kind: 'access', share: 'x', access: WRITERS }
const join = (user: number, onEnd?: 'keep'): Action => ({
  ...{ kind: 'subscribe', user, share: 'x' },
  ...(onEnd ? { onEnd } : {}),
})
const leave = (user: number): Action => ({ kind: 'leave', user, share: 'x' })
const remove = (user: number, object: string): Action => ({ kind: 'remove', user, object })
const edit = (user: number, object: string, ...set: string[]): Action => ({
  ...{ kind: 'edit', user, object, set, drop: [], clock: NO_CLOCK },
})
const share = (user: number, object: string, wish: true | readonly string[] = true): Action => ({
  ...{ kind: 'wish', user, object, share: 'x', wish },
})

/** Everybody takes part, and `a` is Joe's. */
async function begun(...more: Action[]): Promise<Participants> {
  const people = await Participants.create({ users: 3 })
  await then(people, open, join(ANN), join(BOB), edit(JOE, 'a', 'name', 'note'), share(JOE, 'a'))
  await then(people, ...more)
  return people
}

/** Does all that, and lets everything settle. */
async function then(people: Participants, ...actions: Action[]): Promise<void> {
  for (const one of actions) people.act(one)
  await people.world.settle()
  people.noteSettled()
  assertRight(people)
}

function contentOf(doc: Doc | null): Record<string, unknown> | null {
  if (doc === null) return null
  const { _id, _rev, $shares: _, ...content } = doc
  return content
}

/** What a user has of an object that belongs to the share. */
const received = (people: Participants, user: number, object: string): Record<string, unknown> | null => {
  const doc = people.database(user).read(object)
  return (doc?.['$shares'] as Record<string, unknown> | undefined)?.['x'] === undefined
    ? null
    : contentOf(doc)
}
const rejected = (people: Participants, user: number): string[] =>
  ((people.database(user).read('$subscription/x')?.['$rejected'] ?? []) as { code: string }[]).map(
    ({ code }) => code,
  )

describe('who comes back', () => {
  it('after having left gets also what was last changed by themselves', async () => {
    const people = await begun(edit(ANN, 'a', 'note'))
    await then(people, leave(ANN))
    assert.equal(people.database(ANN).read('a'), null)
    await then(people, join(ANN))
    assert.deepEqual(received(people, ANN, 'a'), received(people, JOE, 'a'))
  })

  it('after having been taken out does, too', async () => {
    const people = await begun(edit(ANN, 'a', 'note'))
    await then(people, { kind: 'access', share: 'x', access: { write: [BOB] } })
    assert.equal(people.database(ANN).read('a'), null)
    await then(people, open, join(ANN))
    assert.deepEqual(received(people, ANN, 'a'), received(people, JOE, 'a'))
  })

  describe('to objects that stayed', () => {
    it('gives them to the share again', async () => {
      const people = await begun(join(ANN, 'keep'))
      await then(people, leave(ANN))
      assert.deepEqual(contentOf(people.database(ANN).read('a')), received(people, JOE, 'a'))
      await then(people, join(ANN))
      assert.deepEqual(rejected(people, ANN), [])
      assert.deepEqual(received(people, ANN, 'a'), received(people, JOE, 'a'))
    })

    it('gets what was changed meanwhile', async () => {
      const people = await begun(join(ANN, 'keep'), edit(BOB, 'a', 'own'))
      await then(people, leave(ANN), edit(JOE, 'a', 'name'), {
        ...{ kind: 'edit', user: BOB, object: 'a', set: [], drop: ['own'], clock: NO_CLOCK },
      })
      assert.notDeepEqual(contentOf(people.database(ANN).read('a')), received(people, JOE, 'a'))
      await then(people, join(ANN))
      assert.deepEqual(rejected(people, ANN), [])
      assert.deepEqual(received(people, ANN, 'a'), received(people, JOE, 'a'))
    })

    it('that the author brought, whatever becomes of the others', async () => {
      const people = await begun(edit(ANN, 'b', 'name'), share(ANN, 'b'))
      await then(people, leave(ANN))
      await then(people, edit(BOB, 'b', 'name'))
      await then(people, join(ANN))
      assert.deepEqual(rejected(people, ANN), [])
      assert.deepEqual(received(people, ANN, 'b'), received(people, BOB, 'b'))
    })

    it('keeps to themselves what they changed meanwhile, and is told', async () => {
      const people = await begun(join(ANN, 'keep'))
      await then(people, leave(ANN))
      await then(people, edit(ANN, 'a', 'own'))
      const before = people.database(ANN).read('a')
      await then(people, join(ANN))
      assert.deepEqual(people.database(ANN).read('a'), before)
      assert.deepEqual(rejected(people, ANN), ['unrelated_object'])
      assert.equal(received(people, JOE, 'a')?.['own'], undefined)
    })

    it('gets an object once more that was deleted meanwhile', async () => {
      const people = await begun(join(ANN, 'keep'))
      await then(people, leave(ANN))
      await then(people, remove(ANN, 'a'))
      await then(people, join(ANN))
      assert.deepEqual(received(people, ANN, 'a'), received(people, JOE, 'a'))
    })
  })

  describe('with an object that its author deleted', () => {
    const brought = [edit(ANN, 'b', 'name', 'note'), share(ANN, 'b')]

    it('is welcome', async () => {
      const people = await begun(...brought)
      await then(people, remove(ANN, 'b'))
      assert.equal(people.database(BOB).read('b'), null)
      await then(people, edit(ANN, 'b', 'own'), share(ANN, 'b'))
      assert.deepEqual(rejected(people, ANN), [])
      assert.deepEqual(received(people, BOB, 'b'), received(people, ANN, 'b'))
      assert.deepEqual(received(people, JOE, 'b'), received(people, ANN, 'b'))
    })

    it('is another object where the owner has changed the former one', async () => {
      const people = await begun(...brought)
      await then(people, remove(ANN, 'b'))
      await then(people, edit(JOE, 'b', 'name'))
      const before = people.database(JOE).read('b')
      await then(people, edit(ANN, 'b', 'own'), share(ANN, 'b'))
      assert.deepEqual(people.database(JOE).read('b'), before)
      assert.deepEqual(rejected(people, ANN), [])
    })

    it('is not welcome where the owner took it out', async () => {
      const people = await begun(...brought)
      await then(people, { kind: 'wish', user: JOE, object: 'b', share: 'x', wish: null })
      await then(people, share(ANN, 'b'))
      assert.deepEqual(rejected(people, ANN), ['not_shared_by_owner'])
    })
  })
})
