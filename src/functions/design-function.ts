// Asks a function of a design document many times, each time as if it were the first.
import { Script, runInContext, type Context } from 'node:vm'
import { encodeJson } from '../documents/json.ts'
import { createRealm, LIMIT_MS } from './realm.ts'
import { runWithin } from './time-limit.ts'

/**
 * How a function is called, and what its answer is:
 * - `filter`: `(doc, req)`; anything true-ish is a yes, as in CouchDB
 * - `map`: `(doc)`; the keys that it emits and that are strings
 * - `selector`: `(roles, name)`; the object that it returns
 * - `validate`: `(newDoc, oldDoc, userCtx, secObj)`; what it throws, as `Thrown`: null for nothing, and nothing is what it returns
 */
export type Manner = 'filter' | 'map' | 'selector' | 'validate'

/** An object with one key that a validation function throws is its answer; anything else, with null as its key, is a fault of it. */
export interface Thrown {
  key: string | null
  message: string
}

/**
 * Evaluated before the function's text, so that nothing in it depends on what that makes of the realm's globals. Values go in
 * and out as text: nothing that a function does to its arguments is seen by the next one.
 *
 * Filters and validation functions get the design document as `this`.
 * https://github.com/apache/couchdb/blob/main/share/server/filter.js and validate.js
 */
const PREPARE = `((manner, designText, modulesText) => {
  const { parse, stringify } = JSON
  const { apply, getPrototypeOf } = Reflect
  const { isArray } = Array
  const { prototype, keys: namesOf } = Object
  const evaluate = eval
  const design = parse(designText)
  const modules = parse(modulesText)
  const box = { __proto__: null, asked: null, calls: '', failure: '' }
  let keys = []

  const toText = {
    filter: (result) => {
      if (typeof result === 'object' && result !== null && typeof result.then === 'function')
        throw new TypeError('it is async')
      return result ? '1' : '0'
    },
    map: () => stringify(keys),
    selector: (result) => {
      if (typeof result !== 'object' || result === null || ![prototype, null].includes(getPrototypeOf(result)))
        throw new TypeError('it returned no object')
      return stringify(result)
    },
    validate: () => 'null',
  }[manner]
  const thrown = (error) => {
    const names = typeof error === 'object' && error !== null && !(error instanceof Error) ? namesOf(error) : []
    if (names.length === 1) return stringify({ key: names[0], message: '' + error[names[0]] })
    return stringify({ key: null, message: error instanceof Error ? '' + error : 'it threw ' + stringify(error) })
  }
  const self = manner === 'map' ? undefined : design

  const ask = () => {
    const calls = parse(box.calls)
    let answers = ''
    for (let at = 0; at < calls.length; at += 1) {
      if (at > 0) answers += '\\n'
      try {
        keys = []
        answers += toText(apply(box.asked, self, calls[at]))
      } catch (error) {
        try {
          if (manner === 'validate') {
            answers += thrown(error)
            continue
          }
        } catch {
          // It threw something that has no text.
        }
        answers += '!'
        try {
          box.failure = '' + error || 'it threw'
        } catch {
          box.failure = 'it threw'
        }
      }
    }
    return answers
  }

  const loaded = { __proto__: null }
  const load = (path, from) => {
    const place = path.startsWith('.') ? from.slice(0, -1) : []
    for (const name of path.split('/'))
      if (name === '..') place.pop()
      else if (name !== '.') place.push(name)
    const id = place.join('/')
    if (loaded[id] !== undefined) return loaded[id].exports
    const text = place.reduce((within, name) => (Object.hasOwn(Object(within), name) ? within[name] : undefined), modules)
    if (typeof text !== 'string') throw new Error('Expected a module at ' + id)
    const module = (loaded[id] = { id, exports: {} })
    try {
      const run = evaluate('(function (module, exports, require) {' + text + '\\n})')
      run.call(undefined, module, module.exports, (other) => load(other, place))
    } catch (error) {
      delete loaded[id]
      throw error
    }
    return module.exports
  }

  const fixed = (value) => ({ value, writable: false, configurable: false, enumerable: false })
  Object.defineProperty(globalThis, 'couch_shares_ask', fixed(ask))
  Object.assign(globalThis, {
    require: (path) => load(path, []),
    emit: (key) => {
      if (typeof key === 'string') keys[keys.length] = key
    },
    isArray,
    log: () => {},
    sum: (numbers) => numbers.reduce((total, number) => total + number, 0),
    toJSON: stringify,
  })
  return box
})`

