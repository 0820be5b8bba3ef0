// Several leaves of a copy that is none of the owner's objects: what gives way is the owner's to read, whatever becomes of it.
import assert from 'node:assert/strict'
import { play, type Step } from '../../support/participants-play.ts'
import { valuesOf, type Action, type Participants } from '../../support/participants.ts'

const act = (action: Action): Step => ({ kind: 'act', action })
const settle: Step = { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] }
const clock = { kind: 'none' } as const
const inReplica = (user: number, ...set: string[]): Step[] => [
  act({ kind: 'pull', user, share: 'x' }),
  act({ kind: 'edit-replica', user, share: 'x', object: 'c', set, clock }),
]
const push = (user: number): Step => act({ kind: 'push', user, share: 'x' })

const wrote = (people: Participants): string[] =>
  [...people.tokens.values()]
    .filter(({ object, isDirect }) => object === 'c' && isDirect)
    .map((one) => one.value)
const kept = (people: Participants): string[] => people.database(0).leaves('c').flatMap(valuesOf)
const shown = (people: Participants): string[] => valuesOf(people.share('x')?.read('share/x/c') ?? null)

/** Two members bring an object under an `_id` that the owner has for another. */
const brought: Step[] = [
  act({ kind: 'edit', user: 0, object: 'c', set: ['own'], drop: [], clock }),
  ...inReplica(1, 'name'),
  ...inReplica(2, 'name'),
  push(1),
  push(2),
  settle,
]
const later: Record<string, Step[]> = {
  'nothing else': [],
  'its author takes it out': [
    act({ kind: 'pull', user: 1, share: 'x' }),
    act({ kind: 'remove-in-replica', user: 1, share: 'x', object: 'c' }),
    push(1),
    settle,
  ],
  'the share is made anew': [act({ kind: 'access', share: 'x', access: { write: [1] } }), settle],
  'the share ends': [act({ kind: 'close', share: 'x' }), settle],
}

describe("leaves of a copy that is another object than the owner's", () => {
  for (const canPurge of [true, false])
    for (const [what, steps] of Object.entries(later))
      it(`keep what gives way where ${what} (${canPurge ? 'purged' : 'made anew'})`, async () => {
        const people = await play({
          ...{ users: 3, owners: { x: 0, y: 0 }, canPurge, begun: ['x'] },
          steps: [...brought, ...steps],
        })
        const lost = wrote(people).filter((value) => !shown(people).includes(value))
        assert(wrote(people).length === 2 && lost.length >= 1)
        assert(
          kept(people).some((value) => lost.includes(value)),
          'what gave way is with its owner',
        )
        assert.equal(
          valuesOf(people.database(0).read('c')).some((value) => wrote(people).includes(value)),
          false,
        )
      })

  it('keep the attachments of each', async () => {
    const attach = (user: number, name: string): Step =>
      act({
        ...{ kind: 'attach-in-replica', user, share: 'x', object: 'c' },
        ...{ name, bytes: name, type: 'text/plain' },
      })
    const people = await play({
      ...{ users: 3, owners: { x: 0, y: 0 }, canPurge: true, begun: ['x'] },
      steps: [...brought.slice(0, 5), attach(1, 'one'), attach(2, 'two'), ...brought.slice(5)],
    })
    assert.deepEqual(Object.keys(people.share('x')?.read('share/x/c')?._attachments ?? {}).sort(), [
      'one',
      'two',
    ])
  })
})
