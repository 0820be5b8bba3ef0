// skeleton/provisioning and skeleton/provisioning-user: whose a document is, what goes back, and what may be written.
import assert from 'node:assert/strict'
import type { MasterPolicy } from '../../../src/provisioning/master-policy.ts'
import type { Engine } from '../../../src/functions/validation.ts'
import { selects } from '../../support/mango.ts'
import { accessOf, guardOf } from './compiled.ts'

describe('skeleton/provisioning', () => {
  let access: MasterPolicy
  before(async () => {
    access = await accessOf('provisioning')
  })

  const OF_A = 'number_domain:a.example'
  const OF_B = 'number_domain:b.example'
  const table: [what: string, doc: Record<string, unknown>, roles: string[]][] = [
    ['a document whose id is a role', { _id: 'thing' }, ['thing']],
    ['an id in capitals is another', { _id: 'Thing' }, ['Thing']],
    ['a domain’s own document', { _id: OF_A }, [OF_A]],
    ['a number of a domain', { _id: 'number:1@a.example' }, ['number:1@a.example', OF_A]],
    ['a number of no domain', { _id: 'number:331' }, ['number:331']],
    ['a number with nothing behind the @', { _id: 'number:1@' }, ['number:1@']],
    [
      'a number with two @: behind the last',
      { _id: 'number:1@b.example@a.example' },
      ['number:1@b.example@a.example', OF_A],
    ],
    [
      'a number that says so twice',
      { _id: 'number:1@a.example', number_domain: 'a.example' },
      ['number:1@a.example', OF_A],
    ],
    ['a number that says two things', { _id: 'number:1@a.example', number_domain: 'b.example' }, []],
    ['a number that says nothing, as a text', { _id: 'number:1@a.example', number_domain: '' }, []],
    [
      'a number of no domain that says one: its id counts',
      { _id: 'number:331', number_domain: 'a.example' },
      ['number:331'],
    ],
    ...[null, 5, true, ['b.example'], { b: 1 }].map((odd): [string, Record<string, unknown>, string[]] => [
      `a number whose domain is ${JSON.stringify(odd)}, which says nothing`,
      { _id: 'number:1@a.example', number_domain: odd },
      ['number:1@a.example', OF_A],
    ]),
    ['an endpoint of a domain', { _id: 'endpoint:x@a.example' }, ['endpoint:x@a.example', OF_A]],
    [
      'an endpoint on a host, of a domain',
      { _id: 'endpoint:x@10.0.0.1', number_domain: 'a.example' },
      ['endpoint:x@10.0.0.1', OF_A],
    ],
    [
      'an endpoint of one domain on the host of another: it is the first one’s alone',
      { _id: 'endpoint:x@b.example', number_domain: 'a.example' },
      ['endpoint:x@b.example', OF_A],
    ],
    [
      'an endpoint that says it is of none',
      { _id: 'endpoint:x@b.example', number_domain: '' },
      ['endpoint:x@b.example'],
    ],
    [
      'an endpoint whose domain is no text',
      { _id: 'endpoint:x@b.example', number_domain: ['a.example'] },
      ['endpoint:x@b.example', OF_B],
    ],
    ['an endpoint without @', { _id: 'endpoint:10.0.0.1' }, ['endpoint:10.0.0.1']],
    [
      'another type with a domain',
      { _id: 'device:x@a.example', number_domain: 'a.example' },
      ['device:x@a.example'],
    ],
    ['a type in capitals', { _id: 'NUMBER:1@a.example' }, ['NUMBER:1@a.example']],
    ['a type further in', { _id: 'x number:1@a.example' }, ['x number:1@a.example']],
    ['what is held back', { _id: 'number:1@a.example', user_access: false }, []],
    ...[true, null, 0, 'false'].map((other): [string, Record<string, unknown>, string[]] => [
      `user_access: ${JSON.stringify(other)} holds nothing back`,
      { _id: 'thing', user_access: other },
      ['thing'],
    ]),
    ['a design document', { _id: '_design/x' }, []],
    ['what is the daemon’s', { _id: '$provision/x' }, []],
    [
      'a plain tombstone, by its id',
      { _id: 'number:1@a.example', _deleted: true },
      ['number:1@a.example', OF_A],
    ],
    [
      'a tombstone that says more',
      { _id: 'endpoint:x@10.0.0.1', _deleted: true, number_domain: 'a.example' },
      ['endpoint:x@10.0.0.1', OF_A],
    ],
    ['a tombstone that is held back', { _id: 'thing', _deleted: true, user_access: false }, []],
    [
      'quotes and unicode',
      { _id: `number:"1"@jöe's ☃ 🦄` },
      [`number:"1"@jöe's ☃ 🦄`, `number_domain:jöe's ☃ 🦄`],
    ],
    ['__proto__', { _id: 'number:1@__proto__' }, ['number:1@__proto__', 'number_domain:__proto__']],
  ]
  for (const [what, doc, roles] of table)
    it(`${what}: ${roles.length === 0 ? 'nobody’s' : roles.join(' and ')}`, () => {
      assert.deepEqual(access.rolesOf(doc), [...roles].sort())
      const every = [
        String(doc['_id']),
        OF_A,
        OF_B,
        'number_domain:',
        'number_domain:10.0.0.1',
        'thing',
        '_admin',
        ...roles,
      ]
      for (const role of every) {
        const user = { name: 'joe', roles: ['other', role] }
        assert.equal(access.mayRead(doc, user), roles.includes(role), role)
        assert.equal(selects(access.selector(user) ?? {}, doc), roles.includes(role), `selector, ${role}`)
      }
      assert.equal(access.mayRead(doc, { name: String(doc['_id']), roles: [] }), false)
    })

  it('has no fields: the master takes what users write', () => assert.equal(access.fields, null))

  it('takes roles that are no list for an error, not for a no', () => {
    for (const roles of ['thing', null, { 0: 'thing', length: 1 }])
      assert.equal(
        access.mayRead({ _id: 'thing' }, { name: 'joe', roles: roles as unknown as string[] }),
        false,
      )
    assert.equal(access.failure, 'filters.from: Error: Expected `roles` to be a list')
  })
})

