// Makes a client's documents what PouchDB takes: where CouchDB is lenient or strict and PouchDB is not, it happens here.
import { randomBytes } from 'node:crypto'
import { own } from '../documents/own.ts'
import { isUsers } from './accounts.ts'
import type { Database } from './databases.ts'
import { badRequest, badSpecialMember, conflict, CouchFault, toFault } from './faults.ts'
import type { Json, PouchWriteResult } from './packages.ts'
import { attachmentsIn, isJson } from './parameters.ts'
import { hidePassword } from './passwords.ts'
import { nameRevision } from './revisions.ts'
import { SECURITY_ID } from './security.ts'
import { refusalOf, type DatabaseWriter } from './validation.ts'

export type WriteAnswer =
  { ok: true; id: string; rev: string } | { id: string; rev?: string; error: string; reason: string }

type Written = { ok: true; id: string; rev: string } | { id: string; rev?: string; refusal: CouchFault }

/**
 * Writes documents as `_bulk_docs` does; an answer for each, in order, and only for the refused ones without newEdits.
 * Throws what refuses the request as a whole. The documents are changed.
 */
export async function writeDocuments(
  writer: DatabaseWriter,
  docs: unknown[],
  newEdits: boolean,
): Promise<WriteAnswer[]> {
  const written = await write(writer, docs, newEdits)
  return written.map((one) => {
    if ('ok' in one) return one
    const { refusal, ...named } = one
    return { ...named, error: refusal.error, reason: refusal.reason }
  })
}

/** Writes one document. Throws its refusal. */
export async function writeDocument(
  writer: DatabaseWriter,
  doc: Json,
  newEdits: boolean,
): Promise<{ ok: true; id: string; rev: string }> {
  const [written] = await write(writer, [doc], newEdits)
  if (written === undefined) return { ok: true, id: String(doc['_id']), rev: String(doc['_rev']) }
  if ('ok' in written) return written
  throw written.refusal
}

async function write(writer: DatabaseWriter, docs: unknown[], newEdits: boolean): Promise<Written[]> {
  const prepared: Json[] = []
  for (const doc of docs) prepared.push(await prepare(writer.database, doc, newEdits))
  const refusals = await refusalsOf(writer, prepared, newEdits)
  const allowed = prepared.filter((_, at) => refusals[at] === null)
  const results =
    allowed.length === 0
      ? []
      : await writer.database.pouch.bulkDocs({ docs: allowed }, { new_edits: newEdits })
  const answers = results.map(toWritten)
  const refused = prepared.flatMap((doc, at) => {
    const refusal = refusals[at] ?? null
    return refusal === null ? [] : [{ at, id: String(doc['_id']), rev: doc['_rev'], refusal }]
  })
  for (const { at, id, rev, refusal } of refused) {
    const one = newEdits ? { id, refusal } : { id, rev: String(rev), refusal }
    if (newEdits) answers.splice(at, 0, one)
    else answers.push(one)
  }
  return answers
}

/** Hides passwords, and says of each document why it may not be written, null where it may. */
export async function refusalsOf(
  writer: DatabaseWriter,
  docs: Json[],
  newEdits: boolean,
): Promise<(CouchFault | null)[]> {
  const refusals: (CouchFault | null)[] = []
  for (const doc of docs) {
    if (isUsers(writer.database)) await hidePassword(doc)
    refusals.push(await refusalOf(writer, doc, newEdits))
  }
  return refusals
}

function toWritten(result: PouchWriteResult): Written {
  const id = result.id ?? ''
  if (!result.error) return { ok: true, id, rev: result.rev ?? '' }
  const { error, reason } = toFault(result)
  if (error === 'conflict') return { id, refusal: conflict() }
  return { id, refusal: new CouchFault(error === 'not_found' ? 404 : 400, error, reason) }
}

async function prepare(database: Database, doc: unknown, newEdits: boolean): Promise<Json> {
  if (!isJson(doc)) throw badRequest('Document must be a JSON object')
  doc['_id'] ??= randomBytes(16).toString('hex')
  checkId(doc['_id'])
  checkMembers(doc)
  nameRevision(doc, !newEdits)
  if (isJson(doc['_attachments'])) await completeAttachments(database, doc, doc['_attachments'])
  return doc
}

/** CouchDB writes these into a document. */
const STORED = /^_(?:access|replication_(?:id|state|state_time|state_reason|stats))$/
/** CouchDB knows these, and takes no notice of what a client says in them. */
const IGNORED = ['_revs_info', '_local_seq', '_conflicts', '_deleted_conflicts']

/** PouchDB has members of its own, and takes anything for true: nothing is to reach it that rules read otherwise. */
function checkMembers(doc: Json): void {
  for (const name of IGNORED) delete doc[name]
  for (const [name, value] of Object.entries(doc)) {
    if (!name.startsWith('_') || STORED.test(name) || /^_(?:id|rev|revisions)$/.test(name)) continue
    if (name === '_deleted' && typeof value === 'boolean') continue
    if (name === '_attachments' && isJson(value)) continue
    throw badSpecialMember(name)
  }
}

/** Throws where CouchDB takes no attachment of that name. */
export function checkAttachmentName(name: string): void {
  if (name.startsWith('_')) throw badRequest(`Attachment name '${name}' starts with prohibited character '_'`)
}

function checkId(id: unknown): void {
  const illegal = (reason: string) => new CouchFault(400, 'illegal_docid', reason)
  if (typeof id !== 'string') throw illegal('Document id must be a string')
  if (id === '') throw illegal('Document id must not be empty')
  if (id.startsWith('_') && !/^_(design|local)\/./s.test(id)) {
    throw illegal('Only reserved document ids may start with underscore.')
  }
  if (id === SECURITY_ID) throw illegal('This id is the server’s own.')
}

/** PouchDB warns without a content type, and finds a stub only by its digest; CouchDB needs neither. */
async function completeAttachments(database: Database, doc: Json, attachments: Json): Promise<void> {
  const id = String(doc['_id'])
  let before: Json | null = null
  for (const [name, attachment] of Object.entries(attachments)) {
    checkAttachmentName(name)
    if (!isJson(attachment)) throw badRequest(`Invalid attachment data for ${name}`)
    attachment['content_type'] ??= 'application/octet-stream'
    if (attachment['stub'] !== true) {
      const { data } = attachment
      if (data instanceof Uint8Array) continue
      if (typeof data !== 'string' || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(data)) {
        throw badRequest(`Invalid attachment data for ${name}`)
      }
      continue
    }
    before ??= await attachmentsOf(database, id, doc['_rev'])
    const known = own(before, name)
    if (!isJson(known)) {
      if (typeof attachment['digest'] === 'string' && doc['_revisions'] !== undefined) continue
      throw new CouchFault(412, 'missing_stub', `Invalid attachment stub in ${id} for ${name}`)
    }
    attachments[name] = { ...known }
  }
}

async function attachmentsOf(database: Database, id: string, rev: unknown): Promise<Json> {
  try {
    const doc = await database.pouch.get(id, typeof rev === 'string' ? { rev } : {})
    return attachmentsIn(doc)
  } catch {
    return {}
  }
}
