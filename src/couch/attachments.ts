// Which attachments a document still lacks, and how many of them may travel inside it.
import type { Attachment, StoredDoc } from './document.ts'
import { attachmentDigest } from '../documents/digests.ts'
import { pickFrom, type AttachmentStub, type ObjectDoc } from '../documents/content.ts'
import { generationOf, lineOf, type Leaf } from '../documents/revisions.ts'

/** Attachments of a document that together are larger than this come after it, as streams. */
const INSIDE_BYTES = 256 * 1024

/** So many bytes of attachments travel inside the documents of one batch: they are in memory all at once, in base64. */
export const BATCH_BYTES = 4 * 1024 * 1024

/** What is left of that for the documents of a batch. */
export class Room {
  #left = BATCH_BYTES

  /** Takes room for attachments that travel inside their document; false where there is none. */
  take(bytes: number): boolean {
    if (bytes > INSIDE_BYTES || bytes > this.#left) return false
    this.#left -= bytes
    return true
  }
}

/** The attachments of a document: those that stand there already, as stubs, and the names of those that it still lacks. */
export function attachmentsToCarry(
  wanted: Record<string, AttachmentStub>,
  over: ObjectDoc | null,
): { stubs: Record<string, Attachment>; lacking: string[] } {
  const stubs: Record<string, Attachment> = {}
  const lacking: string[] = []
  for (const name of Object.keys(wanted)) {
    const there = ownStub(over, name)
    if (there && hasAttachment(over, name, wanted)) stubs[name] = { ...there, stub: true }
    else lacking.push(name)
  }
  return { stubs, lacking }
}

/** True where a document has the attachment that is wanted under that name: the same bytes, of the same type. */
export function hasAttachment(
  doc: Pick<ObjectDoc, '_attachments'> | null,
  name: string,
  wanted: Record<string, AttachmentStub>,
): boolean {
  const [there, one] = [ownStub(doc, name), wanted[name]]
  return there !== undefined && one !== undefined && attachmentDigest(there) === attachmentDigest(one)
}

const ownStub = (doc: Pick<ObjectDoc, '_attachments'> | null, name: string): AttachmentStub | undefined =>
  doc?._attachments && Object.hasOwn(doc._attachments, name) ? doc._attachments[name] : undefined

/** True where nothing is attached. */
export const isBare = ({ _attachments = {} }: Pick<StoredDoc, '_attachments'>): boolean =>
  Object.keys(_attachments).length === 0

/** The attachments that a leaf got after an earlier revision of it; all of them where none is named. */
export const attachedAfter = (
  { _attachments = {} }: Pick<StoredDoc, '_attachments'>,
  since: string | undefined,
): Record<string, Attachment> =>
  pickFrom(_attachments, (name) => since === undefined || !isOlder(_attachments[name], since))

/** True where it was attached in that revision, or before. */
const isOlder = ({ revpos = Infinity }: Attachment = {}, rev: string): boolean => revpos <= generationOf(rev)

/**
 * The revision that stands in another place, where the leaf was made from it, and has its older attachments from there:
 * they need not be sent. Digests are compared as well, because who writes revisions as they are (`new_edits: false`) may
 * say anything of when something was attached.
 * @returns null where all are to be sent
 */
export function knownSince(leaf: Leaf, there: StoredDoc | null): string | null {
  if (there === null || !lineOf(leaf).includes(there._rev)) return null
  const old = Object.entries(leaf._attachments ?? {}).filter(([, one]) => isOlder(one, there._rev))
  const isThere = ([name, { revpos }]: [string, Attachment]): boolean =>
    hasAttachment(there, name, leaf._attachments ?? {}) && there._attachments?.[name]?.revpos === revpos
  return old.length > 0 && old.every(isThere) ? there._rev : null
}

/** The bytes of all attachments of a document, as they are stored or as they are read, whichever is more. */
export const attachedBytes = ({ _attachments = {} }: { _attachments?: Record<string, Attachment> }): number =>
  Object.values(_attachments).reduce(
    (sum, { data, length = 0, encoded_length = 0 }) =>
      sum + Math.max(data?.length ?? 0, length, encoded_length),
    0,
  )

/**
 * True for a document none of whose attachments is stored compressed, as far as that was asked for. Those that are would be
 * read uncompressed inside of JSON: of any length, and with another digest where they arrive.
 */
export const isPlain = ({ _attachments = {} }: { _attachments?: Record<string, Attachment> }): boolean =>
  Object.values(_attachments).every(({ encoding }) => encoding === undefined)
