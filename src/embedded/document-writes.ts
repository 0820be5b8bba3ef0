// Makes a client's documents what PouchDB takes: where CouchDB is lenient or strict and PouchDB is not, it happens here.
import { pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Database } from './databases.ts'
import { badRequest, conflict, CouchFault, toFault } from './faults.ts'
import type { Json, PouchWriteResult } from './packages.ts'
import { isJson } from './parameters.ts'

const derive = promisify(pbkdf2)
/** Far fewer than CouchDB's 600,000: nobody logs in here, the password is only not to be kept. */
const ITERATIONS = 10_000

export type WriteAnswer =
  { ok: true; id: string; rev: string } | { id: string; error: string; reason: string }

/**
 * Writes documents as `_bulk_docs` does; an answer for each, in order, and only for the refused ones without newEdits.
 * Throws what refuses the request as a whole. The documents are changed.
 */
export async function writeDocuments(
  database: Database,
  docs: unknown[],
  newEdits: boolean,
): Promise<WriteAnswer[]> {
  const prepared: Json[] = []
  for (const doc of docs) prepared.push(await prepare(database, doc, newEdits))
  if (prepared.length === 0) return []
  const results = await database.pouch.bulkDocs({ docs: prepared }, { new_edits: newEdits })
  return results.map(toAnswer)
}

function toAnswer(result: PouchWriteResult): WriteAnswer {
  if (!result.error) return { ok: true, id: result.id ?? '', rev: result.rev ?? '' }
  const { error, reason } = toFault(result)
  return { id: result.id ?? '', error, reason }
}

async function prepare(database: Database, doc: unknown, newEdits: boolean): Promise<Json> {
  if (!isJson(doc)) throw badRequest('Document must be a JSON object')
  doc['_id'] ??= randomBytes(16).toString('hex')
  checkId(doc['_id'])
  if (doc['_rev'] === null || doc['_rev'] === '') delete doc['_rev']
  if (!newEdits) nameRevision(doc)
  if (doc['_rev'] !== undefined) checkRevision(doc['_rev'])
  if (isJson(doc['_attachments'])) await completeAttachments(database, doc, doc['_attachments'])
  if (database.name === '_users' && typeof doc['password'] === 'string') await hidePassword(doc)
  return doc
}

function checkId(id: unknown): void {
  const illegal = (reason: string) => new CouchFault(400, 'illegal_docid', reason)
  if (typeof id !== 'string') throw illegal('Document id must be a string')
  if (id === '') throw illegal('Document id must not be empty')
  if (id.startsWith('_') && !/^_(design|local)\/./s.test(id)) {
    throw illegal('Only reserved document ids may start with underscore.')
  }
}

export function checkRevision(rev: unknown): void {
  if (typeof rev !== 'string' || !/^\d+-[^-]+$/.test(rev)) throw badRequest('Invalid rev format')
}

function nameRevision(doc: Json): void {
  if (doc['_rev'] !== undefined) return
  const revisions = doc['_revisions']
  const [last] = isJson(revisions) && Array.isArray(revisions['ids']) ? (revisions['ids'] as unknown[]) : []
  if (!isJson(revisions) || typeof last !== 'string') {
    throw badRequest('When `new_edits: false`, the document needs `_rev` or `_revisions` specified')
  }
  doc['_rev'] = `${Number(revisions['start'])}-${last}`
}

/** PouchDB warns without a content type, and finds a stub only by its digest; CouchDB needs neither. */
async function completeAttachments(database: Database, doc: Json, attachments: Json): Promise<void> {
  const id = String(doc['_id'])
  let before: Json | null = null
  for (const [name, attachment] of Object.entries(attachments)) {
    if (!isJson(attachment)) throw badRequest(`Invalid attachment data for ${name}`)
    attachment['content_type'] ??= 'application/octet-stream'
    if (attachment['stub'] !== true) {
      const { data } = attachment
      if (typeof data !== 'string' || !/^[A-Za-z0-9+/\s]*={0,2}\s*$/.test(data)) {
        throw badRequest(`Invalid attachment data for ${name}`)
      }
      continue
    }
    before ??= await attachmentsOf(database, id, doc['_rev'])
    const known = before[name]
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
    return isJson(doc['_attachments']) ? doc['_attachments'] : {}
  } catch {
    return {}
  }
}

/** CouchDB never stores a password in `_users`; what it stores instead has this shape. */
async function hidePassword(doc: Json): Promise<void> {
  const salt = randomBytes(16).toString('hex')
  const key = await derive(String(doc['password']), salt, ITERATIONS, 32, 'sha256')
  delete doc['password']
  Object.assign(doc, {
    password_scheme: 'pbkdf2',
    pbkdf2_prf: 'sha256',
    salt,
    iterations: ITERATIONS,
    derived_key: key.toString('hex'),
  })
}

/** Writes one document. Throws its refusal. */
export async function writeDocument(
  database: Database,
  doc: Json,
  newEdits: boolean,
): Promise<{ ok: true; id: string; rev: string }> {
  const [answer] = await writeDocuments(database, [doc], newEdits)
  if (answer === undefined) return { ok: true, id: String(doc['_id']), rev: String(doc['_rev']) }
  if ('ok' in answer) return answer
  if (answer.error === 'conflict') throw conflict()
  throw new CouchFault(answer.error === 'not_found' ? 404 : 400, answer.error, answer.reason)
}
