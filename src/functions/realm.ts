// What CouchDB gives to functions of design documents: ECMAScript and nothing of Node.js.
import { createContext, runInContext, type Context } from 'node:vm'

/** CouchDB gives a function 5 s; one that takes a tenth of this is no use at a write. */
export const LIMIT_MS = 1_000

/** What V8 adds to the language, and CouchDB's engines do not. */
const ABSENT = ['console', 'Intl', 'WebAssembly']

/**
 * A realm of its own for a function. This is no sandbox: `node:vm` holds nobody who wants to get out, and the files are the
 * operator's own.
 */
export function createRealm(): Context {
  // Promises, too, are settled within the time limit of the call that made them.
  const realm = createContext(Object.create(null) as object, { microtaskMode: 'afterEvaluate' })
  for (const name of ABSENT) runInContext(`delete globalThis.${name}`, realm)
  return realm
}
