// An object that a user made offline, under the `_id` of one that came from a share meanwhile, is another one.
import assert from 'node:assert/strict'
import { play, type Step } from '../../support/participants-play.ts'
import { valuesOf, type Action } from '../../support/participants.ts'

const act = (action: Action): Step => ({ kind: 'act', action })
const settle: Step = { kind: 'settle', isRacing: false, seed: 0, meanwhile: [] }
const clock = { kind: 'none' } as const
const offline = act({ kind: 'edit-replica', user: 1, share: null, object: 'a', set: ['note'], clock })
const push = act({ kind: 'push', user: 1, share: null })
const edited = act({ kind: 'edit', user: 0, object: 'a', set: ['name'], drop: [], clock })

describe('an object that was made offline before the shared one of that `_id` came', () => {
  const rows: [string, Step[]][] = [
    ['either wins', [offline, push]],
    ['it wins', [offline, offline, offline, push]],
    ['it loses', [offline, edited, settle, edited, settle, push]],
    [
      'the daemon stops between',
      [offline, push, { kind: 'crash', after: 1, users: [1], isRacing: false, seed: 0 }],
    ],
    [
      'the daemon stops later',
      [offline, push, { kind: 'crash', after: 2, users: [1], isRacing: false, seed: 0 }],
    ],
    ['CouchDB has compacted', [offline, edited, settle, act({ kind: 'compact', user: 1 }), push]],
  ]
  for (const [title, steps] of rows)
    it(`stays as it is, and is told of: ${title}`, async () => {
      const people = await play({ users: 2, owners: { x: 0, y: 0 }, canPurge: true, begun: ['x'], steps })
      const own = people.database(1).read('a')
      assert.equal(valuesOf(own).length, 1)
      assert.match(String(own?.['note']), /^ann/)
      assert.equal(own?._conflicts, undefined)
      assert.equal(own?.['$shares'], undefined)
      const told = people.database(1).read('$subscription/x')?.['$rejected'] as { code: string }[] | undefined
      assert.deepEqual(
        told?.map(({ code }) => code),
        ['unrelated_object'],
      )
      const before = people.share('x')?.read('share/x/a')
      people.act({ kind: 'remove', user: 1, object: 'a' })
      await people.world.settle()
      assert.deepEqual(people.share('x')?.read('share/x/a'), before, 'the copy is as it was')
      assert.deepEqual(valuesOf(people.database(1).read('a')), valuesOf(before ?? null))
      assert.equal(people.database(1).read('$subscription/x')?.['$rejected'], undefined)
    })
})
