import assert from 'node:assert/strict'
import { refusalWords } from '../../../src/couch/refusal-words.ts'

describe('what users read of a refusal', () => {
  const rows: [string, string, string][] = [
    ['forbidden', 'Only ann may write this.', 'Only ann may write this.'],
    ['unauthorized', 'Log in.', 'Log in.'],
    ['doc_validation', 'Bad special document member: _x', 'the server does not take it (doc_validation)'],
    ['unreachable', 'connect ECONNREFUSED 10.0.0.7:5984', 'the server does not take it (unreachable)'],
    ['{badmatch,{error,enoent}}', '/opt/couchdb/data', 'the server does not take it'],
  ]
  for (const [error, reason, words] of rows)
    it(`${error}: ${words}`, () => assert.equal(refusalWords({ error, reason }), words))
})
