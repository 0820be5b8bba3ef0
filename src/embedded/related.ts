// Reads a document with the attachments that follow it, as CouchDB does: in the order of the JSON, whatever their headers say.

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
  const doc = parse((json ?? Buffer.from('null')).toString('utf8')) as RelatedDoc
  if (doc === null || typeof doc !== 'object' || doc._attachments === undefined) return doc
  const attachments = Object.entries(doc._attachments).map(([name, { follows, ...stub }]): [string, Stub] => [
    name,
    follows ? { ...stub, data: (followers.shift() ?? Buffer.alloc(0)).toString('base64') } : stub,
  ])
  return { ...doc, _attachments: Object.fromEntries(attachments) }
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
