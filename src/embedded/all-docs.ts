// _all_docs of given keys, document by document: PouchDB opens a stream for each key, which takes several times as long.
import type { Json, Pouch } from './packages.ts'

/** PouchDB has its ways with these. */
const LEFT_TO_POUCHDB = ['key', 'startkey', 'endkey', 'descending', 'update_seq']

/** What PouchDB's `allDocs` answers, whatever the options are. */
export async function allDocs(pouch: Pouch, options: Json): Promise<Json> {
  const { keys, skip = 0, limit = Infinity, include_docs, conflicts, attachments } = options
  const isOurs = Array.isArray(keys) && keys.every((key) => typeof key === 'string')
  if (!isOurs || LEFT_TO_POUCHDB.some((name) => options[name])) return pouch.allDocs(options)
  const from = Number(skip)
  const rows: Json[] = []
  for (const key of keys.slice(from, from + Number(limit)))
    rows.push(await rowOf(pouch, key, include_docs === true ? { conflicts, attachments } : null))
  return { total_rows: (await pouch.info()).doc_count, offset: from, rows }
}

/** @param wish options for the document; null where it is not wished for */
async function rowOf(pouch: Pouch, key: string, wish: Json | null): Promise<Json> {
  const absent = { key, error: 'not_found' }
  // PouchDB lists neither.
  if (key === '' || key.startsWith('_local/')) return absent
  try {
    const doc = await pouch.get(key, wish ?? {})
    const row = { id: key, key, value: { rev: doc['_rev'] } }
    return wish === null ? row : { ...row, doc }
  } catch (fault) {
    const { status, reason } = fault as { status?: unknown; reason?: unknown }
    if (status !== 404) throw fault
    // Of a document that is deleted, the revision.
    const [row] = reason === 'deleted' ? (await pouch.allDocs({ keys: [key] })).rows : []
    return row ?? absent
  }
}
