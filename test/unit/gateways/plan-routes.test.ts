// What changed documents mean for the index of a gateway, and for whom.
import assert from 'node:assert/strict'
import type { Row } from '../../../src/couch/document.ts'
import { LIMITS } from '../../../src/gateways/function/comparison.ts'
import type { Judgement } from '../../../src/gateways/function/sync-function.ts'
import { NO_REACH, routeId, type Route } from '../../../src/gateways/model.ts'
import { putRoutes } from '../../../src/gateways/perform-routes.ts'
import { routeAfter } from '../../../src/gateways/plan-route.ts'
import type { PutRoute } from '../../../src/gateways/routes.ts'
import {
  changedRoutes,
  documentsByReader,
  isStale,
  readingChannels,
  refusedRoute,
  unsettledOf,
  warningsOf,
} from '../../../src/gateways/plan-routes.ts'

const route = (more: Partial<Route> = {}): Route => ({
  ...{ _id: routeId('a'), _rev: '1-r', type: 'route', rev: '1-a', expiry: null },
  ...NO_REACH,
  ...more,
})

const live = (id: string, rev: string): Row => ({ id, rev, deleted: false, doc: { _id: id, _rev: rev } })
const gone = (id: string, rev: string | null = null): Row => ({ id, rev, deleted: rev !== null, doc: null })

const into = (...channels: string[]): Judgement => ({
  kind: 'accepted',
  routed: { channels, access: [], roles: [], expiry: null },
})

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `n${n}`)

describe('isStale', () => {
  const cases: [what: string, row: Row, known: Route | undefined, isAnew: boolean, expected: boolean][] = [
    ['a document that was never judged', live('a', '1-a'), undefined, false, true],
    ['one in another revision than was judged', live('a', '2-a'), route(), false, true],
    ['one as it was judged', live('a', '1-a'), route(), false, false],
    ['one as it was judged, by another function', live('a', '1-a'), route(), true, true],
    ['one that is back', live('a', '3-a'), route({ rev: null }), false, true],
    ['one that is gone, and has a route', gone('a', '2-a'), route(), false, true],
    ['one that is gone, and known to be', gone('a', '2-a'), route({ rev: null }), true, false],
    ['one that never was', gone('a'), undefined, true, false],
  ]
  for (const [what, row, known, isAnew, expected] of cases)
    it(`says ${expected ? 'yes' : 'no'} of ${what}`, () => {
      assert.equal(isStale(row, known, isAnew), expected)
    })
})

describe('changedRoutes', () => {
  it('has those that are others than they were, and what is gone', () => {
    const there = new Map([
      ['a', route({ channels: ['c'] })],
      ['b', route({ _id: routeId('b'), channels: ['c'] })],
      ['d', route({ _id: routeId('d') })],
    ])
    const rows = [live('a', '1-a'), live('b', '2-b'), gone('d', '2-d'), live('e', '1-e')]
    const verdicts = new Map(['a', 'b', 'e'].map((id) => [id, into('c')]))
    const changed = changedRoutes(there, rows, verdicts)
    assert.deepEqual(
      [...changed].map(([id, { rev, channels }]) => [id, rev, channels]),
      [
        ['b', '2-b', ['c']],
        ['d', null, []],
        ['e', '1-e', ['c']],
      ],
    )
  })
})

