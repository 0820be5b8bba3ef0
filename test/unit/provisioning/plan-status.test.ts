// How a user's documents stand: the states, their times, and what the user reads.
import assert from 'node:assert/strict'
import type { MasterStatus, ProvisionedUser } from '../../../src/provisioning/provisioned-user.ts'
import { problem } from '../../../src/documents/problem.ts'
import { provisionDocument, statusAfter, type StatusFacts } from '../../../src/provisioning/plan-status.ts'
import { rejectedAfter, saysThat } from '../../../src/mirror/plan-status.ts'

const facts = (more: Partial<StatusFacts> = {}): StatusFacts => ({
  ...{ lease: { kind: 'none' }, problem: null, rejected: [], documents: 3, isComparing: false },
  ...{ access: 'hash', instance: undefined, at: 'now' },
  ...more,
})
const line = (code: 'outside_roles' | 'no_longer_yours', document = 'd') => ({
  document,
  ...problem(code),
  at: 'then',
})

describe('statusAfter', () => {
  for (const [name, more, state] of [
    ['no replication runs', {}, 'complete'],
    ['it has caught up', { lease: { kind: 'caught-up' } }, 'paused'],
    ['it starts', { lease: { kind: 'starting' } }, 'active'],
    ['it is behind', { lease: { kind: 'behind' } }, 'active'],
    ['it fails', { lease: { kind: 'failing', reason: 'no' } }, 'error'],
    ['documents are compared', { isComparing: true, lease: { kind: 'caught-up' } }, 'active'],
    ['something was refused', { rejected: [line('outside_roles')], lease: { kind: 'caught-up' } }, 'denied'],
    ['the master is away', { problem: problem('master_unavailable', 'm') }, 'error'],
  ] as [string, Partial<StatusFacts>, string][])
    it(`is ${state} where ${name}`, () => {
      assert.equal(statusAfter(undefined, facts(more)).state, state)
    })

  const before: MasterStatus = {
    ...{ state: 'complete', documents: 1, access: 'hash' },
    times: { complete: 'then', ready: 'then' },
  }
  it('notes when a state is entered, and not that it lasts', () => {
    assert.deepEqual(statusAfter(before, facts()).times, { complete: 'then', ready: 'then' })
    assert.deepEqual(statusAfter(before, facts({ lease: { kind: 'caught-up' } })).times, {
      ...{ complete: 'then', paused: 'now', ready: 'then' },
    })
  })
  it('is not ready while documents are compared, and anew when they are', () => {
    const comparing = statusAfter(before, facts({ isComparing: true }))
    assert.equal(comparing.times.ready, undefined)
    assert.equal(statusAfter(comparing, facts({ at: 'later' })).times.ready, 'later')
  })
  it('stays ready while documents are only compared once more, and is not ready by that', () => {
    const again = { isComparing: true, isAgain: true }
    const comparing = statusAfter(before, facts(again))
    assert.deepEqual([comparing.state, comparing.times.ready], ['active', 'then'])
    assert.equal(statusAfter(comparing, facts({ at: 'later' })).times.ready, 'then')
    assert.equal(statusAfter(undefined, facts(again)).times.ready, undefined)
    const away = statusAfter(before, facts({ ...again, problem: problem('master_unavailable', 'm') }))
    assert.equal(away.times.ready, undefined)
  })
})

describe('rejectedAfter', () => {
  const list = [line('outside_roles', 'a'), line('no_longer_yours', 'b')]
  const after = (problems: [string, null | ReturnType<typeof problem>][], carried: string[] = []) =>
    rejectedAfter(list, new Map(problems), new Set(carried), 'now').map(
      ({ document, code }) => `${document} ${code}`,
    )
  it('takes out what is healed', () => assert.deepEqual(after([['a', null]]), ['b no_longer_yours']))
  it('keeps what was refused once and for all', () =>
    assert.deepEqual(after([['b', null]]), ['a outside_roles', 'b no_longer_yours']))
  it('… until a change of the document reaches the master', () =>
    assert.deepEqual(after([['b', null]], ['b']), ['a outside_roles']))
  it('puts the latest last', () =>
    assert.deepEqual(after([['c', problem('held_back')]]).at(-1), 'c held_back'))
})

describe('provisionDocument', () => {
  const standing: MasterStatus = {
    ...{ state: 'denied', documents: 2, access: 'secret of ours', rejected: [line('outside_roles')] },
    times: { denied: 'then', ready: 'before' },
  }
  const entry: ProvisionedUser = {
    ...{ _id: 'person/joe', type: 'person', name: 'joe', database: 'u1', state: 'active' },
    ...{ roles: ['r'], others: {}, masters: { m: standing }, updatedAt: '' },
  }
  it('says how it stands, and nothing of the registry’s', () => {
    assert.deepEqual(provisionDocument(entry, 'm'), {
      ...{ _id: '$provision/m', type: '$provision', database: 'u1', $state: 'denied', ready: 'before' },
      ...{ documents: 2, times: { denied: 'then' }, $rejected: standing.rejected },
    })
  })
  it('says why there is nothing', () => {
    const refused = { ...entry, database: null, masters: {}, problem: problem('database_taken', 'database') }
    const said = provisionDocument(refused, 'm')
    assert.equal(said['$state'], 'error')
    assert.deepEqual(said['$error'], problem('database_taken', 'database'))
  })
  it('says where there is no such master', () => {
    for (const name of ['n', '__proto__'])
      assert.deepEqual(provisionDocument(entry, name)['$error'], problem('unknown_master', name))
  })
  it('says why a replication does not run, and is ready: the daemon brings the documents itself', () => {
    const failing = statusAfter(undefined, facts({ lease: { kind: 'failing', reason: 'no such host' } }))
    assert.equal(failing.problem, undefined)
    const said = provisionDocument({ ...entry, masters: { m: failing } }, 'm')
    assert.equal(said['$state'], 'error')
    assert.deepEqual(said['$error'], problem('master_replication_failed'))
    assert.equal(said['ready'], 'now')
    const healed = statusAfter(failing, facts({ lease: { kind: 'caught-up' } }))
    assert.equal(provisionDocument({ ...entry, masters: { m: healed } }, 'm')['$error'], undefined)
  })
  it('is told from what somebody else wrote there', () => {
    const said = provisionDocument(entry, 'm')
    assert(saysThat({ ...said, _rev: '1-a' }, said))
    assert(!saysThat({ ...said, _rev: '1-a', ask: 1 }, said))
    assert(!saysThat({ ...said, $state: 'paused' }, said))
  })
})
