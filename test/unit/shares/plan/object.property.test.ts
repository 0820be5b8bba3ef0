// Any history of an owner's edits, with crashes anywhere, settles in what docs/design.md says, and nothing un-shared is readable.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectEffect } from '../../../../src/shares/plan/object-facts.ts'
import { Conflict, Memory, type Life, type Shown } from './memory.ts'

const SHARES = ['a', 'b', 'constructor']
const FOREIGN = 'theirs'
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 500)

const attribute = fc.constantFrom('name', 'text', 'constructor', '')
const selectionList = fc.uniqueArray(fc.oneof(attribute, fc.constantFrom('_attachments', 'missing')), {
  maxLength: 3,
})
const badValue = fc.constantFrom<unknown>(
  0,
  1,
  null,
  'x',
  {},
  [['name']],
  ['_id'],
  ['$shares', 'name'],
  [null],
)
const wish = fc.oneof(
  { weight: 3, arbitrary: fc.constant<unknown>(true) },
  { weight: 6, arbitrary: selectionList },
  { weight: 2, arbitrary: fc.constant<unknown>(false) },
  { weight: 1, arbitrary: badValue },
)
const shares = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.dictionary(fc.constantFrom(...SHARES, ...SHARES, FOREIGN, 'never', 'Bad Id'), wish, {
      maxKeys: 4,
      noNullPrototype: true,
    }),
  },
  { weight: 2, arbitrary: fc.constant<unknown>(undefined) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('x', null, [], 7) },
)
const document = fc
  .record({
    own: fc.dictionary(attribute, fc.integer({ min: 0, max: 2 }), { maxKeys: 3, noNullPrototype: true }),
    shares,
    attachment: fc.option(fc.constantFrom('md5-a', 'md5-b'), { freq: 3, nil: undefined }),
    error: fc.option(fc.constant({ message: 'of the application' }), { freq: 8, nil: undefined }),
  })
  .map(({ own, shares: $shares, attachment, error }) => ({
    ...own,
    ...($shares === undefined ? {} : { $shares }),
    ...(attachment === undefined
      ? {}
      : { _attachments: { 'f.txt': { digest: attachment, content_type: 'text/plain', length: 1 } } }),
    ...(error === undefined ? {} : { $error: error }),
  }))

type Step =
  | { kind: 'write'; attributes: Record<string, unknown>; salt: number; back: number }
  | { kind: 'delete' }
  | { kind: 'open' | 'end' | 'over' | 'lose' | 'reopen'; share: string }
  /** The facts are read and a plan is made; it lands with `land`, up to a crash after so many effects. */
  | { kind: 'plan' }
  | { kind: 'land'; upTo: number; again: boolean; lost: number }

const share = fc.constantFrom(...SHARES)
const step = ({ offline, inPart }: { offline: boolean; inPart: boolean }): fc.Arbitrary<Step> =>
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('write' as const),
        attributes: document,
        salt: fc.integer({ min: 0, max: 25 }),
        back: offline ? fc.constantFrom(0, 0, 0, 1, 2) : fc.constant(0),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('delete' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('open' as const), share }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('end' as const, 'over' as const, 'lose' as const, 'reopen' as const),
        share,
      }),
    },
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('plan' as const) }) },
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('land' as const),
        upTo: fc.oneof(fc.constant(99), fc.integer({ min: 0, max: 6 })),
        again: fc.boolean(),
        lost: inPart ? fc.integer({ min: 0, max: 15 }) : fc.constant(0),
      }),
    },
  )

interface Plan {
  effects: ObjectEffect[]
  shown: Map<string, Shown>
}

const planNow = (world: Memory): Plan => ({
  effects: planObject(world.facts()),
  shown: new Map(SHARES.map((id) => [id, world.shown(id)])),
})

function land(world: Memory, { effects, shown }: Plan): void {
  try {
    world.perform(effects, shown)
  } catch (error) {
    if (!(error instanceof Conflict)) throw error
  }
}

/** Of the copies, which go to the outbox as one `_bulk_docs`, a crash may leave any part. */
const inPart = (effects: ObjectEffect[], lost: number): ObjectEffect[] => {
  const bases = effects.filter((one) => one.kind === 'put-base' && one.stage === 'before')
  const copies = effects.filter((one) => one.kind === 'put-copy' || one.kind === 'delete-copy')
  return [...bases, ...copies.filter((_, index) => ((lost >> index) & 1) === 0)]
}

/** Plays a history; the daemon dies and starts again wherever a plan is left unfinished. */
function play(steps: readonly Step[], start = new Memory(fresh())): Memory {
  const world = start
  let plan: Plan | null = null
  for (const one of steps) {
    switch (one.kind) {
      case 'write':
        world.write(one.attributes, one.salt, one.back)
        break
      case 'delete':
        world.delete()
        break
      // Shares and objects of an owner are in one lane: what was planned before has landed, or was lost.
      case 'open':
        plan = null
        world.open(one.share)
        break
      case 'end':
        plan = null
        world.end(one.share)
        break
      case 'lose':
      case 'reopen':
        plan = null
        world[one.kind](one.share)
        break
      case 'over':
        plan = null
        if (world.lives.get(one.share) !== 'ending') break
        settle(world)
        world.over(one.share)
        break
      case 'plan':
        plan = planNow(world)
        break
      case 'land': {
        const landing: Plan = plan ?? planNow(world)
        const effects = one.lost > 0 ? inPart(landing.effects, one.lost) : landing.effects.slice(0, one.upTo)
        land(world, { ...landing, effects })
        if (one.again) land(world, { ...landing, effects })
        plan = null
        break
      }
      default:
        one satisfies never
    }
  }
  // A share that is opening waits; what is to be is said of the others.
  for (const id of SHARES) world.reopen(id)
  return world
}

