// Logins, roles, and what `_security` says.
import assert from 'node:assert/strict'
import { rules, type Context, type UserContext } from 'couch-shares/rules'
import { seen, verdictOf, type WriteOf } from './write.ts'

describe('rules/user', () => {
  type Case = [name: string, write: WriteOf, f: (context: Context) => void, expected: string]
  const updatedBy: Case[2] = ({ enforceUpdatedBy }) => enforceUpdatedBy()
  const refused = 'forbidden: Not permitted to modify this record.'
  const cases: Case[] = [
    ['enforceLoggedIn: a user', {}, ({ enforceLoggedIn }) => enforceLoggedIn(), 'ok'],
    [
      'enforceLoggedIn: anonymous',
      { name: null },
      ({ enforceLoggedIn }) => enforceLoggedIn(),
      'unauthorized: Not logged in.',
    ],
    ['enforceUpdatedBy: the writer', { doc: { updated_by: 'ann' } }, updatedBy, 'ok'],
    ['enforceUpdatedBy: nobody', {}, updatedBy, 'forbidden: Field `updated_by` is required.'],
    [
      'enforceUpdatedBy: another',
      { doc: { updated_by: 'bob' } },
      updatedBy,
      'forbidden: Field `updated_by` must contain `ann`.',
    ],
    [
      'enforceUpdatedBy: anonymous has no name to put there',
      { name: null, doc: { updated_by: null } },
      updatedBy,
      'unauthorized: Not logged in.',
    ],
    [
      'enforceOwnership: named',
      { secObj: { members: { names: ['ann'] } } },
      (c) => c.enforceOwnership(),
      'ok',
    ],
    [
      'enforceOwnership: another is named',
      { secObj: { members: { names: ['bob'] } } },
      (c) => c.enforceOwnership(),
      'unauthorized: Not owner.',
    ],
    ['enforceMight: the id is a role', { doc: { _id: 'x' }, roles: ['x'] }, (c) => c.enforceMight(), 'ok'],
    ['enforceMight: it is not', { doc: { _id: 'x' }, roles: ['y'] }, (c) => c.enforceMight(), refused],
    ['enforceMight: no id', { doc: {}, roles: ['undefined'] }, (c) => c.enforceMight(), refused],
    [
      'enforceMight: a number of a domain',
      { doc: { _id: 'number:33@a.example' }, roles: ['number_domain:a.example'] },
      (c) => c.enforceMight(),
      'ok',
    ],
    [
      'enforceMight: an endpoint of a domain',
      { doc: { _id: 'endpoint:33@a.example' }, roles: ['number_domain:a.example'] },
      (c) => c.enforceMight(),
      'ok',
    ],
    [
      'enforceMight: another domain',
      { doc: { _id: 'number:33@b.example' }, roles: ['number_domain:a.example'] },
      (c) => c.enforceMight(),
      refused,
    ],
    [
      'enforceMight: another type',
      { doc: { _id: 'note:33@a.example' }, roles: ['number_domain:a.example'] },
      (c) => c.enforceMight(),
      refused,
    ],
    [
      'enforceMight: no digits',
      { doc: { _id: 'number:x@a.example' }, roles: ['number_domain:a.example'] },
      (c) => c.enforceMight(),
      refused,
    ],
    ['forbidden', {}, ({ forbidden }) => forbidden('No.'), 'forbidden: No.'],
    ['unauthorized', {}, ({ unauthorized }) => unauthorized('Who?'), 'unauthorized: Who?'],
  ]
  for (const [name, write, f, expected] of cases) it(name, () => assert.equal(verdictOf(write, f), expected))

  const owners: [string, WriteOf, boolean][] = [
    ['named', { secObj: { members: { names: ['bob', 'ann'] } } }, true],
    ['not named', { secObj: { members: { names: ['bob'] } } }, false],
    ['a part of a name', { secObj: { members: { names: ['anna'] } } }, false],
    ['no names', { secObj: { members: { roles: ['ann'] } } }, false],
    ['no members', { secObj: {} }, false],
    ['anonymous', { name: null, secObj: { members: { names: ['null'] } } }, false],
    [
      'anonymous, and a null',
      { name: null, secObj: { members: { names: [null as unknown as string] } } },
      false,
    ],
  ]
  for (const [name, write, expected] of owners)
    it(`isOwner: ${name}`, () =>
      assert.equal(
        seen(write, ({ isOwner }) => isOwner),
        expected,
      ))

  const admins: [string, WriteOf, server: boolean, database: boolean][] = [
    ['of the server', { roles: ['_admin'] }, true, true],
    ['by name', { secObj: { admins: { names: ['ann'] } } }, false, true],
    ['by role', { roles: ['boss'], secObj: { admins: { roles: ['boss'] } } }, false, true],
    ['nobody', { roles: ['x'], secObj: { admins: { names: ['bob'], roles: ['boss'] } } }, false, false],
    ['no admins', { secObj: {} }, false, false],
    ['anonymous', { name: null, secObj: { admins: { names: ['null'] } } }, false, false],
  ]
  for (const [name, write, server, database] of admins)
    it(`isAdmin, isDatabaseAdmin: ${name}`, () =>
      assert.deepEqual(
        seen(write, (context) => [context.isAdmin(), context.isDatabaseAdmin()]),
        [server, database],
      ))

  it('takes a user without name or roles, and no security, for a stranger', () => {
    const look = (userCtx: unknown, secObj: unknown): unknown[] => {
      let found: unknown[] = []
      const validate = rules((c) => {
        found = [c.name, c.roles, c.isLoggedIn, c.isOwner, c.isAdmin(), c.isDatabaseAdmin(), c.admins]
      })
      validate({ _id: 'a' }, null, userCtx as UserContext, secObj as object as Record<string, unknown>)
      return found
    }
    const stranger = [null, [], false, false, false, false, undefined]
    assert.deepEqual(look({}, undefined), stranger)
    assert.deepEqual(look(undefined, null), stranger)
    assert.deepEqual(look({ db: 'a', name: undefined, roles: undefined }, {}), stranger)
  })
})
