// What a document says of its revision and of those before it, checked as CouchDB does: PouchDB stores whatever it is given.
// https://github.com/apache/couchdb/blob/main/src/couch/src/couch_doc.erl
import { badRequest, badSpecialMember, CouchFault } from './faults.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'

/** CouchDB's and PouchDB's `revs_limit`: of a longer history the older part is dropped. */
const MOST_REVISIONS = 1_000

const documentInvalid = (reason: string) => new CouchFault(400, 'doc_validation', reason)

/** A revision as CouchDB would write it. Throws for what is none. */
export function parseRevision(rev: unknown): string {
  const [, digits = '', id = ''] = typeof rev === 'string' ? (/^(\d+)-([^-]+)$/s.exec(rev) ?? []) : []
  const generation = Number(digits)
  if (id === '' || !Number.isSafeInteger(generation)) throw badRequest('Invalid rev format')
  return `${generation}-${id}`
}

/**
 * Checks `_rev` and `_revisions`, and makes them name the same revision. Where they differ, `_revisions` counts, as in CouchDB.
 * Throws where the document has neither and needs one.
 */
export function nameRevision(doc: Json, isNeeded: boolean): void {
  if (doc['_rev'] === null || doc['_rev'] === '') delete doc['_rev']
  let rev = doc['_rev'] === undefined ? undefined : parseRevision(doc['_rev'])
  if (doc['_revisions'] !== undefined) {
    const { start, ids } = parseHistory(doc['_revisions'])
    rev = `${start}-${ids[0]}`
    doc['_revisions'] = { start, ids }
  }
  if (rev !== undefined) doc['_rev'] = rev
  if (!isNeeded) return
  if (rev === undefined)
    throw badRequest('When `new_edits: false`, the document needs `_rev` or `_revisions` specified')
  if (rev.startsWith('0-') && !String(doc['_id']).startsWith('_local/'))
    throw badRequest('Invalid rev format')
}

function parseHistory(revisions: unknown): { start: number; ids: string[] } {
  if (!isJson(revisions)) throw badSpecialMember('_revisions')
  const { start, ids } = revisions
  if (!Number.isSafeInteger(start)) throw documentInvalid("_revisions.start isn't an integer.")
  if (!Array.isArray(ids)) throw documentInvalid("_revisions.ids isn't a array.")
  for (const id of ids as unknown[]) {
    if (typeof id !== 'string') throw documentInvalid("RevId isn't a string")
    if (!/^[^-]+$/.test(id)) throw documentInvalid("RevId isn't a valid hexadecimal")
  }
  // CouchDB takes these, and what it stores then is no history.
  if (ids.length === 0) throw documentInvalid('_revisions.ids is empty.')
  if (Number(start) < 1) throw documentInvalid('_revisions.start is less than 1.')
  // What would have been before the first revision is left out.
  return { start: Number(start), ids: (ids as string[]).slice(0, Math.min(Number(start), MOST_REVISIONS)) }
}

/** The revisions of a document that has been through `nameRevision`, its own first. */
export function historyOf(doc: Json): string[] {
  if (!isJson(doc['_revisions'])) return [String(doc['_rev'])]
  const { start, ids } = doc['_revisions'] as { start: number; ids: string[] }
  return ids.map((id, at) => `${start - at}-${id}`)
}
