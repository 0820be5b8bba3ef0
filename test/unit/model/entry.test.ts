// Registry entries: what the daemon wrote is read back, everything else counts as none.
import assert from 'node:assert/strict'
import { claimedEntry, parseEntry } from '../../../src/model/entry.ts'

const NOW = '2024-05-06T07:08:09.000Z'

describe('model/entry', () => {
  it('is claimed as opening, by an owner from a database', () => {
    assert.deepEqual(claimedEntry('abc', 'hash', 'user/hash', NOW), {
      _id: 'share/abc',
      type: 'share',
      owner: 'hash',
      database: 'user/hash',
      state: 'opening',
      createdAt: NOW,
      updatedAt: NOW,
    })
  })

  for (const state of ['opening', 'active', 'ending', 'ended'])
    it(`is read back as ${state}`, () => {
      const stored = { ...claimedEntry('abc', 'hash', 'user/hash', NOW), state, _rev: '1-a', rotate: true }
      assert.deepEqual(parseEntry(stored), stored)
    })

  const good = { ...claimedEntry('abc', 'hash', 'user/hash', NOW) }
  const none: [string, Record<string, unknown> | null][] = [
    ['nothing', null],
    ['a design document', { _id: '_design/shares', views: {} }],
    ['a subscription', { ...good, type: 'subscription' }],
    ['no owner', { ...good, owner: undefined }],
    ['an owner that is no text', { ...good, owner: 1 }],
    ['no database', { ...good, database: null }],
    ['no state', { ...good, state: undefined }],
    ['an unknown state', { ...good, state: 'closed' }],
    ['a state out of Object.prototype', { ...good, state: 'constructor' }],
  ]
  for (const [what, doc] of none) it(`is none: ${what}`, () => assert.equal(parseEntry(doc), null))
})
