// Registry entries: what the daemon wrote is read back, everything else counts as none.
import assert from 'node:assert/strict'
import { claimedEntry, isHomeShare, parseEntry } from '../../../../src/shares/model/entry.ts'

const NOW = '2024-05-06T07:08:09.000Z'

describe('shares/model/entry', () => {
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

  for (const state of ['opening', 'active', 'suspended', 'ending', 'ended'])
    it(`is read back as ${state}`, () => {
      const stored = { ...claimedEntry('abc', 'hash', 'user/hash', NOW), state, _rev: '1-a', rotate: true }
      assert.deepEqual(parseEntry(stored), stored)
    })

  it('keeps what else stands there: an order, access, the account of a password, a number of rotations', () => {
    const stored = {
      ...claimedEntry('abc', 'hash', 'user/hash', NOW),
      ...{ order: 'suspend', access: { read: true, write: ['u1'] }, rotations: 3, home: 'share' },
      ...{ password: { name: 'share-abc-1' }, counts: { objects: 1, subscribers: 2 }, rejected: [] },
    }
    assert.deepEqual(parseEntry(stored), stored)
  })

  for (const counts of [null, 'many', [], { objects: 1 }, { objects: '1', subscribers: 0 }])
    it(`counts anew where an admin's hand has left ${JSON.stringify(counts)}, and lists anew`, () => {
      const stored = { ...claimedEntry('abc', 'hash', 'user/hash', NOW), _rev: '1-a' }
      assert.deepEqual(parseEntry({ ...stored, counts, rejected: counts }), {
        ...stored,
        ...(Array.isArray(counts) ? { rejected: counts } : {}),
      })
    })

  it('tells where copies are written', () => {
    const entry = claimedEntry('abc', 'hash', 'user/hash', NOW)
    assert.equal(isHomeShare({ ...entry, home: 'share' }), true)
    for (const other of [entry, { ...entry, home: 'outbox' as const }, null, undefined])
      assert.equal(isHomeShare(other), false)
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
