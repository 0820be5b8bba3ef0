// What is said of a server that answers otherwise than CouchDB.
import assert from 'node:assert/strict'
import { adviceOn } from '../../../src/couch/advice.ts'

describe('couch/advice', () => {
  const table: [number | null, RegExp | null][] = [
    [null, null],
    [301, /set HOODIE_SERVER to where CouchDB itself answers$/],
    [308, /sends us elsewhere \(why\)/],
    [401, null],
    [429, null],
    [500, /fails with status 500/],
    [501, /fails with status 501/],
    [502, null],
    [503, null],
    [504, /fails with status 504/],
  ]
  for (const [status, expected] of table)
    it(`has ${expected === null ? 'nothing to say' : 'something to say'} of ${status}`, () => {
      const advice = adviceOn({ status, reason: 'why' })
      if (expected === null) assert.equal(advice, null)
      else assert.match(advice ?? '', expected)
    })
})
