// The replication document: exactly one share's copies, full URLs, credentials in headers.
import assert from 'node:assert/strict'
import {
  endsOfReplication,
  masterReplication,
  sameReplication,
  shareReplication,
  type MasterFilter,
} from '../../../src/documents/replication.ts'

const SERVER = { url: 'http://couch:5984', user: 'admin', pass: 'p:ä%/' }

describe('model/replication', () => {
  const replication = shareReplication('x', 'user/hash/$shares', SERVER)

  it('is what the design says', () => {
    const headers = { Authorization: `Basic ${Buffer.from('admin:p:ä%/', 'utf8').toString('base64')}` }
    assert.deepEqual(replication, {
      _id: 'user/hash/$shares => share/x',
      source: { url: 'http://couch:5984/user%2Fhash%2F%24shares', headers },
      target: { url: 'http://couch:5984/share%2Fx', headers },
      continuous: true,
      worker_processes: 1,
      http_connections: 2,
      selector: { _id: { $gte: 'share/x/', $lt: 'share/x0' } },
      share: 'x',
    })
  })

  it('goes below a path prefix of the server', () => {
    const { target } = shareReplication('x', 'user/h/$shares', { ...SERVER, url: 'https://example.org/db' })
    assert.equal(target.url, 'https://example.org/db/share%2Fx')
  })

  /** As CouchDB compares: byte by byte. */
  const selects = (id: string): boolean => {
    const { $gte, $lt } = replication.selector._id
    const bytes = (text: string) => Buffer.from(text)
    return Buffer.compare(bytes(id), bytes($gte)) >= 0 && Buffer.compare(bytes(id), bytes($lt)) < 0
  }
  for (const id of [
    'share/x/a',
    'share/x/todo/1',
    'share/x/\u0000',
    'share/x/\uffff',
    'share/x/😀',
    'share/x/~',
  ])
    it(`carries ${JSON.stringify(id)}`, () => assert.ok(selects(id)))
  const others = [
    'share/x',
    'share/x0',
    'share/x0/a',
    'share/x-y/a',
    'share/x_y/a',
    'share/xy/a',
    'share/w/a',
  ]
  for (const id of [
    ...others,
    'share/y/a',
    'base/x/a',
    'base/share/x/a',
    '_design/x',
    'share',
    '',
    'share/X/a',
  ])
    it(`leaves ${JSON.stringify(id)}`, () => assert.ok(!selects(id)))

  describe('as it stands in _replicator', () => {
    const stored = (change: object) => ({
      ...structuredClone(replication),
      _rev: '1-a',
      owner: 'admin',
      ...change,
    })
    const cases: [string, object, boolean][] = [
      ['with what CouchDB adds', stored({ _replication_state: 'failed' }), true],
      [
        'with another password',
        stored({ source: { ...replication.source, headers: { Authorization: 'x' } } }),
        false,
      ],
      ['with another target', stored({ target: { ...replication.target, url: 'http://other' } }), false],
      ['with another range', stored({ selector: { _id: { $gte: 'share/x/' } } }), false],
      ['no longer continuous', stored({ continuous: false }), false],
      ['cancelled', { _id: replication._id, _rev: '2-b' }, false],
    ]
    for (const [what, there, expected] of cases)
      it(`${what} is ${expected ? 'the same' : 'another one'}`, () =>
        assert.equal(sameReplication(there, replication), expected))
  })
})

describe('model/replication, into a personal database', () => {
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
