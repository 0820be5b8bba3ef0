// What a user of `_users` is to have: one personal database, and never somebody else's, whatever `_users` says.
import assert from 'node:assert/strict'
import {
  personalSecurity,
  type Claim,
  type ProvisionedUser,
} from '../../../src/provisioning/provisioned-user.ts'
import {
  planProvisionedUser,
  type ProvisionedUserEffect,
  type ProvisionedUserFacts,
} from '../../../src/provisioning/plan-user.ts'
import { ADMIN_ONLY } from '../../../src/documents/security.ts'

const uuid = (digit: string): string => `u${digit.repeat(8)}-0000-4000-8000-000000000000`
const NOW = '2026-01-01T00:10:00.000Z'
const ACCOUNT = { rev: '1-a', key: 'k' }
const [FRESH, OWN, OTHER] = [uuid('f'), uuid('a'), uuid('b')]

const entry = (more: Partial<ProvisionedUser> = {}): ProvisionedUser => ({
  _id: 'person/joe',
  type: 'person',
  name: 'joe',
  database: OWN,
  state: 'active',
  roles: ['r'],
  others: {},
  masters: {},
  updatedAt: '',
  ...more,
})

const claim = (database: string, name: string, more: Partial<Claim> = {}): [string, Claim] => [
  database,
  { _id: `database/${database}`, type: 'claim', database, name, attribute: 'database', ...more },
]

const user = (
  more: Partial<NonNullable<ProvisionedUserFacts['user']>> = {},
): NonNullable<ProvisionedUserFacts['user']> => ({
  roles: ['r'],
  recorded: undefined,
  others: {},
  account: ACCOUNT,
  ...more,
})

const plan = (facts: Partial<ProvisionedUserFacts>): ProvisionedUserEffect[] =>
  planProvisionedUser({
    ...{
      name: 'joe',
      attribute: 'database',
      user: user(),
      entry: null,
      isAnother: false,
      fresh: FRESH,
      onDeparture: 'keep',
      graceMs: 0,
      at: NOW,
    },
    claims: new Map(),
    securities: new Map(),
    ...facts,
  })

const kinds = (effects: readonly ProvisionedUserEffect[]): string[] =>
  effects.map((effect) => ('database' in effect ? `${effect.kind} ${effect.database}` : effect.kind))

const changeOf = (effects: readonly ProvisionedUserEffect[]): Record<string, unknown> => {
  const found = effects.find((effect) => effect.kind === 'change')
  assert(found?.kind === 'change')
  return found.change
}

const problemOf = (effects: readonly ProvisionedUserEffect[]): string | undefined =>
  (changeOf(effects)['problem'] as { code: string } | undefined)?.code

