// Presence, validation and changes of fields; with what the CoffeeScript left open.
import assert from 'node:assert/strict'
import { fields, type Context, type Doc } from 'couch-shares/rules'
import { seen, verdictOf, type WriteOf } from './write.ts'

const parse = (text: string): Doc => JSON.parse(text) as Doc

describe('rules/changes', () => {
  describe('has and had', () => {
    const has = (doc: Doc, field: string) => seen({ doc }, (context) => context.has(field))
    const had = (oldDoc: Doc | null, field: string) => seen({ oldDoc }, (context) => context.had(field))

    it('see fields with whatever value', () => {
      for (const value of [null, false, 0, '', [], {}]) {
        assert.equal(has({ a: value }, 'a'), true)
        assert.equal(had({ a: value }, 'a'), true)
      }
    })
    it('see no field that is not there', () => {
      assert.equal(has({ a: 1 }, 'b'), false)
      assert.equal(had({ a: 1 }, 'b'), false)
    })
    it('see no field that every object inherits', () => {
      for (const field of ['constructor', 'toString', 'hasOwnProperty', '__proto__']) {
        assert.equal(has({}, field), false, field)
        assert.equal(had({}, field), false, field)
      }
    })
    it('see fields that have such names', () => {
      for (const field of ['constructor', 'hasOwnProperty', '__proto__'])
        assert.equal(has(parse(`{"${field}":1}`), field), true, field)
    })
    it('had is false where nothing was, and does not throw', () => assert.equal(had(null, 'a'), false))
    it('had is false of what was deleted and is created anew', () =>
      assert.equal(had({ _deleted: true, a: 1 }, 'a'), false))
  })

  type Case = [name: string, write: WriteOf, f: (context: Context) => void, expected: string]
  const modified = 'forbidden: Field `a` was modified.'
  const old = { _id: 'x', _rev: '1-a', _revisions: { start: 1, ids: ['a'] } }
  const now = { _id: 'x', _rev: '1-a', _revisions: { start: 1, ids: ['a'] } }
  const cases: Case[] = [
    ['required: there', { doc: { a: null } }, ({ required }) => required('a'), 'ok'],
    ['required: not there', {}, ({ required }) => required('a'), 'forbidden: Field `a` is required.'],
    [
      'required: inherited',
      {},
      ({ required }) => required('toString'),
      'forbidden: Field `toString` is required.',
    ],
    ['unchanged: same', { doc: { a: [1] }, oldDoc: { a: [1] } }, ({ unchanged }) => unchanged('a'), 'ok'],
    ['unchanged: other', { doc: { a: 1 }, oldDoc: { a: 2 } }, ({ unchanged }) => unchanged('a'), modified],
    ['unchanged: gone', { doc: {}, oldDoc: { a: 2 } }, ({ unchanged }) => unchanged('a'), modified],
    ['unchanged: new', { doc: { a: 1 }, oldDoc: {} }, ({ unchanged }) => unchanged('a'), modified],
    [
      'unchanged: new and null',
      { doc: { a: null }, oldDoc: {} },
      ({ unchanged }) => unchanged('a'),
      modified,
    ],
    ['unchanged: in neither', { doc: {}, oldDoc: {} }, ({ unchanged }) => unchanged('a'), 'ok'],
    ['unchanged: inherited', { doc: {}, oldDoc: {} }, ({ unchanged }) => unchanged('constructor'), 'ok'],
    ['unchanged: a creation', { doc: { a: 1 } }, ({ unchanged }) => unchanged('a'), 'ok'],
    [
      'unchanged: created over a tombstone',
      { doc: { a: 1 }, oldDoc: { _deleted: true, a: 2 } },
      ({ unchanged }) => unchanged('a'),
      'ok',
    ],
    [
      'unchanged: a deletion without the field',
      { doc: { _deleted: true }, oldDoc: { a: 2 } },
      ({ unchanged }) => unchanged('a'),
      modified,
    ],
    [
      'validateFields: all well',
      { doc: { a: 1, b: 'x' } },
      ({ validateFields }) => validateFields({ a: fields.number, b: fields.text, c: fields.any }),
      'ok',
    ],
    [
      'validateFields: an invalid value',
      { doc: { a: { b: [1, 'ü'] } } },
      ({ validateFields }) => validateFields({ a: fields.number }),
      'forbidden: Field `a` has invalid value `{"b":[1,"ü"]}`.',
    ],
    [
      'validateFields: a validator that there is not',
      { doc: { a: 1 } },
      ({ validateFields }) => validateFields({ a: (fields as Record<string, unknown>)['txt'] as never }),
      'forbidden: Field `a` has no validator.',
    ],
    [
      'validateFields: no value',
      {},
      ({ validateFields }) => validateFields({ a: fields.number }),
      'forbidden: Field `a` has invalid value `undefined`.',
    ],
    [
      'validateFields: an inherited value is none',
      {},
      ({ validateFields }) => validateFields({ constructor: fields.optional(fields.text) }),
      'ok',
    ],
    [
      'validateFields: the validator gets the document',
      { doc: { a: 1, b: 1 } },
      ({ validateFields }) => validateFields({ a: (value, doc) => value === doc['b'] }),
      'ok',
    ],
    [
      'restrictAddingFields: none',
      { doc: { ...now, a: 2 }, oldDoc: { ...old, a: 1 } },
      (context) => context.restrictAddingFields(),
      'ok',
    ],
    [
      'restrictAddingFields: one',
      { doc: { ...now, a: 2, b: 1 }, oldDoc: { ...old, a: 1 } },
      (context) => context.restrictAddingFields(),
      'forbidden: Field `b` was added.',
    ],
    [
      'restrictAddingFields: an allowed one',
      { doc: { b: 1 }, oldDoc: {} },
      (context) => context.restrictAddingFields(['b']),
      'ok',
    ],
    [
      'restrictAddingFields: an inherited name',
      { doc: parse('{"constructor":1}'), oldDoc: {} },
      (context) => context.restrictAddingFields(),
      'forbidden: Field `constructor` was added.',
    ],
    [
      'restrictAddingFields: bookkeeping that only the new one has',
      { doc: now, oldDoc: {} },
      (context) => context.restrictAddingFields(),
      'ok',
    ],
    [
      'restrictAddingFields: attachments count',
      { doc: { ...now, _attachments: { f: {} } }, oldDoc: old },
      (context) => context.restrictAddingFields(),
      'forbidden: Field `_attachments` was added.',
    ],
    [
      'restrictAddingFields: a creation',
      { doc: { b: 1 } },
      (context) => context.restrictAddingFields(),
      'ok',
    ],
    [
      'restrictAddingFields: a deletion',
      { doc: { ...now, _deleted: true }, oldDoc: old },
      (context) => context.restrictAddingFields(),
      'forbidden: Field `_deleted` was added.',
    ],
    [
      'restrictRemovingFields: none',
      { doc: { ...now, a: 2, b: 1 }, oldDoc: { ...old, a: 1 } },
      (context) => context.restrictRemovingFields(),
      'ok',
    ],
    [
      'restrictRemovingFields: one',
      { doc: now, oldDoc: { ...old, a: 1 } },
      (context) => context.restrictRemovingFields(),
      'forbidden: Field `a` was removed.',
    ],
    [
      'restrictRemovingFields: an allowed one',
      { doc: now, oldDoc: { ...old, a: 1 } },
      (context) => context.restrictRemovingFields(['a']),
      'ok',
    ],
    [
      'restrictRemovingFields: bookkeeping that only the old one has',
      { doc: {}, oldDoc: old },
      (context) => context.restrictRemovingFields(),
      'ok',
    ],
    ['restrictRemovingFields: a creation', { doc: {} }, (context) => context.restrictRemovingFields(), 'ok'],
    [
      'restrictModifyingFields: none, the order of keys aside',
      { doc: { ...now, a: { b: 1, c: 2 } }, oldDoc: { ...old, a: { c: 2, b: 1 } } },
      (context) => context.restrictModifyingFields(),
      'ok',
    ],
    [
      'restrictModifyingFields: one',
      { doc: { a: 1 }, oldDoc: { a: 2 } },
      (context) => context.restrictModifyingFields(),
      modified,
    ],
    [
      'restrictModifyingFields: an allowed one',
      { doc: { a: 1 }, oldDoc: { a: 2 } },
      (context) => context.restrictModifyingFields(['a']),
      'ok',
    ],
    [
      'restrictModifyingFields: one that came',
      { doc: { a: 1 }, oldDoc: {} },
      (context) => context.restrictModifyingFields(),
      modified,
    ],
    [
      'restrictModifyingFields: one that went',
      { doc: {}, oldDoc: { a: 1 } },
      (context) => context.restrictModifyingFields(),
      modified,
    ],
    [
      'restrictModifyingFields: bookkeeping differs',
      { doc: { ...now, _rev: '2-b', _revisions: { start: 2, ids: ['b', 'a'] } }, oldDoc: old },
      (context) => context.restrictModifyingFields(),
      'ok',
    ],
    [
      'restrictModifyingFields: a creation',
      { doc: { a: 1 } },
      (context) => context.restrictModifyingFields(),
      'ok',
    ],
    [
      'restrictModifyingFields: over a tombstone',
      { doc: { a: 1 }, oldDoc: { _deleted: true, a: 2 } },
      (context) => context.restrictModifyingFields(),
      'ok',
    ],
    [
      'restrictModifyingFields: a deletion',
      { doc: { ...now, _deleted: true }, oldDoc: old },
      (context) => context.restrictModifyingFields(),
      'forbidden: Field `_deleted` was modified.',
    ],
  ]
  for (const [name, write, f, expected] of cases) it(name, () => assert.equal(verdictOf(write, f), expected))
})
