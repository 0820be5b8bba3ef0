// `_find`: PouchDB's, but for patterns, which it matches without an end in sight.
import { own } from '../documents/own.ts'
import type { Database } from './databases.ts'
import { CouchFault } from './faults.ts'
import type { Json } from './packages.ts'
import { isJson, wholeNumber } from './parameters.ts'
import { checkSelector, hasPattern, selects } from './selector.ts'
import { TimeLimit } from './time-limit.ts'

/** As CouchDB and PouchDB have it. */
const DEFAULT_LIMIT = 25

/** The answer to `POST /db/_find`. Throws CouchDB's refusals. */
export async function find({ pouch, quiet }: Database, request: Json): Promise<Json> {
  const { selector, skip, limit, fields, ...rest } = request
  if (!isJson(selector) || !hasPattern(selector)) return mango(quiet.read(() => pouch.find(request)))
  checkSelector(selector)
  const from = wholeNumber('skip', skip) ?? 0
  const most = wholeNumber('limit', limit) ?? DEFAULT_LIMIT
  const wider = { ...rest, selector: withoutPatterns(selector), limit: Number.MAX_SAFE_INTEGER }
  const found = await mango(quiet.read(() => pouch.find(wider)))
  const all = found['docs'] as Json[]
  const docs = new TimeLimit().run(() => all.filter((doc) => selects(selector, doc))).slice(from, from + most)
  const shown = Array.isArray(fields) ? docs.map((doc) => pick(doc, fields)) : docs
  return { ...found, docs: shown }
}

/** What takes at least the same documents, so that indexes and `sort` do as they would. */
function withoutPatterns(selector: Json): Json {
  const wider = Object.entries(selector).flatMap(([key, condition]): [string, unknown][] => {
    if (!hasPattern(condition)) return [[key, condition]]
    if (key.startsWith('$') || !isJson(condition)) return []
    const others = Object.entries(condition).filter(
      ([operator, argument]) => operator.startsWith('$') && !hasPattern({ [operator]: argument }),
    )
    return [[key, others.length === 0 ? { $exists: true } : Object.fromEntries(others)]]
  })
  return wider.length === 0 ? { _id: { $gt: null } } : Object.fromEntries(wider)
}

/** Of the document what the paths name. */
function pick(doc: Json, paths: unknown[]): Json {
  const picked = empty()
  for (const path of paths) copyPath(doc, picked, String(path).split('.'))
  return picked
}

function copyPath(from: Json, to: Json, [name = '', ...rest]: string[]): void {
  const value = own(from, name)
  if (value === undefined) return
  if (rest.length === 0) to[name] = value
  else if (isJson(value)) copyPath(value, (to[name] ??= empty()) as Json, rest)
}

/** Without a prototype, so that `__proto__` is a name like others. */
const empty = () => Object.create(null) as Json

/** pouchdb-find throws plain Errors for what is the client's mistake. */
export async function mango<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer
  } catch (fault) {
    if (fault instanceof Error && !('status' in fault)) {
      throw new CouchFault(400, 'bad_request', fault.message)
    }
    throw fault
  }
}
