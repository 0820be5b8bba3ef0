// Bulk writing that one document cannot spoil: a request that the server refuses as a whole is cut in two.
import type { Database } from './database.ts'
import type { Doc, Written } from './document.ts'
import { isFault } from './fault.ts'
import { encodeJson } from '../documents/json.ts'

/** Documents a request at the most; a page of objects and their bases fits in. */
const MOST_DOCS = 500
/** Characters a request at the most, unless a single document has more. */
const MOST_CHARACTERS = 16 * 1024 * 1024

/** Writes documents, in order; one that the server does not take is told as `too_large` or `bad_request`. */
export async function writeBulk(
  database: Database,
  docs: Doc[],
  options: { newEdits?: boolean } = {},
): Promise<Written[]> {
  const written: Written[] = []
  for (const request of requestsOf(docs)) written.push(...(await writeOrSplit(database, request, options)))
  return written
}

/** Documents as they go into requests, in order. */
export function requestsOf(docs: readonly Doc[]): Doc[][] {
  const requests: Doc[][] = []
  let room = 0
  for (const doc of docs) {
    const { length } = encodeJson(doc)
    const last = requests.at(-1)
    if (last && last.length < MOST_DOCS && length <= room) last.push(doc)
    else {
      requests.push([doc])
      room = MOST_CHARACTERS
    }
    room -= length
  }
  return requests
}

async function writeOrSplit(
  database: Database,
  docs: Doc[],
  options: { newEdits?: boolean },
): Promise<Written[]> {
  try {
    return await database.bulk(docs, options)
  } catch (error) {
    if (!isFault(error, 'too_large') && !isFault(error, 'bad_request')) throw error
    const [first] = docs
    if (docs.length === 1 && first)
      return [{ id: first._id, ok: false, error: error.code, reason: error.reason }]
    const middle = Math.ceil(docs.length / 2)
    return [
      ...(await writeOrSplit(database, docs.slice(0, middle), options)),
      ...(await writeOrSplit(database, docs.slice(middle), options)),
    ]
  }
}
