// What tombstones say, by a table.
import assert from 'node:assert/strict'
import { isBare, isForgotten } from '../../../src/documents/tombstone.ts'

describe('documents/tombstone', () => {
  const gone = { _id: 'a', _rev: '2-b', _deleted: true }
  for (const [what, leaf, expected] of [
    ['a deletion', gone, [true, false]],
    ['with its history', { ...gone, _revisions: { start: 2, ids: ['b', 'a'] } }, [true, false]],
    ['what the daemon took out', { ...gone, $removed: true }, [true, true]],
    ['what a user writes there', { ...gone, $removed: 'S3CRET' }, [false, false]],
    ['taken out, with content', { ...gone, $removed: true, name: 'S3CRET' }, [false, false]],
    ['taken out, with attachments', { ...gone, $removed: true, _attachments: { a: {} } }, [false, false]],
    ['with content', { ...gone, name: 'S3CRET' }, [false, false]],
    ['a live leaf', { _id: 'a', _rev: '1-a', $removed: true }, [false, false]],
  ] as const)
    it(`${what}: bare ${expected[0]}, forgotten ${expected[1]}`, () =>
      assert.deepEqual([isBare(leaf), isForgotten(leaf)], expected))
})
