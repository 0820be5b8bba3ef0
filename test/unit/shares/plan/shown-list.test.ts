// The owner changes which attributes are shared, and the copy has just these already: others have to hear of the list.
import assert from 'node:assert/strict'
import { digestsOf } from '../../../../src/documents/digests.ts'
import type { ObjectDoc, Selection } from '../../../../src/documents/content.ts'
import { UPDATED_AT } from '../../../../src/documents/time.ts'
import { planObject } from '../../../../src/shares/plan/object.ts'
import type { ObjectEffect } from '../../../../src/shares/plan/object-facts.ts'

const A = { a: 1 }

/** @param before what was shared; `rivals`: further leaves of the copy, with the same content */
const plan = (before: Selection, now: Selection, { rivals = 0 } = {}): ObjectEffect[] => {
  const leaf = (rev: string): ObjectDoc => ({ _id: 'share/s/o', _rev: rev, ...A })
  return planObject({
    ...{ object: 'o', isMissing: false, rivals: [], standings: new Map(), copies: new Map() },
    clock: { now: 0, updatedAt: UPDATED_AT },
    doc: { _id: 'o', _rev: '3-o', ...A, $shares: { s: now } },
    base: {
      ...{ _id: 'base/o', _rev: '1-b', shares: { s: before } },
      agreed: { s: { state: 'both', mine: true, ...digestsOf({ attributes: A, attachments: {} }) } },
    },
    exchanges: new Map([
      [
        's',
        {
          ...{ share: 's', role: 'owner', phase: 'active', onEnd: 'remove', limit: before, bounds: null },
          ...{ rejected: null, owner: 'joe' },
          home: {
            kind: 'live',
            leaf: leaf('2-c'),
            rivals: Array.from({ length: rivals }, (_, index) => leaf(`2-r${index}`)),
          },
        },
      ],
    ]),
  })
}

const written = (effects: readonly ObjectEffect[]): unknown[] =>
  effects.flatMap((one) => (one.kind === 'put-copy' ? [one.content.attributes] : []))

describe('shares/plan/object, where nothing but the list of attributes changes', () => {
  it('writes the copy anew, so that others look at it', () => {
    assert.deepEqual(written(plan(['a'], ['a', 'b'])), [A])
    assert.deepEqual(written(plan(['a', 'b'], ['a'])), [A])
  })
  it('does so beside leaves that go', () => {
    const effects = plan(['a'], ['a', 'b'], { rivals: 1 })
    assert.deepEqual(written(effects), [A])
    assert(effects.some(({ kind }) => kind === 'drop-copy-leaf'))
  })
  it('writes nothing where the list is as it was', () => {
    assert.deepEqual(plan(['a'], ['a']), [])
  })
})
