// Attachments by themselves: written as a part of their document, so that they are asked about like everything else.
// https://docs.couchdb.org/en/stable/api/document/attachments.html
import { own } from '../documents/own.ts'
import type { Database, Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { checkAttachmentName, writeDocument } from './document-writes.ts'
import { badRequest, conflict, CouchFault, notFound, orNull } from './faults.ts'
import type { Json } from './packages.ts'
import { attachmentsIn, documentIdOf, isJson, queryOf, readBytes } from './parameters.ts'
import { parseRevision } from './revisions.ts'
import type { Router } from './router.ts'
import type { Request, Response } from './request.ts'
import { isUnchanged, sendJson } from './answers.ts'

/** After the routes of design documents, whose functions have the same form. */
export function addAttachmentRoutes(router: Router, databases: Databases): void {
  router.all('/:db/_local/:id/*', () => {
    throw badRequest('_local documents do not accept attachments.')
  })

  const read = async (request: Request, response: Response): Promise<void> => {
    const { pouch } = databaseOf(request, databases)
    const { id, name } = placeOf(request)
    const asked = queryOf(request).get('rev')
    const doc = await pouch.get(id, asked === null ? {} : { rev: parseRevision(asked) })
    const stub = own(attachmentsIn(doc), name)
    if (!isJson(stub)) throw missing()
    const etag = `"${String(stub['digest']).replace(/^md5-/, '')}"`
    if (isUnchanged(request, response, etag)) return
    const bytes = await pouch.getAttachment(id, name, { rev: doc['_rev'] })
    send(request, response, { etag, bytes, type: String(stub['content_type']) })
  }

  const put = async (request: Request, response: Response): Promise<void> => {
    const { id, name } = placeOf(request)
    checkAttachmentName(name)
    const data = await readBytes(request)
    const database = databaseOf(request, databases)
    const rev = revisionOf(request)
    const doc = rev === undefined ? { _id: id } : await revisionOrConflict(database, id, rev)
    const content_type = request.headers['content-type'] ?? 'application/octet-stream'
    doc['_attachments'] = { ...attachmentsIn(doc), [name]: { content_type, data } }
    const answer = await writeDocument({ database, user: request.user }, doc, true)
    sendJson(response, 201, answer, { etag: `"${answer.rev}"` })
  }

  const remove = async (request: Request, response: Response): Promise<void> => {
    const database = databaseOf(request, databases)
    const { id, name } = placeOf(request)
    const rev = revisionOf(request)
    if (rev === undefined) throw conflict()
    const doc = await revisionOrConflict(database, id, rev)
    const { [name]: _gone, ...others } = attachmentsIn(doc)
    if (own(attachmentsIn(doc), name) === undefined) throw missing()
    doc['_attachments'] = others
    sendJson(response, 200, await writeDocument({ database, user: request.user }, doc, true))
  }

  for (const path of ['/:db/_design/:id/*', '/:db/:id/*']) {
    router.get(path, read)
    router.raw('PUT', path, put)
    router.delete(path, remove)
  }
}

const missing = (): CouchFault => notFound('Document is missing attachment')

/** Throws where the part before is `_something` that is no document. */
function placeOf(request: Request): { id: string; name: string } {
  const id = documentIdOf(request)
  const name = request.params['rest']
  if (id === null || !name) throw notFound('missing')
  return { id, name }
}

const revisionOf = (request: Request): string | undefined =>
  queryOf(request).get('rev') ?? request.headers['if-match']?.replace(/^"|"$/g, '')

async function revisionOrConflict(database: Database, id: string, rev: string): Promise<Json> {
  const doc = await orNull(database.pouch.get(id, { rev }))
  if (doc === null) throw conflict()
  return doc
}

/** CouchDB stores these compressed, and gives no parts of them. */
const COMPRESSIBLE = /^(?:text\/.*|application\/(?:javascript|json|xml))(?:;|$)/

function send(
  { headers }: Request,
  response: Response,
  { etag, bytes, type }: { etag: string; bytes: Uint8Array; type: string },
): void {
  const inParts = !COMPRESSIBLE.test(type)
  const range = inParts ? rangeOf(headers.range, bytes.length) : null
  const part = range === null ? bytes : bytes.subarray(range.from, range.to + 1)
  response.writeHead(range === null ? 200 : 206, {
    etag,
    'content-type': type,
    'content-length': String(part.length),
    'accept-ranges': inParts ? 'bytes' : 'none',
    'cache-control': 'must-revalidate',
    ...(range === null ? {} : { 'content-range': `bytes ${range.from}-${range.to}/${bytes.length}` }),
  })
  response.end(part)
}

/** Both ends are in the part. Null for everything: where no part is asked for, and where several are. */
function rangeOf(header: string | undefined, length: number): { from: number; to: number } | null {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return null
  const from = first === '' ? Math.max(0, length - Number(last)) : Number(first)
  const to = first === '' || last === '' ? length - 1 : Math.min(Number(last), length - 1)
  if (from > to)
    throw new CouchFault(416, 'requested_range_not_satisfiable', 'Requested range not satisfiable')
  return { from, to }
}
