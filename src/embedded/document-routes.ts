// Documents one by one, as CouchDB reads and writes them: https://docs.couchdb.org/en/stable/api/document/common.html
import type { Database, Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { writeDocument } from './document-writes.ts'
import { badRequest, conflict, notFound, toFault } from './faults.ts'
import type { Json, Pouch } from './packages.ts'
import { bodyOf, documentIdOf, isJson, isTrue, parseJson, queryOf, readJson } from './parameters.ts'
import { readRelated, sendRelated } from './related.ts'
import { parseRevision } from './revisions.ts'
import type { Router } from './router.ts'
import type { Request, Response } from './request.ts'
import { isUnchanged, sendJson } from './answers.ts'

/** `settled` is waited for after each write: `_replicator` answers when the replication has been stopped. */
export function addDocumentRoutes(
  router: Router,
  databases: Databases,
  settled: (database: Database) => Promise<void>,
): void {
  const read = async (request: Request, response: Response): Promise<void> => {
    const { pouch } = databaseOf(request, databases)
    const id = idOrMissing(request)
    const options = readOptions(queryOf(request))
    const absent = options['latest'] === true ? await takeOutAbsent(pouch, id, options) : []
    const isRelated =
      options['attachments'] === true && /multipart\/related/.test(request.headers.accept ?? '')
    const isOpen = options['open_revs'] !== undefined
    const doc = await pouch.get(id, isRelated && !isOpen ? { ...options, binary: true } : options)
    if (isOpen) {
      const leaves = [...(doc as unknown as unknown[]), ...absent.map((missing) => ({ missing }))]
      return sendJson(response, 200, leaves)
    }
    const etag = `"${String(doc['_rev'])}"`
    if (isUnchanged(request, response, etag)) return
    if (isRelated && isJson(doc['_attachments'])) sendRelated(response, doc, { etag })
    else sendJson(response, 200, doc, { etag })
  }

  const write = async (request: Request, response: Response): Promise<void> => {
    const related = await readRelated(request, request.headers['content-type'] ?? '', parseJson)
    if (related === null) request.body = await readJson(request)
    const database = databaseOf(request, databases)
    const doc = {
      ...(related ?? bodyOf(request, 'Document must be a JSON object')),
      _id: documentIdOf(request) ?? request.params['id'],
    } as Json
    const rev = revisionOf(request, doc['_rev'])
    if (rev !== undefined) doc['_rev'] = rev
    const writer = { database, user: request.user }
    const answer = await writeDocument(writer, doc, queryOf(request).get('new_edits') !== 'false')
    await settled(database)
    sendJson(response, doc['_deleted'] === true ? 200 : 201, answer, { etag: `"${answer.rev}"` })
  }

  const remove = async (request: Request, response: Response): Promise<void> => {
    const database = databaseOf(request, databases)
    const id = idOrMissing(request)
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
  }

  const copy = async (request: Request, response: Response): Promise<void> => {
    const database = databaseOf(request, databases)
    const id = idOrMissing(request)
    const asked = queryOf(request).get('rev')
    const rev = asked === null ? {} : { rev: parseRevision(asked) }
    const { _rev, ...doc } = await database.pouch.get(id, { ...rev, attachments: true, binary: true })
    const copied = { ...doc, ...destinationOf(request) }
    const answer = await writeDocument({ database, user: request.user }, copied, true)
    await settled(database)
    sendJson(response, 201, answer, { etag: `"${answer.rev}"` })
  }

  router.post('/:db', async (request, response) => {
    const database = databaseOf(request, databases)
    const doc = bodyOf(request, 'Document must be a JSON object')
    const answer = await writeDocument({ database, user: request.user }, doc, true)
    await settled(database)
    sendJson(response, 201, answer)
  })

  router.post('/:db/_bulk_get', async (request, response) => {
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
  })

  for (const path of ['/:db/_design/:id', '/:db/_local/:id', '/:db/:id']) {
    router.get(path, read)
    router.raw('PUT', path, write)
    router.delete(path, remove)
    router.raw('COPY', path, copy)
  }
}

const AT_ONCE = 20

function idOrMissing(request: Request): string {
  const id = documentIdOf(request)
  if (id === null) throw notFound('missing')
  return id
}

/** https://docs.couchdb.org/en/stable/api/document/common.html#copy--db-docid */
function destinationOf({ headers: { destination } }: Request): Json {
  if (typeof destination !== 'string' || destination === '')
    throw badRequest('Destination header is mandatory for COPY.')
  if (/^https?:/.test(destination)) throw badRequest('Destination URL must be relative.')
  const [path = '', query] = destination.split('?')
  const rev = new URLSearchParams(query).get('rev')
  return { _id: decodeURIComponent(path), ...(rev === null ? {} : { _rev: rev }) }
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

/** PouchDB never answers again where it is asked for the latest of a revision that is not there. Returns those. */
async function takeOutAbsent(pouch: Pouch, id: string, options: Json): Promise<string[]> {
  const { rev, open_revs } = options
  const asked = (Array.isArray(open_revs) ? open_revs : rev === undefined ? [] : [rev]) as string[]
  if (asked.length === 0 || id.startsWith('_local/')) return []
  const absent = (await pouch.revsDiff({ [id]: asked }))[id]?.missing ?? []
  if (rev !== undefined && absent.length > 0) throw notFound('missing')
  if (Array.isArray(open_revs)) options['open_revs'] = asked.filter((one) => !absent.includes(one))
  return absent
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
