// Attachments as the server in memory sends and takes them: as streams, some of them compressed.
import mapValues from 'lodash/mapValues.js'
import type { Doc, StoredDoc } from '../../src/couch/document.ts'
import { CouchFault } from '../../src/couch/fault.ts'
import { decodeJson, encodeJson } from '../../src/documents/json.ts'
import { readRelated } from '../../src/embedded/related.ts'
import { attachedAfter } from '../../src/couch/attachments.ts'
import { asRead, type MemoryDatabase } from './memory-database.ts'
import type { Flow } from '../../src/couch/request.ts'

/** What has this type counts as compressed, so that it goes as a stream, however small it is. */
export const COMPRESSED = 'text/plain'

/** A leaf with what `att_encoding_info` adds. */
export const withEncodings = (leaf: StoredDoc): StoredDoc =>
  !leaf._attachments
    ? leaf
    : {
        ...leaf,
        _attachments: Object.fromEntries(
          Object.entries(leaf._attachments).map(([name, stub]) => [
            name,
            stub.content_type === COMPRESSED
              ? { ...stub, encoding: 'gzip', encoded_length: stub.length ?? 0 }
              : stub,
          ]),
        ),
      }

function leafOf(database: MemoryDatabase, id: string, rev: string): StoredDoc {
  const leaf = database.leaf(id, rev)
  if (!leaf) throw new CouchFault('not_found', database.name, 'missing', 404)
  return leaf
}

const once = (bytes: Buffer): AsyncIterable<Uint8Array> => ({
  async *[Symbol.asyncIterator]() {
    yield await Promise.resolve(bytes)
  },
})

export function flowOfAttachment(
  database: MemoryDatabase,
  id: string,
  name: string,
  rev: string,
): AsyncIterable<Uint8Array> {
  const data = leafOf(database, id, rev)._attachments?.[name]?.data
  if (data === undefined) throw new CouchFault('not_found', database.name, 'missing', 404)
  return once(Buffer.from(data, 'base64'))
}

/** A leaf without the contents of what it has had since an earlier revision (`atts_since`); with all where none is named. */
export const contentsAfter = (leaf: StoredDoc, since: string | undefined): StoredDoc =>
  !leaf._attachments
    ? leaf
    : {
        ...leaf,
        // Of what comes with its contents CouchDB tells no length.
        _attachments: {
          ...asRead(leaf)._attachments,
          ...mapValues(attachedAfter(leaf, since), ({ stub: _, length: __, ...attachment }) => attachment),
        },
      }

export const flowOfLeaf = (
  database: MemoryDatabase,
  id: string,
  rev: string,
  since: string | undefined,
): Flow => ({
  body: once(Buffer.from(encodeJson(contentsAfter(leafOf(database, id, rev), since)))),
  contentType: 'application/json',
})

/** The document that a body holds: JSON, or JSON and the attachments that follow it. */
export async function readFlow({ body, contentType }: Flow): Promise<Doc> {
  const related = await readRelated(body, contentType, decodeJson)
  if (related !== null) return related as Doc
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return decodeJson(Buffer.concat(chunks).toString('utf8')) as Doc
}
