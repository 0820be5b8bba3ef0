// Any history of a gateway, its users and their devices ends with everybody having just what the function says.
import fc from 'fast-check'
import { compileGateway, type Gateway } from '../../../src/gateways/gateway.ts'
import { judgeText } from '../../../src/gateways/function/judge.ts'
import type { Call, SyncFunction, Judgement } from '../../../src/gateways/function/sync-function.ts'
import { CHANNELS, sourceOf, VERSIONS, WRITER, type Version } from '../../support/gateway-judge.ts'
import {
  DOCUMENTS,
  GatewayPlay,
  NAMES,
  type Change,
  type Place,
  type Step,
} from '../../support/gateway-play.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 100)

const who = fc.nat(NAMES.length - 1)
const id = fc.constantFrom(...DOCUMENTS)
const seed = fc.nat(1000)
const places: Place[] = [0, 0, 1, 2]
const at = fc.constantFrom(...places)
const device = fc.constantFrom(1 as const, 2 as const)
const always = <const Value>(value: Value) => fc.constant(value)
const rarely = fc.nat(5).map((one) => one === 5)

const roles = fc.subarray([WRITER, 'r0', 'r1'])
const channels = fc.oneof(
  { weight: 6, arbitrary: fc.subarray([...CHANNELS]) },
  { weight: 1, arbitrary: always(['!']).map((one) => [...one]) },
)
const to = fc.constantFrom(...NAMES, 'role:r0', 'role:r1')
const grants = fc.array(fc.tuple(to, fc.constantFrom(...CHANNELS, ...CHANNELS, '*', '!')), { maxLength: 3 })
const given = fc.array(fc.tuple(fc.constantFrom(...NAMES), fc.constantFrom(WRITER, 'r0', 'r1')), {
  maxLength: 2,
})
const mode = fc.constantFrom('plain', 'plain', 'plain', 'breaks', 'refused', 'finished')
const written = (more: object): fc.Arbitrary<Change> =>
  fc.record({ channels, grants, roles: given, ...more }, { requiredKeys: [] })

const kinds: Record<string, { weight: number; arbitrary: fc.Arbitrary<Step> }> = {
  put: { weight: 8, arbitrary: fc.record({ does: always('put'), id, change: written({ mode }) }) },
  delete: { weight: 1, arbitrary: fc.record({ does: always('delete'), id }) },
  account: { weight: 4, arbitrary: fc.record({ does: always('account'), who, roles }) },
  leave: { weight: 1, arbitrary: fc.record({ does: always('account'), who, roles: always(null) }) },
  edit: {
    weight: 10,
    arbitrary: fc.record({ does: always('edit'), who, at, id, change: written({}), isForbidden: rarely }),
  },
  remove: { weight: 1, arbitrary: fc.record({ does: always('remove'), who, at, id }) },
  sync: {
    weight: 6,
    arbitrary: fc.record({
      does: always('sync'),
      who,
      at: device,
      isPull: fc.boolean(),
      isPush: fc.boolean(),
    }),
  },
  restore: { weight: 1, arbitrary: fc.record({ does: always('restore'), who, id }) },
  forge: {
    weight: 1,
    arbitrary: fc.record({
      ...{ does: always('forge'), who, id },
      ages: fc.integer({ min: 1, max: 8 }),
      isKnown: fc.boolean(),
    }),
  },
  drop: { weight: 1, arbitrary: fc.record({ does: always('drop'), who }) },
  compact: {
    weight: 1,
    arbitrary: fc.record({ does: always('compact'), who: fc.option(who, { nil: null }) }),
  },
  run: { weight: 10, arbitrary: fc.record({ does: always('run'), requests: fc.nat(40), seed }) },
  crash: {
    weight: 4,
    arbitrary: fc.record({
      ...{ does: always('crash'), writes: fc.nat(12), seed },
      version: fc.option(fc.constantFrom(...VERSIONS), { nil: null, freq: 2 }),
    }),
  },
  trouble: {
    weight: 1,
    arbitrary: fc.record({ does: always('trouble'), after: fc.nat(40), isDone: fc.boolean(), seed }),
  },
  rest: { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('save', 'save', 'sweep', 'miss') }) },
  settle: { weight: 3, arbitrary: fc.record({ does: always('settle'), seed }) },
}
const wanted = process.env['KINDS']?.split(',') ?? Object.keys(kinds)
const step = fc.oneof(...wanted.flatMap((kind) => kinds[kind] ?? []))

/** Where most histories begin: everybody has something, and somebody may write. */
const BEGUN: Step[] = [
  { does: 'account', who: 0, roles: [WRITER] },
  { does: 'account', who: 1, roles: ['r0'] },
  {
    does: 'put',
    id: 'a',
    change: {
      channels: ['A'],
      grants: [
        ['ann', 'A'],
        ['role:r0', 'B'],
      ],
    },
  },
  {
    does: 'put',
    id: 'b',
    change: { channels: ['A', 'B'], grants: [['cleo', 'B']], roles: [['cleo', 'r1']] },
  },
  { does: 'put', id: 'c', change: { channels: ['C'], grants: [['role:r1', 'C']] } },
  { does: 'settle', seed: 0 },
]
const history = fc.record({ isBegun: rarely.map((one) => !one), steps: fc.array(step, { maxLength: 40 }) })

