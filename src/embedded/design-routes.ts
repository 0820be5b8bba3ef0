// What is asked of indexes and files, of which there is little here; and a clean no to functions that CouchDB gives up, too.
import { createHash } from 'node:crypto'
import type { Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { CouchFault, notImplemented } from './faults.ts'
import type { Router } from './router.ts'
import { sendJson } from './answers.ts'

/** CouchDB calls them deprecated. https://docs.couchdb.org/en/stable/ddocs/ddocs.html#show-functions */
const ABSENT = ['_show', '_list', '_rewrite']

/** What design documents have beside views and update functions. */
export function addDesignRoutes(router: Router, databases: Databases): void {
  router.post('/:db/_compact', async (request, response) => {
    const database = databaseOf(request, databases)
    await database.pouch.compact()
    sendJson(response, 202, { ok: true })
  })

  router.post('/:db/_compact/:ddoc', async (request, response) => {
    // Of an index here, nothing but what it says is kept.
    await databaseOf(request, databases).pouch.get(`_design/${request.params['ddoc'] ?? ''}`)
    sendJson(response, 202, { ok: true })
  })

  router.post('/:db/_view_cleanup', async (request, response) => {
    await databaseOf(request, databases).pouch.viewCleanup()
    sendJson(response, 202, { ok: true })
  })

  router.all('/:db/_temp_view', (request) => {
    databaseOf(request, databases)
    throw new CouchFault(410, 'gone', 'Temporary views are not supported in CouchDB')
  })

  router.get('/:db/_design/:ddoc/_info', async (request, response) => {
    const { pouch } = databaseOf(request, databases)
    const name = request.params['ddoc'] ?? ''
    const { views = {}, language = 'javascript' } = await pouch.get(`_design/${name}`)
    const { update_seq } = await pouch.info()
    sendJson(response, 200, {
      name,
      view_index: {
        updates_pending: { minimum: 0, preferred: 0, total: 0 },
        waiting_commit: false,
        waiting_clients: 0,
        updater_running: false,
        update_seq,
        sizes: { file: 0, external: 0, active: 0 },
        signature: createHash('md5').update(JSON.stringify(views)).digest('hex'),
        purge_seq: 0,
        language,
        compact_running: false,
        collator_versions: [],
      },
    })
  })

  for (const name of ABSENT)
    for (const path of [`/:db/_design/:ddoc/${name}`, `/:db/_design/:ddoc/${name}/*`])
      router.all(path, (request) => {
        databaseOf(request, databases)
        throw notImplemented(`/{db}/_design/{ddoc}/${name}`)
      })
}
