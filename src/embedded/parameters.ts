// Reads what clients send, query and body, so that a malformed parameter is a 400 here and no surprise in PouchDB.
import { badRequest, CouchFault } from './faults.ts'
import type { Json, Request } from './packages.ts'

export function queryOf(request: Request): URLSearchParams {
  const [, query = ''] = /\?(.*)$/s.exec(request.originalUrl) ?? []
  return new URLSearchParams(query)
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A document's attachments by name; none where that is malformed, or missing. */
export const attachmentsIn = (doc: Json): Json => (isJson(doc['_attachments']) ? doc['_attachments'] : {})

/** The body as an object; an absent body counts as an empty one. */
export function bodyOf(request: Request, reason = 'Request body must be a JSON object'): Json {
  const { body } = request
  if (body === undefined) return {}
  if (!isJson(body)) throw badRequest(reason)
  return body
}

/** The body as it came, where nothing has parsed it. */
export async function readBytes(request: Request): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

export const readText = async (request: Request): Promise<string> =>
  (await readBytes(request)).toString('utf8')

export const isTrue = (value: unknown): boolean => value === 'true' || value === true

export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badRequest('invalid UTF-8 JSON')
  }
  checkDepth(value)
  return value
}

/** Far from what the stack has room for: PouchDB and we go down into values by recursion. */
const MOST_DEPTH = 1_000

/** Throws where lists or objects lie too deep within each other. */
export function checkDepth(value: unknown): void {
  const isInner = (one: unknown): one is object => typeof one === 'object' && one !== null
  let level = [value].filter(isInner)
  for (let depth = 1; level.length > 0; depth += 1) {
    if (depth > MOST_DEPTH) throw badRequest('The JSON is nested too deep.')
    level = level.flatMap((one) => (Object.values(one) as unknown[]).filter(isInner))
  }
}

/** A whole number >= 0, from a query or a body; undefined when absent. */
export function wholeNumber(name: string, value: unknown): number | undefined {
  if (value === null || value === undefined) return undefined
  const number = typeof value === 'number' ? value : Number(typeof value === 'string' ? value || NaN : NaN)
  if (!Number.isInteger(number) || number < 0) {
    throw new CouchFault(400, 'query_parse_error', `Invalid value for integer parameter: ${name}`)
  }
  return number
}

const FLAGS = [
  'include_docs',
  'conflicts',
  'attachments',
  'descending',
  'inclusive_end',
  'update_seq',
  'reduce',
  'group',
]
const NUMBERS = ['limit', 'skip', 'group_level']
const KEYS: Record<string, string> = {
  key: 'key',
  keys: 'keys',
  startkey: 'startkey',
  start_key: 'startkey',
  endkey: 'endkey',
  end_key: 'endkey',
}

/** What `_all_docs` and views take, from the query or else the body, as PouchDB's options. */
export function viewOptions(request: Request): Json {
  const query = queryOf(request)
  const body = bodyOf(request)
  const options: Json = {}
  for (const [name, option] of Object.entries(KEYS)) {
    const text = query.get(name)
    if (text !== null) options[option] = parseJson(text)
    else if (body[name] !== undefined && options[option] === undefined) options[option] = body[name]
  }
  for (const name of FLAGS) {
    const value = query.get(name) ?? body[name]
    if (value !== undefined && value !== null) options[name] = isTrue(value)
  }
  for (const name of NUMBERS) {
    const value = wholeNumber(name, query.get(name) ?? body[name])
    if (value !== undefined) options[name] = value
  }
  if (options['keys'] !== undefined && !Array.isArray(options['keys']))
    throw badRequest('`keys` body member must be an array.')
  return options
}
