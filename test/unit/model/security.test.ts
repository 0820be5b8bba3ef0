// `_security`: lists that must never come out empty, since empty means public.
import assert from 'node:assert/strict'
import { ADMIN_ONLY, ownerOnly } from '../../../src/model/security.ts'

describe('model/security', () => {
  for (const names of [[], ['joe'], ['joe', 'user/joe']])
    it(`lets the owner in, and nobody else, with ${names.length} names`, () => {
      const { admins, members, writers } = ownerOnly('hash567', names)
      assert.deepEqual(members, { names, roles: ['hash567'] })
      assert.deepEqual(writers, { names, roles: ['hash567'] })
      assert.deepEqual(admins, { names: [], roles: ['_admin'] })
    })

  it('leaves members out of no database', () => {
    for (const { members } of [ADMIN_ONLY, ownerOnly('h', [])])
      assert.ok(members.names.length + members.roles.length > 0)
    assert.deepEqual(ADMIN_ONLY.members, { names: [], roles: ['_admin'] })
  })
})
