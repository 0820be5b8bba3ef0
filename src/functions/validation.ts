// Calls validation functions as CouchDB does.
import { Script, type Context } from 'node:vm'
import { createRealm, LIMIT_MS } from './realm.ts'
import { runWithin } from './time-limit.ts'

/** What came of a call. `error` is what CouchDB answers with 500: the write is refused, and nobody is told why. */
export type Verdict = { verdict: 'ok' } | { verdict: 'forbidden' | 'unauthorized' | 'error'; message: string }

/**
 * The names are none that a function would make global by leaving a `var` out. CouchDB takes what is thrown for an answer where it is an object with that one key, and no Error.
 * https://github.com/apache/couchdb/blob/main/share/server/validate.js
 */
const CALL = new Script(`(() => {
  try {
    $function.call(undefined, ...JSON.parse($args))
    return JSON.stringify({ verdict: 'ok' })
  } catch (thrown) {
    const [verdict, ...more] = typeof thrown === 'object' && thrown !== null ? Object.keys(thrown) : []
    if ((verdict === 'forbidden' || verdict === 'unauthorized') && more.length === 0)
      return JSON.stringify({ verdict, message: String(thrown[verdict]) })
    const message = thrown instanceof Error ? String(thrown) : 'threw ' + (JSON.stringify(thrown) ?? String(thrown))
    return JSON.stringify({ verdict: 'error', message })
  }
})()`)

/** A function's text, evaluated once as CouchDB does. */
export class Engine {
  readonly #realm: Context

  /** @throws what the text throws, a SyntaxError too; {TypeError} where it gives no function */
  constructor(text: string) {
    this.#realm = createRealm()
    const given = runWithin(new Script(`(${text}\n)`), this.#realm, LIMIT_MS)
    if (typeof given !== 'function') throw new TypeError(`Expected a function, got ${typeof given}`)
    this.#realm['$function'] = given
  }

  /** Calls the function with JSON values. */
  call(args: readonly unknown[]): Verdict {
    this.#realm['$args'] = JSON.stringify(args)
    try {
      return JSON.parse(runWithin(CALL, this.#realm, LIMIT_MS) as string) as Verdict
    } catch (error) {
      return { verdict: 'error', message: (error as Error).message }
    }
  }
}
