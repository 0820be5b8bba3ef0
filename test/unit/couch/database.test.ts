// What the program makes of CouchDB's answers about a database as a whole.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import { Database } from '../../../src/couch/database.ts'
import { CouchFault } from '../../../src/couch/fault.ts'

const stub = (answers: (CouchFault | object)[]): Couch =>
  ({
    request: () => {
      const answer = answers.shift() ?? assert.fail('Expected no more requests')
      return answer instanceof CouchFault ? Promise.reject(answer) : Promise.resolve(answer)
    },
  }) as unknown as Couch

const conflict = new CouchFault('conflict', 'PUT /db', 'conflict', 409)
const exists = new CouchFault('exists', 'PUT /db', 'file_exists', 412)
const closed = new CouchFault('server_error', 'GET /db', 'No DB shards could be opened.', 500)
const missing = new CouchFault('not_found', 'GET /db', 'no_db_file', 404)

describe('a database that somebody else creates at the same moment', () => {
  it('is there, and was not created', async () =>
    assert.equal(await new Database(stub([conflict, { db_name: 'db' }]), 'db').create(), false))

  it('is created where it is not there after all', async () =>
    assert.equal(await new Database(stub([conflict, missing, { ok: true }]), 'db').create(), true))
})

describe('a database that is created straight after it was dropped', () => {
  it('is created once nothing of the dropped one is left', async () =>
    assert.equal(await new Database(stub([exists, closed, exists, missing, { ok: true }]), 'db').create(), true))
})
