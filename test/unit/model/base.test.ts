// Bases: an outbox document for each object, read back as it was written.
import assert from 'node:assert/strict'
import { baseDoc, parseBase } from '../../../src/model/base.ts'

describe('model/base', () => {
  it('is written and read back', () => {
    const written = baseDoc('todo/1', { a: true, constructor: ['name'] })
    assert.equal(written._id, 'base/todo/1')
    const read = parseBase(JSON.parse(JSON.stringify({ ...written, _rev: '1-a' })) as Record<string, unknown>)
    assert.equal(read?._rev, '1-a')
    assert.deepEqual(Object.entries(read?.shares ?? {}), [
      ['a', true],
      ['constructor', ['name']],
    ])
  })

  const none: [string, Record<string, unknown> | null][] = [
    ['nothing', null],
    ['no shares', { _id: 'base/x', _rev: '1-a' }],
    ['shares that are null', { _id: 'base/x', _rev: '1-a', shares: null }],
    ['shares that are text', { _id: 'base/x', _rev: '1-a', shares: 'a' }],
    ['shares that are a list', { _id: 'base/x', _rev: '1-a', shares: ['a'] }],
  ]
  for (const [what, doc] of none) it(`is none: ${what}`, () => assert.equal(parseBase(doc), null))
})
