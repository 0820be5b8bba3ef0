// Faults: what an HTTP status stands for, and which of them may heal by waiting.
import assert from 'node:assert/strict'
import {
  concernsOneDocument,
  concernsServer,
  CouchFault,
  faultOfStatus,
  isFault,
  isRace,
  isUnanswered,
  mayConcernServer,
  type FaultCode,
} from '../../../src/couch/fault.ts'

describe('couch/fault', () => {
  const statuses: [number, string | null, FaultCode, boolean][] = [
    [400, 'bad_request', 'bad_request', false],
    [401, 'unauthorized', 'unauthorized', false],
    [403, 'forbidden', 'forbidden', false],
    [404, 'not_found', 'not_found', false],
    [405, 'method_not_allowed', 'bad_request', false],
    [408, null, 'timeout', true],
    [409, 'conflict', 'conflict', false],
    [412, 'file_exists', 'exists', false],
    [412, 'missing_stub', 'bad_request', false],
    [413, 'document_too_large', 'too_large', false],
    [415, null, 'bad_request', false],
    [429, null, 'too_many_requests', true],
    [500, 'unknown_error', 'server_error', true],
    [502, null, 'unreachable', true],
    [503, null, 'unreachable', true],
    [504, null, 'server_error', true],
    [507, 'insufficent_storage', 'no_room', true],
  ]
  for (const [status, word, code, retryable] of statuses)
    it(`${status} ${word ?? ''} is ${code}, ${retryable ? 'to be tried again' : 'final'}`, () => {
      assert.equal(faultOfStatus(status, word), code)
      assert.equal(new CouchFault(code, 'GET /db', 'why', status, word).retryable, retryable)
    })

  it('403 is `locked_out` where CouchDB says that the account is locked, and heals by waiting', () => {
    const words = 'Account is temporarily locked due to multiple authentication failures'
    assert.equal(faultOfStatus(403, 'forbidden', words), 'locked_out')
    assert.equal(faultOfStatus(403, 'forbidden', `validation says: ${words}`), 'forbidden')
    assert.ok(new CouchFault('locked_out', 'GET /', words, 403, 'forbidden').retryable)
  })

  const ASKED = { concernsServer, mayConcernServer, concernsOneDocument, isUnanswered }
  const meanings: Record<FaultCode, (keyof typeof ASKED)[]> = {
    unreachable: ['concernsServer', 'mayConcernServer', 'isUnanswered'],
    timeout: ['mayConcernServer', 'isUnanswered'],
    server_error: [],
    no_room: [],
    too_many_requests: [],
    stopped: [],
    unauthorized: ['concernsServer', 'mayConcernServer'],
    locked_out: ['concernsServer', 'mayConcernServer', 'isUnanswered'],
    forbidden: ['concernsOneDocument'],
    not_found: [],
    conflict: [],
    exists: ['concernsOneDocument'],
    too_large: ['concernsOneDocument'],
    answer_too_large: [],
    bad_request: ['concernsOneDocument'],
    not_couchdb: [],
  }
  for (const [code, meaning] of Object.entries(meanings))
    it(`${code}: ${meaning.join(', ') || 'concerns what is asked for'}`, () => {
      const fault = new CouchFault(code as FaultCode, 'GET /db', 'why')
      const answers = Object.entries(ASKED).filter(([, ask]) => ask(fault))
      assert.deepEqual(
        answers.map(([name]) => name),
        meaning,
      )
    })

  it('a server that is away may come back; a stop is final', () => {
    assert.ok(new CouchFault('unreachable', 'GET /', 'x').retryable)
    assert.ok(!new CouchFault('stopped', 'GET /', 'x').retryable)
  })

  it('is an ordinary race where somebody was faster, until that is so again and again', () => {
    const faster = new CouchFault('conflict', 'user/joe/$shares', 'somebody else wrote base/a')
    assert.deepEqual(
      [1, 2, 4, 5, 6].map((tries) => isRace(faster, tries)),
      [true, true, true, false, false],
    )
    assert.ok(!isRace(new CouchFault('server_error', 'user/joe', 'x'), 1))
    assert.ok(!isRace(new Error('conflict'), 1))
  })

  it('is told by its code', () => {
    const fault = new CouchFault('conflict', 'PUT /db/doc', 'Document update conflict.', 409, 'conflict')
    const found: unknown = fault
    assert.deepEqual(
      [isFault(found), isFault(found, 'conflict'), isFault(found, 'exists')],
      [true, true, false],
    )
    assert.ok(!isFault({ code: 'conflict' }, 'conflict'))
    assert.ok(!isFault(null))
    assert.equal(fault.message, 'PUT /db/doc: Document update conflict.')
  })

  it('tells of what CouchDB had in hand to who asks for its reason only', () => {
    const reason = '{badmatch,{[{<<"name">>,<<"of a user">>}]}}'
    const fault = new CouchFault('server_error', 'POST /db/_bulk_docs', reason, 500, 'unknown_error')
    assert.equal(fault.message, 'POST /db/_bulk_docs: {badmatch,{[{…')
    assert(!String(fault.stack).includes('of a user'))
    assert.equal(fault.reason, reason)
  })
})
