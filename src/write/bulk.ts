// Bulk writing that one document cannot spoil: where the server refuses a request as too large, it is cut in two.
import type { Database } from '../couch/database.ts'
import type { Doc, Written } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'

/** Documents a request at the most; a page of objects and their bases fits in. */
const MOST_DOCS = 500

/** Writes documents, in order; a document that is too large for the server is told as `too_large`. */
export async function writeBulk(
  database: Database,
  docs: Doc[],
  options: { newEdits?: boolean } = {},
): Promise<Written[]> {
  const written: Written[] = []
  for (let at = 0; at < docs.length; at += MOST_DOCS)
    written.push(...(await writeOrSplit(database, docs.slice(at, at + MOST_DOCS), options)))
  return written
}

async function writeOrSplit(
  database: Database,
  docs: Doc[],
  options: { newEdits?: boolean },
): Promise<Written[]> {
  try {
    return await database.bulk(docs, options)
  } catch (error) {
    if (!isFault(error, 'too_large')) throw error
    const [first] = docs
    if (docs.length === 1 && first)
      return [{ id: first._id, ok: false, error: 'too_large', reason: error.reason }]
    const middle = Math.ceil(docs.length / 2)
    return [
      ...(await writeOrSplit(database, docs.slice(0, middle), options)),
      ...(await writeOrSplit(database, docs.slice(middle), options)),
    ]
  }
}
