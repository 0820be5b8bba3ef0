// Update functions of design documents: https://docs.couchdb.org/en/stable/api/ddoc/render.html#db-design-design-doc-update-update-name
import { randomUUID } from 'node:crypto'
import { createContext, Script } from 'node:vm'
import { own } from '../documents/own.ts'
import type { Databases } from './databases.ts'
import { databaseOf } from './database-routes.ts'
import { writeDocument } from './document-writes.ts'
import { CouchFault, notFound } from './faults.ts'
import type { Json } from './packages.ts'
import type { Router } from './router.ts'
import { isJson, queryOf, readText } from './parameters.ts'
import { readSecurity } from './security.ts'
import type { Handler, Response } from './request.ts'

const TIME_LIMIT_MS = 5_000

/** `_update`: functions of design documents that make documents. */
export function addUpdateFunctionRoute(router: Router, databases: Databases): void {
  const handle: Handler = async (request, response) => {
    const database = databaseOf(request, databases)
    const { user } = request
    const { ddoc = '', name = '' } = request.params
    const id = request.params['rest'] || null
    const design = await database.pouch.get(`_design/${ddoc}`)
    const updates = design['updates']
    const source = isJson(updates) ? own(updates, name) : undefined
    if (typeof source !== 'string') throw notFound(`missing json key: ${name}`)
    const doc = id === null ? null : await database.pouch.get(id).catch(() => null)
    const [path = ''] = request.url.split('?')
    const result = run(design, source, doc, {
      id,
      uuid: randomUUID().replaceAll('-', ''),
      method: request.method,
      headers: request.headers,
      body: await readText(request),
      query: Object.fromEntries(queryOf(request)),
      form: {},
      cookie: {},
      info: await database.info(),
      path: path.split('/').slice(1).map(decodeURIComponent),
      requested_path: path.split('/').slice(1),
      raw_path: request.url,
      peer: '127.0.0.1',
      userCtx: { db: database.name, name: user.name, roles: user.roles },
      secObj: await readSecurity(database),
    })
    const headers: Record<string, string> = {}
    if (isJson(result[0])) {
      const written = await writeDocument({ database, user }, result[0], true)
      headers['x-couch-id'] = encodeURIComponent(written.id)
      headers['x-couch-update-newrev'] = written.rev
    }
    send(response, result[1], result[0] === null ? 200 : 201, headers)
  }
  for (const path of ['/:db/_design/:ddoc/_update/:name', '/:db/_design/:ddoc/_update/:name/*'])
    for (const method of ['PUT', 'POST']) router.raw(method, path, handle)
}

/** Not a sandbox: only admins write design documents. The time limit keeps the server alive. */
function run(design: Json, source: string, doc: Json | null, request: Json): unknown[] {
  const input = JSON.stringify({ design, doc, request })
  const program = `(() => {
    const { design, doc, request } = JSON.parse(input)
    const isArray = Array.isArray, toJSON = JSON.stringify, log = () => {}
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0)
    const require = (path) => {
      const module = { id: path, exports: {} }
      const text = path.split('/').filter((part) => part && part !== '.').reduce((at, part) => at[part], design)
      new Function('module', 'exports', 'require', text)(module, module.exports, require)
      return module.exports
    }
    const result = (${source.replace(/;\s*$/, '')}).call(design, doc, request)
    return JSON.stringify(result)
  })()`
  let text: unknown
  try {
    text = new Script(program).runInContext(createContext({ input }), { timeout: TIME_LIMIT_MS })
  } catch (fault) {
    throw new CouchFault(500, 'render_error', `function raised error: ${describe(fault)}`)
  }
  const result: unknown = typeof text === 'string' ? JSON.parse(text) : null
  if (!Array.isArray(result) || (result[0] !== null && !isJson(result[0]))) {
    throw new CouchFault(500, 'render_error', 'the function must return [document or null, response]')
  }
  return result as unknown[]
}

/** Thrown in another context, so that `instanceof Error` says nothing. */
function describe(fault: unknown): string {
  const message = (fault as { message?: unknown } | null)?.message
  return typeof message === 'string' ? message : (JSON.stringify(fault) ?? 'unknown')
}

function send(response: Response, answer: unknown, status: number, headers: Record<string, string>): void {
  const said: Json = isJson(answer) ? answer : { body: typeof answer === 'string' ? answer : '' }
  const json = said['json'] !== undefined
  const body = json
    ? JSON.stringify(said['json'])
    : typeof said['base64'] === 'string'
      ? Buffer.from(said['base64'], 'base64')
      : typeof said['body'] === 'string'
        ? said['body']
        : ''
  response.writeHead(typeof said['code'] === 'number' ? said['code'] : status, {
    'content-type': json ? 'application/json' : 'text/html; charset=utf-8',
    ...headers,
    ...((isJson(said['headers']) ? said['headers'] : {}) as Record<string, string>),
  })
  response.end(body)
}
