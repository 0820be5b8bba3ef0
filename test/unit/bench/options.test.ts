// What the command line of the bench may say.
import assert from 'node:assert/strict'
import { BENCHES, isChosen, NAMES } from '../../bench/benches.ts'
import { readOptions, UsageError } from '../../bench/options.ts'

const NONE = {
  ...{ only: [], from: [], size: null, out: null, svg: null },
  ...{ quick: false, profile: false, json: false },
}

describe('bench/options', () => {
  const readings: readonly [string, object][] = [
    ['', NONE],
    ['--quick --profile', { ...NONE, quick: true, profile: true }],
    ['--only latency,idle', { ...NONE, only: ['latency', 'idle'] }],
    ['--only idle --size 2000', { ...NONE, only: ['idle'], size: 2000 }],
    ['--json --out a.json --svg a.svg', { ...NONE, json: true, out: 'a.json', svg: 'a.svg' }],
    ['--from a.json,b.json', { ...NONE, from: ['a.json', 'b.json'] }],
  ]
  for (const [line, expected] of readings)
    it(`reads: ${line || 'nothing'}`, () =>
      assert.deepEqual(readOptions(line.split(' ').filter(Boolean), NAMES), expected))

  const faults: readonly [string, RegExp][] = [
    ['--only speed', /`--only` to be of latency, .* got speed$/],
    ['--only', /--only.*--size N/s],
    ['--size 5', /with one name/],
    ['--only latency,idle --size 5', /with one name/],
    ['--only idle --size 0', /whole number/],
    ['--only idle --size 1e3', /whole number/],
    ['--from a.json --only idle', /beside `--from`/],
    ['--from a.json --quick', /beside `--from`/],
    ['--fast', /--fast/],
  ]
  for (const [line, message] of faults)
    it(`refuses: ${line}`, () =>
      assert.throws(
        () => readOptions(line.split(' '), NAMES),
        (error) => error instanceof UsageError && message.test(error.message),
      ))
})

describe('bench/benches', () => {
  it('runs all but those that are heavy, which are asked for by name', () => {
    const left = Object.keys(BENCHES).filter((name) => !isChosen(name, []))
    assert.deepEqual(left, ['hostile'])
    assert.ok(isChosen('hostile', ['hostile']))
    assert.ok(!isChosen('latency', ['hostile']))
  })
})
