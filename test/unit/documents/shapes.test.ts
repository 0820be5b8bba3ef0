// What values of documents are, by a table.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import { isRecord, isText } from '../../../src/documents/shapes.ts'

describe('documents/shapes', () => {
  for (const [json, expected] of [
    ['{}', [true, false]],
    ['{"source":"1.0"}', [true, false]],
    ['[]', [false, false]],
    ['null', [false, false]],
    ['true', [false, false]],
    ['1', [false, false]],
    ['""', [false, true]],
    ['"a"', [false, true]],
  ] as const)
    it(`${json}: an object ${expected[0]}, a string ${expected[1]}`, () => {
      const value = decodeJson(json)
      assert.deepEqual([isRecord(value), isText(value)], expected)
    })

  it('takes no number for an object, however long it is', () => {
    const [value] = decodeJson('[12345678901234567890]') as [unknown]
    assert.equal(typeof value, 'object')
    assert.equal(isRecord(value), false)
  })
})
