// `$subscription` documents, the registry's documents for them, and who may do what in a share.
import assert from 'node:assert/strict'
import { parseAccess, type Access, type Right } from '../../../../src/shares/model/access.ts'
import { claimedEntry, type ShareEntry } from '../../../../src/shares/model/entry.ts'
import {
  asksForSubscription,
  newSubscriptionEntry,
  parseSubscriptionEntry,
  parseSubscriptionRequest,
  rightOf,
} from '../../../../src/shares/model/subscription.ts'

const NOW = '2024-05-06T07:08:09.000Z'

describe('shares/model/subscription', () => {
  const asks: [string, { _id: string; type?: unknown }, boolean][] = [
    ['by its id', { _id: '$subscription/a' }, true],
    ['by id and type', { _id: '$subscription/a', type: '$subscription' }, true],
    ['by its id, with another type', { _id: '$subscription/a', type: 'todo' }, true],
    ['by its type alone', { _id: 'todo/1', type: '$subscription' }, true],
    ['an object does not', { _id: 'todo/1', type: 'todo' }, false],
    ['a list that prints as $subscription does not', { _id: 'todo/1', type: ['$subscription'] }, false],
    ['a share does not', { _id: '$share/a', type: '$share' }, false],
    ['an invitation does not', { _id: '$invitation/a', type: '$invitation' }, false],
  ]
  for (const [what, doc, expected] of asks)
    it(`asks for a subscription: ${what}`, () => assert.equal(asksForSubscription(doc), expected))

  const valid: [string, object, 'keep' | 'remove', string | null][] = [
    ['nothing else', {}, 'remove', null],
    ['its type', { type: '$subscription' }, 'remove', null],
    ['objects that stay', { onEnd: 'keep' }, 'keep', null],
    ['objects that go', { onEnd: 'remove' }, 'remove', null],
    ['a password', { password: 'p' }, 'remove', null],
    ['no password', { password: null }, 'remove', null],
    ['a password that is none', { password: 5, onEnd: 'keep' }, 'keep', 'invalid_password'],
    ['a password that is an object', { password: { set: true } }, 'remove', 'invalid_password'],
    ['what the daemon says', { $state: 'ended', $reason: 'x', $rejected: [] }, 'remove', null],
  ]
  for (const [what, attributes, onEnd, code] of valid)
    it(`is valid with ${what}`, () => {
      const request = parseSubscriptionRequest({ _id: '$subscription/abc', ...attributes })
      assert.ok(request.kind === 'valid')
      assert.deepEqual([request.share, request.onEnd], ['abc', onEnd])
      assert.equal(request.passwordProblem?.code ?? null, code)
    })

  const malformed: [string, { _id: string; [attribute: string]: unknown }, string][] = [
    ['type without the id', { _id: 'abc', type: '$subscription' }, 'wrong_type'],
    ['another type', { _id: '$subscription/abc', type: '$share' }, 'wrong_type'],
    ['type null', { _id: '$subscription/abc', type: null }, 'wrong_type'],
    ['no id', { _id: '$subscription/' }, 'invalid_share_id'],
    ['a long id', { _id: `$subscription/${'a'.repeat(101)}` }, 'invalid_share_id'],
    ['a slash', { _id: '$subscription/a/b' }, 'invalid_share_id'],
    ['a capital', { _id: '$subscription/Abc' }, 'invalid_share_id'],
    ['__proto__', { _id: '$subscription/__proto__' }, 'invalid_share_id'],
    ['another onEnd', { _id: '$subscription/abc', onEnd: 'burn' }, 'invalid_on_end'],
    ['onEnd true', { _id: '$subscription/abc', onEnd: true }, 'invalid_on_end'],
    ['onEnd null', { _id: '$subscription/abc', onEnd: null }, 'invalid_on_end'],
    ['onEnd as a list', { _id: '$subscription/abc', onEnd: ['keep'] }, 'invalid_on_end'],
  ]
  for (const [what, doc, code] of malformed)
    it(`is malformed with ${what}`, () => {
      const request = parseSubscriptionRequest(doc)
      assert.equal(request.kind === 'malformed' && request.problem.code, code)
    })

  it('says nothing of a password, and not much of anything else', () => {
    const long = parseSubscriptionRequest({ _id: '$subscription/abc', onEnd: 'x'.repeat(100_000) })
    assert.ok(long.kind === 'malformed' && long.problem.reason.length < 300)
    const secret = parseSubscriptionRequest({ _id: '$subscription/abc', password: ['secret'], onEnd: 'x' })
    assert.ok(!JSON.stringify(secret).includes('secret'))
  })

  describe('the registry’s document', () => {
    const fresh = newSubscriptionEntry('abc', 'hash', 'user/hash', NOW)

    it('begins as over: nobody is invited, and nobody takes part', () =>
      assert.deepEqual(fresh, {
        _id: 'subscription/abc/hash',
        type: 'subscription',
        share: 'abc',
        subscriber: 'hash',
        database: 'user/hash',
        state: 'ended',
        createdAt: NOW,
        updatedAt: NOW,
      }))

    for (const state of ['invited', 'refused', 'active', 'ending', 'ended'])
      it(`is read back as ${state}`, () => {
        const stored = { ...fresh, state, _rev: '1-a', granted: 'read', due: true, order: 'end' }
        assert.deepEqual(parseSubscriptionEntry(stored), stored)
      })

    it('lists anew what was rejected where an admin’s hand has left no list', () => {
      const stored = { ...fresh, _rev: '1-a', state: 'active' }
      assert.deepEqual(parseSubscriptionEntry({ ...stored, rejected: 'nothing' }), stored)
    })

    const none: [string, Record<string, unknown> | null][] = [
      ['nothing', null],
      ['a design document', { _id: '_design/shares', views: {} }],
      ['a share', { ...fresh, type: 'share' }],
      ['no share', { ...fresh, share: undefined }],
      ['no subscriber', { ...fresh, subscriber: 1 }],
      ['no database', { ...fresh, database: null }],
      ['no state', { ...fresh, state: undefined }],
      ['an unknown state', { ...fresh, state: 'paused' }],
      ['a state out of Object.prototype', { ...fresh, state: 'constructor' }],
    ]
    for (const [what, doc] of none)
      it(`is none: ${what}`, () => assert.equal(parseSubscriptionEntry(doc), null))
  })

  describe('rights', () => {
    const account = { name: 'n', role: 'r', salt: 's', derivedKey: 'd', iterations: 1 }
    const shareWith = (access: Access, hasPassword: boolean): ShareEntry => ({
      ...claimedEntry('abc', 'joe', 'user/joe', NOW),
      access,
      ...(hasPassword ? { password: account } : {}),
    })
    /** `access`, and what he may: without being named, as a reader, as a writer; then the same with a password. */
    const rows: [unknown, (Right | null)[], (Right | null)[]][] = [
      [{}, [null, 'read', 'write'], [null, 'read', 'write']],
      [{ read: ['u1'] }, [null, 'read', 'write'], [null, 'read', 'write']],
      [{ read: true }, ['read', 'read', 'write'], [null, 'read', 'write']],
      [{ read: true, write: ['u1'] }, ['read', 'read', 'write'], [null, 'read', 'write']],
      [true, ['write', 'write', 'write'], [null, 'read', 'write']],
    ]
    for (const [value, open, closed] of rows)
      it(`of ${JSON.stringify(value)}`, () => {
        const request = parseAccess(value)
        assert.ok(request.kind === 'valid')
        const rights = (hasPassword: boolean, admitted: boolean): (Right | null)[] =>
          [null, 'read' as const, 'write' as const].map((granted) =>
            rightOf(shareWith(request.access, hasPassword), {
              ...(granted ? { granted } : {}),
              ...(admitted ? { admitted: true as const } : {}),
            }),
          )
        assert.deepEqual(rights(false, false), open)
        assert.deepEqual(rights(true, false), closed)
        assert.deepEqual(rights(true, true), open, 'who knew the password is one of everybody')
        assert.deepEqual(rights(false, true), open)
      })

    it('are none without a share, and without an access that was ever in order', () => {
      assert.equal(rightOf(null, { granted: 'write' }), null)
      assert.equal(rightOf(claimedEntry('abc', 'joe', 'user/joe', NOW), { granted: 'write' }), null)
    })

    it('are everybody’s without a subscription', () =>
      assert.equal(rightOf(shareWith({ read: true, write: [] }, false), null), 'read'))
  })
})