const edit = (who: number, id: string, change: Change = {}, isForbidden = false): Step => ({
  ...{ does: 'edit', at: 0 },
  ...{ who, id, change, isForbidden },
})
const put = (id: string, change: Change): Step => ({ does: 'put', id, change })
const run = (requests: number, seed: number): Step => ({ does: 'run', requests, seed })
const crash = (writes: number, version: Version | null = null): Step => ({
  ...{ does: 'crash', seed: 0 },
  ...{ writes, version },
})
const account = (who: number, roles: string[]): Step => ({ does: 'account', who, roles })

/** Histories that once ended wrong, after `BEGUN`. */
const FOUND: Record<string, Step[]> = {
  'a look while another one finds nothing new': [account(0, []), crash(4), run(5, 0), put('a', {})],
  'a document judged as it was, after it was judged as it is': [
    put('a', { mode: 'breaks' }),
    { does: 'delete', id: 'c' },
    ...[run(4, 0), run(19, 813)],
    put('c', { grants: [['ann', 'A']] }),
  ],
  'a role lost a channel just before somebody had the role': [
    account(0, []),
    put('c', { grants: [] }),
    account(0, ['r1']),
  ],
  'changed twice before anybody was told': [
    put('c', { mode: 'refused' }),
    ...[run(3, 0), run(38, 244)],
    put('c', { mode: 'plain' }),
  ],
  'another function for a moment': [crash(0, 1), put('a', { grants: [] }), crash(1, 0)],
  'a conflict in what nobody may have': [
    edit(0, 'd'),
    run(12, 0),
    put('d', { channels: [], roles: [], mode: 'plain' }),
  ],
  'documents that are counted': [put('a', { channels: [] })],
  'a database dropped, and made again just before a crash': [
    { does: 'drop', who: 0 },
    run(3, 0),
    { does: 'save' },
    crash(2),
  ],
  'made on a device while one is taken out': [
    put('b', { channels: [], grants: [] }),
    ...[run(4, 0), run(23, 0)],
    { ...edit(2, 'b'), at: 2 } as Step,
    { does: 'sync', who: 2, at: 2, isPull: false, isPush: true },
  ],
  'a crash before it was told what was refused': [edit(0, 'a', {}, true), crash(1)],
}

/** The same text in place of the sandbox, for many runs. */
function unconfined(source: string, hash: string): SyncFunction {
  type Found = { kind: string; channels: string[]; access: string[][]; roles: string[][]; expiry: null }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- what the sandbox evaluates, too
  const judge = (new Function(`return ${judgeText(source)}()`) as () => (...given: unknown[]) => Found)()
  const copy = (value: unknown): unknown => JSON.parse(JSON.stringify(value))
  const pairs = (all: string[][]): string[][] =>
    [...new Map(all.map((pair) => [pair.join('\0'), pair])).values()].sort((one, other) =>
      one.join('\0') < other.join('\0') ? -1 : 1,
    )
  const evaluate = ({ doc, oldDoc, writer }: Call): Judgement => {
    const found = judge(copy(doc), copy(oldDoc), writer)
    if (found.kind !== 'accepted') return found as unknown as Judgement
    return {
      kind: 'accepted',
      routed: {
        channels: [...new Set(found.channels)].sort(),
        access: pairs(found.access).map(([one = '', channel = '']) => ({ to: one, channel })),
        roles: pairs(found.roles).map(([user = '', role = '']) => ({ user, role: role.slice(5) })),
        expiry: null,
      },
    }
  }
  const sync = {
    hash,
    evaluate,
    evaluateMany: (calls: readonly Call[]) => calls.map(evaluate),
    dispose: () => undefined,
  }
  return sync as unknown as SyncFunction
}

describe('histories of a gateway', () => {
  let real: Gateway[]
  let fast: Gateway[]
  before(async () => {
    real = await Promise.all(VERSIONS.map((version) => compileGateway('fleet', sourceOf(version))))
    fast = real.map((gateway, at) => ({
      ...gateway,
      sync: unconfined(sourceOf(VERSIONS[at] ?? 0), gateway.sync.hash),
    }))
  })

  const holds = (gateways: () => readonly Gateway[], numRuns: number): Promise<void> =>
    fc.assert(
      fc.asyncProperty(history, ({ isBegun, steps }) =>
        GatewayPlay.play(gateways(), isBegun ? [...BEGUN, ...steps] : steps),
      ),
      { numRuns },
    )

  for (const [name, steps] of Object.entries(FOUND))
    it(`end well that once did not: ${name}`, () => GatewayPlay.play(fast, [...BEGUN, ...steps]))

  it('end with everybody having what is in the user’s channels, and nothing lost', async function () {
    this.timeout(0)
    await holds(() => fast, RUNS)
  })

  it('end so with the function in its sandbox', async function () {
    this.timeout(0)
    await holds(() => real, Math.ceil(RUNS / 10))
  })
})
