// Any history of one user's part in a share, with crashes between any two effects.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { World, type ShareSettings } from './subscription-world.ts'

describe('shares/plan/subscription, any history', () => {
  const share: fc.Arbitrary<ShareSettings> = fc.record({
    state: fc.constantFrom(
      ...([
        'active',
        'active',
        'active',
        'active',
        'opening',
        'suspended',
        'ending',
        'saved',
        'ended',
        'none',
      ] as const),
    ),
    everyone: fc.constantFrom('read' as const, 'write' as const, null),
    password: fc.constantFrom(null, null, 'p1', 'p2'),
  })
  const attributes = fc.constantFrom<Record<string, unknown>>(
    ...[{}, {}, {}, { onEnd: 'keep' }, { onEnd: 'burn' }, { type: 'todo' }, { name: 'x' }],
    ...[{ password: 'p1' }, { password: 'p2' }, { password: 'p1', onEnd: 'keep' }, { password: 5 }],
    ...[{ $state: 'active' }, { $state: 'ended' }],
  )
  type Step =
    | { kind: 'write' | 'edit'; attributes: Record<string, unknown> }
    | { kind: 'change'; share: ShareSettings }
    | { kind: 'grant'; right: 'read' | 'write' | null }
    | { kind: 'order'; isOrdered: boolean }
    | { kind: 'delete' | 'miss' | 'delete-invitation' | 'drop-database' | 'finish-scan' | 'rest' }
    | { kind: 'land'; upTo: number; again: boolean }
    | { kind: 'stumble'; upTo: number }

  const one = <Kind extends string>(...kinds: Kind[]): fc.Arbitrary<Kind> => fc.constantFrom(...kinds)
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: one('write', 'edit'), attributes }) },
    { weight: 4, arbitrary: fc.record({ kind: one('change'), share }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: one('grant'),
        right: fc.constantFrom('read' as const, 'write' as const, null),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: one('order'), isOrdered: fc.boolean() }) },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: one('delete', 'miss', 'delete-invitation', 'drop-database', 'finish-scan', 'rest'),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: one('land'),
        upTo: fc.oneof(fc.constant(99), fc.integer({ min: 0, max: 8 })),
        again: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: one('stumble'), upTo: fc.integer({ min: 0, max: 3 }) }) },
  )

  const play = (steps: readonly Step[], world: World): World => {
    for (const now of steps) {
      switch (now.kind) {
        case 'write':
          world.write(now.attributes)
          break
        case 'edit':
          world.edit(now.attributes)
          break
        case 'change':
          world.change(now.share)
          break
        case 'grant':
          world.grant(now.right)
          break
        case 'order':
          world.order(now.isOrdered)
          break
        case 'delete':
        case 'miss':
          world.remove(now.kind === 'miss')
          break
        case 'delete-invitation':
          world.removeInvitation()
          break
        case 'drop-database':
          world.dropDatabase()
          break
        case 'finish-scan':
          world.finishScan()
          break
        case 'rest':
          world.rest()
          break
        case 'land':
          world.land(now.upTo)
          // A crash, and the same page once more: each effect is idempotent.
          if (now.again) world.land(99)
          break
        case 'stumble':
          world.stumble(now.upTo)
          break
        default:
          now satisfies never
      }
    }
    return world
  }

  const histories = fc.array(step, { minLength: 1, maxLength: 16 })
  const check = (property: fc.IProperty<[Step[]]>): void => fc.assert(property, { numRuns: 1500 })

  it('settles in what the user asks for, as far as the share lets him, and plans nothing after that', () => {
    check(
      fc.property(histories, (steps) => {
        const world = play(steps, new World())
        world.settle()
        world.assertRight()
      }),
    )
  })

  it('stays as it is while nobody asks anew, however the share changes', () => {
    check(
      fc.property(histories, (steps) => {
        const world = play(steps, new World())
        world.settle()
        if (world.doc?.['$state'] !== 'ended') return
        const { doc } = world
        for (const everyone of ['write', null] as const) {
          world.change({ state: 'active', everyone, password: null })
          world.grant('read')
          world.settle()
          world.grant(null)
          world.settle()
        }
        assert.deepEqual(world.doc, doc)
        assert.equal(world.entry?.state, 'ended')
      }),
    )
  })

  it('ends in the same state, wherever it crashed', () => {
    check(
      fc.property(histories, (steps) => {
        const crashed = play(steps, new World())
        const whole = play(
          steps.map((now) => (now.kind === 'land' ? { ...now, upTo: 99, again: false } : now)),
          new World(),
        )
        for (const world of [crashed, whole]) {
          world.order(false)
          world.grant(null)
          world.change({ state: 'active', everyone: 'write', password: null })
          world.remove(false)
          world.settle()
          world.grant('read')
          world.write({ name: 'last' })
          world.settle()
        }
        assert.deepEqual(crashed.summary(), whole.summary())
      }),
    )
  })
})
