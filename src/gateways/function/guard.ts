// Makes of a sync function the validation function of a database, so that CouchDB itself refuses a bad write, at once.
import { withEsbuild } from '../../functions/esbuild.ts'
import { Engine } from '../../functions/validation.ts'
import { judgeText } from './judge.ts'
import { SyncFunctionError } from './sync-function.ts'

/** What the reason of a write begins with that was refused because the function broke. */
export const BROKEN_FUNCTION = 'The sync function failed: '

/**
 * Text of a `validate_doc_update` that says what `SyncFunction` says, with the same reasons, wherever no grant could make it say
 * something else. Where the function has asked for a role or a channel that the writer is not known to have, the write passes, and
 * the router decides: the grant may be under way, in the same `_bulk_docs` for instance, and PouchDB never sends again what was
 * refused. What the function grants and assigns is only checked. The writer's roles and channels are in `_security.gateway`: `{ "roles": […], "channels": […] }`. Null in place of a list: more than are named there, so that whatever asks for one passes, and the router
 * decides. https://docs.couchdb.org/en/stable/ddocs/ddocs.html#validate-document-update-functions
 *
 * - Documents whose `_id` begins with `_` or `$` pass, and so do all writes of server admins: the daemon brings and takes
 *   documents that the function lets nobody create or delete, and those that it fails for.
 * - What breaks the function is `forbidden`: CouchDB would take other exceptions for a fault of the server, and not say why.
 * - The time is that of the server, where the router has that of the change.
 * @returns an expression in ES2017, which CouchDB takes on SpiderMonkey too: see `bundleRules`
 * @throws {SyncFunctionError} where the source cannot be parsed, or is no function
 */
export async function compileGuard(source: string): Promise<string> {
  const text = await plain(guardText(source))
  try {
    new Engine(text)
  } catch (error) {
    throw new SyncFunctionError(String(error), null, null)
  }
  return text
}

const guardText = (source: string): string => `var couch_shares_validate = (function () {
var judge = ${judgeText(source)}()
return function (newDoc, oldDoc, userCtx, secObj) {
  if (/^[_$]/.test(newDoc._id) || userCtx.roles.indexOf('_admin') !== -1) return
  delete newDoc._revisions
  if (oldDoc) delete oldDoc._revisions
  var granted = (secObj && secObj.gateway) || {}
  var verdict = judge(newDoc, !oldDoc || oldDoc._deleted === true ? null : oldDoc, {
    name: userCtx.name,
    roles: granted.roles === null || Array.isArray(granted.roles) ? granted.roles : [],
    channels: granted.channels === null || Array.isArray(granted.channels) ? granted.channels : [],
    isAdmin: false,
  })
  if (verdict.lacks) return
  if (verdict.kind === 'failed') throw { forbidden: ${JSON.stringify(BROKEN_FUNCTION)} + verdict.reason }
  if (verdict.kind === 'rejected') throw verdict.error === 'unauthorized' ? { unauthorized: verdict.reason } : { forbidden: verdict.reason }
}
})()`

/** The lines of `guardText` before those of the source. */
const LINES_BEFORE = guardText('\0').split('\0')[0]?.split('\n').length ?? 0

async function plain(text: string): Promise<string> {
  try {
    const { code } = await withEsbuild((esbuild) =>
      esbuild.transform(text, {
        target: 'es2017',
        charset: 'ascii',
        legalComments: 'none',
        logLevel: 'silent',
      }),
    )
    // What esbuild puts before it for newer syntax is to be within.
    return `(function () {\n${code}return couch_shares_validate;\n})()`
  } catch (error) {
    const [message] =
      (error as { errors?: { text: string; location: { line: number; column: number } | null }[] }).errors ??
      []
    if (message === undefined) throw error
    const line = message.location === null ? null : message.location.line - LINES_BEFORE + 1
    throw new SyncFunctionError(message.text, line, (message.location?.column ?? 0) + 1)
  }
}
