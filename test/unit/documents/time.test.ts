import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import { SettingError } from '../../../src/documents/setting.ts'
import { MOST_AHEAD_MS, parsePaths, parseTime, timeOf, UPDATED_AT } from '../../../src/documents/time.ts'

const NOW = Date.parse('2024-06-01T12:00:00Z')

describe('parseTime', () => {
  const rows: [unknown, number | null][] = [
    [NOW, NOW],
    [0, 0],
    [-1, -1],
    ['2024-06-01T12:00:00Z', NOW],
    ['2024-06-01T12:00:00.000Z', NOW],
    ['2024-06-01T12:00Z', NOW],
    ['2024-06-01T14:00:00+02:00', NOW],
    ['2024-06-01T14:00:00+0200', NOW],
    ['2024-06-01T14:00:00+02', NOW],
    ['2024-06-01T12:00:00,5Z', NOW + 500],
    // Wherever the daemon runs.
    ['2024-06-01T12:00:00', NOW],
    ['2024-06-01', Date.parse('2024-06-01T00:00:00Z')],
    [NOW + MOST_AHEAD_MS, NOW + MOST_AHEAD_MS],
    [NOW + MOST_AHEAD_MS + 1, NOW],
    ['2999-01-01', NOW],
    ['June 1st', null],
    ['2024-13-01', null],
    ['2024-06-01T25:00:00Z', null],
    ['', null],
    [String(NOW), null],
    [null, null],
    [undefined, null],
    [true, null],
    [{}, null],
    [[NOW], null],
    [NaN, null],
    [decodeJson('1e999'), null],
    [decodeJson('1717243200000.0'), NOW],
  ]
  for (const [value, expected] of rows)
    it(`${JSON.stringify(value) ?? 'nothing'} is ${String(expected)}`.slice(0, 80), () =>
      assert.equal(parseTime(value, NOW), expected),
    )
})

describe('timeOf', () => {
  const at = (attributes: Record<string, unknown>, updatedAt = UPDATED_AT): number | null =>
    timeOf(attributes, { now: NOW, updatedAt })
  const rows: [string, Record<string, unknown>, number | null][] = [
    ['an attribute', { updatedAt: 1 }, 1],
    ['the same with a line', { updated_at: 1 }, 1],
    ['as Hoodie’s client writes it', { hoodie: { createdAt: 5, updatedAt: '2024-06-01T12:00:00Z' } }, NOW],
    ['the latest of several', { updatedAt: 1, updated_at: 3, hoodie: { updatedAt: 2 } }, 3],
    ['one beside what is no time', { updatedAt: 'today', hoodie: { updatedAt: 2 } }, 2],
    ['too far ahead', { hoodie: { updatedAt: '2999-01-01' } }, NOW],
    ['in nothing', { hoodie: null }, null],
    ['in a list', { hoodie: ['updatedAt'] }, null],
    ['in a text', { hoodie: 'updatedAt' }, null],
    ['what every object has', {}, null],
  ]
  for (const [what, attributes, expected] of rows)
    it(`reads ${what}`, () => assert.equal(at(attributes), expected))

  it('reads where the setting says, and nowhere else', () => {
    const doc = { updatedAt: 3, meta: { changed: { at: 1 } } }
    assert.equal(at(doc, parsePaths(' meta.changed.at ')), 1)
    assert.equal(at({ updatedAt: 3 }, parsePaths('constructor.name,meta.changed.at')), null)
  })
})

describe('parsePaths', () => {
  it('separates by commas and points', () =>
    assert.deepEqual(parsePaths('updatedAt, hoodie.updatedAt'), [['updatedAt'], ['hoodie', 'updatedAt']]))
  for (const text of ['', 'a,', 'a..b', '.a', 'a b', '_rev', '$state.at'])
    it(`refuses \`${text}\``, () => assert.throws(() => parsePaths(text), SettingError))
})
