// Both sides of a document, while another daemon carries it from one to the other.
import assert from 'node:assert/strict'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { readBothSides } from '../../../src/mirror/both-sides.ts'
import { kinshipOf } from '../../../src/documents/revisions.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const FIRST: Doc = { _id: 'a', _rev: '1-a', _revisions: { start: 1, ids: ['a'] }, name: 'n' }
const NEXT: Doc = { _id: 'a', _rev: '2-b', _revisions: { start: 2, ids: ['b', 'a'] }, name: 'm' }

describe('mirror/both-sides', () => {
  it('does not take for the user’s own what another daemon brings just then', async () => {
    const couch = new MemoryCouch()
    const [master, personal] = [couch.create('master'), couch.create('personal')]
    for (const database of [master, personal]) database.merge({ ...FIRST })
    const there = couch.database('personal') as Database
    const leaves: Database['leaves'] = async (...asked) => {
      // By the time this is answered, the master has changed, and the user has it already.
      await nextTurn()
      for (const database of [master, personal]) database.merge({ ...NEXT })
      return there.leaves(...asked)
    }
    const busy = Object.assign(Object.create(there) as Database, { leaves })
    const [found] = await readBothSides(couch.database('master') as Database, busy, ['a'])
    const [theirs, own] = [found?.master[0], found?.personal[0]]
    assert.ok(theirs && own)
    assert.equal(kinshipOf(own, theirs), 'same')
  })
})
