// `$share` documents: which can be put in force, and what is said of the others.
import assert from 'node:assert/strict'
import { asksForShare, parseShareRequest } from '../../../src/model/share.ts'

describe('model/share', () => {
  const asks: [string, { _id: string; type?: unknown }, boolean][] = [
    ['by its id', { _id: '$share/a' }, true],
    ['by id and type', { _id: '$share/a', type: '$share' }, true],
    ['by its id, with another type', { _id: '$share/a', type: 'todo' }, true],
    ['by its type alone', { _id: 'todo/1', type: '$share' }, true],
    ['an object does not', { _id: 'todo/1', type: 'todo' }, false],
    ['a list that prints as $share does not', { _id: 'todo/1', type: ['$share'] }, false],
    ['a subscription does not', { _id: '$subscription/a' }, false],
  ]
  for (const [what, doc, expected] of asks)
    it(`asks for a share: ${what}`, () => assert.equal(asksForShare(doc), expected))

  const valid: [string, object][] = [
    ['nothing else', {}],
    ['its type', { type: '$share' }],
    ['access false', { access: false }],
    ['access {}', { access: {} }],
    ['an empty list of readers', { access: { read: [] } }],
    ['an empty list of writers', { access: { write: [] } }],
    ['two empty lists', { access: { read: [], write: [] } }],
    ['nobody, said twice', { access: { read: false, write: false } }],
    ['attributes of its own', { name: 'my share', $state: 'error', $error: { code: 'x' } }],
  ]
  for (const [what, attributes] of valid)
    it(`is valid with ${what}`, () =>
      assert.deepEqual(parseShareRequest({ _id: '$share/abc', ...attributes }), {
        kind: 'valid',
        share: 'abc',
      }))

  const malformed: [string, { _id: string; [attribute: string]: unknown }, string][] = [
    ['type without the id', { _id: 'abc', type: '$share' }, 'wrong_type'],
    ['another type', { _id: '$share/abc', type: 'todo' }, 'wrong_type'],
    ['type null', { _id: '$share/abc', type: null }, 'wrong_type'],
    ['type as a list', { _id: '$share/abc', type: ['$share'] }, 'wrong_type'],
    ['no id', { _id: '$share/' }, 'invalid_share_id'],
    ['a long id', { _id: `$share/${'a'.repeat(300)}` }, 'invalid_share_id'],
    ['101 characters', { _id: `$share/${'a'.repeat(101)}` }, 'invalid_share_id'],
    ['a slash', { _id: '$share/a/b' }, 'invalid_share_id'],
    ['..', { _id: '$share/..' }, 'invalid_share_id'],
    ['a capital', { _id: '$share/Abc' }, 'invalid_share_id'],
    ['$', { _id: '$share/$abc' }, 'invalid_share_id'],
    ['+', { _id: '$share/a+b' }, 'invalid_share_id'],
    ['a space', { _id: '$share/a b' }, 'invalid_share_id'],
    ['ä', { _id: '$share/ä' }, 'invalid_share_id'],
    ['__proto__', { _id: '$share/__proto__' }, 'invalid_share_id'],
    ['access true', { _id: '$share/abc', access: true }, 'unsupported_access'],
    ['a reader', { _id: '$share/abc', access: { read: ['u1'] } }, 'unsupported_access'],
    ['everybody a reader', { _id: '$share/abc', access: { read: true } }, 'unsupported_access'],
    ['everybody a writer', { _id: '$share/abc', access: { write: true } }, 'unsupported_access'],
    ['access as text', { _id: '$share/abc', access: 'public' }, 'unsupported_access'],
    ['access as a list', { _id: '$share/abc', access: [] }, 'unsupported_access'],
    ['access 0', { _id: '$share/abc', access: 0 }, 'unsupported_access'],
    ['an unknown right', { _id: '$share/abc', access: { admin: [] } }, 'unsupported_access'],
  ]
  for (const [what, doc, code] of malformed)
    it(`is malformed with ${what}`, () => {
      const request = parseShareRequest(doc)
      assert.equal(request.kind, 'malformed')
      assert.equal(request.kind === 'malformed' && request.problem.code, code)
    })
})
