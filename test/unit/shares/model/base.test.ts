// Bases: an outbox document for each object, read back as it was written.
import assert from 'node:assert/strict'
import { baseDoc, isEmptyBase, nothingAgreed, parseBase } from '../../../../src/shares/model/base.ts'
import { attachmentDigest, digestsOf } from '../../../../src/documents/digests.ts'

/** As it comes back from CouchDB. */
const stored = (doc: object): Record<string, unknown> =>
  JSON.parse(JSON.stringify({ ...doc, _rev: '1-a' })) as Record<string, unknown>

const agreedAs = (state: string) => ({ state, attributes: {}, attachments: {} })

describe('shares/model/base', () => {
  it('is written and read back', () => {
    const written = baseDoc('todo/1', { shares: { a: true, constructor: ['name'] }, agreed: {} })
    assert.equal(written._id, 'base/todo/1')
    const read = parseBase(stored(written))
    assert.equal(read?._rev, '1-a')
    assert.deepEqual(Object.entries(read?.shares ?? {}), [
      ['a', true],
      ['constructor', ['name']],
    ])
  })

  it('of an earlier version, which knew of one direction only, is read with nothing agreed', () =>
    assert.deepEqual(parseBase(stored({ _id: 'base/x', shares: { a: true } }))?.agreed, {}))

  for (const state of ['coming', 'both', 'unshared', 'left', 'unrelated'] as const)
    it(`is read back with what was agreed on: ${state}`, () => {
      const agreed = {
        a: { ...nothingAgreed(state, true), attributes: { name: 'd' }, kept: { colour: 'e' } },
        b: nothingAgreed(state, false),
      }
      const read = parseBase(stored(baseDoc('x', { shares: {}, agreed })))
      assert.deepEqual(read?.agreed, agreed)
      assert.ok(!('mine' in (read?.agreed['b'] ?? {})))
    })

  it('remembers nothing where it has no share of either kind', () => {
    assert.equal(isEmptyBase({ shares: {}, agreed: {} }), true)
    assert.equal(isEmptyBase({ shares: { a: [] }, agreed: {} }), false)
    assert.equal(isEmptyBase({ shares: {}, agreed: { a: nothingAgreed('left', false) } }), false)
  })

  it('digests each attribute and attachment; the order of keys makes no difference', () => {
    const one = digestsOf({
      attributes: { name: { a: 1, b: 2 }, done: true },
      attachments: { 'a.txt': { digest: 'md5-x', content_type: 'text/plain', length: 3 } },
    })
    const other = digestsOf({
      attributes: { done: true, name: { b: 2, a: 1 } },
      attachments: { 'a.txt': { content_type: 'text/plain', digest: 'md5-x' } },
    })
    assert.deepEqual(one, other)
    assert.deepEqual(Object.keys(one.attributes).sort(), ['done', 'name'])
    assert.notEqual(one.attributes['name'], one.attributes['done'])
  })

  it('tells attachments apart by what they hold and what it is', () => {
    const stub = { digest: 'md5-x', content_type: 'text/plain' }
    assert.notEqual(attachmentDigest(stub), attachmentDigest({ ...stub, digest: 'md5-y' }))
    assert.notEqual(attachmentDigest(stub), attachmentDigest({ ...stub, content_type: 'text/html' }))
  })

  const none: [string, Record<string, unknown> | null][] = [
    ['nothing', null],
    ['no shares', { _id: 'base/x', _rev: '1-a' }],
    ['shares that are null', { _id: 'base/x', _rev: '1-a', shares: null }],
    ['shares that are text', { _id: 'base/x', _rev: '1-a', shares: 'a' }],
    ['shares that are a list', { _id: 'base/x', _rev: '1-a', shares: ['a'] }],
    ['a selection that is none', { _id: 'base/x', _rev: '1-a', shares: { a: false } }],
    ['a selection with a number in it', { _id: 'base/x', _rev: '1-a', shares: { a: ['name', 1] } }],
    ['agreed that is a list', { _id: 'base/x', _rev: '1-a', shares: {}, agreed: [] }],
    ['a state that is none', { _id: 'base/x', shares: {}, agreed: { a: agreedAs('constructor') } }],
    ['agreed without digests', { _id: 'base/x', shares: {}, agreed: { a: { state: 'both' } } }],
  ]
  for (const [what, doc] of none) it(`is none: ${what}`, () => assert.equal(parseBase(doc), null))
})
