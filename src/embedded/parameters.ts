// Reads what clients send, query and body, so that a malformed parameter is a 400 here and no surprise in PouchDB.
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { badRequest, CouchFault } from './faults.ts'
import type { Json } from './packages.ts'
import type { Request } from './request.ts'

/** The query of a request. */
export function queryOf(request: Request): URLSearchParams {
  const at = request.url.indexOf('?')
  return new URLSearchParams(at === -1 ? '' : request.url.slice(at + 1))
}

/** True for a JSON object, no list. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The id in the path of a document, or of its attachment; null for `_something` that is neither a design nor a local document. */
export function documentIdOf({ parts: [, first = '', second = ''] }: Request): string | null {
  if (!first.startsWith('_')) return first
  return /^_(design|local)$/.test(first) && second !== '' ? `${first}/${second}` : null
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

/** Far more than anybody means to send. */
const BODY_LIMIT_BYTES = 512 * 1024 * 1024

/** The body as it came, unpacked, where nothing has read it yet. */
export async function readBytes(request: Request): Promise<Buffer> {
  const { headers } = request
  if (headers['content-length'] === undefined && headers['transfer-encoding'] === undefined)
    return Buffer.alloc(0)
  const packed = headers['content-encoding'] === 'gzip'
  const body: Readable = packed ? request.pipe(createGunzip()) : request
  const parts: Buffer[] = []
  let length = 0
  // Whoever sends too much is still to be told.
  for await (const part of body.iterator({ destroyOnReturn: false })) {
    parts.push(part as Buffer)
    length += (part as Buffer).length
    if (length > BODY_LIMIT_BYTES) throw new CouchFault(413, 'too_large', 'the request entity is too large')
  }
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
}

/** The whole body as text. */
export const readText = async (request: Request): Promise<string> =>
  (await readBytes(request)).toString('utf8')

/** What the body says, whatever it is called; undefined where there is none. */
export async function readJson(request: Request): Promise<unknown> {
  const text = await readText(request)
  return text === '' ? undefined : parseJson(text)
}

/** True for `true` in a query and in JSON. */
export const isTrue = (value: unknown): boolean => value === 'true' || value === true

/** Parses a parameter. Throws a 400. */
export function parseJson(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw badRequest('invalid UTF-8 JSON')
  }
  if (hasMany(text)) checkDepth(value)
  return value
}

/** Far from what the stack has room for: PouchDB and we go down into values by recursion. */
const MOST_DEPTH = 1_000

/** Are there enough lists and objects to lie so deep? To look at the text takes less time than at the value. */
function hasMany(text: string): boolean {
  let left = MOST_DEPTH
  for (const mark of ['[', '{'])
    for (let at = text.indexOf(mark); at !== -1 && left >= 0; at = text.indexOf(mark, at + 1)) left -= 1
  return left < 0
}

/** Throws where lists or objects lie too deep within each other. */
function checkDepth(value: unknown): void {
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
