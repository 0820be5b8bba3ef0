// What the server says about itself, and a clean no to what it does not have.
import { randomUUID } from 'node:crypto'
import { notFound, notImplemented } from './faults.ts'
import type { Router } from './router.ts'
import { queryOf, wholeNumber } from './parameters.ts'
import { sendJson } from './answers.ts'

/** By this the client tells that it is not talking to CouchDB. */
export const VENDOR = 'couch-shares embedded'
/** The API that is spoken, as far as it goes. */
const VERSION = '3.0.0-embedded'

const ABSENT_ON_SERVER = [
  '_scheduler',
  '_node',
  '_cluster_setup',
  '_reshard',
  '_search_analyze',
  '_membership',
  '_config',
  '_stats',
  '_log',
  '_restart',
]
const ABSENT_ON_DATABASE = [
  '_purge',
  '_purged_infos_limit',
  '_revs_limit',
  '_shards',
  '_sync_shards',
  '_design_docs',
  '_local_docs',
  '_missing_revs',
  '_partition',
  '_auto_purge',
]

/** What is asked of the server itself. @param tasks what `_active_tasks` answers */
export function addServerRoutes(router: Router, tasks: () => unknown[]): void {
  const uuid = hexUuid()
  router.get('/', (_, response) =>
    sendJson(response, 200, {
      couchdb: 'Welcome',
      version: VERSION,
      uuid,
      features: [],
      vendor: { name: VENDOR },
    }),
  )
  router.get('/_up', (_, response) => sendJson(response, 200, { status: 'ok' }))
  router.get('/_uuids', (request, response) => {
    const count = Math.min(wholeNumber('count', queryOf(request).get('count')) ?? 1, 1_000)
    sendJson(response, 200, { uuids: Array.from({ length: count }, hexUuid) })
  })
  router.get('/_active_tasks', (_, response) => sendJson(response, 200, tasks()))
  const refuse = (name: string, path: string): void => {
    for (const one of [path, `${path}/*`])
      router.all(one, () => {
        throw notImplemented(name)
      })
  }
  for (const name of ABSENT_ON_SERVER) refuse(`/${name}`, `/${name}`)
  for (const name of ABSENT_ON_DATABASE) refuse(`/{db}/${name}`, `/:db/${name}`)
  for (const path of ['/_utils', '/_utils/*', '/favicon.ico'])
    router.all(path, () => {
      throw notFound('missing')
    })
}

const hexUuid = () => randomUUID().replaceAll('-', '')
