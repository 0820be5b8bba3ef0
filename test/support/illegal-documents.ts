// What CouchDB refuses of a request as a whole, whatever else is in it: seen on 3.5.0. One such document among others is how a
// user's document may stop everybody's.
import { CouchFault } from '../../src/couch/fault.ts'
import type { Doc } from '../../src/couch/document.ts'
import { encodeJson } from '../../src/documents/json.ts'
import { isNameable } from '../../src/documents/revisions.ts'

/** The members with an underscore that CouchDB takes in a body; of some it makes nothing. */
const SPECIAL = new Set([
  ...['_id', '_rev', '_deleted', '_attachments', '_revisions'],
  ...['_conflicts', '_deleted_conflicts', '_revs_info', '_local_seq', '_access'],
  ...['_replication_state', '_replication_state_time', '_replication_state_reason'],
  ...['_replication_id', '_replication_stats'],
])

/** Half a surrogate pair as JSON has it; the backslash before it is none that is itself escaped. */
const HALF_A_PAIR = /(?<!\\)(?:\\\\)*\\u[dD][89a-fA-F]/

const refused = (where: string, error: string, reason: string): CouchFault =>
  new CouchFault('bad_request', where, reason, 400, error)

/** @throws {CouchFault} where the text of a request holds half a surrogate pair */
export function assertUtf8(where: string, body: unknown): void {
  if (HALF_A_PAIR.test(encodeJson(body))) throw refused(where, 'bad_request', 'invalid UTF-8 JSON')
}

/** @throws {CouchFault} where CouchDB does not take a document into a request */
export function assertLegal(where: string, doc: Doc): void {
  const { _id: id, _rev: rev, _attachments: attachments, _revisions: revisions } = doc
  if (typeof id !== 'string') throw refused(where, 'illegal_docid', 'Document id must be a string')
  if (id === '') throw refused(where, 'illegal_docid', 'Document id must not be empty')
  if (id.startsWith('_') && !/^_(?:design|local)\/./s.test(id))
    throw refused(where, 'illegal_docid', 'Only reserved document ids may start with underscore.')
  const unknown = Object.keys(doc).find((name) => name.startsWith('_') && !SPECIAL.has(name))
  if (unknown !== undefined) throw refused(where, 'doc_validation', `Bad special document member: ${unknown}`)
  if (revisions !== undefined && !/^-?\d+$/.test(encodeJson(revisions.start)))
    throw refused(where, 'doc_validation', "_revisions.start isn't an integer.")
  const reserved = Object.keys(attachments ?? {}).find((name) => name.startsWith('_'))
  if (reserved !== undefined)
    throw refused(where, 'bad_request', `Attachment name '${reserved}' starts with prohibited character '_'`)
  if (rev !== undefined && !isNameable(rev)) throw refused(where, 'bad_request', 'Invalid rev format')
}
