import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import { isTooComplex, MOST_LEVELS, MOST_VALUES } from '../../../src/documents/complexity.ts'
import { canonicalJson, digestOf } from '../../../src/documents/digest.ts'
import { isSameJson } from '../../../src/documents/same-json.ts'

/** Arrays inside each other; the document around them is a level, too. */
const nested = (levels: number, inside = ''): unknown =>
  decodeJson('['.repeat(levels) + inside + ']'.repeat(levels))

describe('documents/complexity', () => {
  const rows: [string, object, boolean][] = [
    ['nothing', {}, false],
    ['as many levels as may be', { a: nested(MOST_LEVELS - 1) }, false],
    ['one more', { a: nested(MOST_LEVELS) }, true],
    ['as an attacker does it', { a: nested(20_000) }, true],
    ['as many values as may be', { a: Array(MOST_VALUES - 1).fill(0) }, false],
    ['one more of them', { a: Array(MOST_VALUES).fill(0) }, true],
    ['numbers that JavaScript would change', { a: decodeJson('[1.0,[1.0]]') }, false],
    ['a long history', { _revisions: { start: 1, ids: Array(MOST_VALUES).fill('') } }, false],
  ]
  for (const [what, doc, expected] of rows)
    it(`${expected ? 'is' : 'is not'}: ${what}`, () => assert.equal(isTooComplex(doc), expected))
})

describe('values that are nested deeper than the stack', () => {
  const levels = 50_000
  it('have a canonical form, and a digest', () => {
    const text = canonicalJson(nested(levels, '{"b":1,"__proto__":{"d":1,"c":[1.0]},"a":2}'))
    assert.equal(text.slice(levels, -levels), '{"__proto__":{"c":[1.0],"d":1},"a":2,"b":1}')
    assert.notEqual(digestOf(nested(levels)), digestOf(nested(levels - 1)))
  })
  it('are compared', () => {
    assert.equal(isSameJson({ a: nested(levels, '1') }, { a: nested(levels, '1') }), true)
    assert.equal(isSameJson({ a: nested(levels, '1') }, { a: nested(levels, '2') }), false)
  })
})
