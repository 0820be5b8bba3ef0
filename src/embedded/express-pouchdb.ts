// Hands to express-pouchdb what it does well: attachments, _revs_diff, _compact, show and list functions.
import type { Databases } from './databases.ts'
import { databaseMissing, sendFault } from './faults.ts'
import type { Handler, Packages, PouchClass } from './packages.ts'

/** Without `config-infrastructure` and `logging-infrastructure` it writes nothing into the working directory. */
const PARTS = [
  'routes/db',
  'routes/documents',
  'routes/attachments',
  'routes/revs-diff',
  'routes/compact',
  'routes/view-cleanup',
  'routes/temp-views',
  'routes/ddoc-info',
  'routes/show',
  'routes/list',
  'routes/404',
]

/** It knows databases by their files, because it takes `/` out of names; so the path is rewritten. */
export function expressPouchdb(
  { expressPouchdb: build }: Packages,
  Pouch: PouchClass,
  databases: Databases,
  adminName: string,
): Handler {
  const forward = build(Pouch, { mode: 'custom', overrideMode: { include: PARTS } })
  return (request, response, next) => {
    const [, encoded = '', rest = ''] = /^\/([^/?]*)(.*)$/s.exec(request.originalUrl) ?? []
    const database = databases.get(decodeURIComponent(encoded))
    if (database === undefined) return sendFault(response, databaseMissing())
    // Touched, so that it is in the cache where express-pouchdb looks before it opens another.
    if (!database.isOpen) void database.pouch
    request.url = `/${database.file}${rest}`
    Object.assign(request, {
      couchSession: { userCtx: { db: database.name, name: adminName, roles: ['_admin'] } },
    })
    forward(request, response, next)
  }
}
