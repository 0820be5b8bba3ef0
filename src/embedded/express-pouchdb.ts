// Hands to express-pouchdb what it does well: attachments, _compact, show and list functions.
import type { Databases } from './databases.ts'
import { databaseMissing, notFound, sendFault } from './faults.ts'
import type { Handler, Packages, PouchClass, Request } from './packages.ts'
import { isServerAdmin } from './user.ts'

/** Without `config-infrastructure` and `logging-infrastructure` it writes nothing into the working directory. */
const PARTS = [
  'routes/db',
  'routes/documents',
  'routes/attachments',
  'routes/compact',
  'routes/view-cleanup',
  'routes/temp-views',
  'routes/ddoc-info',
  'routes/show',
  'routes/list',
  'routes/404',
]

/** What users may ask it for beside reading: nothing of it writes a document. */
const HARMLESS = /^\/[^/]+\/(?:_(?:compact|view_cleanup)\/?|_design\/[^/]+\/_(?:show|list)\/[^?]+)(?:\?|$)/

const isHarmless = ({ method, originalUrl }: Request): boolean =>
  method === 'GET' || method === 'HEAD' || HARMLESS.test(originalUrl)

/** It knows databases by their files, because it takes `/` out of names; so the path is rewritten. */
export function expressPouchdb(
  { expressPouchdb: build }: Packages,
  Pouch: PouchClass,
  databases: Databases,
): Handler {
  const forward = build(Pouch, { mode: 'custom', overrideMode: { include: PARTS } })
  return (request, response, next) => {
    const [, encoded = '', rest = ''] = /^\/([^/?]*)(.*)$/s.exec(request.originalUrl) ?? []
    const database = databases.get(decodeURIComponent(encoded))
    const { user, entered = database } = request
    if (database === undefined || database !== entered) return sendFault(response, databaseMissing())
    // It asks nobody whether something may be written.
    if (!isServerAdmin(user) && !isHarmless(request)) return sendFault(response, notFound('missing'))
    // Touched, so that it is in the cache where express-pouchdb looks before it opens another.
    if (!database.isOpen) void database.pouch
    request.url = `/${database.file}${rest}`
    Object.assign(request, {
      couchSession: { userCtx: { db: database.name, name: user.name, roles: user.roles } },
    })
    forward(request, response, next)
  }
}
