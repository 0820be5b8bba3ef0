// Loaded into the daemon by `--profile`: counts its requests by endpoint, and writes them down at SIGUSR2.
import { subscribe } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import { isPersonalName } from '../../src/documents/names.ts'

export interface Endpoint {
  /** Such as `POST outbox/_bulk_docs`. */
  endpoint: string
  count: number
  /** From the request to the end of the answer, summed up; requests that run at once count each. */
  ms: number
}

/** https://undici.nodejs.org/#/docs/api/DiagnosticsChannel */
interface Message {
  request: { method: string; path: string }
}

const begun = new WeakMap<object, number>()
const endpoints = new Map<string, Endpoint>()

subscribe(
  'undici:request:create',
  (message) => void begun.set((message as Message).request, performance.now()),
)
subscribe('undici:request:trailers', (message) => {
  const { request } = message as Message
  const endpoint = `${request.method} ${classify(request.path)}`
  const known = endpoints.get(endpoint) ?? { endpoint, count: 0, ms: 0 }
  known.count += 1
  known.ms += performance.now() - (begun.get(request) ?? performance.now())
  endpoints.set(endpoint, known)
})

process.on('SIGUSR2', () => {
  const file = process.env['BENCH_PROFILE']
  if (file)
    writeFileSync(file, JSON.stringify([...endpoints.values()].sort((one, other) => other.ms - one.ms)))
  endpoints.clear()
})

/** The kind of database, and what is asked of it. */
function classify(path: string): string {
  const [beforeQuery = '', query = ''] = path.split('?')
  const [database = '', ...rest] = beforeQuery.split('/').slice(1).map(decodeURIComponent)
  const feed = query.includes('feed=longpoll')
    ? ' (longpoll)'
    : query.includes('feed=cont')
      ? ' (continuous)'
      : ''
  return [kindOf(database), ...rest.slice(0, 1)].join('/') + feed
}

function kindOf(database: string): string {
  if (database.endsWith('/$shares')) return 'outbox'
  if (database.startsWith('share/')) return 'share'
  if (database.endsWith('/plain/master')) return 'master'
  if (database.startsWith('bench-')) return 'user'
  if (isPersonalName(database)) return 'personal'
  return database
}
