// What is wanted of a share, for those who may read it already.
import assert from 'node:assert/strict'
import { amongReaders, parseAccess, type Access } from '../../../../src/shares/model/access.ts'

const access = (value: unknown): Access => {
  const parsed = parseAccess(value)
  assert.equal(parsed.kind, 'valid')
  return parsed.kind === 'valid' ? parsed.access : assert.fail()
}

describe('access among those who may read already', () => {
  for (const [before, wanted, now] of [
    [{}, { read: ['ann'] }, {}],
    [{ read: ['ann'] }, { read: ['ann', 'bob'] }, { read: ['ann'] }],
    [{ read: ['ann'] }, { write: ['ann', 'bob'] }, { write: ['ann'] }],
    [{ read: ['ann', 'bob'] }, { read: ['cid'], write: ['ann'] }, { write: ['ann'] }],
    [{ read: ['ann'] }, true, { write: ['ann'] }],
    [{ read: ['ann'] }, { read: true }, { read: ['ann'] }],
    // Who is named needs no password, and stays so.
    [
      { read: ['ann'], write: true },
      { read: ['ann'], write: true },
      { read: ['ann'], write: true },
    ],
    [true, { read: ['ann'] }, { read: ['ann'] }],
  ] as const)
    it(`${JSON.stringify(before)}, ${JSON.stringify(wanted)} wanted, is ${JSON.stringify(now)}`, () =>
      assert.deepEqual(amongReaders(access(before), access(wanted)), access(now)))
})
