// What a user of a gateway is to have: one database, what is granted, and never what was somebody else's.
import assert from 'node:assert/strict'
import type { Holdings } from '../../../src/gateways/function/grants.ts'
import type { GatewayUser, GatewayUserChange } from '../../../src/gateways/model.ts'
import {
  planGatewayUser,
  type GatewayUserFacts,
  type GatewayUserPlan,
  type WantedUser,
} from '../../../src/gateways/plan-user.ts'

const NOW = '2026-01-01T00:10:00.000Z'
const GRACE_MS = 5 * 60_000
const ACCOUNT = { rev: '1-a', key: 'k' }
const [OWN, OTHER] = ['user/1/fleet', 'user/2/fleet']
const NOTHING: Holdings = { roles: [], channels: [] }

const entry = (more: Partial<GatewayUser> = {}): GatewayUser => ({
  _id: 'user/ann',
  _rev: '1-e',
  type: 'user',
  name: 'ann',
  database: OWN,
  state: 'active',
  roles: ['driver'],
  channels: ['tours'],
  function: 'hash',
  documents: 0,
  account: ACCOUNT,
  updatedAt: '',
  ...more,
})

const wanted = (more: Partial<WantedUser> = {}): WantedUser => ({
  database: OWN,
  holdings: { roles: ['driver'], channels: ['tours'] },
  account: ACCOUNT,
  ...more,
})

const plan = (facts: Partial<GatewayUserFacts>): GatewayUserPlan =>
  planGatewayUser({
    ...{
      name: 'ann',
      entry: null,
      wanted: wanted(),
      isAnother: false,
      others: [],
      graceMs: GRACE_MS,
      at: NOW,
    },
    ...facts,
  })

/** The effects in words: each with the database, or with whose entry it is of. */
const wordsOf = ({ effects }: GatewayUserPlan): string[] =>
  effects.map((effect) => {
    switch (effect.kind) {
      case 'end':
        return `end ${effect.entry.name} ${effect.entry.database}`
      case 'change':
        return `change ${effect.over.name}`
      case 'confirm':
        return 'confirm'
      default:
        return `${effect.kind} ${effect.database}`
    }
  })

const changeOf = ({ effects }: GatewayUserPlan): GatewayUserChange => {
  const found = effects.find((effect) => effect.kind === 'change')
  assert(found, 'Expected a change')
  return found.change
}

const bob = (more: Partial<GatewayUser> = {}): GatewayUser => entry({ _id: 'user/bob', name: 'bob', ...more })

