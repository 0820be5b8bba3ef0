// Revisions as anybody may push them: of any number, and called anything.
import assert from 'node:assert/strict'
import { decodeJson, encodeJson } from '../../../src/documents/json.ts'
import {
  byRank,
  grownBy,
  isNameable,
  isOneAfter,
  lineOf,
  type Leaf,
} from '../../../src/documents/revisions.ts'

const leaf = (start: string, ...ids: string[]): Leaf =>
  decodeJson(
    JSON.stringify({ _id: 'a', _rev: `${start}-${ids[0] ?? ''}`, _revisions: { start: 0, ids } }).replace(
      '"start":0',
      `"start":${start}`,
    ),
  ) as Leaf

describe('revisions of a number that JavaScript does not hold', () => {
  const rows: [start: string, before: string, after: string][] = [
    ['3', '2', '4'],
    ['9007199254740991', '9007199254740990', '9007199254740992'],
    ['9007199254740993', '9007199254740992', '9007199254740994'],
    ['99999999999999999999999', '99999999999999999999998', '100000000000000000000000'],
    ['-1', '-2', '0'],
  ]
  for (const [start, before, after] of rows)
    it(`are named as CouchDB names them: ${start}`, () => {
      const there = leaf(start, 'x', 'y')
      assert.deepEqual(lineOf(there), [`${start}-x`, `${before}-y`])
      const { _rev, _revisions } = grownBy(there, 'z')
      assert.equal(_rev, `${after}-z`)
      assert.equal(encodeJson(_revisions), `{"start":${after},"ids":["z","x","y"]}`)
      assert(isOneAfter(_rev, there._rev))
      assert(!isOneAfter(there._rev, there._rev))
      assert.deepEqual(byRank([there, leaf(after, 'a')])[0]?._rev, `${after}-a`)
    })

  it('have a history where none was read', () => {
    const there = { _rev: '9007199254740993-x' }
    assert.deepEqual(lineOf(there), ['9007199254740993-x'])
    assert.deepEqual(grownBy(there, 'z')._revisions.ids, ['z', 'x'])
  })

  it('cannot all be named', () => {
    for (const rev of ['1-a', '0-', '99999999999999999999999-a-b']) assert(isNameable(rev), rev)
    for (const rev of ['-1-a', '', 'a', '1']) assert(!isNameable(rev), rev)
  })
})
