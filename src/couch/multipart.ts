// A document with attachments that follow it, as one body: nothing of them is ever held in memory.
import { randomUUID } from 'node:crypto'
import type { Doc } from './document.ts'
import { encodeJson } from '../documents/json.ts'
import type { Flow } from './request.ts'

/**
 * The document and the bytes of those of its attachments that are marked with `follows`, each opened when its turn comes.
 * CouchDB takes them in the order in which the JSON names them.
 * https://docs.couchdb.org/en/stable/api/document/common.html#creating-multiple-attachments
 */
export function relatedFlow(doc: Doc, open: (name: string) => Promise<AsyncIterable<Uint8Array>>): Flow {
  const boundary = randomUUID()
  const names = Object.entries(doc._attachments ?? {}).flatMap(([name, { follows }]) => (follows ? name : []))
  async function* body(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`--${boundary}\r\nContent-Type: application/json\r\n\r\n${encodeJson(doc)}`)
    for (const name of names) {
      yield Buffer.from(`\r\n--${boundary}\r\n\r\n`)
      yield* await open(name)
    }
    yield Buffer.from(`\r\n--${boundary}--`)
  }
  return { body: body(), contentType: `multipart/related; boundary="${boundary}"` }
}
