// CouchDB keeps the bodies of leaves alone: an edit that was made offline is merged all the same.
import assert from 'node:assert/strict'
import { play, type Step } from '../../support/participants-play.ts'
import type { Action, Participants } from '../../support/participants.ts'

const act = (action: Action): Step => ({ kind: 'act', action })
const settle: Step = { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] }
const clock = { kind: 'none' } as const

const played = (...steps: Step[]): Promise<Participants> =>
  play({ users: 2, owners: { x: 0, y: 0 }, canPurge: true, begun: ['x'], steps })

/** The last value of an attribute that somebody wrote. */
const last = (people: Participants, user: number, attribute: string): string | undefined =>
  [...people.tokens.values()].findLast((one) => one.by === user && one.attribute === attribute)?.value

describe('an edit that was made offline, when CouchDB has compacted what it was made from', () => {
  for (const [where, share, compacted] of [
    ['on a device of a participant’s', null, { kind: 'compact', user: 1 }],
    ['of a share', 'x', { kind: 'compact', user: 0, share: 'x' }],
  ] as const)
    it(`is merged by attribute: ${where}`, async () => {
      const people = await played(
        act({ kind: 'pull', user: 1, share }),
        act({ kind: 'edit', user: 0, object: 'a', set: ['note'], drop: [], clock }),
        settle,
        act(compacted),
        act({ kind: 'edit-replica', user: 1, share, object: 'a', set: ['name'], clock }),
        act({ kind: 'push', user: 1, share }),
      )
      for (const user of [0, 1]) {
        const doc = people.database(user).read('a')
        assert.deepEqual([doc?.['name'], doc?.['note']], [last(people, 1, 'name'), last(people, 0, 'note')])
      }
    })

  it('keeps what its owner gave to the share meanwhile', async () => {
    const people = await played(
      act({ kind: 'pull', user: 0, share: null }),
      act({ kind: 'wish', user: 0, object: 'b', share: 'x', wish: true }),
      settle,
      act({ kind: 'compact', user: 0 }),
      act({ kind: 'edit-replica', user: 0, share: null, object: 'b', set: ['name'], clock }),
      act({ kind: 'push', user: 0, share: null }),
    )
    assert.deepEqual(people.database(0).read('b')?.['$shares'], { x: true })
    assert.equal(people.share('x')?.read('share/x/b')?.['name'], last(people, 0, 'name'))
  })
})
