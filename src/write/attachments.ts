// Carries attachments from an object to its copy: what the copy has already is left where it is.
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Database } from '../couch/database.ts'
import type { Attachment, Doc } from '../couch/document.ts'
import { encodeJson } from '../couch/json.ts'
import type { CopyState } from '../plan/object.ts'
import type { AttachmentStub, ObjectDoc } from '../model/object.ts'

/** Attachments of a copy that together are larger than this are streamed; smaller ones travel inside the document. */
export const INLINE_BYTES = 4 * 1024 * 1024

/** The attachments of a copy: those that it has already, as stubs, and the names of those that it still lacks. */
export function attachmentsToCarry(
  wanted: Record<string, AttachmentStub>,
  copy: CopyState,
): { stubs: Record<string, Attachment>; lacking: string[] } {
  const stubs: Record<string, Attachment> = {}
  const lacking: string[] = []
  for (const [name, { digest, content_type }] of Object.entries(wanted)) {
    const there =
      copy?._attachments && Object.hasOwn(copy._attachments, name) ? copy._attachments[name] : undefined
    if (there && there.digest === digest && there.content_type === content_type)
      stubs[name] = { ...there, stub: true }
    else lacking.push(name)
  }
  return { stubs, lacking }
}

/** The bytes that these attachments have. */
export const bytesOf = (attachments: Record<string, AttachmentStub>, names: string[]): number =>
  names.reduce((sum, name) => sum + (attachments[name]?.length ?? 0), 0)

/** The contents of an object's attachments, base64, or null where that revision is no longer there. */
export async function inlineAttachments(
  source: Database,
  from: ObjectDoc,
  names: string[],
): Promise<Record<string, Attachment> | null> {
  const [leaf] = await source.leaves([{ id: from._id, rev: from._rev }], { attachments: true })
  if (!leaf) return null
  return Object.fromEntries(
    names.flatMap((name) => {
      const found = leaf._attachments?.[name]
      return found?.data === undefined
        ? []
        : [[name, { content_type: found.content_type ?? '', data: found.data }]]
    }),
  )
}

/**
 * Writes a copy whose attachments are streamed from the object, never held in memory.
 * https://docs.couchdb.org/en/stable/api/document/common.html#creating-multiple-attachments
 * @returns the new revision
 */
export async function streamCopy(
  source: Database,
  target: Database,
  from: ObjectDoc,
  copy: Doc,
  lacking: string[],
  options: { newEdits: boolean },
): Promise<string> {
  const boundary = randomUUID()
  const stubs = copy._attachments ?? {}
  const follows = Object.fromEntries(
    lacking.map((name) => {
      const { content_type, length } = from._attachments?.[name] ?? {}
      return [name, { follows: true, content_type, length }]
    }),
  )
  async function* body(): AsyncGenerator<Buffer> {
    const head = encodeJson({ ...copy, _attachments: { ...stubs, ...follows } })
    yield Buffer.from(`--${boundary}\r\nContent-Type: application/json\r\n\r\n${head}`)
    for (const name of lacking) {
      yield Buffer.from(`\r\n--${boundary}\r\n\r\n`)
      for await (const chunk of await source.attachment(from._id, name, from._rev)) yield chunk as Buffer
    }
    yield Buffer.from(`\r\n--${boundary}--`)
  }
  return target.putMultipart(
    copy._id,
    Readable.from(body()),
    `multipart/related; boundary="${boundary}"`,
    options,
  )
}

/** True where a name can stand in a URL: fetch takes `.` and `..` for steps in the path, however they are encoded. */
export const fitsUrl = (name: string): boolean => name !== '.' && name !== '..'
