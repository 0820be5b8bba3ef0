// What an admin's hand has left in the index of a gateway is read as far as it can be, and put right when it is looked at.
import assert from 'node:assert/strict'
import type { StoredDoc } from '../../../src/couch/document.ts'
import { Router } from '../../../src/gateways/router.ts'
import { Routes } from '../../../src/gateways/routes.ts'
import { EVALUATION_ID, gatewayUserId, routeId, type GatewayUser } from '../../../src/gateways/model.ts'
import { parseEvaluation, parseGatewayUser, parseRoute } from '../../../src/gateways/parse-routes.ts'
import type { Call, SyncFunction, Judgement } from '../../../src/gateways/function/sync-function.ts'
import { isFault } from '../../../src/couch/fault.ts'
import { routesDatabase } from '../../../src/documents/names.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const ROUTE = {
  ...{ _id: routeId('a'), _rev: '1-a', type: 'route', rev: '3-c' },
  ...{ channels: ['news'], access: [{ to: 'ann', channel: 'news' }], roles: [], expiry: null },
}
const USER = {
  ...{ _id: gatewayUserId('ann'), _rev: '1-a', type: 'user', name: 'ann', database: 'user/ann/g' },
  ...{
    state: 'active',
    roles: ['editor'],
    channels: ['news'],
    function: 'hash',
    documents: 3,
    updatedAt: '',
  },
}
const EVALUATION = {
  ...{ _id: EVALUATION_ID, type: 'evaluation', hash: 'h', instance: '1', state: 'running' },
  ...{ documents: 2, failed: 0, startedAt: '' },
}

/** In place of a route that cannot be read. */
const GONE = { _id: ROUTE._id, _rev: '1-a', type: 'route', rev: null, expiry: null, last: '3-c' }

describe('gateways/parse-routes', () => {
  const whole: Record<string, object> = {
    'a route': {},
    'a route of a document that is gone': { rev: null, last: '2-b' },
    'a route with a past': { before: { channels: ['old'], access: [], roles: [] } },
    'a route of a document that the function refuses': {
      problem: { code: 'refused_by_function', reason: '' },
    },
    'a route that ends': { expiry: 1_700_000_000.5 },
  }
  for (const [what, change] of Object.entries(whole))
    it(`reads ${what} as it is`, () => {
      const doc = { ...ROUTE, ...change } as StoredDoc
      assert.equal(parseRoute(doc), doc)
    })

  const routes: Record<string, [change: object, reach: object]> = {
    'another type': [{ type: 'x' }, { channels: ['news'], access: ROUTE.access, roles: [] }],
    'no lists': [
      { channels: null, access: 'x', roles: undefined },
      { channels: [], access: [], roles: [] },
    ],
    'lists of anything': [
      {
        channels: ['a', 7, null],
        access: [{ to: 'ann' }, null, ...ROUTE.access],
        roles: [{ user: 'ann', role: 7 }],
      },
      { channels: ['a'], access: ROUTE.access, roles: [] },
    ],
    'a past that is none': [{ before: 'x' }, { channels: ['news'], access: ROUTE.access, roles: [] }],
    'a time that is none': [{ expiry: 'soon' }, { channels: ['news'], access: ROUTE.access, roles: [] }],
  }
  for (const [what, [change, reach]] of Object.entries(routes))
    it(`takes a route with ${what} for that of a document that is gone`, () =>
      assert.deepEqual(parseRoute({ ...ROUTE, ...change }), { ...GONE, ...reach }))

  const users: Record<string, [change: object, read: object | null]> = {
    'that is whole': [
      { rejected: [], leftAt: 'x' },
      { rejected: [], leftAt: 'x' },
    ],
    'whose account is known': [{ account: { rev: '1-a', key: 7 } }, { account: { rev: '1-a', key: null } }],
    'of another type': [{ type: 'x' }, null],
    'without a name': [{ name: 7 }, null],
    'with a database that is none of the gateway’s': [{ database: '_users' }, null],
    'with the database of another gateway': [{ database: 'user/ann/other' }, null],
    'in a state that is none': [{ state: 'fine' }, { due: true }],
    'without lists': [
      { roles: null, channels: 'x' },
      { roles: [], channels: [], due: true },
    ],
    'with lists of anything': [{ channels: ['a', 7] }, { channels: ['a'], due: true }],
    'without a function': [{ function: 7 }, { function: '', due: true }],
    'with documents that are no number': [{ documents: 'many' }, { documents: 0, due: true }],
    'with rejections that are no list': [{ rejected: 'x' }, { due: true }],
  }
  for (const [what, [change, read]] of Object.entries(users))
    it(`reads a user ${what}${read === null ? ' as nobody' : ''}`, () =>
      assert.deepEqual(parseGatewayUser({ ...USER, ...change }, 'g'), read && { ...USER, ...read }))

  it('reads an evaluation that is whole, and no other', () => {
    assert.equal(parseEvaluation(EVALUATION), EVALUATION)
    assert.notEqual(parseEvaluation({ ...EVALUATION, after: 'a', state: 'done' }), null)
    const changes = [
      { type: 'x' },
      { state: 'x' },
      { hash: 7 },
      { after: 7 },
      { documents: '2' },
      { failed: null },
    ]
    for (const change of changes) assert.equal(parseEvaluation({ ...EVALUATION, ...change }), null)
    assert.equal(parseEvaluation(null), null)
  })
})

