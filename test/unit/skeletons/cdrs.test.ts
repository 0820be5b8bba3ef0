// skeleton/cdrs and skeleton/cdrs-user: whose a call detail record is, and that nobody writes one.
import assert from 'node:assert/strict'
import type { MasterPolicy } from '../../../src/provisioning/master-policy.ts'
import { selects } from '../../support/mango.ts'
import { accessOf, guardOf } from './compiled.ts'

describe('skeleton/cdrs', () => {
  let access: MasterPolicy
  before(async () => {
    access = await accessOf('cdrs')
  })

  const OF_A = 'number_domain:a.example'
  const OF_B = 'number_domain:b.example'
  const table: [what: string, record: Record<string, unknown>, roles: string[]][] = [
    ['a number', { number: '331' }, ['number:331']],
    [
      'a number and its domain',
      { number: '1', domain: 'a.example' },
      ['number:1', 'number:1@a.example', OF_A],
    ],
    [
      'the domain’s other name',
      { number: '1', number_domain: 'a.example' },
      ['number:1', 'number:1@a.example', OF_A],
    ],
    [
      'both names: number_domain counts',
      { number: '1', number_domain: 'a.example', domain: 'b.example' },
      ['number:1', 'number:1@a.example', OF_A],
    ],
    [
      'a number_domain that is no text',
      { number: '1', number_domain: 5, domain: 'b.example' },
      ['number:1', 'number:1@b.example', OF_B],
    ],
    ['an empty number_domain', { number: '1', number_domain: '', domain: 'b.example' }, ['number:1']],
    ['a domain alone', { domain: 'a.example' }, [OF_A]],
    ['a number with its domain in it', { number: '1@a.example' }, ['number:1@a.example', OF_A]],
    ['the domain twice', { number: '1@a.example', domain: 'a.example' }, ['number:1@a.example', OF_A]],
    ['two domains', { number: '1@a.example', domain: 'b.example' }, []],
    ['two domains, by the other name', { number: '1@a.example', number_domain: 'b.example' }, []],
    ['a number that is no text', { number: 331 }, []],
    ['a number that is no text, of a domain', { number: 331, domain: 'a.example' }, [OF_A]],
    ['empty texts', { number: '', domain: '' }, []],
    ['nothing', {}, []],
    ['a tombstone that says nothing', { _deleted: true }, []],
    ['a tombstone that says more', { _deleted: true, number: '331' }, ['number:331']],
    ['another document', { _id: 'number:331', number: '331', domain: 'a.example' }, []],
    ['another document, further in', { _id: 'x cdr:1', number: '331' }, []],
  ]
  for (const [what, record, roles] of table)
    it(`${what}: ${roles.length === 0 ? 'nobody’s' : roles.join(', ')}`, () => {
      const doc = { _id: 'cdr:1', ...record }
      assert.deepEqual(access.rolesOf(doc), [...roles].sort())
      const every = [
        'number:',
        'number:331',
        'number:1',
        '331',
        'cdr:1',
        'number_domain:',
        OF_A,
        OF_B,
        'number:1@b.example',
      ]
      for (const role of [...every, ...roles]) {
        const user = { name: 'joe', roles: ['other', role] }
        assert.equal(access.mayRead(doc, user), roles.includes(role), role)
        assert.equal(selects(access.selector(user) ?? {}, doc), roles.includes(role), `selector, ${role}`)
      }
    })

  it('shows a few fields, those by which records are found among them', () => {
    assert(access.fields)
    for (const field of ['number', 'number_domain', 'domain']) assert(access.fields.includes(field), field)
    assert(access.fields.length < 12)
  })

  it('has no word on what users write: nothing goes back', () =>
    assert.equal(access.mayWrite({ _id: 'thing' }, { name: 'joe', roles: [] }), true))
})

describe('skeleton/cdrs-user', () => {
  const REASON =
    'Call detail records are read-only: only admins may write documents whose `_id` begins with cdr:.'
  const joe = { db: 'u1', name: 'joe', roles: ['number:331'] }
  const admin = { db: 'u1', name: 'admin', roles: ['_admin'] }
  const nobody = { db: 'u1', name: null, roles: [] }
  const writes: [string, object, object, object][] = [
    ['a record', { _id: 'cdr:1' }, joe, { verdict: 'forbidden', message: REASON }],
    ['a deletion of one', { _id: 'cdr:1', _deleted: true }, joe, { verdict: 'forbidden', message: REASON }],
    ['a record of nobody', { _id: 'cdr:1' }, nobody, { verdict: 'unauthorized', message: REASON }],
    ['a record of an admin', { _id: 'cdr:1' }, admin, { verdict: 'ok' }],
    ['something else', { _id: 'thing' }, joe, { verdict: 'ok' }],
    ['something else of nobody', { _id: 'thing' }, nobody, { verdict: 'ok' }],
    ['what only looks like a record', { _id: 'CDR:1' }, joe, { verdict: 'ok' }],
  ]
  for (const [what, doc, userCtx, expected] of writes)
    it(`validation: ${what}`, async () =>
      assert.deepEqual((await guardOf('cdrs-user', 'cdrs')).call([doc, null, userCtx, {}]), expected))
})
