// Attachments by themselves: written as a part of their document, so that they are asked about like everything else.
import { own } from '../model/own.ts'
import type { Database, Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { checkAttachmentName, writeDocument } from './document-writes.ts'
import { conflict, notFound, orNull, route, sendJson } from './faults.ts'
import type { Handler, Json, Request, Response, Router } from './packages.ts'
import { attachmentsIn, queryOf, readBytes } from './parameters.ts'

/** After the routes of design documents, whose functions have the same form. Reading is up to express-pouchdb. */
export function addAttachmentRoutes(router: Router, databases: Databases): void {
  const write =
    (change: (written: Written) => Promise<void>): Handler =>
    (request, response, next) =>
      route(async () => {
        const place = placeOf(request)
        if (place === null) return next()
        const database = databaseOf(request, databases)
        await change({ request, response, database, ...place, rev: revisionOf(request) })
      })(request, response, next)

  const put = write(async ({ request, response, database, id, name, rev }) => {
    const data = await readBytes(request)
    const doc = rev === undefined ? { _id: id } : await revisionOrConflict(database, id, rev)
    const content_type = request.headers['content-type'] ?? 'application/octet-stream'
    doc['_attachments'] = { ...attachmentsIn(doc), [name]: { content_type, data } }
    const answer = await writeDocument({ database, user: request.user }, doc, true)
    sendJson(response, 201, answer, { etag: `"${answer.rev}"` })
  })

  const remove = write(async ({ request, response, database, id, name, rev }) => {
    if (rev === undefined) throw conflict()
    const doc = await revisionOrConflict(database, id, rev)
    const { [name]: _gone, ...others } = attachmentsIn(doc)
    if (own(attachmentsIn(doc), name) === undefined) throw notFound('Document is missing attachment')
    doc['_attachments'] = others
    const answer = await writeDocument({ database, user: request.user }, doc, true)
    sendJson(response, 200, answer)
  })

  for (const path of ['/:db/:scope(_design)/:id/:attachment(*)', '/:db/:id/:attachment(*)']) {
    router.put(path, put)
    router.delete(path, remove)
  }
}

/** What is asked for an attachment, and where it is. */
interface Written {
  request: Request
  response: Response
  database: Database
  id: string
  name: string
  rev: string | undefined
}

function placeOf(request: Request): { id: string; name: string } | null {
  const { scope, id = '', attachment: name = '' } = request.params
  if (name === '' || (scope === undefined && /^_(?!design\/)/.test(id))) return null
  checkAttachmentName(name)
  return { id: scope === undefined ? id : `${scope}/${id}`, name }
}

const revisionOf = (request: Request): string | undefined =>
  queryOf(request).get('rev') ?? request.headers['if-match']?.replace(/^"|"$/g, '')

async function revisionOrConflict(database: Database, id: string, rev: string): Promise<Json> {
  const doc = await orNull(database.pouch.get(id, { rev }))
  if (doc === null) throw conflict()
  return doc
}
