// A realm like the one that CouchDB gives to functions of design documents: ECMAScript and nothing of Node.js.
import { createContext, runInContext, type Context } from 'node:vm'

/** What came of a call. `error` is what CouchDB answers with 500: the write is refused, and nobody is told why. */
export type Verdict = { verdict: 'ok' } | { verdict: 'forbidden' | 'unauthorized' | 'error'; message: string }

/** CouchDB gives a function 5 s; one that takes a tenth of this is no use at a write. */
const LIMIT_MS = 1_000

/** What V8 adds to the language, and CouchDB's engines do not. */
const ABSENT = ['console', 'Intl', 'WebAssembly']

/**
 * CouchDB takes what is thrown for an answer where it is an object with that one key, and no Error.
 * https://github.com/apache/couchdb/blob/main/share/server/validate.js
 */
const CALL = `(() => {
  try {
    text.call(undefined, ...JSON.parse(args))
    return JSON.stringify({ verdict: 'ok' })
  } catch (thrown) {
    const [verdict, ...more] = typeof thrown === 'object' && thrown !== null ? Object.keys(thrown) : []
    if ((verdict === 'forbidden' || verdict === 'unauthorized') && more.length === 0)
      return JSON.stringify({ verdict, message: String(thrown[verdict]) })
    const message = thrown instanceof Error ? String(thrown) : 'threw ' + (JSON.stringify(thrown) ?? String(thrown))
    return JSON.stringify({ verdict: 'error', message })
  }
})()`

/**
 * A function's text, evaluated once as CouchDB does. This is no sandbox: `node:vm` holds nobody who wants to get out, and the
 * files are the operator's own.
 */
export class Engine {
  readonly #realm: Context

  /** @throws what the text throws, a SyntaxError too; {TypeError} where it gives no function */
  constructor(text: string) {
    this.#realm = createContext(Object.create(null) as object)
    for (const name of ABSENT) runInContext(`delete globalThis.${name}`, this.#realm)
    const given: unknown = runInContext(`const text = (${text}\n); typeof text`, this.#realm, {
      timeout: LIMIT_MS,
    })
    if (given !== 'function') throw new TypeError(`Expected a function, got ${String(given)}`)
  }

  /** Calls the function with JSON values. */
  call(args: readonly unknown[]): Verdict {
    this.#realm['args'] = JSON.stringify(args)
    try {
      return JSON.parse(runInContext(CALL, this.#realm, { timeout: LIMIT_MS }) as string) as Verdict
    } catch (error) {
      return { verdict: 'error', message: (error as Error).message }
    }
  }
}
