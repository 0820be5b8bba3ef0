// What measurements come to, and when a row keeps to its goal.
import assert from 'node:assert/strict'
import { isReached, rowOf, toRow, type Goal, type Pair } from '../../bench/report.ts'
import { quantile, spread, tail } from '../../bench/statistics.ts'

const pairsOf = (...ratios: number[]): Pair[] =>
  ratios.map((ratio) => ({ subject: ratio * 10, baseline: 10 }))

describe('bench/statistics', () => {
  const quantiles: readonly [string, number[], number, number][] = [
    ['the middle of three', [3, 1, 2], 0.5, 2],
    ['between two, in proportion', [1, 2], 0.25, 1.25],
    ['the least', [5, 4], 0, 4],
    ['the largest', [5, 4], 1, 5],
    ['of one, itself', [7], 0.99, 7],
    ['of none, nothing', [], 0.5, NaN],
  ]
  for (const [what, values, part, expected] of quantiles)
    it(`gives a quantile: ${what}`, () => assert.equal(quantile(values, part), expected))

  it('leaves the values in their order', () => {
    const values = [3, 1, 2]
    spread(values)
    assert.deepEqual(values, [3, 1, 2])
  })

  it('gives the p99 of 100 and more, and of fewer the maximum', () => {
    const values = Array.from({ length: 101 }, (_, at) => at)
    assert.deepEqual(tail(values), { is: 'p99', value: 99 })
    assert.deepEqual(tail(values.slice(0, 99)), { is: 'maximum', value: 98 })
  })
})

describe('bench/report', () => {
  it('takes the ratio of each pair', () => {
    const row = toRow('a', 'ms', 'b', [
      { subject: 1, baseline: 10 },
      { subject: 100, baseline: 100 },
      { subject: 3, baseline: 10 },
    ])
    assert.equal(row.ratio?.median, 0.3)
    assert.equal(row.subject.median, 3)
    assert.equal(row.baseline.median, 10)
  })

  it('takes the tail of all, though there are more of one side', () => {
    const row = rowOf({ name: 'a', unit: 'ms', against: 'b', subjects: [1, 2, 50], baselines: [10, 5] })
    assert.equal(row.pairs, 2)
    assert.deepEqual(row.tail, { is: 'maximum', subject: 50, baseline: 10, ratio: 5 })
  })

  it('has a p99 only where both sides are enough for it', () => {
    const many = new Array<number>(100).fill(1)
    const tailOf = (subjects: number[], baselines: number[]) =>
      rowOf({ name: 'a', unit: '', against: 'b', subjects, baselines }).tail?.is
    assert.equal(tailOf(many, many), 'p99')
    assert.equal(tailOf(many, many.slice(1)), 'maximum')
  })

  it('has no ratio to nothing, and no tail of a single pair', () => {
    const row = toRow('a', '', 'b', [{ subject: 1, baseline: 0 }])
    assert.equal(row.ratio, null)
    assert.equal(row.tail, null)
  })

  const goals: readonly [string, Pair[], Goal, boolean | null][] = [
    ['none is set', pairsOf(1, 1), {}, null],
    ['the median keeps to it', pairsOf(0.2, 0.25, 9), { median: 0.25 }, true],
    ['the median does not', pairsOf(0.2, 0.3, 0.3), { median: 0.25 }, false],
    ['the tail does not', pairsOf(0.2, 0.2, 0.9), { median: 0.25, tail: 0.5 }, false],
    ['only the tail counts, and keeps to it', pairsOf(2, 2, 3), { tail: 3 }, true],
    ['there is no ratio', [{ subject: 1, baseline: 0 }], { median: 1 }, null],
    ['one pair has no tail', pairsOf(0.2), { median: 0.25, tail: 0.1 }, true],
  ]
  for (const [what, pairs, goal, expected] of goals)
    it(`says of a goal: ${what}`, () => assert.equal(isReached(toRow('a', '', 'b', pairs, goal)), expected))
})