describe('planProvisionedUser', () => {
  it('gives a new user a new database: claimed, written down, recorded, opened, in this order', () => {
    const effects = plan({})
    assert.deepEqual(kinds(effects), [`claim ${FRESH}`, 'change', `record ${FRESH}`, `open ${FRESH}`])
    assert.deepEqual(changeOf(effects), {
      ...{ database: FRESH, state: 'active', roles: ['r'], due: true, others: {}, masters: {} },
      ...{ problem: undefined, leftAt: undefined, former: undefined, asked: undefined },
      ...{ again: undefined, account: ACCOUNT },
    })
  })

  it('takes the database that `_users` records, where nobody has it', () => {
    const effects = plan({ user: user({ recorded: OWN }) })
    assert.deepEqual(kinds(effects), [`claim ${OWN}`, 'change', `open ${OWN}`])
  })

  it('goes on after a crash with the database that was claimed and recorded', () => {
    const given = { entry: entry(), claims: new Map([claim(OWN, 'joe')]) }
    assert.deepEqual(kinds(plan(given)), ['change', `record ${OWN}`, `open ${OWN}`])
    assert.deepEqual(kinds(plan({ ...given, user: user({ recorded: OWN }) })), ['change', `open ${OWN}`])
  })

  it('writes back the name that a user took out or changed, and gives nothing for it', () => {
    const effects = plan({
      entry: entry(),
      user: user({ recorded: OTHER }),
      claims: new Map([claim(OWN, 'joe'), claim(OTHER, 'ann')]),
    })
    assert.deepEqual(kinds(effects), ['change', `record ${OWN}`, `open ${OWN}`])
  })

  for (const [what, recorded, more, code] of [
    ['no text', 7, {}, 'illegal_database'],
    ['no personal name', 'secrets', {}, 'illegal_database'],
    ['a name with more behind it', `${OWN}/x`, {}, 'illegal_database'],
    ['large letters', OWN.toUpperCase(), {}, 'illegal_database'],
    ['somebody else’s', OTHER, { claims: new Map([claim(OTHER, 'ann')]) }, 'database_taken'],
    [
      'that of an earlier user of this name',
      OWN,
      { claims: new Map([claim(OWN, 'joe', { ended: true })]) },
      'database_taken',
    ],
    [
      'one that lets in somebody else',
      OTHER,
      { securities: new Map([[OTHER, { members: { names: ['ann'], roles: [] } }]]) },
      'database_taken',
    ],
    [
      'one that lets in a group',
      OTHER,
      { securities: new Map([[OTHER, { members: { names: [], roles: ['staff'] } }]]) },
      'database_taken',
    ],
    [
      'one with an admin of its own',
      OTHER,
      { securities: new Map([[OTHER, { admins: { names: ['ann'], roles: [] } }]]) },
      'database_taken',
    ],
  ] as [string, unknown, Partial<ProvisionedUserFacts>, string][])
    it(`refuses a recorded database that is ${what}`, () => {
      const effects = plan({ user: user({ recorded }), ...more })
      assert.deepEqual(kinds(effects), ['change'])
      assert.equal(problemOf(effects), code)
      assert.equal(changeOf(effects)['database'], null)
    })

  it('takes a database that is there, where it lets in nobody but admins or the user', () => {
    for (const security of [ADMIN_ONLY, personalSecurity('joe', OWN), {}])
      assert.deepEqual(
        kinds(plan({ user: user({ recorded: OWN }), securities: new Map([[OWN, security]]) })),
        [`claim ${OWN}`, 'change', `open ${OWN}`],
      )
  })

  it('keeps the roles of before until all is compared, so that whoever looks for either finds the user', () => {
    const effects = plan({ entry: entry({ roles: ['a', 'b'] }), user: user({ roles: ['c', 'b', 'c'] }) })
    assert.deepEqual(changeOf(effects)['roles'], ['a', 'b', 'c'])
    assert.equal(changeOf(effects)['due'], true)
  })

  it('compares nothing where nothing has changed', () => {
    const effects = plan({
      entry: entry(),
      user: user({ recorded: OWN }),
      claims: new Map([claim(OWN, 'joe')]),
    })
    assert.equal(changeOf(effects)['due'], undefined)
  })

  describe('databases that other attributes name', () => {
    const others = { voicemail_db: OTHER }
    it('are claimed, and secured like the user’s own', () => {
      const effects = plan({ user: user({ others }), securities: new Map([[OTHER, ADMIN_ONLY]]) })
      assert.deepEqual(effects.slice(-2), [
        { kind: 'claim', database: OTHER, attribute: 'voicemail_db' },
        { kind: 'secure', database: OTHER, security: personalSecurity('joe', OTHER) },
      ])
      assert.deepEqual(changeOf(effects)['others'], others)
    })
    it('are claimed before they are there', () => {
      assert.deepEqual(kinds(plan({ user: user({ others }) })).slice(-1), [`claim ${OTHER}`])
    })
    it('are not touched where they are somebody else’s, and the rest is as it should be', () => {
      const effects = plan({ user: user({ others }), claims: new Map([claim(OTHER, 'ann')]) })
      assert.deepEqual(kinds(effects), [`claim ${FRESH}`, 'change', `record ${FRESH}`, `open ${FRESH}`])
      assert.equal(problemOf(effects), 'database_taken')
    })
    it('stay the user’s when they are named no more, and are closed with the others when the user is gone', () => {
      const named = entry({ others: { voicemail_db: OTHER } })
      const effects = plan({
        entry: named,
        user: user({ recorded: OWN }),
        claims: new Map([claim(OWN, 'joe')]),
      })
      assert.deepEqual([changeOf(effects)['others'], changeOf(effects)['former']], [{}, [OTHER]])
      const gone = plan({ user: null, entry: entry({ former: [OTHER] }) })
      assert.deepEqual(kinds(gone).slice(0, 2), [`secure ${OWN}`, `secure ${OTHER}`])
      assert(kinds(gone).includes(`end-claim ${OTHER}`))
    })
    it('are refused where the name is none', () => {
      const effects = plan({ user: user({ others: { voicemail_db: '_users' } }) })
      assert.equal(problemOf(effects), 'illegal_database')
      assert.equal(changeOf(effects)['state'], 'active')
    })
  })

  describe('of a user who is gone', () => {
    const given = { user: null, entry: entry({ others: { voicemail_db: OTHER } }) }
    it('takes away access first, and keeps the database', () => {
      assert.deepEqual(kinds(plan(given)), [
        `secure ${OWN}`,
        `secure ${OTHER}`,
        `end-leases ${OWN}`,
        `end-claim ${OWN}`,
        `end-claim ${OTHER}`,
        'change',
      ])
      assert.equal(changeOf(plan(given))['state'], 'kept')
    })
    it('drops the user’s own database where that is asked for, never another one', () => {
      const effects = plan({ ...given, onDeparture: 'drop' })
      assert.deepEqual(
        kinds(effects).filter((kind) => kind.startsWith('drop')),
        [`drop ${OWN}`],
      )
      assert.equal(changeOf(effects)['state'], 'dropped')
    })
    it('says so of every master', () => {
      const masters = { m: { state: 'paused' as const, times: { paused: 'then' }, documents: 2, access: '' } }
      assert.deepEqual(changeOf(plan({ user: null, entry: entry({ masters }) }))['masters'], {
        m: { state: 'canceled', times: { paused: 'then', canceled: NOW }, documents: 2, access: '' },
      })
    })
    it('does nothing twice, and nothing for somebody who never was', () => {
      assert.deepEqual(plan({ user: null, entry: entry({ state: 'kept' }) }), [])
      assert.deepEqual(plan({ user: null }), [])
    })
    describe('for a while', () => {
      const graceMs = 5 * 60_000
      const leaving = (leftAt: string) => entry({ state: 'leaving', leftAt })
      const claims = new Map([claim(OWN, 'joe')])
      it('takes away access, and nothing else', () => {
        const effects = plan({ user: null, entry: entry(), graceMs, onDeparture: 'drop' })
        assert.deepEqual(kinds(effects), [`secure ${OWN}`, `end-leases ${OWN}`, 'change'])
        assert.deepEqual([changeOf(effects)['state'], changeOf(effects)['leftAt']], ['leaving', NOW])
      })
      it('waits, and keeps it closed, whoever opened it, then does the rest', () => {
        const early = { user: null, entry: leaving('2026-01-01T00:05:00.001Z'), graceMs }
        assert.deepEqual(kinds(plan(early)), [`secure ${OWN}`])
        const late = { ...early, entry: leaving('2026-01-01T00:05:00.000Z'), onDeparture: 'drop' as const }
        assert.deepEqual(kinds(plan(late)), [`end-claim ${OWN}`, `drop ${OWN}`, 'change'])
        assert.equal(changeOf(plan(late))['state'], 'dropped')
      })
      it('gives nothing of the former one to an account that was made again, with or without a time to wait', () => {
        const facts = { entry: entry({ others: { voicemail: OTHER } }), isAnother: true, graceMs, claims }
        const again = plan(facts)
        assert.deepEqual(kinds(again), [
          ...[`secure ${OWN}`, `secure ${OTHER}`, `end-leases ${OWN}`],
          ...[`end-claim ${OWN}`, `end-claim ${OTHER}`],
          ...[`claim ${FRESH}`, 'change', `record ${FRESH}`, `open ${FRESH}`],
        ])
        const { database, state, due, masters } = changeOf(again)
        assert.deepEqual([database, state, due, masters], [FRESH, 'active', true, {}])
      })
      it('gives it back where the account names it all the same: nobody else knows its name', () => {
        const facts = { entry: entry(), user: user({ recorded: OWN }), isAnother: true, claims }
        assert.deepEqual(kinds(plan(facts)), ['change', `open ${OWN}`])
      })
      it('gives the database back to an account that is made again as it was', () => {
        const back = { entry: leaving(NOW), user: user({ recorded: OWN }), claims, graceMs }
        assert.deepEqual(kinds(plan(back)), ['change', `open ${OWN}`])
        assert.deepEqual([changeOf(plan(back))['due'], changeOf(plan(back))['state']], [true, 'active'])
      })
      it('… and to no other under the same name, whose coming ends the wait', () => {
        const other = { entry: leaving(NOW), claims, graceMs, onDeparture: 'drop' as const }
        assert.deepEqual(kinds(plan(other)), [
          `end-claim ${OWN}`,
          `drop ${OWN}`,
          `claim ${FRESH}`,
          'change',
          `record ${FRESH}`,
          `open ${FRESH}`,
        ])
      })
    })
    it('has the claims of who was leaving ended for who comes under the same name, all of them and at once', () => {
      const effects = plan({
        entry: entry({ state: 'leaving', leftAt: NOW, others: { voicemail_db: OTHER } }),
        user: user({ others: { voicemail_db: OTHER } }),
        claims: new Map([claim(OWN, 'joe'), claim(OTHER, 'joe', { attribute: 'voicemail_db' })]),
        securities: new Map([[OTHER, ADMIN_ONLY]]),
        graceMs: 5 * 60_000,
      })
      assert(effects.every(({ kind }) => kind !== 'secure'))
      assert.equal(problemOf(effects), 'database_taken')
    })
    it('gives somebody who comes under the same name another database', () => {
      for (const state of ['kept', 'dropped'] as const)
        assert.deepEqual(
          kinds(plan({ entry: entry({ state }), claims: new Map([claim(OWN, 'joe', { ended: true })]) })),
          [`claim ${FRESH}`, 'change', `record ${FRESH}`, `open ${FRESH}`],
        )
    })
  })
})
