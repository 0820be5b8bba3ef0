// Deep equality against node's own, on any JSON; and the names that are traps.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { isEqual } from '../../../src/rules/equal.ts'

const parse = (text: string): unknown => JSON.parse(text)

describe('rules/equal', () => {
  it('says what node says of any two values that JSON can hold', () =>
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (one, other) => {
        const [a, b] = [parse(JSON.stringify(one)), parse(JSON.stringify(other))]
        assert.equal(isEqual(a, b), isDeepStrictEqual(a, b))
        assert.equal(isEqual(a, parse(JSON.stringify(a))), true)
      }),
    ))

  const different: [string, string][] = [
    ['[]', '{}'],
    ['[1]', '{"0":1}'],
    ['[1,2]', '[2,1]'],
    ['[1]', '[1,1]'],
    ['null', '{}'],
    ['0', 'false'],
    ['"1"', '1'],
    ['{"a":1}', '{"b":1}'],
    ['{"a":1}', '{"a":1,"b":1}'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":2}}'],
    ['{"__proto__":{}}', '{"a":{}}'],
    ['{"constructor":1}', '{"a":1}'],
    ['{"hasOwnProperty":1}', '{"hasOwnProperty":2}'],
  ]
  for (const [one, other] of different)
    it(`${one} is not ${other}`, () => {
      assert.equal(isEqual(parse(one), parse(other)), false)
      assert.equal(isEqual(parse(other), parse(one)), false)
    })

  for (const [one, other] of [
    ['{"a":1,"b":2}', '{"b":2,"a":1}'],
    ['{"__proto__":{"a":1}}', '{"__proto__":{"a":1}}'],
    ['{"hasOwnProperty":1}', '{"hasOwnProperty":1}'],
  ] as const)
    it(`${one} is ${other}`, () => assert.equal(isEqual(parse(one), parse(other)), true))
})
