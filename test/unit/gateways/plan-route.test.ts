// What a judged document means for its route: what is written down, and to whom something else is granted.
import assert from 'node:assert/strict'
import type { Judgement } from '../../../src/gateways/function/sync-function.ts'
import type { Route } from '../../../src/gateways/model.ts'
import {
  channelsOf,
  grantedAnew,
  isReadable,
  routeAfter,
  settledRoute,
} from '../../../src/gateways/plan-route.ts'
import type { Routed } from '../../../src/gateways/function/routed.ts'

const accepted = (routed: Partial<Routed>): Judgement => ({
  kind: 'accepted',
  routed: { channels: [], access: [], roles: [], expiry: null, ...routed },
})

const inChannels = (...channels: string[]): Judgement => accepted({ channels })
const grant = (to: string, channel: string): Judgement => accepted({ access: [{ to, channel }] })

const first = (verdict: Judgement | null): Route => routeAfter(null, 'd', '1-a', verdict)
const next = (there: Route, verdict: Judgement | null): Route =>
  routeAfter(there, 'd', verdict === null ? null : '2-b', verdict)
const settled = (route: Route): Route => settledRoute(route) ?? assert.fail('Expected a route to be left')

describe('routes', () => {
  it('say where a document goes, and remember nothing of one that is new and grants nothing', () => {
    const route = first(inChannels('x'))
    assert.deepEqual(route, {
      ...{ _id: 'document/d', type: 'route', rev: '1-a' },
      ...{ channels: ['x'], access: [], roles: [], expiry: null },
    })
  })

  it('remember what was before until that is settled', () => {
    const moved = next(first(inChannels('x')), inChannels('y'))
    assert.deepEqual([...channelsOf(moved)].sort(), ['x', 'y'])
    const again = next(moved, inChannels('z'))
    assert.deepEqual([...channelsOf(again)].sort(), ['x', 'y', 'z'])
    assert.deepEqual([...channelsOf(settled(again))], ['z'])
  })

  it('forget nothing by a change that leads nowhere else', () => {
    const moved = next(first(inChannels('x')), inChannels('y'))
    assert.deepEqual(next(moved, inChannels('y')).before, moved.before)
    assert.equal(next(settled(moved), inChannels('y')).before, undefined)
  })

  it('tell of grants that came and of those that went, to users and to roles', () => {
    const begun = first(grant('ann', 'x'))
    assert.deepEqual(grantedAnew([begun]), { names: new Set(['ann']), roles: new Set() })
    const changed = next(settled(begun), grant('role:editor', 'x'))
    assert.deepEqual(grantedAnew([changed]), { names: new Set(['ann']), roles: new Set(['editor']) })
    const same = next(settled(changed), grant('role:editor', 'x'))
    assert.deepEqual(grantedAnew([same]), { names: new Set(), roles: new Set() })
    const member = next(settled(same), accepted({ roles: [{ user: 'bob', role: 'editor' }] }))
    assert.deepEqual(grantedAnew([member]), { names: new Set(['bob']), roles: new Set(['editor']) })
  })

  it('lead nowhere where a document is gone, refused, or breaks the function', () => {
    const there = first(accepted({ channels: ['x'], access: [{ to: 'ann', channel: 'x' }] }))
    const gone = next(settled(there), null)
    assert.equal(gone.rev, null)
    assert.deepEqual(grantedAnew([gone]).names, new Set(['ann']))
    assert.equal(settledRoute(gone), null)
    const cases: [Judgement, string][] = [
      [{ kind: 'rejected', error: 'forbidden', reason: 'no' }, 'refused_by_function'],
      [{ kind: 'failed', reason: 'broken' }, 'sync_function_failed'],
    ]
    for (const [verdict, code] of cases) {
      const route = next(settled(there), verdict)
      assert.deepEqual([route.channels, route.access, route.problem?.code], [[], [], code])
      // Who has all channels does not read it either.
      assert.equal(isReadable(route, new Set(['*'])), false)
    }
  })

  const READING: [string, Judgement | null, string[], boolean][] = [
    ['a channel that the user has', inChannels('x', 'y'), ['y'], true],
    ['a channel that the user does not have', inChannels('x'), ['y'], false],
    ['no channel', inChannels(), ['y'], false],
    ['no channel, by one who has all', inChannels(), ['*'], true],
    ['everybody’s channel', inChannels('!'), [], true],
    ['the channel of all documents, by somebody else', inChannels('*'), ['x'], false],
    ['nothing any more', null, ['*'], false],
  ]
  for (const [what, verdict, channels, expected] of READING)
    it(`of ${what} are ${expected ? '' : 'not '}read`, () => {
      const route = routeAfter(null, 'd', verdict === null ? null : '1-a', verdict)
      assert.equal(isReadable(route, new Set(channels)), expected)
    })
})
