// `$rejected`: one line a document, the latest hundred, gone when it is healed.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { problem } from '../../../src/documents/problem.ts'
import {
  MOST_CHARACTERS,
  MOST_REJECTIONS,
  withRejection,
  type Rejection,
} from '../../../src/documents/rejected.ts'

const readOnly = problem('read_only')
const line = (document: string, at: string, found = readOnly): Rejection => ({ document, ...found, at })

describe('documents/rejected', () => {
  const list = [line('a', '1'), line('b', '2')]

  it('lists document, reason and time, the latest last', () =>
    assert.deepEqual(withRejection(list, 'c', readOnly, '3'), [...list, line('c', '3')]))

  it('keeps the time of what is refused again for the same reason', () =>
    assert.deepEqual(withRejection(list, 'a', readOnly, '3'), list))

  it('has one line a document: another reason takes its place, last', () => {
    const found = problem('unrelated_object')
    assert.deepEqual(withRejection(list, 'a', found, '3'), [line('b', '2'), line('a', '3', found)])
    const [one, other] = [problem('unshared_attributes', 'x'), problem('unshared_attributes', 'y')]
    const listed = [line('a', '1', one)]
    assert.deepEqual(withRejection(listed, 'a', other, '2'), [line('a', '2', other)])
  })

  it('is cleared when healed', () => {
    assert.deepEqual(withRejection(list, 'a', null, '3'), [line('b', '2')])
    assert.deepEqual(withRejection(list, 'c', null, '3'), list)
    assert.deepEqual(withRejection([], 'c', null, '3'), [])
  })

  it('keeps the latest that there is room for, and no line that there is none for', () => {
    const ids = Array.from({ length: MOST_REJECTIONS }, (_, at) => `${at} ${'x'.repeat(90_000)}`)
    const listed = ids.reduce<Rejection[]>((lines, id) => withRejection(lines, id, readOnly, '1'), [])
    assert.deepEqual(
      listed.map(({ document }) => document),
      ids.slice(-5),
    )
    assert.deepEqual(withRejection(list, 'x'.repeat(MOST_CHARACTERS), readOnly, '3'), list)
  })

  it('never changes the list that it was given, and keeps the latest hundred', () => {
    const step = fc.tuple(
      fc.integer({ min: 0, max: 150 }),
      fc.constantFrom(readOnly, problem('failed'), null),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        let listed: readonly Rejection[] = []
        const refused = new Map<string, string>()
        for (const [at, [document, found]] of steps.entries()) {
          const before = structuredClone(listed)
          const next = withRejection(listed, String(document), found, String(at))
          assert.deepEqual(listed, before)
          listed = next
          if (found === null) refused.delete(String(document))
          else refused.set(String(document), found.code)
          assert.ok(listed.length <= MOST_REJECTIONS)
          for (const { document: id, code } of listed) assert.equal(refused.get(id), code)
        }
        assert.equal(new Set(listed.map(({ document }) => document)).size, listed.length)
        if (refused.size <= MOST_REJECTIONS / 2 && steps.length <= MOST_REJECTIONS)
          assert.equal(listed.length, refused.size)
      }),
    )
  })
})
