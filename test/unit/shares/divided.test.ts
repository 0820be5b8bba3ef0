// Daemons that divide the users hear of all that concerns theirs by the databases that all of them follow: no sweep has anything to add.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { begin } from '../../support/participants-play.ts'
import {
  OBJECTS,
  Participants,
  SHARES,
  type AccessWish,
  type Action,
  type Wish,
} from '../../support/participants.ts'

const RUNS = Math.ceil(Number(process.env['PROPERTY_RUNS'] ?? 60) / 4)
const USERS = 5

const user = fc.nat(USERS - 1)
const object = fc.constantFrom(...OBJECTS)
const share = fc.constantFrom(...SHARES)
const whom = fc.subarray([1, 2, 3, 4])
const access: fc.Arbitrary<AccessWish> = fc.oneof(
  fc.record({ write: whom }),
  fc.record({ read: whom, write: whom }),
  fc.constantFrom<AccessWish>(false, { read: true }),
)
const action: fc.Arbitrary<Action> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant<'edit'>('edit'),
      ...{ user, object },
      set: fc.subarray(['name', 'note'], { minLength: 1 }),
      drop: fc.constant([]),
      clock: fc.constant({ kind: 'none' as const }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant<'wish'>('wish'),
      ...{ user, object, share },
      wish: fc.constantFrom<Wish>(true, ['name'], false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant<'remove'>('remove'), user, object }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant<'access'>('access'), share, access }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant<'close'>('close'), share }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom<'subscribe' | 'leave'>('subscribe', 'leave'), user, share }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant<'account'>('account'), user, isThere: fc.boolean() }),
  },
)

/** What every user has, and what is in every share. */
function stateOf(people: Participants): Record<string, unknown> {
  const { databases } = people.world.couch
  const seen = [...databases.keys()].filter((name) => /^(user\/[^/]+|share\/.*)$/.test(name))
  return Object.fromEntries(
    seen.map((name) => {
      const database = databases.get(name)
      const ids = [...(database?.trees.keys() ?? [])].sort()
      return [name, ids.map((id) => database?.read(id))]
    }),
  )
}

/** Plays a history by what is heard alone. */
async function hear(daemons: number, actions: readonly Action[]): Promise<void> {
  const people = await Participants.create({
    users: USERS,
    owners: { x: 0, y: 1 },
    daemons,
    isDivided: daemons > 1,
  })
  await people.world.settle()
  for (const step of begin(['x', 'y'])) if (step.kind === 'act') people.act(step.action)
  await people.world.hear()
  for (const one of actions) {
    people.act(one)
    await people.world.hear()
    const heard = stateOf(people)
    await people.world.settle()
    assert.deepEqual(stateOf(people), heard, `a sweep has found something after ${JSON.stringify(one)}`)
  }
}

describe('users whom several daemons divide', () => {
  for (const daemons of [1, 2, 5])
    it(`hear of everything where there are ${daemons}, whatever they do`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 1, maxLength: 6 }), (actions) =>
          hear(daemons, actions),
        ),
        { numRuns: RUNS },
      )
    })
})
