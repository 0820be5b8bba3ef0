// Somebody leaves while the daemon was stopped between what it wrote into an object and what it notes of that.
import assert from 'node:assert/strict'
import { play, type Step } from '../../support/participants-play.ts'
import type { Action, Participants } from '../../support/participants.ts'

const act = (action: Action): Step => ({ kind: 'act', action })
const settle: Step = { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] }
const clock = { kind: 'none' } as const

const CHANGES: Record<string, Action> = {
  'takes an attribute back': { kind: 'wish', user: 0, object: 'a', share: 'x', wish: ['name', 'note'] },
  'changes one': { kind: 'edit', user: 0, object: 'a', set: ['name'], drop: [], clock },
  'deletes one': { kind: 'edit', user: 0, object: 'a', set: [], drop: ['own'], clock },
  'shows one more': { kind: 'wish', user: 0, object: 'b', share: 'x', wish: true },
}

/** The share is there, and has what the object has. */
const ENDS: Record<string, Action> = {
  leaves: { kind: 'leave', user: 1, share: 'x' },
  'is taken out': { kind: 'access', share: 'x', access: { read: [2] } },
}

/** What is left in the participant's own database when the part is over. */
const left = (people: Participants): unknown[] => ['a', 'b'].map((object) => people.database(1).read(object))

describe('a participant whose part ends after a crash', () => {
  for (const [end, ending] of Object.entries(ENDS))
    for (const [name, change] of Object.entries(CHANGES))
      for (const role of ['read', 'write'] as const)
        for (const after of [0, 1, 2, 3, 4, 5])
          it(`${end}, and keeps nothing, where the owner just ${name} (${role}, after ${after} writes)`, async () => {
            const people = await play({
              ...{ users: 2, owners: { x: 0, y: 0 }, canPurge: true, begun: ['x'] },
              steps: [
                act({ kind: 'access', share: 'x', access: { [role]: [1] } }),
                settle,
                act(change),
                { kind: 'turns', users: [0], isRacing: false, seed: 0, meanwhile: [] },
                { kind: 'crash', after, users: [1], isRacing: false, seed: 0 },
                act(ending),
                settle,
              ],
            })
            assert.deepEqual(left(people), [null, null])
          })
})
