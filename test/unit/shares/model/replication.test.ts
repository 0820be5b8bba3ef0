// The replication document of a share: exactly one share's copies, full URLs, credentials in headers.
import assert from 'node:assert/strict'
import { sameReplication } from '../../../../src/documents/replication.ts'
import { shareReplication } from '../../../../src/shares/model/replication.ts'

const SERVER = { url: 'http://couch:5984', user: 'admin', pass: 'p:ä%/' }

describe('shares/model/replication', () => {
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
