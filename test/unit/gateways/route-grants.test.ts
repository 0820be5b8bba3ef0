// Whom a changed route concerns, until everybody knows.
import assert from 'node:assert/strict'
import type { Judgement } from '../../../src/gateways/function/sync-function.ts'
import type { Route } from '../../../src/gateways/model.ts'
import { channelsOf, grantedAnew, routeAfter, settledRoute } from '../../../src/gateways/plan-route.ts'

/** A document in a channel of each of these users, which it grants them. */
const of = (...users: string[]): Judgement => ({
  kind: 'accepted',
  routed: {
    channels: users.map((name) => `of-${name}`),
    access: users.map((name) => ({ to: name, channel: `of-${name}` })),
    roles: users.map((name) => ({ user: name, role: 'owner' })),
    expiry: null,
  },
})

/** The route after each of these verdicts, nobody having been told in between. */
const after = (there: Route | null, ...verdicts: Judgement[]): Route =>
  verdicts.reduce<Route | null>(
    (route, verdict, at) => routeAfter(route, 'doc', `${at + 1}-a`, verdict),
    there,
  ) as Route

const concerned = (route: Route): string[] => [...grantedAnew([route]).names].sort()

describe('a route', () => {
  it('concerns whom it grants something, and whom it did', () => {
    const made = after(null, of('ann'))
    assert.deepEqual(concerned(made), ['ann'])
    const settled = settledRoute(made)
    assert(settled)
    assert.deepEqual(concerned(settled), [])
    assert.deepEqual(concerned(after(settled, of('bob'))), ['ann', 'bob'])
  })

  it('concerns nobody whose grants stay as they are', () => {
    const settled = settledRoute(after(null, of('ann', 'bob')))
    assert.deepEqual(concerned(after(settled, of('ann', 'carla'))), ['bob', 'carla'])
    assert.deepEqual(concerned(after(settled, of('ann', 'bob'))), [])
  })

  it('concerns whom it granted, took and grants again before everybody knew', () => {
    const settled = settledRoute(after(null, of('ann')))
    const back = after(settled, of('bob'), of('ann'))
    assert.deepEqual(concerned(back), ['ann', 'bob'])
    assert.deepEqual([...channelsOf(back)].sort(), ['of-ann', 'of-bob'])
    assert.deepEqual(concerned(after(settled, of('bob'), of('ann'), of('carla'))), ['ann', 'bob', 'carla'])
    assert.deepEqual(concerned(after(settled, of('bob'), of(), of('ann'), of('ann'))), ['ann', 'bob'])
  })
})
