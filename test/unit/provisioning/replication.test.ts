// The replication document of a master: those documents that a user may have, into one personal database.
import assert from 'node:assert/strict'
import { sameReplication } from '../../../src/documents/replication.ts'
import {
  endsOfReplication,
  masterReplication,
  type MasterFilter,
} from '../../../src/provisioning/replication.ts'

const SERVER = { url: 'http://couch:5984', user: 'admin', pass: 'p:ä%/' }

describe('provisioning/replication', () => {
  const database = 'u0c3f7c1e-9f0b-4b6e-8d3a-2f1e5d6c7b8a'
  const subject = { master: 'content/de', database, name: 'joe@example.com', server: SERVER }
  const bySelector = masterReplication({
    ...subject,
    filter: { kind: 'selector', selector: { type: 'news' } },
  })
  const byFunction = (roles: string[]) =>
    masterReplication({
      ...subject,
      filter: { kind: 'function', filter: 'provisioning/from', roles, name: 'joe@example.com' },
    })

  it('is what the design says, with a selector', () => {
    const headers = { Authorization: `Basic ${Buffer.from('admin:p:ä%/', 'utf8').toString('base64')}` }
    assert.deepEqual(bySelector, {
      _id: `content/de => ${database}`,
      source: { url: 'http://couch:5984/content%2Fde', headers },
      target: { url: `http://couch:5984/${database}`, headers },
      continuous: true,
      worker_processes: 1,
      http_connections: 2,
      selector: { type: 'news' },
      provision: 'joe@example.com',
    })
  })

  it('is what the design says, with a function of the master', () => {
    const { selector, filter, query_params } = byFunction(['b', 'a'])
    assert.deepEqual([selector, filter], [undefined, 'provisioning/from'])
    assert.deepEqual(query_params, { roles: '["a","b"]', name: 'joe@example.com' })
  })

  it('is the same in whatever order the roles come, which stay as they are', () => {
    const roles = ['b', 'a']
    assert.deepEqual(byFunction(roles), byFunction(['a', 'b']))
    assert.deepEqual(roles, ['b', 'a'])
  })

  it('names both ends', () => {
    assert.deepEqual(endsOfReplication(bySelector._id), { source: 'content/de', target: database })
    for (const id of ['', 'content', 'a => b => c']) assert.equal(endsOfReplication(id), null)
  })

  describe('as it stands in _replicator', () => {
    const filters: MasterFilter[] = [
      { kind: 'selector', selector: { type: 'news' } },
      { kind: 'selector', selector: { $or: [{ type: 'news' }, { type: 'event' }] } },
      { kind: 'function', filter: 'provisioning/from', roles: ['a'], name: 'joe@example.com' },
      { kind: 'function', filter: 'provisioning/from', roles: ['a', 'b'], name: 'joe@example.com' },
      { kind: 'function', filter: 'provisioning/other', roles: ['a'], name: 'joe@example.com' },
    ]
    const replications = filters.map((filter) => masterReplication({ ...subject, filter }))

    it('is the same with the same filter, and another one with another', () => {
      for (const there of replications)
        for (const wanted of replications)
          assert.equal(sameReplication({ ...there, _rev: '1-a', owner: 'admin' }, wanted), there === wanted)
    })

    it('is another one where it has a filter besides', () => {
      assert(!sameReplication({ ...bySelector, filter: 'provisioning/from' }, bySelector))
      assert(!sameReplication({ ...byFunction(['a']), selector: {} }, byFunction(['a'])))
    })

    it('is another one for another user', () => {
      assert(!sameReplication({ ...bySelector, provision: 'ann' }, bySelector))
    })
  })
})
