// Whether CouchDB itself sees that an object or its base was written since they were read.
import assert from 'node:assert/strict'
import { effectsByObject, isBoundToRevisions } from '../../../../src/shares/plan/bound-to-revisions.ts'
import type { ObjectEffect } from '../../../../src/shares/plan/object-facts.ts'

const doc = { _id: 'a', _rev: '1-x' }
const object: ObjectEffect = { kind: 'put-object', object: 'a', doc, over: doc, sources: [] }
const base: ObjectEffect = {
  ...{ kind: 'put-base', object: 'a', shares: {}, agreed: {} },
  ...{ rev: '1-b', stage: 'after' },
}

const cases: [what: string, effects: ObjectEffect[], isBound: boolean][] = [
  ['an object and then its base, over what was read', [object, base], true],
  ['nothing', [], false],
  ['an object without its base', [object], false],
  ['a base alone', [base], false],
  ['an object where none was', [{ ...object, over: null }, base], false],
  ['a base where none was', [object, { ...base, rev: null }], false],
  ['a base before it', [object, { ...base, stage: 'before' }, base], false],
  ['what takes its leave, too', [object, base, { kind: 'drop-leaf', object: 'a', rev: '1-y' }], false],
  [
    'a copy, too',
    [object, base, { kind: 'delete-copy', home: 'share', share: 'x', object: 'a', over: null }],
    false,
  ],
]

describe('shares/plan/bound-to-revisions', () => {
  for (const [what, effects, isBound] of cases)
    it(`is ${isBound ? '' : 'not '}so for ${what}`, () => assert.equal(isBoundToRevisions(effects), isBound))

  it('groups effects by their objects, in their order', () => {
    const other: ObjectEffect = {
      kind: 'settle-object',
      doc: { _id: 'b', _rev: '1-z' },
      strip: [],
      problems: [],
    }
    assert.deepEqual(
      [...effectsByObject([object, other, base])],
      [
        ['a', [object, base]],
        ['b', [other]],
      ],
    )
  })
})
