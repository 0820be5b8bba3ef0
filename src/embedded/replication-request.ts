// Reads what a replication document, or a POST to _replicate, asks for: full URLs of this server with credentials.
import type { Database, Databases } from './databases.ts'
import { checkFilter, filterOptions } from './changes.ts'
import { CouchFault } from './faults.ts'
import type { LogIn } from './gate.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'
import { assertReachable, type Replication } from './replication.ts'
import { isServerAdmin, type User } from './user.ts'

export interface RequestContext {
  databases: Databases
  port: () => number
  logIn: LogIn
}

const DEFINITION = [
  'source',
  'target',
  'continuous',
  'create_target',
  'selector',
  'doc_ids',
  'filter',
  'query_params',
] as const

/** Equal for two documents that ask for the same. */
export function definitionOf(doc: Json): string {
  return JSON.stringify(DEFINITION.map((key) => doc[key] ?? null))
}

/** The names of both ends, for as far as they can be read. */
export function endNames(doc: Json): string[] {
  return [doc['source'], doc['target']].flatMap((end) => {
    try {
      return [parseEnd(end).name]
    } catch {
      return []
    }
  })
}

interface End {
  name: string
  url: URL
  user: User
}

/** Checks a request as CouchDB would at its start. Throws CouchFaults whose text holds no credentials. */
export async function readRequest(doc: Json, context: RequestContext): Promise<Replication> {
  const { databases } = context
  const source = await readEnd(doc['source'], context)
  const target = await readEnd(doc['target'], context)
  const { doc_ids, selector } = doc
  const filter = filterOptions({
    filter: doc['filter'] ?? (doc_ids ? '_doc_ids' : selector ? '_selector' : undefined),
    doc_ids,
    selector,
    query_params: doc['query_params'],
  })
  const open = ({ name, url }: End): Database => {
    const database = databases.get(name)
    if (database === undefined) throw new CouchFault(404, 'db_not_found', `could not open ${printed(url)}`)
    return database
  }
  const from = { database: open(source), user: source.user }
  await assertReachable(from)
  await checkFilter(from.database, filter)
  if (doc['create_target'] === true && databases.get(target.name) === undefined) {
    if (!isServerAdmin(target.user)) throw refused(target.url)
    await databases.create(target.name)
  }
  const to = { database: open(target), user: target.user }
  await assertReachable(to)
  return { source: from, target: to, filter, continuous: doc['continuous'] === true }
}

async function readEnd(end: unknown, { port, logIn }: RequestContext): Promise<End> {
  const { name, url, authorization } = parseEnd(end)
  if (!/^(127\.0\.0\.1|localhost|\[::1\])$/.test(url.hostname) || Number(url.port || 80) !== port()) {
    throw new CouchFault(
      400,
      'bad_request',
      `${printed(url)} is not on the embedded server, which replicates nothing else`,
    )
  }
  try {
    return { name, url, user: await logIn(authorization) }
  } catch (fault) {
    if (fault instanceof CouchFault && fault.status === 401) throw refused(url)
    throw fault
  }
}

const refused = (url: URL): CouchFault =>
  new CouchFault(500, 'replication_auth_error', `credentials for ${printed(url)} were refused`)

function parseEnd(end: unknown): { name: string; url: URL; authorization: string | undefined } {
  const text = isJson(end) ? end['url'] : end
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : null
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CouchFault(400, 'bad_request', 'source and target must be full URLs')
  }
  let name: string
  try {
    name = decodeURIComponent(url.pathname.replace(/^\/|\/$/g, ''))
  } catch {
    throw new CouchFault(400, 'bad_request', `${printed(url)} is not a valid address`)
  }
  return { name, url, authorization: authorizationOf(isJson(end) ? end : {}, url) }
}

function authorizationOf(end: Json, url: URL): string | undefined {
  const headers = isJson(end['headers']) ? end['headers'] : {}
  for (const [name, value] of Object.entries(headers)) {
    if (name.toLowerCase() === 'authorization') return String(value)
  }
  const auth = isJson(end['auth']) && isJson(end['auth']['basic']) ? end['auth']['basic'] : null
  if (auth !== null) return basic(String(auth['username']), String(auth['password']))
  if (url.username !== '') return basic(decodeURIComponent(url.username), decodeURIComponent(url.password))
  return undefined
}

const basic = (user: string, pass: string) => `Basic ${Buffer.from(`${user}:${pass}`).toString('base64')}`

const printed = (url: URL) => `${url.protocol}//${url.host}${url.pathname}`
