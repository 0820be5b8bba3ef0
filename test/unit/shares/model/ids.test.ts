// Ids by tables: which share, and which object, a document of the shares is of.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { userDatabases } from '../../../../src/documents/names.ts'
import {
  baseId,
  copyId,
  copyRange,
  objectOfBase,
  parseCopyId,
  entryId,
  invitationDocumentId,
  shareCheckpoint,
  shareDocumentId,
  shareOfDocument,
  shareOfEntry,
  shareOfInvitation,
  shareOfSubscription,
  subscriptionDocumentId,
  subscriptionEntryId,
  subscriptionRange,
  replicationId,
} from '../../../../src/shares/model/ids.ts'

/** Share ids as the documents word them, made without its regular expression. */
const FIRST = [...'abcdefghijklmnopqrstuvwxyz0123456789']
const shareId = fc
  .tuple(
    fc.constantFrom(...FIRST),
    fc.string({ unit: fc.constantFrom(...FIRST, '_', '-'), minLength: 0, maxLength: 99 }),
  )
  .map((parts) => parts.join(''))

describe('shares/model/ids', () => {
  describe('documents', () => {
    it('finds the share of a $share document, unchecked', () => {
      assert.equal(shareDocumentId('abc'), '$share/abc')
      assert.equal(shareOfDocument('$share/abc'), 'abc')
      assert.equal(shareOfDocument('$share/'), '')
      assert.equal(shareOfDocument('$share/A/..'), 'A/..')
    })

    for (const id of ['abc', 'share/abc', '$share', '$subscription/abc', '$$share/abc', 'x$share/abc'])
      it(`takes ${id} for no $share`, () => assert.equal(shareOfDocument(id), null))

    it('finds the share of a $subscription and of an $invitation, unchecked', () => {
      assert.equal(subscriptionDocumentId('abc'), '$subscription/abc')
      assert.equal(invitationDocumentId('abc'), '$invitation/abc')
      for (const share of ['abc', '', 'A/..']) {
        assert.equal(shareOfSubscription(`$subscription/${share}`), share)
        assert.equal(shareOfInvitation(`$invitation/${share}`), share)
      }
      for (const id of ['abc', '$subscription', '$share/abc', 'x$subscription/abc', 'subscription/abc'])
        assert.deepEqual([shareOfSubscription(id), shareOfInvitation(id)], [null, null], id)
      assert.equal(shareOfSubscription('$invitation/abc'), null)
      assert.equal(shareOfInvitation('$subscription/abc'), null)
    })
  })

  describe('copies', () => {
    it('are called share/<id>/<object id>', () => assert.equal(copyId('abc', 'todo/1'), 'share/abc/todo/1'))

    it('give back share and object, whatever the object is called', () => {
      fc.assert(
        fc.property(shareId, fc.string({ minLength: 1, unit: 'grapheme' }), (share, object) => {
          assert.deepEqual(parseCopyId(copyId(share, object)), { share, object })
        }),
      )
    })

    for (const object of ['a/b/c', '/a', 'a/', '_design/x', '$share/x', 'share/x/y', ' ', '..'])
      it(`give back the object ${object}`, () =>
        assert.deepEqual(parseCopyId(`share/x-1/${object}`), { share: 'x-1', object }))

    const none = ['', 'share', 'share/', 'share/x', 'share/x/', 'share//y', 'share/X/y', 'share/_x/y']
    for (const id of [...none, 'base/x', 'todo/1', 'shares/x/y', 'ashare/x/y', '$share/x'])
      it(`are not what ${JSON.stringify(id)} names`, () => assert.equal(parseCopyId(id), null))

    it('lie in the range of their share, and in that of no other', () => {
      const within = (id: string, share: string): boolean => {
        const { startKey, endKey } = copyRange(share)
        const [at, start, end] = [id, startKey, endKey].map((text) => Buffer.from(text))
        return Buffer.compare(at!, start!) >= 0 && Buffer.compare(at!, end!) < 0
      }
      fc.assert(
        fc.property(shareId, shareId, fc.string({ unit: 'grapheme', minLength: 1 }), (one, other, object) => {
          assert.ok(within(copyId(one, object), one))
          assert.equal(within(copyId(other, object), one), one === other)
        }),
      )
    })
  })

  it('calls bases and registry documents so that they can be told from copies', () => {
    assert.equal(objectOfBase(baseId('todo/1')), 'todo/1')
    assert.equal(objectOfBase('share/x/y'), null)
    assert.equal(parseCopyId(baseId('share/x/y')), null)
    assert.equal(shareOfEntry('share/abc'), 'abc')
    assert.equal(shareOfEntry('_design/shares'), null)
    assert.equal(shareOfEntry('subscription/abc'), null)
  })

  describe('registry documents of subscriptions', () => {
    it('are called after share and subscriber, and are none of a share', () => {
      assert.equal(subscriptionEntryId('abc', 'hash'), 'subscription/abc/hash')
      assert.equal(shareOfEntry(subscriptionEntryId('abc', 'hash')), null)
      assert.notEqual(entryId('abc'), subscriptionEntryId('abc', ''))
    })

    it('lie in the range of their share, and in that of no other', () => {
      const owner = fc.string({ unit: fc.constantFrom(...FIRST, '_', '$', '(', ')', '+', '-'), minLength: 1 })
      fc.assert(
        fc.property(shareId, shareId, owner, (one, other, subscriber) => {
          const { startKey, endKey } = subscriptionRange(one)
          const [at, start, end] = [subscriptionEntryId(other, subscriber), startKey, endKey].map((text) =>
            Buffer.from(text),
          )
          const isWithin = Buffer.compare(at!, start!) >= 0 && Buffer.compare(at!, end!) < 0
          assert.equal(isWithin, one === other)
        }),
      )
    })
  })

  it('calls the checkpoint of a share that is followed as no database can be called', () => {
    const name = shareCheckpoint('abc', 'user/hash')
    assert.doesNotMatch(name, /^[a-z][a-z0-9_$()+/-]*$/)
    assert.notEqual(name, shareCheckpoint('abc', 'user/hash2'))
    assert.notEqual(name, shareCheckpoint('ab', 'c user/hash'))
    const users = userDatabases('user/{id}')
    assert.deepEqual([users.ownerOf(name), users.ownerOfOutbox(name)], [null, null])
  })

  it('calls a replication by its outbox and its share, and the other way round where others write', () => {
    const outbox = 'user/hash567/$shares'
    assert.equal(replicationId(outbox, 'uuid567'), 'user/hash567/$shares => share/uuid567')
    assert.equal(replicationId(outbox, 'uuid567', 'outbox'), replicationId(outbox, 'uuid567'))
    assert.equal(replicationId(outbox, 'uuid567', 'share'), 'share/uuid567 => user/hash567/$shares')
  })
})
