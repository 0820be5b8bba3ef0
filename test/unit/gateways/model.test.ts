// How databases of gateways are called, and whom the `_security` of a user's lets in.
import assert from 'node:assert/strict'
import { gatewaySecurity } from '../../../src/gateways/model.ts'
import { gatewayUserDatabase, parseGatewayUserDatabase, userDatabases } from '../../../src/documents/names.ts'
import { kindsOf } from '../../../src/skeletons/kinds.ts'

describe('databases of gateways', () => {
  for (const template of ['user/{id}', 'userdb-{id}', 'x{id}-db'])
    it(`are told by their names under ${template}`, () => {
      const users = userDatabases(template)
      const db = gatewayUserDatabase(users, 'abc', 'fleet')
      assert.deepEqual(parseGatewayUserDatabase(users, db), { owner: 'abc', gateway: 'fleet' })
      assert.equal(parseGatewayUserDatabase(users, users.database('abc')), null)
      assert.equal(parseGatewayUserDatabase(users, 'fleet'), null)
    })

  it('are under no policy, however broad its pattern', () => {
    const users = userDatabases('user/{id}')
    const kinds = kindsOf([{ pattern: '*', kind: 'read-only' }], users, [], ['fleet'])
    // Those of a gateway that is in no setting any more, too.
    for (const db of ['user/abc/fleet', 'fleet/$routes', 'user/abc/other', 'other/$routes'])
      assert.equal(kinds.placeOf(db), null)
    // The gateway itself is like any other.
    assert.deepEqual(kinds.placeOf('fleet'), { kind: 'policy', db: 'fleet', policy: 'read-only' })
  })

  it('let in their user alone, and say what the user has', () => {
    assert.deepEqual(gatewaySecurity('ann', { roles: ['r'], channels: ['x'] }), {
      admins: { names: [], roles: ['_admin'] },
      members: { names: ['ann'], roles: [] },
      gateway: { roles: ['r'], channels: ['x', '!'] },
    })
    const many = Array.from({ length: 1_000 }, (_none, at) => `c${at}`)
    assert.equal(gatewaySecurity('ann', { roles: [], channels: many }).gateway.channels?.length, 1_001)
    assert.deepEqual(gatewaySecurity('ann', { roles: ['r'], channels: many }).gateway, {
      roles: null,
      channels: null,
    })
  })
})
