// Ids of the form <type>:<key>, and what the document says of them.
import assert from 'node:assert/strict'
import type { Doc } from 'couch-shares/rules'
import { seen, verdictOf } from './write.ts'

describe('rules/document-type', () => {
  const ids: [
    id: string | undefined,
    isDesign: boolean,
    type: string | undefined,
    key: string | undefined,
  ][] = [
    ['note:1', false, 'note', '1'],
    ['note:1:2', false, 'note', '1:2'],
    ['number:33@a.example', false, 'number', '33@a.example'],
    ['note:', false, undefined, undefined],
    [':1', false, undefined, undefined],
    ['a note:1', false, undefined, undefined],
    ['note', false, undefined, undefined],
    ['_design/a', true, undefined, undefined],
    ['', false, undefined, undefined],
    [undefined, false, undefined, undefined],
  ]
  for (const [id, isDesign, type, key] of ids)
    it(`${id}`, () => {
      const doc: Doc = id === undefined ? {} : { _id: id }
      assert.deepEqual(
        seen({ doc }, (context) => [context.id, context.isDesign, context.type, context.key]),
        [id, isDesign, type, key],
      )
    })

  const validated: [doc: Doc, expected: string][] = [
    [{ _id: 'note:1', type: 'note', note: '1' }, 'note'],
    [{ _id: 'number:33@a', type: 'number', number: '33@a' }, 'local-number'],
    [{ _id: 'number:33', type: 'number', number: '33' }, 'global-number'],
    [{ _id: 'note' }, 'forbidden: `_id` must be <type>:<key>'],
    [{}, 'forbidden: `_id` must be <type>:<key>'],
    [{ _id: 'note:1', note: '1' }, 'forbidden: Missing or invalid `type` field.'],
    [{ _id: 'note:1', type: 'Note', note: '1' }, 'forbidden: Missing or invalid `type` field.'],
    [{ _id: 'note:1', type: 'note' }, 'forbidden: Field `note` must contain `1`.'],
    [{ _id: 'note:1', type: 'note', note: 1 }, 'forbidden: Field `note` must contain `1`.'],
    [{ _id: 'note:1', _deleted: true }, 'forbidden: Missing or invalid `type` field.'],
    [{ _id: 'toString:1', type: 'toString' }, 'forbidden: Field `toString` must contain `1`.'],
  ]
  for (const [doc, expected] of validated)
    it(`${JSON.stringify(doc)}: ${expected}`, () => {
      let type = ''
      const verdict = verdictOf({ doc }, ({ validateType }) => void (type = validateType()))
      assert.equal(verdict === 'ok' ? type : verdict, expected)
    })
})
