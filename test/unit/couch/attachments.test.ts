// Attachments: what a copy has already is not carried again.
import assert from 'node:assert/strict'
import type { AttachmentStub } from '../../../src/documents/content.ts'
import type { CopyState } from '../../../src/shares/plan/object-facts.ts'
import {
  attachedBytes,
  attachmentsToCarry,
  BATCH_BYTES,
  hasAttachment,
  isPlain,
  Room,
} from '../../../src/couch/attachments.ts'

const a: AttachmentStub = { content_type: 'text/plain', digest: 'md5-a', length: 3 }
const there = { ...a, revpos: 7, stub: true }
const copy = (attachments?: Record<string, AttachmentStub>): CopyState => ({
  _id: 'share/s/o',
  _rev: '1-c',
  ...(attachments ? { _attachments: attachments } : {}),
})

describe('couch/attachments', () => {
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

  it('counts bytes as they are stored or as they are read, whichever is more', () => {
    const packed = { ...a, encoding: 'gzip', encoded_length: 9 }
    assert.equal(attachedBytes({ _attachments: { f: a, g: packed, h: { digest: 'x' } } }), 12)
    assert.equal(attachedBytes({}), 0)
  })

  it('has the bytes of an attachment only where the type is the same, too', () => {
    const doc = copy({ f: { ...a, content_type: 'image/png' } })
    assert.equal(hasAttachment(doc, 'f', { f: a }), false)
    assert.equal(hasAttachment(copy({ f: a }), 'f', { f: a }), true)
    assert.equal(hasAttachment(copy({ f: a }), 'g', { g: a }), false)
    assert.equal(hasAttachment(copy(), 'constructor', { constructor: a }), false)
  })

  it('lets small attachments travel inside their documents, until the request is full', () => {
    const room = new Room()
    const most = 256 * 1024
    assert.equal(room.take(most + 1), false)
    let taken = 0
    while (room.take(most)) taken += most
    assert.equal(taken, BATCH_BYTES)
    assert.equal(room.take(1), false)
  })

  it('tells compressed ones from others', () => {
    assert.equal(isPlain({ _attachments: { f: a } }), true)
    assert.equal(isPlain({ _attachments: { f: a, g: { ...a, encoding: 'gzip' } } }), false)
    assert.equal(isPlain({}), true)
  })
})
