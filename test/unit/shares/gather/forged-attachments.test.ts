import assert from 'node:assert/strict'
import { isForged } from '../../../../src/shares/gather/forged-attachments.ts'

describe('an attachment that is larger than it says', () => {
  const rows: [string, Parameters<typeof isForged>[0], boolean][] = [
    ['one that is not compressed', { length: 10 }, false],
    ['one that became shorter', { length: 1_000, encoding: 'gzip', encoded_length: 40 }, false],
    ['one that did not', { length: 100_000, encoding: 'gzip', encoded_length: 100_048 }, false],
    ['an empty one', { length: 0, encoding: 'gzip', encoded_length: 20 }, false],
    ['one of which only that is known', { length: 40, encoding: 'gzip', encoded_length: 40 }, false],
    ['a forged one', { length: 10, encoding: 'gzip', encoded_length: 5_000_000 }, true],
    ['one that says nothing', { encoding: 'gzip', encoded_length: 5_000_000 }, true],
  ]
  for (const [what, stub, expected] of rows)
    it(`${expected ? 'is' : 'is not'} ${what}`, () => assert.equal(isForged(stub), expected))
})
