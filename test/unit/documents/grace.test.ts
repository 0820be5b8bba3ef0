// A grace time: how much of it is left, by whatever clock.
import assert from 'node:assert/strict'
import { graceLeft } from '../../../src/documents/grace.ts'

const at = (ms: number): string => new Date(ms).toISOString()

describe('documents/grace', () => {
  const cases: [since: number | string | undefined, now: number | string, left: number, what: string][] = [
    [1_000, 1_000, 500, 'all of it where it begins'],
    [1_000, 1_400, 100, 'what is left'],
    [1_000, 1_500, 0, 'nothing at its end'],
    [1_000, 9_000, 0, 'nothing after its end'],
    [1_000, 0, 500, 'the whole, and no more, where the clock was set back'],
    [at(1_000), 1_400, 100, 'the same from a date'],
    [at(1_000), at(1_400), 100, 'the same up to a date'],
    [at(1_000), at(0), 500, 'no more than the whole from a date either'],
    [undefined, 1_000, 0, 'nothing where it never began'],
    ['yesterday', 1_000, 0, 'nothing where its beginning is no date'],
  ]
  for (const [since, now, left, what] of cases)
    it(what, () => {
      assert.equal(graceLeft(since, 500, now), left)
    })
})
