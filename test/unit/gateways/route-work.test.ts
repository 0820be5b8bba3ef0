// What one document makes the daemon do is bounded: as much as it names, and it may name so much.
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { MOST_CHANNELS, MOST_GRANTS } from '../../../src/gateways/function/judge.ts'
import { routeEach } from '../../../src/gateways/function/route.ts'
import { SyncFunction, type Judgement, type Writer } from '../../../src/gateways/function/sync-function.ts'
import type { Route } from '../../../src/gateways/model.ts'
import { grantedAnew, problemOf, routeAfter, settledRoute } from '../../../src/gateways/plan-route.ts'

const ADMIN: Writer = { name: null, roles: [], channels: [], isAdmin: true }

const NOTES = `function (doc, oldDoc) {
  if (oldDoc) requireUser(oldDoc.owner)
  if (doc._deleted) return
  channel('notes:' + doc.owner)
  access(doc.readers, 'notes:' + doc.owner)
  role(doc.fans, 'role:fan')
  channel(doc.channels)
}`

const names = (count: number, prefix = 'n'): string[] => Array.from({ length: count }, (_, n) => prefix + n)

/** Grants that count how often they are looked at. */
class Counted {
  reads = 0
  of(users: readonly string[]): Judgement {
    const counted = (key: string, value: string): object => {
      const count = (): string => {
        this.reads += 1
        return value
      }
      return Object.defineProperty({}, key, { get: count, enumerable: true })
    }
    const grant = (user: string): never => Object.assign(counted('to', user), { channel: 'c' }) as never
    const role = (user: string): never => Object.assign(counted('user', user), { role: 'r' }) as never
    return {
      kind: 'accepted',
      routed: { channels: ['c'], access: users.map(grant), roles: users.map(role), expiry: null },
    }
  }
}

describe('the work that one document makes', () => {
  it('is as much as it grants, however much that is', () => {
    const counted = new Counted()
    const [most, others] = [names(2_000), names(2_000, 'm')]
    let route: Route = routeAfter(null, 'doc', '1-a', counted.of(most))
    route = settledRoute(route) as Route
    for (const [at, users] of [others, most, [], most].entries())
      route = routeAfter(route, 'doc', `${at + 2}-a`, counted.of(users))
    assert.deepEqual(grantedAnew([route]).names.size, 4_000)
    assert(counted.reads < 60 * 4_000, `${counted.reads} looks`)
  })

  it('is bounded: who names more is told so, and nothing of it is granted', async () => {
    const sync = await SyncFunction.compile(NOTES)
    const code = (doc: object): string => {
      const verdict = sync.evaluate({ doc: { owner: 'ann', ...doc }, oldDoc: null, writer: ADMIN, now: 0 })
      return verdict.kind === 'accepted' ? 'accepted' : problemOf(verdict).code
    }
    assert.equal(code({ readers: names(MOST_GRANTS) }), 'accepted')
    assert.equal(code({ readers: [...names(MOST_GRANTS), 'n1', 'n2'] }), 'accepted', 'each counts once')
    assert.equal(code({ readers: names(MOST_GRANTS + 1) }), 'too_many_grants')
    assert.equal(code({ readers: names(600), fans: names(600) }), 'too_many_grants')
    assert.equal(code({ channels: names(MOST_CHANNELS - 1) }), 'accepted')
    assert.equal(code({ channels: names(MOST_CHANNELS) }), 'too_many_grants')
    assert.equal(code({ readers: names(20_000) }), 'too_many_grants')
    const product = await SyncFunction.compile('function (doc) { access(doc.a, doc.a) }')
    const doc = { a: names(30_000) }
    const verdict = product.evaluate({ doc, oldDoc: null, writer: ADMIN, now: 0 })
    assert(verdict.kind === 'failed')
    assert.equal(problemOf(verdict).code, 'too_many_grants')
  })

  it('leaves others their turns between two documents', async () => {
    const slow = await SyncFunction.compile('function (doc) { if (doc.slow) for (;;) {} channel(doc.c) }')
    const docs = Array.from({ length: 8 }, (_, n) => ({ slow: n < 7, c: `c${n}` }))
    const found: Judgement[] = []
    let turns = 0
    while (found.length < docs.length) {
      found.push(...routeEach(slow, docs.slice(found.length), 0, 1))
      turns += 1
      await nextTurn()
    }
    assert(turns >= 7, `${turns} turns`)
    assert.deepEqual(found.map(({ kind }) => kind).filter((kind) => kind === 'accepted').length, 1)
    assert.equal(found.at(-1)?.kind, 'accepted')
  })

  it('leaves others their turns where each document is judged twice', async () => {
    const refusing = await SyncFunction.compile(
      "function (doc, oldDoc) { for (var i = 0; i < 3e5; i += 1); if (!oldDoc && doc.n % 2) throw { forbidden: 'no' }; channel('c' + doc.n) }",
    )
    const docs = Array.from({ length: 6 }, (_, n) => ({ n }))
    const found: Judgement[] = []
    while (found.length < docs.length) found.push(...routeEach(refusing, docs.slice(found.length), 0, 1))
    const channels = found.map((verdict) => verdict.kind === 'accepted' && verdict.routed.channels[0])
    assert.deepEqual(channels, ['c0', 'c1', 'c2', 'c3', 'c4', 'c5'])
  })
})
