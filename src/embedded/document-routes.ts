// Documents one by one: express-pouchdb's own routes break on PouchDB 9 and delete without being given a revision.
import type { Database, Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { writeDocument } from './document-writes.ts'
import { badRequest, conflict, notFound, route, sendJson, toFault } from './faults.ts'
import type { Handler, Json, Request, Router } from './packages.ts'
import { readRelated } from './related.ts'
import { bodyOf, isJson, isTrue, parseJson, queryOf } from './parameters.ts'
import { parseRevision } from './revisions.ts'

/** `settled` is waited for after each write: `_replicator` answers when the replication has been stopped. */
export function addDocumentRoutes(
  router: Router,
  databases: Databases,
  settled: (database: Database) => Promise<void>,
): void {
  const read: Handler = (request, response, next) =>
    route(async () => {
      const id = documentId(request)
      if (id === null) return next()
      const query = queryOf(request)
      const options = readOptions(query)
      const database = databaseOf(request, databases)
      const doc = await database.pouch.get(id, options)
      if (options['open_revs'] !== undefined) return sendJson(response, 200, doc)
      const etag = `"${String(doc['_rev'])}"`
      if (request.headers['if-none-match'] === etag) {
        response.writeHead(304, { etag })
        response.end()
        return
      }
      sendJson(response, 200, doc, { etag })
    })(request, response, next)

  const write: Handler = (request, response, next) =>
    route(async () => {
      const id = documentId(request)
      if (id === null && !(request.params['id'] ?? '').startsWith('_')) return next()
      const database = databaseOf(request, databases)
      const related = await readRelated(request, request.headers['content-type'] ?? '', parseJson)
      const doc = {
        ...(related ?? bodyOf(request, 'Document must be a JSON object')),
        _id: id ?? request.params['id'],
      } as Json
      const rev = revisionOf(request, doc['_rev'])
      if (rev !== undefined) doc['_rev'] = rev
      const writer = { database, user: request.user }
      const answer = await writeDocument(writer, doc, queryOf(request).get('new_edits') !== 'false')
      await settled(database)
      sendJson(response, doc['_deleted'] === true ? 200 : 201, answer, { etag: `"${answer.rev}"` })
    })(request, response, next)

  const remove: Handler = (request, response, next) =>
    route(async () => {
      const id = documentId(request)
      if (id === null) return next()
      const database = databaseOf(request, databases)
      const rev = revisionOf(request, undefined)
      if (rev !== undefined) parseRevision(rev)
      // A document that is not there is a 404 whatever the revision; one that is there needs its own.
      const leaves = await database.pouch.get(id, id.startsWith('_local/') ? {} : { open_revs: 'all' })
      if (rev === undefined) {
        const live = Array.isArray(leaves) ? leaves.some(isLive) : true
        throw live ? conflict() : notFound('deleted')
      }
      const tombstone = { _id: id, _rev: rev, _deleted: true }
      const answer = await writeDocument({ database, user: request.user }, tombstone, true)
      await settled(database)
      sendJson(response, 200, answer)
    })(request, response, next)

  for (const path of ['/:db/:scope(_design|_local)/:id', '/:db/:id']) {
    router.get(path, read)
    router.put(path, write)
    router.delete(path, remove)
  }

  router.post(
    '/:db',
    route(async (request, response) => {
      const database = databaseOf(request, databases)
      const doc = bodyOf(request, 'Document must be a JSON object')
      const answer = await writeDocument({ database, user: request.user }, doc, true)
      await settled(database)
      sendJson(response, 201, answer)
    }),
  )

  router.post(
    '/:db/_bulk_get',
    route(async (request, response) => {
      const database = databaseOf(request, databases)
      const { docs } = bodyOf(request)
      if (!Array.isArray(docs)) throw badRequest('Missing JSON list of `docs`')
      const query = queryOf(request)
      const options = { revs: isTrue(query.get('revs')), attachments: isTrue(query.get('attachments')) }
      const results: Json[] = []
      const wanted = docs as unknown[]
      for (let index = 0; index < wanted.length; index += AT_ONCE) {
        results.push(
          ...(await Promise.all(
            wanted.slice(index, index + AT_ONCE).map((one) => getLeaves(database, one, options)),
          )),
        )
      }
      sendJson(response, 200, { results })
    }),
  )
}

const AT_ONCE = 20

/** The id in the path; null for `_something` that is neither a design nor a local document. */
function documentId(request: Request): string | null {
  const { scope, id = '' } = request.params
  if (scope !== undefined) return `${scope}/${id}`
  return id.startsWith('_') && !/^_(design|local)\/./s.test(id) ? null : id
}

function revisionOf(request: Request, inDoc: unknown): unknown {
  const ifMatch = request.headers['if-match']?.replace(/^"|"$/g, '')
  return inDoc ?? queryOf(request).get('rev') ?? ifMatch
}

function readOptions(query: URLSearchParams): Json {
  const options: Json = {}
  const rev = query.get('rev')
  if (rev !== null) {
    parseRevision(rev)
    options['rev'] = rev
  }
  for (const flag of ['revs', 'revs_info', 'conflicts', 'attachments', 'latest']) {
    if (isTrue(query.get(flag))) options[flag] = true
  }
  if (isTrue(query.get('meta'))) Object.assign(options, { conflicts: true, revs_info: true })
  const openRevs = query.get('open_revs')
  if (openRevs !== null) options['open_revs'] = openRevs === 'all' ? 'all' : openRevisions(openRevs)
  return options
}

function openRevisions(text: string): unknown[] {
  const revs = parseJson(text)
  if (!Array.isArray(revs)) throw badRequest('`open_revs` must be `all` or a list of revisions')
  revs.forEach(parseRevision)
  return revs
}

const isLive = (leaf: unknown) => isJson(leaf) && isJson(leaf['ok']) && leaf['ok']['_deleted'] !== true

async function getLeaves(database: Database, one: unknown, options: Json): Promise<Json> {
  const id = isJson(one) && typeof one['id'] === 'string' ? one['id'] : null
  if (id === null) throw badRequest('Document id must be a string')
  const rev = isJson(one) && typeof one['rev'] === 'string' ? one['rev'] : undefined
  const missing = (name: string, reason: string) => ({
    error: { id, rev: rev ?? 'undefined', error: name, reason },
  })
  try {
    const open_revs = rev === undefined ? 'all' : [rev]
    const leaves = (await database.pouch.get(id, { ...options, open_revs })) as unknown as Json[]
    return { id, docs: leaves.map((leaf) => (leaf['ok'] ? leaf : missing('not_found', 'missing'))) }
  } catch (thrown) {
    const fault = toFault(thrown)
    if (fault.unexpected) throw thrown
    return { id, docs: [missing(fault.error, fault.reason)] }
  }
}
