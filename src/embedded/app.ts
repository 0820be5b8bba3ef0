// Puts the routes in order; what none of them takes goes to express-pouchdb.
import { AsyncLocalStorage } from 'node:async_hooks'
import type { RequestListener } from 'node:http'
import { access } from './access.ts'
import type { Accounts } from './accounts.ts'
import { addAttachmentRoutes } from './attachment-writes.ts'
import { addChangesRoute } from './changes.ts'
import { addCollectionRoutes } from './collection-routes.ts'
import { cors } from './cors.ts'
import { addDatabaseRoutes } from './database-routes.ts'
import { addDocumentRoutes } from './document-routes.ts'
import type { Database, Databases } from './databases.ts'
import { expressPouchdb } from './express-pouchdb.ts'
import { CouchFault, logFault, sendFault } from './faults.ts'
import { gate, type LogIn } from './gate.ts'
import type { FaultHandler, Handler, Packages, PouchClass, Response } from './packages.ts'
import { checkDepth } from './parameters.ts'
import { addReplicateRoute } from './replicate-route.ts'
import type { RequestContext } from './replication-request.ts'
import { addServerRoutes } from './server-routes.ts'
import { addSessionRoutes, Sessions } from './sessions.ts'
import { addUpdateFunctionRoute } from './update-functions.ts'
import { addUpdatesRoute, type Updates } from './updates.ts'

const BODY_LIMIT = '512mb'
const ANSWER_LIMIT_MS = 120_000

export interface AppParts {
  packages: Packages
  Pouch: PouchClass
  databases: Databases
  updates: Updates
  accounts: Accounts
  logIn: LogIn
  replications: RequestContext
  settled: (database: Database) => Promise<void>
  stopping: AbortSignal
}

export function buildApp(parts: AppParts): RequestListener {
  const { packages, databases, updates, accounts, stopping, settled } = parts
  const sessions = new Sessions(accounts)
  const app = packages.express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('case sensitive routing')
  app.use(
    remember,
    limitAnswer,
    cors,
    gate(parts.logIn, sessions),
    access(databases),
    holdDatabase(databases),
  )
  app.use(parseBody(packages))
  const router = packages.express.Router({ caseSensitive: true })
  addServerRoutes(router)
  addSessionRoutes(router, accounts, sessions)
  addUpdatesRoute(router, updates, stopping)
  addReplicateRoute(router, parts.replications, stopping)
  addDatabaseRoutes(router, databases)
  addChangesRoute(router, databases, stopping)
  addCollectionRoutes(router, databases, settled)
  addDocumentRoutes(router, databases, settled)
  addUpdateFunctionRoute(router, databases)
  addAttachmentRoutes(router, databases)
  app.use(router, expressPouchdb(packages, parts.Pouch, databases))
  const answerFault: FaultHandler = (fault, _request, response, _next) => sendFault(response, fault)
  app.use(answerFault)
  return app
}

const answering = new AsyncLocalStorage<Response>()

/** PouchDB throws inside its callbacks: what nobody caught is answered to the request that it happened in. */
export function answerUncaught(fault: unknown): void {
  const response = answering.getStore()
  if (response === undefined || response.writableEnded) logFault(fault)
  else sendFault(response, fault)
}

const remember: Handler = (_request, response, next) => answering.run(response, next)

const limitAnswer: Handler = (request, response, next) => {
  if (!/\/_(changes|db_updates)(\?|$)/.test(request.originalUrl)) {
    const timer = setTimeout(() => {
      sendFault(response, new CouchFault(500, 'timeout', 'The request could not be processed in time.'))
    }, ANSWER_LIMIT_MS)
    response.once('close', () => clearTimeout(timer))
  }
  next()
}

/** A database that is dropped meanwhile keeps its files until the request has been answered; feeds hold nothing. */
function holdDatabase(databases: Databases): Handler {
  return (request, response, next) => {
    const [path = ''] = request.originalUrl.split('?')
    const [, encoded = '', part] = path.split('/')
    let name: string
    try {
      path.split('/').forEach(decodeURIComponent)
      name = decodeURIComponent(encoded)
    } catch (fault) {
      return sendFault(response, fault)
    }
    const database = part === '_changes' ? undefined : databases.get(name)
    if (database !== undefined) response.once('close', database.use())
    next()
  }
}

/** The bodies of our own routes are JSON whatever they are called, but that of a login; express-pouchdb reads those of its routes. */
function parseBody({ express }: Packages): Handler {
  const json = express.json({ limit: BODY_LIMIT, strict: false, type: () => true })
  return (request, response, next) => {
    const [path = ''] = request.originalUrl.split('?')
    const parts = path.split('/').slice(1).filter(Boolean)
    const ours =
      (parts.length <= 2 && parts[0] !== '_session') ||
      (parts.length === 3 && /^_(design|local)$/.test(parts[1] ?? '')) ||
      parts[3] === '_view'
    if (!ours || /^multipart\//.test(request.headers['content-type'] ?? '')) return next()
    json(request, response, (fault) => {
      if (fault !== undefined) return next(fault)
      try {
        checkDepth(request.body)
      } catch (tooDeep) {
        return sendFault(response, tooDeep)
      }
      next()
    })
  }
}
