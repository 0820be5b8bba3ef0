// The picture of the ratios: what it shows, where, and that it is XML whatever rows are called.
import assert from 'node:assert/strict'
import { toSvg } from '../../bench/chart.ts'
import { toRow, type Goal, type Row } from '../../bench/report.ts'

const rowAt = (ratio: number, goal: Goal = {}, name = 'a row'): Row =>
  toRow(name, 'ms', 'the baseline', [{ subject: ratio * 100, baseline: 100 }], goal)
const draw = (...rows: Row[]): string => toSvg(rows, { title: 'Ratios', note: 'a machine' })

/** Of the elements of a class, an attribute. */
const read = (svg: string, kind: string, attribute: string): number[] =>
  [...svg.matchAll(new RegExp(`<\\w+ class="${kind}"[^>]* ${attribute}="([^"]+)"`, 'g'))].map(([, value]) =>
    Number(value),
  )

describe('bench/chart', () => {
  it('draws a bar from the baseline to the ratio', () => {
    const svg = draw(rowAt(0.5), rowAt(2))
    const [baseline = NaN] = read(svg, 'baseline', 'x1')
    const [[ahead = NaN, behind = NaN], [aheadWidth = NaN, behindWidth = NaN]] = [
      read(svg, 'free', 'x'),
      read(svg, 'free', 'width'),
    ]
    assert.equal(behind, baseline)
    assert.ok(Math.abs(ahead + aheadWidth - baseline) < 0.2)
    assert.ok(Math.abs(aheadWidth - behindWidth) < 0.2, 'twice and half are equally far')
  })

  it('marks the goal, and whether it is reached', () => {
    const svg = draw(rowAt(0.2, { median: 0.25 }), rowAt(4.5, { median: 1 }), rowAt(3, { tail: 2 }))
    assert.equal(read(svg, 'reached', 'x').length, 1)
    assert.equal(read(svg, 'missed', 'x').length, 1)
    assert.equal(read(svg, 'free', 'x').length, 1)
    const [first = NaN, second = NaN, ...others] = read(svg, 'goal', 'x1')
    assert.equal(others.length, 0)
    assert.equal(second, read(svg, 'baseline', 'x1')[0])
    assert.ok(first < second)
  })

  it('stays within the picture', () => {
    const svg = draw(rowAt(0.0001), rowAt(5000))
    for (const x of [...read(svg, 'free', 'x'), ...read(svg, 'spread', 'x2')])
      assert.ok(x >= 400 && x <= 790, `${x}`)
  })

  it('leaves out what has no ratio', () => {
    const none = toRow('none', '', 'nothing', [{ subject: 1, baseline: 0 }])
    assert.ok(!draw(none, rowAt(1)).includes('none'))
  })

  it('is XML whatever rows are called', () => {
    const svg = draw(rowAt(1, {}, `<script>"a" & 'b'\u0000\ud800`))
    assert.ok(svg.includes('&lt;script&gt;&quot;a&quot; &amp; &apos;b&apos;<'))
    assert.doesNotMatch(svg, /\0|\p{Cs}/u)
  })

  it('has colours for light and for dark', () => {
    assert.match(draw(rowAt(1)), /\.ground \{ fill: #fff.*prefers-color-scheme: dark.*\.ground \{ fill: #0/s)
  })

  it('draws nothing where there is nothing', () => {
    assert.match(draw(), /^<svg [^>]+>.*<\/svg>\n$/s)
  })
})
