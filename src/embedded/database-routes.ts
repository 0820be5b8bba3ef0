// Databases over HTTP: listing, creating, dropping, describing; and finding the one that a request means.
import type { Database, Databases } from './databases.ts'
import { badRequest, databaseMissing } from './faults.ts'
import type { Json } from './packages.ts'
import type { Router } from './router.ts'
import { bodyOf, isTrue, parseJson, queryOf, wholeNumber } from './parameters.ts'
import { readSecurity, writeSecurity } from './security.ts'
import type { Request } from './request.ts'
import { sendJson } from './answers.ts'

/** The database in the path. Throws CouchDB's 404. */
export function databaseOf(request: Request, databases: Databases): Database {
  const database = databases.get(request.params['db'] ?? '')
  if (database === undefined || database !== (request.entered ?? database)) throw databaseMissing()
  return database
}

/** A database by itself: made, dropped, told of, and who may enter it. */
export function addDatabaseRoutes(router: Router, databases: Databases): void {
  router.get('/_all_dbs', (request, response) =>
    sendJson(response, 200, selectNames(databases.names(), queryOf(request))),
  )

  router.post('/_dbs_info', async (request, response) => {
    const { keys } = bodyOf(request)
    if (!Array.isArray(keys)) throw badRequest('`keys` member must exist.')
    const answer = []
    for (const key of keys as unknown[]) answer.push(await describe(databases, String(key)))
    sendJson(response, 200, answer)
  })

  router.put('/:db', async (request, response) => {
    await databases.create(request.params['db'] ?? '')
    sendJson(response, 201, { ok: true })
  })

  router.delete('/:db', async (request, response) => {
    if (queryOf(request).has('rev')) {
      throw badRequest(
        'You tried to DELETE a database with a ?=rev parameter. Did you mean to DELETE a document instead?',
      )
    }
    await databases.drop(request.params['db'] ?? '')
    sendJson(response, 200, { ok: true })
  })

  router.get('/:db', async (request, response) =>
    sendJson(response, 200, await databaseOf(request, databases).info()),
  )

  router.get('/:db/_purged_infos', (request, response) => {
    databaseOf(request, databases)
    // Nothing can be purged here.
    sendJson(response, 200, { purged_infos: [] })
  })

  router.post('/:db/_ensure_full_commit', (request, response) => {
    const { startTime } = databaseOf(request, databases)
    sendJson(response, 201, { ok: true, instance_start_time: startTime })
  })

  router.get('/:db/_security', async (request, response) => {
    sendJson(response, 200, await readSecurity(databaseOf(request, databases)))
  })

  router.put('/:db/_security', async (request, response) => {
    await writeSecurity(databaseOf(request, databases), bodyOf(request))
    sendJson(response, 200, { ok: true })
  })
}

async function describe(databases: Databases, key: string): Promise<Json> {
  const database = databases.get(key)
  return database === undefined ? { key, error: 'not_found' } : { key, info: await database.info() }
}

function selectNames(names: string[], query: URLSearchParams): string[] {
  const bound = (...aliases: string[]): string | undefined => {
    const text = aliases.map((alias) => query.get(alias)).find((value) => value !== null)
    return text === undefined || text === null ? undefined : String(parseJson(text))
  }
  const descending = isTrue(query.get('descending'))
  const start = bound('startkey', 'start_key', 'key')
  const end = bound('endkey', 'end_key', 'key')
  const [from, to] = descending ? [end, start] : [start, end]
  const exclusive = query.get('inclusive_end') === 'false' ? end : undefined
  const selected = names.filter(
    (name) => (from === undefined || name >= from) && (to === undefined || name <= to) && name !== exclusive,
  )
  if (descending) selected.reverse()
  const skip = wholeNumber('skip', query.get('skip')) ?? 0
  return selected.slice(skip, skip + (wholeNumber('limit', query.get('limit')) ?? Infinity))
}