const fresh = (): Record<string, Life> => ({
  a: 'open',
  b: 'none',
  constructor: 'open' as const,
  [FOREIGN]: 'foreign',
})

/** Plans and lands until there is nothing to do. @returns how many rounds that took */
function settle(world: Memory, most = 8): number {
  for (let round = 0; round <= most; round += 1) {
    const plan = planNow(world)
    if (plan.effects.length === 0) return round
    world.perform(plan.effects, plan.shown)
  }
  assert.fail(
    `Expected nothing to do after ${String(most)} rounds, got ${JSON.stringify(planNow(world).effects)}`,
  )
}

function assertRight(world: Memory): void {
  for (const id of SHARES) {
    if (world.lives.get(id) === 'open') {
      assert.deepEqual(world.copy(id), world.expectedCopy(id), `the copy of ${id}`)
      assert.deepEqual(world.leaks(id), [], `readable in ${id}`)
      const last = world.readable.get(id)?.at(-1)
      if (world.copy(id)) assert.deepEqual(last, world.copy(id), `what members of ${id} see`)
    } else assert.equal(world.copy(id), null, `${id} is not open`)
  }
  for (const id of [FOREIGN, 'never', 'Bad Id']) assert.equal(world.copy(id), null, id)
}

const check = <Values extends [Step[], ...unknown[]]>(property: fc.IProperty<Values>): void =>
  fc.assert(property, { numRuns: RUNS })

describe('shares/plan/object, any history', () => {
  const history = (options: { offline: boolean; inPart: boolean }) =>
    fc.array(step(options), { minLength: 1, maxLength: 14 })
  const online = { offline: false, inPart: false }

  it('ends in the copies that the object consents to, with nothing un-shared readable, after one more plan', () => {
    check(
      fc.property(history(online), (steps) => {
        const world = play(steps)
        land(world, planNow(world))
        assertRight(world)
      }),
    )
  })

  it('has nothing left to do after that', () => {
    check(
      fc.property(history(online), (steps) => {
        const world = play(steps)
        land(world, planNow(world))
        assert.deepEqual(planObject(world.facts()), [])
      }),
    )
  })

  it('leaves what the user wrote, but for what is to be taken out of $shares', () => {
    check(
      fc.property(history(online), document, (steps, last) => {
        const world = play([...steps, { kind: 'write', attributes: last, salt: 0, back: 0 }])
        settle(world)
        const { _id, _rev, $shares, $error, ...rest } = world.winner ?? assert.fail()
        const { $shares: written, $error: error, ...words } = last as Record<string, unknown>
        assert.deepEqual(rest, words)
        const isMap = typeof written === 'object' && written !== null && !Array.isArray(written)
        const wishes = isMap ? Object.entries(written) : []
        const left = wishes.filter(([id, value]) => value !== false && world.lives.get(id) !== 'ending')
        if (!isMap) assert.deepEqual($shares, written)
        else if (left.length === 0 && wishes.length > 0) assert.equal($shares, undefined)
        else assert.deepEqual($shares, Object.fromEntries(left))
        assertReported($error, written, left, error)
      }),
    )
  })

  it('settles with conflicts of the user’s own, too', () => {
    check(
      fc.property(history({ ...online, offline: true }), (steps) => {
        const world = play(steps)
        settle(world)
        assertRight(world)
      }),
    )
  })

  it('never deletes the last leaf', () => {
    check(
      fc.property(history({ ...online, offline: true }), (steps) => {
        const world = play(steps)
        const before = world.leafCount
        settle(world)
        assert.equal(world.leafCount > 0, before > 0)
      }),
    )
  })

  it('withdraws what was un-shared, even where a crash left any part of the copies', () => {
    check(
      fc.property(history({ ...online, inPart: true }), (steps) => {
        const world = play(steps)
        settle(world)
        assertRight(world)
      }),
    )
  })

  it('does not withdraw for ordinary edits, nor for widening', () => {
    const wider: unknown[] = [[], ['name'], ['name', 'text'], true]
    const edits = fc.array(
      fc.tuple(fc.dictionary(attribute, fc.integer(), { noNullPrototype: true }), fc.boolean()),
      { maxLength: 8 },
    )
    fc.assert(
      fc.property(edits, (history) => {
        const world = new Memory(fresh())
        let at = 0
        for (const [own, widens] of history) {
          at = Math.min(at + Number(widens), wider.length - 1)
          world.write({ ...own, $shares: { a: wider[at] } })
          settle(world)
        }
        assert.equal(world.withdrawals, 0)
      }),
    )
  })
})

/** A problem is reported exactly where there is one; the application's own `$error` stays where there is none. */
function assertReported(found: unknown, written: unknown, left: [string, unknown][], error: unknown): void {
  const isGood = (value: unknown): boolean =>
    value === true ||
    (Array.isArray(value) &&
      value.every(
        (name) => typeof name === 'string' && (!/^[_]|^\$shares$/.test(name) || name === '_attachments'),
      ))
  const bad = left.filter(([id, value]) => !isGood(value) || id === 'Bad Id' || id === FOREIGN)
  const isWhole =
    written === undefined || (typeof written === 'object' && written !== null && !Array.isArray(written))
  if (isWhole && bad.length === 0) return assert.deepEqual(found, error)
  const { code, reason, shares: each } = found as { code: unknown; reason: unknown; shares?: object }
  assert.equal(typeof code, 'string')
  assert.equal(typeof reason, 'string')
  assert.deepEqual(Object.keys(each ?? {}).sort(), bad.map(([id]) => id).sort())
}
