import assert from 'node:assert/strict'
import { counted } from '../../../src/documents/counted.ts'

describe('documents/counted', () => {
  it('has one of one, and several of all else', () => {
    assert.deepEqual(
      [0, 1, 2].map((count) => counted(count, 'database')),
      ['0 databases', '1 database', '2 databases'],
    )
    assert.equal(counted(1, 'outbox', 'outboxes'), '1 outbox')
    assert.equal(counted(3, 'outbox', 'outboxes'), '3 outboxes')
  })
})
