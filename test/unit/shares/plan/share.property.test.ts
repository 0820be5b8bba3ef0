// Any history of a share, with crashes between any two effects: it settles in what its document asks for, and no state
// on the way is more open than both ends.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ACCOUNT, entryOf, THEIRS } from './share-facts.ts'
import { KEEP, World } from './share-world.ts'

describe('shares/plan/share, any history', () => {
  const access = fc.constantFrom<unknown>(
    ...[undefined, {}, true, true, { read: true }, { write: true }, { read: ['u1'] }, { write: ['u1'] }],
    ...[{ read: true, write: ['u1'] }, { read: ['u1'], write: ['u2'] }, { read: ['u2', 'n'] }],
    ...[{ write: true, read: ['u2'] }, 'everyone'],
  )
  const password = fc.constantFrom<unknown>(
    ...[undefined, undefined, undefined, undefined, null, 'p1', 'p2', KEEP, KEEP, { set: true, name: 'x' }],
  )
  const settings = fc.record({
    access,
    password,
    more: fc.constantFrom<Record<string, unknown>>(
      {},
      {},
      {},
      { name: 'x' },
      { type: 'todo' },
      { $state: 'active' },
    ),
  })
  type Settings = typeof settings extends fc.Arbitrary<infer One> ? One : never
  type Step =
    | { kind: 'write'; settings: Settings; fromStart: boolean }
    | {
        kind:
          'delete' | 'miss' | 'lose-database' | 'finish-scan' | 'drop-user' | 'open-up' | 'tamper' | 'halt'
      }
    | { kind: 'order'; order: 'suspend' | 'end' | null }
    | { kind: 'user'; name: 'u1' | 'u2' | 'n'; exists: boolean }
    | { kind: 'join'; who: string; admitted: boolean }
    | { kind: 'guest-writes'; directly: boolean }
    | { kind: 'land'; upTo: number; again: boolean }

  const always = <Kind extends string>(...kinds: Kind[]): fc.Arbitrary<{ kind: Kind }> =>
    fc.record({ kind: fc.constantFrom(...kinds) })
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ kind: fc.constant('write' as const), settings, fromStart: fc.boolean() }),
    },
    { weight: 2, arbitrary: always('delete', 'miss') },
    {
      weight: 4,
      arbitrary: always('lose-database', 'finish-scan', 'drop-user', 'open-up', 'tamper', 'halt'),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('order' as const),
        order: fc.constantFrom('suspend' as const, 'end' as const, null, null),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('user' as const),
        name: fc.constantFrom('u1' as const, 'u2' as const, 'n' as const),
        exists: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('join' as const),
        who: fc.constantFrom('u1', 'u2', 'stranger'),
        admitted: fc.boolean(),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('guest-writes' as const), directly: fc.boolean() }),
    },
    {
      weight: 12,
      arbitrary: fc.record({
        kind: fc.constant('land' as const),
        upTo: fc.oneof(fc.constant(99), fc.integer({ min: 0, max: 16 })),
        again: fc.boolean(),
      }),
    },
  )

  const play = (steps: readonly Step[], world: World): World => {
    for (const one of steps) {
      switch (one.kind) {
        case 'write':
          world.write({ ...one.settings, more: one.settings.more })
          world.fromStart = one.fromStart
          break
        case 'delete':
          world.remove()
          break
        case 'miss':
          world.remove()
          world.isMissing = true
          break
        case 'lose-database':
          world.loseDatabase()
          break
        case 'finish-scan':
          world.finishScan()
          break
        case 'drop-user':
          world.dropUser()
          break
        case 'open-up':
          world.openUp()
          break
        case 'tamper':
          world.tamper()
          break
        case 'halt':
          world.halt()
          break
        case 'order':
          world.order(one.order)
          break
        case 'user':
          world.user(one.name, one.exists)
          break
        case 'join':
          world.join(one.who, one.admitted)
          break
        case 'guest-writes':
          world.guestWrites(one.directly)
          break
        case 'land':
          world.land(one.upTo)
          // A crash, and the same page once more: each effect is idempotent.
          if (one.again) world.land(99)
          break
        default:
          one satisfies never
      }
    }
    return world
  }

  const histories = fc.array(step, { minLength: 1, maxLength: 16 })
  const check = (property: fc.IProperty<[Step[]]>): void => fc.assert(property, { numRuns: 1500 })

  it('settles in what the document asks for, and plans nothing after that', () => {
    check(
      fc.property(histories, (steps) => {
        const world = play(steps, new World())
        const before = world.entry
        world.settle()
        world.assertRight(before)
      }),
    )
  })

  it('ends in the same state, wherever it crashed', () => {
    check(
      fc.property(histories, (steps) => {
        const crashed = play(steps, new World())
        const whole = play(
          steps.map((one) => (one.kind === 'land' ? { ...one, upTo: 99, again: false } : one)),
          new World(),
        )
        for (const world of [crashed, whole]) {
          world.order(null)
          for (const name of ['u1', 'u2', 'n'] as const) world.user(name, true)
          world.write({
            access: { read: ['u1', 'n'], write: ['u2'] },
            password: undefined,
            more: { name: 'last' },
          })
          world.settle()
          for (const who of ['u1', 'u2', 'stranger']) world.join(who, false)
          world.settle()
        }
        assert.deepEqual(crashed.summary(), whole.summary())
      }),
    )
  })

  it('touches nothing of a share of somebody else', () => {
    check(
      fc.property(histories, (steps) => {
        const theirs = entryOf('active', THEIRS, { access: { read: ['u1'], write: [] }, password: ACCOUNT })
        const world = new World(theirs)
        play(steps, world)
        world.settle()
        assert.deepEqual(world.entry, theirs)
        assert.deepEqual(world.touched, [])
        if (!world.doc) return
        assert.equal(world.doc['$state'], 'error')
        assert.ok(!('$participants' in world.doc) && !('$rejected' in world.doc))
      }),
    )
  })
})
