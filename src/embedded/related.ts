// Reads a document with the attachments that follow it, as CouchDB does: in the order of the JSON, whatever their headers say.
import { randomUUID } from 'node:crypto'
import { badRequest } from './faults.ts'
import type { Json } from './packages.ts'
import { attachmentsIn } from './parameters.ts'
import type { Response } from './request.ts'

interface Stub {
  content_type?: string
  data?: string
  follows?: boolean
}

export interface RelatedDoc {
  _attachments?: Record<string, Stub>
  [attribute: string]: unknown
}

/**
 * The document, with its attachments inside; null where the type of the body is not `multipart/related`.
 * https://docs.couchdb.org/en/stable/api/document/common.html#creating-multiple-attachments
 * @param parse reads the JSON
 */
export async function readRelated(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
  parse: (text: string) => unknown,
): Promise<RelatedDoc | null> {
  const boundary = /^multipart\/related;.*boundary="?([^";]+)"?/.exec(contentType)?.[1]
  if (boundary === undefined) return null
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  const [json, ...followers] = partsOf(Buffer.concat(chunks), boundary)
  const doc = parse(json?.toString('utf8') ?? '') as RelatedDoc
  if (doc === null || typeof doc !== 'object' || doc._attachments === undefined) return doc
  const attachments = Object.entries(doc._attachments).map(([name, { follows, ...stub }]): [string, Stub] => [
    name,
    follows ? { ...stub, data: following(followers).toString('base64') } : stub,
  ])
  return { ...doc, _attachments: Object.fromEntries(attachments) }
}

function following(parts: Buffer[]): Buffer {
  const part = parts.shift()
  if (part === undefined) throw badRequest('attachment shorter than expected')
  return part
}

/** Answers with a document whose attachments are there as bytes. */
export function sendRelated(response: Response, doc: Json, headers: Record<string, string>): void {
  const boundary = randomUUID()
  const attachments = Object.entries(attachmentsIn(doc)) as [string, Json & { data: Uint8Array }][]
  const stubs = attachments.map(([name, { data, ...stub }]): [string, Json] => [
    name,
    { ...stub, length: data.length, follows: true },
  ])
  const json = JSON.stringify({ ...doc, _attachments: Object.fromEntries(stubs) })
  const body = [
    Buffer.from(`--${boundary}\r\nContent-Type: application/json\r\n\r\n${json}`),
    ...attachments.flatMap(([, { data }]) => [Buffer.from(`\r\n--${boundary}\r\n\r\n`), data]),
    Buffer.from(`\r\n--${boundary}--`),
  ]
  response.writeHead(200, {
    'content-type': `multipart/related; boundary="${boundary}"`,
    'content-length': String(body.reduce((sum, { length }) => sum + length, 0)),
    ...headers,
  })
  for (const part of body) response.write(part)
  response.end()
}

/** What stands between the boundaries, each without its headers. */
function partsOf(body: Buffer, boundary: string): Buffer[] {
  const parts: Buffer[] = []
  const mark = Buffer.from(`--${boundary}`)
  for (let start = body.indexOf(mark); start !== -1;) {
    const end = body.indexOf(Buffer.concat([Buffer.from('\r\n'), mark]), start)
    if (end === -1) break
    const part = body.subarray(start + mark.length, end)
    parts.push(part.subarray(part.indexOf('\r\n\r\n') + 4))
    start = end + 2
  }
  return parts
}