describe('skeleton/provisioning-user', () => {
  const joe = { name: 'joe', roles: ['thing'] }
  const carried: [string, object, boolean][] = [
    ['what is signed', { _id: 'thing', updated_by: 'joe' }, true],
    ['what somebody else signed', { _id: 'thing', updated_by: 'ann' }, true],
    ['a deletion that is signed', { _id: 'thing', _deleted: true, updated_by: 'joe' }, true],
    ['what nobody signed', { _id: 'thing' }, false],
    ['a deletion that nobody signed', { _id: 'thing', _deleted: true }, false],
    ['what null signed', { _id: 'thing', updated_by: null }, false],
    ['what a list signed', { _id: 'thing', updated_by: ['joe'] }, false],
    ['what is being restored', { _id: 'thing', updated_by: 'joe', $restore: true }, false],
    ['what is being restored, in whatever way', { _id: 'thing', updated_by: 'joe', $restore: null }, false],
    ['what is being removed', { _id: 'thing', updated_by: 'joe', $removed: false }, false],
    ['what has another attribute of the daemon', { _id: 'thing', updated_by: 'joe', $state: 'x' }, true],
    ['a design document', { _id: '_design/x', updated_by: 'joe' }, false],
    ['what is the daemon’s', { _id: '$provision/x', updated_by: 'joe' }, false],
  ]
  for (const [what, doc, expected] of carried)
    it(`to: ${what}${expected ? '' : ', not'}`, async () =>
      assert.equal((await accessOf('provisioning')).mayWrite(doc, joe), expected))

  describe('validation', () => {
    let guard: Engine
    before(async () => {
      guard = await guardOf('provisioning-user', 'provisioning')
    })
    const OK = 'ok'
    const REQUIRED = 'forbidden: Field `updated_by` is required.'
    const OTHERS = 'forbidden: Field `updated_by` must contain `joe`.'
    const NOBODY = 'unauthorized: Not logged in.'
    const DELETION =
      'forbidden: A deletion needs the field `updated_by` too: write `{"_deleted":true,"updated_by":"joe"}`.'
    const writes: [string, object, string | null, string[], string][] = [
      ['one’s own', { updated_by: 'joe' }, 'joe', [], OK],
      ['unsigned', {}, 'joe', [], REQUIRED],
      ['signed as somebody else', { updated_by: 'ann' }, 'joe', [], OTHERS],
      ['signed in capitals', { updated_by: 'JOE' }, 'joe', [], OTHERS],
      ['signed by a list', { updated_by: ['joe'] }, 'joe', [], OTHERS],
      ['a deletion', { _deleted: true, updated_by: 'joe' }, 'joe', [], OK],
      ['an unsigned deletion', { _deleted: true }, 'joe', [], DELETION],
      ['a deletion signed as somebody else', { _deleted: true, updated_by: 'ann' }, 'joe', [], OTHERS],
      ['by an admin', {}, 'admin', ['_admin'], OK],
      ['a deletion by an admin', { _deleted: true }, 'admin', ['_admin'], OK],
      ['by a service that enters all personal databases', {}, 'joe', ['update:user_db:'], REQUIRED],
      ['by nobody', {}, null, [], NOBODY],
      ['by nobody, signed by null', { updated_by: null }, null, [], NOBODY],
      ['a deletion by nobody', { _deleted: true }, null, [], NOBODY],
    ]
    for (const [what, doc, name, roles, expected] of writes)
      it(`${what}: ${expected}`, () => {
        const userCtx = { db: 'u1', name, roles }
        for (const oldDoc of [null, { _id: 'thing', _rev: '1-a', updated_by: 'ann' }])
          // A direct write, and a pushed one with a revision of its own.
          for (const _rev of ['1-a', '7-b']) {
            const answer = guard.call([{ _id: 'thing', _rev, ...doc }, oldDoc, userCtx, {}])
            assert.equal(
              'message' in answer ? `${answer.verdict}: ${answer.message}` : answer.verdict,
              expected,
            )
          }
      })
  })
})