const CALL = new Script('couch_shares_ask()')

/** What the realm keeps for the next call. */
interface Box {
  asked: unknown
  /** JSON text of a list, which has the list of arguments of each call. */
  calls: string
  failure: string
}

/** To stop a function takes a thread, which costs a hundred calls: so many are made under one limit. */
const MOST_TOGETHER = 100
const MOST_CHARACTERS_TOGETHER = 1_000_000

/** A function that used up its time so often in a row is not asked any more; each time, the daemon stood still. */
const MOST_TIMEOUTS = 3

/**
 * One function, compiled once. What it throws is no fault: the answer is null, and `failure` says why.
 */
export class DesignFunction {
  readonly #realm: Context
  readonly #box: Box
  #timeouts = 0
  /** What went wrong at the latest call that failed; null where none did. */
  failure: string | null = null

  /**
   * Evaluates the text once, as CouchDB does. `require()` finds modules in the design document's attributes; that of a `map`
   * in `views/lib` only. https://docs.couchdb.org/en/stable/query-server/javascript.html#commonjs-modules
   * @throws what the text throws, a SyntaxError too; {TypeError} where it gives no function, or one that is async
   */
  constructor(manner: Manner, text: string, design: Record<string, unknown>) {
    const views = design['views'] as { lib?: unknown } | undefined
    const modules = manner === 'map' ? { views: { lib: views?.lib } } : design
    this.#realm = createRealm()
    const prepare = runInContext(PREPARE, this.#realm) as (...texts: string[]) => Box
    this.#box = prepare(manner, encodeJson(design), encodeJson(modules))
    const asked = runWithin(new Script(`(${text}\n)`), this.#realm, LIMIT_MS)
    if (typeof asked !== 'function') throw new TypeError(`Expected a function, got ${typeof asked}`)
    // CouchDB would take a promise for a yes.
    if (Object.prototype.toString.call(asked) !== '[object Function]')
      throw new TypeError('Expected a function that is neither async nor a generator')
    this.#box.asked = asked
  }

  /**
   * Calls the function so many times.
   * @param calls JSON texts of lists of arguments
   * @returns an answer for each: `1` or `0` of a filter, JSON text of the others; null where the call failed
   */
  ask(calls: readonly string[]): (string | null)[] {
    const answers: (string | null)[] = []
    for (let start = 0; start < calls.length;) {
      const together = calls.slice(start, start + howMany(calls, start))
      const answered = together.length > 1 ? this.#call(together) : null
      answers.push(...(answered ?? together.map((call) => this.#callAlone(call))))
      start += together.length
    }
    return answers
  }

  #callAlone(call: string): string | null {
    const answers = this.#call([call])
    this.#timeouts = answers === null ? this.#timeouts + 1 : 0
    return answers?.[0] ?? null
  }

  /** @returns null where they took too long */
  #call(calls: readonly string[]): (string | null)[] | null {
    if (this.#timeouts >= MOST_TIMEOUTS) return null
    this.#box.calls = `[${calls.join()}]`
    this.#box.failure = ''
    let text: unknown
    try {
      text = runWithin(CALL, this.#realm, LIMIT_MS)
    } catch (error) {
      this.failure = (error as Error).message
      return null
    }
    if (this.#box.failure !== '') this.failure = this.#box.failure
    const answers = String(text).split('\n')
    return calls.map((_, at) => (answers[at] === '!' ? null : (answers[at] ?? null)))
  }
}

/** How many calls from here on go under one limit: at least one. */
function howMany(calls: readonly string[], start: number): number {
  let count = 0
  for (let characters = 0; count < MOST_TOGETHER; count += 1) {
    characters += calls[start + count]?.length ?? Infinity
    if (characters > MOST_CHARACTERS_TOGETHER) break
  }
  return Math.max(count, 1)
}