/** A function that puts all documents into one channel for a time that JSON writes with an exponent. */
const news = {
  evaluateMany: (calls: readonly Call[]): Judgement[] =>
    calls.map(() => ({
      kind: 'accepted',
      routed: { channels: ['news'], access: [], roles: [], expiry: 1e30 },
    })),
} as unknown as SyncFunction

function ground() {
  const couch = new MemoryCouch()
  const gateway = couch.create('g')
  const index = couch.create(routesDatabase('g'))
  const routes = new Routes(couch.asCouch(), 'g', () => 0)
  const router = new Router({
    ...{ gateway: couch.asCouch().database('g'), routes, sync: news, now: () => 0 },
    ...{ begin: () => Promise.resolve(null), mark: () => undefined, isBusy: () => false },
    log: { warn: () => undefined } as never,
  })
  return { couch, gateway, index, routes, router }
}

describe('an index of a gateway that was edited by hand', () => {
  it('has the documents judged whose routes cannot be read, and goes on', async () => {
    const { couch, gateway, index, router } = ground()
    for (const id of ['a', 'b']) gateway.write({ _id: id })
    index.write({ _id: routeId('a'), type: 'route', rev: gateway.read('a')?._rev, channels: null, access: 7 })
    const found = await router.route(['a', 'b'].map((id) => gateway.row(id)))
    assert.deepEqual(
      [...found.values()].map(({ channels }) => channels),
      [['news'], ['news']],
    )
    assert.deepEqual(index.read(routeId('a'))?.['rev'], gateway.read('a')?._rev)
    const { length } = couch.writes
    await router.route(['a', 'b'].map((id) => gateway.row(id)))
    assert.equal(couch.writes.length, length, 'what was judged is not judged again')
  })

  it('gives a user whose entry cannot be read a new one in its place', async () => {
    const { index, routes } = ground()
    const { _rev, ...user } = USER
    index.write({ ...user, database: 'shares' })
    assert.equal(await routes.user('ann'), null)
    for await (const page of routes.users()) assert.deepEqual(page, [])
    const fresh = user as unknown as GatewayUser
    const written = await routes.change(fresh, { documents: 4 })
    assert.deepEqual(await routes.user('ann'), written)
    await assert.rejects(routes.change(fresh, { documents: 5 }), (error) => isFault(error, 'conflict'))
  })

  it('begins an evaluation anew that cannot be read', async () => {
    const { index, routes } = ground()
    index.write({ ...EVALUATION, documents: 'all' })
    const known = await routes.evaluation()
    assert.equal(known, null)
    const begun = await routes.changeEvaluation(known, { ...EVALUATION } as never)
    assert.deepEqual(await routes.evaluation(), begun)
  })
})
