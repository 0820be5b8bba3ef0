// Many documents at once: _bulk_docs, _revs_diff, _all_docs, views and Mango, straight on PouchDB with CouchDB's parameters.
import { own } from '../documents/own.ts'
import { allDocs } from './all-docs.ts'
import type { Database, Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { writeDocuments } from './document-writes.ts'
import { badRequest, notFound } from './faults.ts'
import { find, mango } from './find.ts'
import type { Router } from './router.ts'
import { bodyOf, isJson, viewOptions } from './parameters.ts'
import { parseRevision } from './revisions.ts'
import type { Handler } from './request.ts'
import { sendJson } from './answers.ts'

/**
 * `_bulk_docs`, `_revs_diff`, `_all_docs`, views and Mango.
 * @param settled resolves when a written document is in force
 */
export function addCollectionRoutes(
  router: Router,
  databases: Databases,
  settled: (database: Database) => Promise<void>,
): void {
  router.post('/:db/_bulk_docs', async (request, response) => {
    const database = databaseOf(request, databases)
    const body = bodyOf(request)
    const { docs } = body
    if (docs === undefined) throw badRequest('POST body must include `docs` parameter.')
    if (!Array.isArray(docs)) throw badRequest('`docs` parameter must be an array.')
    const writer = { database, user: request.user }
    const answers = await writeDocuments(writer, docs as unknown[], body['new_edits'] !== false)
    await settled(database)
    sendJson(response, 201, answers)
  })

  router.post('/:db/_revs_diff', async (request, response) => {
    const { pouch } = databaseOf(request, databases)
    const asked = Object.entries(bodyOf(request)).map(([id, revs]): [string, string[]] => {
      if (!Array.isArray(revs)) throw badRequest('Invalid list of revisions')
      return [id, revs.map(parseRevision)]
    })
    sendJson(response, 200, await pouch.revsDiff(Object.fromEntries(asked)))
  })

  const list: Handler = async (request, response) => {
    const database = databaseOf(request, databases)
    const options = viewOptions(request)
    for (const key of ['key', 'startkey', 'endkey']) {
      if (options[key] !== undefined && typeof options[key] !== 'string') {
        throw badRequest(`\`${key}\` must be a string`)
      }
    }
    sendJson(response, 200, await allDocs(database.pouch, options))
  }
  router.get('/:db/_all_docs', list)
  router.post('/:db/_all_docs', list)

  const view: Handler = async (request, response) => {
    const database = databaseOf(request, databases)
    const { ddoc = '', view: name = '' } = request.params
    const design = await database.pouch.get(`_design/${ddoc}`)
    const views = design['views']
    if (!isJson(views) || !isJson(own(views, name))) throw notFound('missing_named_view')
    const options = viewOptions(request)
    const rows = await database.quiet.read(() => database.pouch.query(`${ddoc}/${name}`, options))
    sendJson(response, 200, rows)
  }
  router.get('/:db/_design/:ddoc/_view/:view', view)
  router.post('/:db/_design/:ddoc/_view/:view', view)

  router.post('/:db/_find', async (request, response) => {
    sendJson(response, 200, await find(databaseOf(request, databases), bodyOf(request)))
  })
  router.post('/:db/_explain', async (request, response) => {
    sendJson(response, 200, await mango(databaseOf(request, databases).pouch.explain(bodyOf(request))))
  })
  router.get('/:db/_index', async (request, response) => {
    sendJson(response, 200, await databaseOf(request, databases).pouch.getIndexes())
  })
  router.post('/:db/_index', async (request, response) => {
    const { pouch } = databaseOf(request, databases)
    sendJson(response, 200, await mango(pouch.createIndex(bodyOf(request))))
  })
  router.delete('/:db/_index/:ddoc/:type/:name', async (request, response) => {
    const { ddoc = '', type, name } = request.params
    const { pouch } = databaseOf(request, databases)
    sendJson(response, 200, await pouch.deleteIndex({ ddoc: ddoc.replace(/^_design\//, ''), type, name }))
  })
}
