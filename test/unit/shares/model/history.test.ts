// What a base remembers of revisions: as differences, and never more than it has room for.
import assert from 'node:assert/strict'
import { baseDoc, parseBase } from '../../../../src/shares/model/base.ts'
import {
  decodeHistories,
  encodeHistories,
  heldBy,
  MOST_BYTES,
  MOST_SEEN,
  newestKnown,
  OBJECT,
  seenAs,
  withSeen,
  type Seen,
} from '../../../../src/shares/model/history.ts'
import type { ObjectDoc } from '../../../../src/documents/content.ts'

const doc = (rev: string, attributes: Record<string, unknown>): ObjectDoc => ({
  _id: 'o',
  _rev: rev,
  ...attributes,
})
const stub = { digest: 'md5-x', content_type: 'text/plain', length: 3 }
const [first, second, third] = [
  seenAs(doc('1-a', { name: 'n', constructor: 1, _attachments: { f: stub } })),
  seenAs(doc('2-b', { name: 'm', constructor: 1, $shares: { s: true, t: ['a'] } })),
  seenAs(doc('3-c', { constructor: 1, $shares: { s: true } })),
] as const

describe('shares/model/history', () => {
  const history = withSeen(undefined, first, second, third)
  it('is read as it was written', () => {
    const histories = { [OBJECT]: history, s: withSeen(undefined, first) }
    const stored: unknown = JSON.parse(JSON.stringify(encodeHistories(histories)))
    assert.deepEqual(decodeHistories(stored), histories)
  })
  it('is part of a base, and a base without one is read, too', () => {
    const base = parseBase({ ...baseDoc('o', { shares: {}, agreed: {}, seen: { s: history } }) })
    assert.deepEqual(decodeHistories(base?.history), { s: history })
    assert.deepEqual(decodeHistories(parseBase({ shares: {} })?.history), {})
  })
  it('tells what the newest known revision held', () => {
    assert.deepEqual(newestKnown(history, ['9-z', '2-b', '1-a']), second)
    assert.equal(newestKnown(history, ['9-z']), null)
    assert.deepEqual(heldBy(doc('7-x', { name: 'm', constructor: 1, $shares: { t: ['a'], s: true } })), {
      ...{ attributes: second.attributes, attachments: {}, shares: second.shares },
    })
  })
  it('knows a revision once, and what is not written yet not at all', () => {
    assert.equal(withSeen(history, second), history)
    const stored = encodeHistories({ s: withSeen(history, { ...first, rev: null }) })
    assert.deepEqual(decodeHistories(stored), { s: history })
  })
  it('forgets the oldest', () => {
    const many = Array.from({ length: MOST_SEEN + 5 }, (_, at) => seenAs(doc(`${at}-a`, { at })))
    const kept = withSeen(undefined, ...many)
    assert.equal(kept.length, MOST_SEEN)
    assert.equal(kept.at(-1)?.rev, '5-a')
  })
  it('takes no more room than it may, however large a document is', () => {
    const wide = (rev: string, count: number): Seen =>
      seenAs(
        doc(rev, Object.fromEntries(Array.from({ length: count }, (_, at) => [`a${at}`, `${rev} ${at}`]))),
      )
    const stored = encodeHistories({
      s: withSeen(undefined, wide('1-a', 800), wide('2-b', 800), wide('3-c', 800)),
    })
    assert(JSON.stringify(stored).length <= MOST_BYTES + 100)
    assert.deepEqual(
      stored['s']?.map(({ rev }) => rev),
      ['3-c', '2-b'],
    )
    assert.deepEqual(encodeHistories({ s: [wide('1-a', 5000)] }), {})
  })
  it('is none where it is malformed', () => {
    for (const stored of [
      undefined,
      7,
      [],
      { s: 7 },
      { s: [7] },
      { s: [{ rev: 1 }] },
      { s: [{ rev: '1-a', shares: [] }] },
    ])
      assert.deepEqual(Object.values(decodeHistories(stored)).flat(), [])
  })
})