describe('documentsByReader', () => {
  const readers = new Map([
    ['c', new Set(['ann'])],
    ['was', new Set(['bob'])],
    ['*', new Set(['boss'])],
    ['!', new Set(['ann', 'bob', 'boss'])],
  ])
  const cases: [what: string, one: Route, expected: string[]][] = [
    ['those who have a channel of it, and who reads all', route({ channels: ['c'] }), ['ann', 'boss']],
    [
      'those who had one of its channels',
      route({ channels: ['c'], before: { ...NO_REACH, channels: ['was'] } }),
      ['ann', 'bob', 'boss'],
    ],
    ['everybody, where it is in `!`', route({ channels: ['!'] }), ['ann', 'bob', 'boss']],
    ['who reads all, where it is in no channel', route(), ['boss']],
  ]
  for (const [what, one, expected] of cases)
    it(`are for ${what}`, () => {
      const found = documentsByReader(readingChannels(new Map([['a', one]])), readers)
      assert.deepEqual([...found.keys()].sort(), expected)
      assert([...found.values()].every((ids) => ids.has('a') && ids.size === 1))
    })
  it('gathers all of a user', () => {
    const found = documentsByReader(
      readingChannels(
        new Map([
          ['a', route({ channels: ['c'] })],
          ['b', route({ channels: ['c', 'was'] })],
        ]),
      ),
      readers,
    )
    assert.deepEqual(found.get('ann'), new Set(['a', 'b']))
    assert.deepEqual(found.get('bob'), new Set(['b']))
  })
})

describe('unsettledOf', () => {
  it('has what remembers how it was, and what is gone', () => {
    const routes = new Map([
      ['a', route()],
      ['b', route({ before: NO_REACH })],
      ['d', route({ rev: null })],
    ])
    assert.deepEqual(unsettledOf(routes), new Set(['b', 'd']))
  })
})

describe('warningsOf', () => {
  const many = route({ channels: names(LIMITS.channelsPerDocument + 1) })
  const access = names(LIMITS.grantsPerDocument + 1).map((to) => ({ to, channel: 'c' }))
  const failed = refusedRoute(null, 'a', '1-a')
  const cases: [what: string, before: Route | null, after: Route, expected: string[]][] = [
    ['nothing of what is as it should be', null, route({ channels: ['c'] }), []],
    ['what goes nowhere', null, failed, ['document is in no channel']],
    ['nothing twice', failed, failed, []],
    ['many channels', null, many, ['document is in many channels']],
    ['nothing of as many as there were', many, many, []],
    ['many grants', route(), route({ access }), ['document grants much']],
  ]
  for (const [what, before, after, expected] of cases)
    it(`tells ${what}`, () => {
      const found = warningsOf('a', before, after)
      assert.deepEqual(
        found.map(({ message }) => message),
        expected,
      )
    })
})

describe('putRoutes', () => {
  const changed = new Map([
    ['a', routeAfter(null, 'a', '1-a', into('c'))],
    ['b', routeAfter(null, 'b', '1-b', into(...names(9)))],
  ])
  it('takes what cannot be stored for what the function fails on, and stores the rest', async () => {
    const put = (routes: readonly Route[]): Promise<PutRoute[]> =>
      Promise.resolve(
        routes.map(({ channels, _id }) =>
          channels.length > 5 ? { kind: 'too_large' } : { kind: 'written', rev: `1-${_id}` },
        ),
      )
    const { written, refused } = await putRoutes({ put }, new Map(), changed)
    assert.deepEqual(
      [...written].map(([id, { _rev, channels, problem }]) => [id, _rev, channels, problem?.code]),
      [
        ['a', '1-document/a', ['c'], undefined],
        ['b', '1-document/b', [], 'sync_function_failed'],
      ],
    )
    assert.deepEqual([...refused.keys()], ['b'])
  })
  it('says of which somebody else was faster, and stores the rest', async () => {
    const put = (routes: readonly Route[]): Promise<PutRoute[]> =>
      Promise.resolve(
        routes.map(({ _id }) =>
          _id === routeId('a') ? { kind: 'conflict' } : { kind: 'written', rev: `1-${_id}` },
        ),
      )
    const { written, conflicts } = await putRoutes({ put }, new Map(), changed)
    assert.deepEqual([[...written.keys()], conflicts], [['b'], ['a']])
  })
  it('gives up where not even that can be stored', async () => {
    const put = (routes: readonly Route[]): Promise<PutRoute[]> =>
      Promise.resolve(routes.map(() => ({ kind: 'too_large' })))
    await assert.rejects(putRoutes({ put }, new Map(), changed), /no route of it can be stored/)
  })
})
