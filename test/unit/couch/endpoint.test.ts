// Which class a request is counted under, by its path.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ENDPOINTS, endpointOf, type Endpoint } from '../../../src/couch/endpoint.ts'

const CASES: [path: string[], expected: Endpoint, query?: Record<string, string>][] = [
  [[], 'server'],
  [['_session'], 'server'],
  [['_dbs_info'], 'server'],
  [['_all_dbs'], 'server'],
  [['_up', 'x'], 'server'],
  [['_db_updates'], 'feed', { feed: 'continuous' }],
  [['_scheduler', 'docs', '_replicator'], 'scheduler'],
  [['user/joe'], 'database'],
  [['_users'], 'database'],
  [['user/joe', '_revs_limit'], 'database'],
  [['user/joe', '_changes'], 'changes'],
  [['user/joe', '_changes'], 'feed', { feed: 'longpoll' }],
  [['user/joe', '_all_docs'], 'all_docs'],
  [['user/joe', '_bulk_docs'], 'bulk_docs'],
  [['user/joe', '_bulk_get'], 'bulk_get'],
  [['user/joe', '_revs_diff'], 'revs_diff'],
  [['user/joe', '_purge'], 'purge'],
  [['user/joe', '_security'], 'security'],
  [['user/joe', 'milk'], 'document'],
  [['_users', 'org.couchdb.user:joe'], 'document'],
  [['user/joe', 'milk', 'picture.png'], 'attachment'],
  [['user/joe', 'milk', 'a', 'b.png'], 'attachment'],
  [['shares', '_design', 'shares'], 'document'],
  [['shares', '_design', 'shares', 'logo.png'], 'attachment'],
  [['shares', '_design', 'shares', '_view', 'by_owner'], 'view'],
  [['user/joe', '_local', 'x'], 'document'],
  // A document may be called as a method of an object is.
  [['user/joe', 'constructor'], 'document'],
  [['user/joe', '__proto__'], 'database'],
]

describe('couch/endpoint', () => {
  for (const [path, expected, query] of CASES)
    it(`counts /${path.join('/')}${query ? '?feed' : ''} as ${expected}`, () =>
      assert.equal(endpointOf({ path, ...(query ? { query } : {}) }), expected))

  it('has one of few words for any path', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (path) => assert.ok(ENDPOINTS.includes(endpointOf({ path })))),
    )
  })
})
