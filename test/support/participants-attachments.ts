// What users attach to what they share: the same bytes under other names and types, too.
import assert from 'node:assert/strict'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import type { Agreed } from '../../src/shares/model/base.ts'
import { digestsOf, isDigestOf } from '../../src/documents/digests.ts'
import { contentOf, project, shows, type Selection } from '../../src/documents/content.ts'
import { COMPRESSED } from './memory-attachments.ts'

export const FILES = ['f', '1'] as const
export const BYTES = ['one', 'two', ''] as const
export const TYPES = ['application/octet-stream', 'image/png', COMPRESSED] as const

interface Attaching {
  user: number
  object: string
  name: string
  /** Null takes the attachment away; undefined leaves its bytes as they are, and changes its type only. */
  bytes?: string | null | undefined
  type: string
}

export type AttachmentAction =
  | ({ kind: 'attach' } & Attaching)
  /** On a user's second device, or in somebody's replica of a share. */
  | ({ kind: 'attach-in-replica'; share: string | null } & Attaching)

/** The document with that attachment, as a client writes it; null where there is nothing to be changed. */
export function withAttachment<Written extends Doc>(
  doc: Written,
  { name, bytes, type }: Attaching,
): Written | null {
  const { [name]: there, ...others } = doc._attachments ?? {}
  if (bytes === null) return there ? { ...doc, _attachments: others } : null
  const data = bytes === undefined ? there?.data : Buffer.from(bytes).toString('base64')
  return data === undefined
    ? null
    : { ...doc, _attachments: { ...others, [name]: { content_type: type, data } } }
}

const attachmentsOf = (doc: Doc | null): Record<string, string> | null =>
  doc && digestsOf(contentOf(doc as StoredDoc)).attachments

/** The share has the attachments that its owner shows. */
export function assertAttachmentsShown(
  copy: Doc | null,
  owned: Doc | null,
  selection: Selection | null,
  what: string,
): void {
  const wanted = owned && selection && digestsOf(project(owned as StoredDoc, selection)).attachments
  assert.deepEqual(attachmentsOf(copy), wanted, `attachments of ${what} are those that its owner shares`)
}

/** Who takes part has the attachments that the share has, but for what the user keeps back. */
export function assertAttachmentsReceived(
  copy: Doc,
  doc: Doc,
  { scope, kept, agreed }: { scope: Selection; kept: Record<string, string>; agreed: Agreed },
  what: string,
): void {
  if (!shows(scope, '_attachments')) return
  const [mine, theirs] = [attachmentsOf(doc) ?? {}, attachmentsOf(copy) ?? {}]
  for (const name of new Set([...Object.keys(mine), ...Object.keys(theirs)])) {
    if (Object.hasOwn({ ...agreed.own, ...kept }, `_attachments/${name}`)) continue
    assert.equal(mine[name], theirs[name], `attachment ${name} of ${what}`)
    if (Object.hasOwn(agreed.attachments, name))
      assert(isDigestOf(agreed.attachments[name], mine[name]), `base of attachment ${name} of ${what}`)
  }
}
