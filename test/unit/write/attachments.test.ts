// Attachments: what a copy has already is not carried again.
import assert from 'node:assert/strict'
import type { AttachmentStub } from '../../../src/model/object.ts'
import type { CopyState } from '../../../src/plan/object.ts'
import { attachmentsToCarry, bytesOf, fitsUrl } from '../../../src/write/attachments.ts'

const a: AttachmentStub = { content_type: 'text/plain', digest: 'md5-a', length: 3 }
const there = { ...a, revpos: 7, stub: true }
const copy = (attachments?: Record<string, AttachmentStub>): CopyState => ({
  _id: 'share/s/o',
  _rev: '1-c',
  ...(attachments ? { _attachments: attachments } : {}),
})

describe('write/attachments', () => {
  const cases: [string, Record<string, AttachmentStub>, CopyState, string[], string[]][] = [
    ['no copy', { f: a }, null, [], ['f']],
    ['a copy without any', { f: a }, copy(), [], ['f']],
    ['a copy that has it', { f: a }, copy({ f: there }), ['f'], []],
    ['a copy that has another', { f: { ...a, digest: 'md5-b' } }, copy({ f: there }), [], ['f']],
    [
      'a copy that has it as another type',
      { f: { ...a, content_type: 'image/png' } },
      copy({ f: there }),
      [],
      ['f'],
    ],
    ['a copy that has it under another name', { g: a }, copy({ f: there }), [], ['g']],
    ['a copy that has one of two', { f: a, g: a }, copy({ f: there }), ['f'], ['g']],
    ['a copy that has too many', {}, copy({ f: there }), [], []],
    [
      'names of Object.prototype',
      { constructor: a, toString: a },
      copy({ f: there }),
      [],
      ['constructor', 'toString'],
    ],
  ]
  for (const [what, wanted, state, stubs, lacking] of cases)
    it(what, () => {
      const found = attachmentsToCarry(wanted, state)
      assert.deepEqual(Object.keys(found.stubs), stubs)
      assert.deepEqual(found.lacking.sort(), lacking.sort())
    })

  it('carries on what the copy has as stubs, as they stand there', () =>
    assert.deepEqual(attachmentsToCarry({ f: a }, copy({ f: there })).stubs, { f: there }))

  it('counts bytes', () => {
    const attachments = { f: a, g: { ...a, length: 5 }, h: { digest: 'x' } }
    assert.equal(bytesOf(attachments, ['f', 'g', 'h']), 8)
    assert.equal(bytesOf(attachments, ['g']), 5)
    assert.equal(bytesOf(attachments, []), 0)
  })

  for (const [name, fits] of [
    ['.', false],
    ['..', false],
    ['...', true],
    ['a/../b', true],
    ['a b', true],
  ] as const)
    it(`${name} ${fits ? 'can' : 'cannot'} stand in a URL`, () => assert.equal(fitsUrl(name), fits))
})
