// couch-shares/rules: a language for CouchDB's validation functions. It runs inside CouchDB, so it uses nothing but the
// ECMAScript that QuickJS and SpiderMonkey 78 both know.
import { contextOf, type Context } from './context.ts'
import * as fields from './fields.ts'
import type { ValidateFunction } from './types.ts'

export { fields }

export type { Context } from './context.ts'
export type { Event } from './event.ts'
export type { Refusal } from './refusal.ts'
export type { Doc, Group, SecurityObject, UserContext, ValidateFunction, Validator } from './types.ts'

/**
 * Makes a function for `validate_doc_update` of rules: called for each write, with what is at hand for it as `this` and as
 * the argument. A write passes unless they throw.
 * @throws {{forbidden: string} | {unauthorized: string}} from the function, where the rules refuse
 * @throws {Error} from the function, where the rules are async: CouchDB would not wait for their answer
 */
export function rules(f: (this: Context, context: Context) => void): ValidateFunction {
  return (newDoc, oldDoc, userCtx, secObj) => {
    const context = contextOf({
      doc: newDoc,
      oldDoc: oldDoc ?? null,
      userCtx: userCtx ?? { db: '', name: null, roles: [] },
      secObj: secObj ?? {},
    })
    const answer: unknown = f.call(context, context)
    if (typeof (answer as { then?: unknown } | undefined | null)?.then === 'function')
      throw new Error('Expected rules to be a function that is not async')
  }
}