describe('planGatewayUser', () => {
  const cases: { what: string; facts: Partial<GatewayUserFacts>; kind: string; words: string[] }[] = [
    {
      what: 'writes the entry of a new user first, looks whether it came too late for a grant, then opens the database',
      facts: {},
      kind: 'present',
      words: ['change ann', 'confirm', `open ${OWN}`],
    },
    {
      what: 'writes nothing where nothing has changed',
      facts: { entry: entry() },
      kind: 'present',
      words: [`open ${OWN}`],
    },
    {
      what: 'writes nothing where a comparison is due already, by what is granted now',
      facts: { entry: entry({ due: true }) },
      kind: 'present',
      words: [`open ${OWN}`],
    },
    {
      what: 'writes down that the password is another one',
      facts: { entry: entry({ account: { rev: '0-z', key: 'z' } }) },
      kind: 'present',
      words: ['change ann', 'confirm', `open ${OWN}`],
    },
    {
      what: 'ends what a former account of the name had',
      facts: { entry: entry(), isAnother: true },
      kind: 'replaced',
      words: [`end ann ${OWN}`],
    },
    {
      what: 'ends the database that was called after another user database',
      facts: { entry: entry({ database: OTHER }) },
      kind: 'replaced',
      words: [`end ann ${OTHER}`],
    },
    {
      what: 'ends what is left of a user who was leaving and comes back: there may be what was never sent',
      facts: { entry: entry({ state: 'leaving', leftAt: NOW }) },
      kind: 'replaced',
      words: [`end ann ${OWN}`],
    },
    {
      what: 'ends what a user who is leaving has of the database, before anything of the new one is there',
      facts: { others: [bob({ state: 'leaving' })] },
      kind: 'present',
      words: [`end bob ${OWN}`, 'change ann', 'confirm', `open ${OWN}`],
    },
    {
      what: 'waits for whoever has the database still',
      facts: { others: [bob()] },
      kind: 'blocked',
      words: [],
    },
    {
      what: 'waits for the second one where the first is leaving',
      facts: { others: [bob({ state: 'leaving' }), bob({ name: 'eve' })] },
      kind: 'blocked',
      words: [`end bob ${OWN}`],
    },
    {
      what: 'looks at its own former entry before it looks at others',
      facts: { entry: entry({ database: OTHER }), others: [bob()] },
      kind: 'replaced',
      words: [`end ann ${OTHER}`],
    },
    {
      what: 'does nothing for somebody who never was',
      facts: { wanted: null },
      kind: 'gone',
      words: [],
    },
    {
      what: 'takes away access of who is gone before it writes that down, and keeps the database',
      facts: { wanted: null, entry: entry({ due: true }) },
      kind: 'leaving',
      words: [`close ${OWN}`, 'change ann'],
    },
    {
      what: 'keeps it closed for as long as the user may come back',
      facts: { wanted: null, entry: entry({ state: 'leaving', leftAt: '2026-01-01T00:05:00.001Z' }) },
      kind: 'leaving',
      words: [`keep-closed ${OWN}`],
    },
    {
      what: 'ends it after that',
      facts: { wanted: null, entry: entry({ state: 'leaving', leftAt: '2026-01-01T00:05:00.000Z' }) },
      kind: 'gone',
      words: [`end ann ${OWN}`],
    },
    {
      what: 'ends it where an entry does not say since when',
      facts: { wanted: null, entry: entry({ state: 'leaving' }) },
      kind: 'gone',
      words: [`end ann ${OWN}`],
    },
    {
      what: 'closes first where there is no time to wait, too',
      facts: { wanted: null, entry: entry(), graceMs: 0 },
      kind: 'leaving',
      words: [`close ${OWN}`, 'change ann'],
    },
  ]
  for (const { what, facts, kind, words } of cases)
    it(what, () => {
      const planned = plan(facts)
      assert.deepEqual([planned.kind, wordsOf(planned)], [kind, words])
    })

  it('begins the entry of a new user with what is granted, and has all documents compared', () => {
    const planned = plan({ wanted: wanted({ holdings: { roles: ['b', 'a'], channels: ['c'] } }) })
    assert.deepEqual(changeOf(planned), { due: true, roles: ['a', 'b'], channels: ['c'], account: ACCOUNT })
    const { over } = planned.effects.find(({ kind }) => kind === 'change') as { over: GatewayUser }
    assert.deepEqual([over._id, over._rev, over.database, over.state], ['user/ann', undefined, OWN, 'active'])
  })

  it('keeps what the user had until all is compared, so that whoever looks for readers of either finds the user', () => {
    const holdings = { roles: ['boss'], channels: ['bills', 'tours'] }
    const { due, roles, channels } = changeOf(plan({ entry: entry(), wanted: wanted({ holdings }) }))
    assert.deepEqual([due, roles, channels], [true, ['boss', 'driver'], ['bills', 'tours']])
    const narrowed = changeOf(plan({ entry: entry(), wanted: wanted({ holdings: NOTHING }) }))
    assert.deepEqual([narrowed.due, narrowed.roles, narrowed.channels], [true, ['driver'], ['tours']])
  })

  it('lets in, and looks again, by what is granted now, and by nothing of what was', () => {
    const planned = plan({ entry: entry(), wanted: wanted({ holdings: NOTHING }) })
    const [confirm, open] = planned.effects.slice(-2)
    assert.deepEqual(confirm, { kind: 'confirm', holdings: NOTHING })
    assert.deepEqual(open, { kind: 'open', database: OWN, holdings: NOTHING })
  })

  it('says since when a user is gone, and has nothing compared any more', () => {
    assert.deepEqual(changeOf(plan({ wanted: null, entry: entry({ due: true }) })), {
      ...{ state: 'leaving', leftAt: NOW, due: undefined },
    })
  })

  it('names whom it waits for', () => {
    const planned = plan({ others: [bob()] })
    assert(planned.kind === 'blocked')
    assert.deepEqual([planned.by, planned.database], ['bob', OWN])
  })
})
