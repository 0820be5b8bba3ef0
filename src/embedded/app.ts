// What each request goes through, and the routes in their order.
import type { RequestListener } from 'node:http'
import { assertAllowed } from './access.ts'
import type { Accounts } from './accounts.ts'
import { addAttachmentRoutes } from './attachment-routes.ts'
import { addChangesRoute } from './changes.ts'
import { addCollectionRoutes } from './collection-routes.ts'
import { answerPage } from './cors.ts'
import { addDatabaseRoutes } from './database-routes.ts'
import { addDesignRoutes } from './design-routes.ts'
import { addDocumentRoutes } from './document-routes.ts'
import type { Database, Databases } from './databases.ts'
import { CouchFault } from './faults.ts'
import { identify, type LogIn } from './gate.ts'
import { addReplicateRoute } from './replicate-route.ts'
import type { RequestContext } from './replication-request.ts'
import { partsOf, Router } from './router.ts'
import { addServerRoutes } from './server-routes.ts'
import { addSessionRoutes, Sessions } from './sessions.ts'
import { addUpdateFunctionRoute } from './update-functions.ts'
import { addUpdatesRoute, type Updates } from './updates.ts'
import type { Request, Response } from './request.ts'
import { sendFault } from './answers.ts'

const ANSWER_LIMIT_MS = 120_000

export interface AppParts {
  databases: Databases
  updates: Updates
  accounts: Accounts
  logIn: LogIn
  replications: RequestContext
  settled: (database: Database) => Promise<void>
  /** What `_active_tasks` answers. */
  tasks: () => unknown[]
  stopping: AbortSignal
}

/** What answers the requests of one server. */
export function buildApp(parts: AppParts): RequestListener {
  const { databases, updates, accounts, logIn, stopping, settled, tasks } = parts
  const sessions = new Sessions(accounts)
  const router = new Router()
  addServerRoutes(router, tasks)
  addSessionRoutes(router, accounts, sessions)
  addUpdatesRoute(router, updates, stopping)
  addReplicateRoute(router, parts.replications, stopping)
  addDatabaseRoutes(router, databases)
  addChangesRoute(router, databases, stopping)
  addCollectionRoutes(router, databases, settled)
  addUpdateFunctionRoute(router, databases)
  addDesignRoutes(router, databases)
  addDocumentRoutes(router, databases, settled)
  addAttachmentRoutes(router, databases)

  const answer = async (request: Request, response: Response): Promise<void> => {
    limitAnswer(request, response)
    if (answerPage(request, response)) return
    await identify(request, response, logIn, sessions)
    request.parts = partsOf(request.url)
    await assertAllowed(databases, request)
    holdDatabase(databases, request, response)
    await router.answer(request, response)
  }
  return (incoming, response) => {
    const request = incoming as Request
    answer(request, response).catch((fault: unknown) => {
      // What is sent with it is not read any more; the connection stays usable.
      request.resume()
      sendFault(response, fault)
    })
  }
}

/** Whatever PouchDB never answers must not keep a client for ever. */
function limitAnswer({ url }: Request, response: Response): void {
  if (/\/_(changes|db_updates)(\?|$)/.test(url)) return
  const timer = setTimeout(() => {
    sendFault(response, new CouchFault(500, 'timeout', 'The request could not be processed in time.'))
  }, ANSWER_LIMIT_MS)
  response.once('close', () => clearTimeout(timer))
}

/** A database that is dropped meanwhile keeps its files until the request has been answered; feeds hold nothing. */
function holdDatabase(databases: Databases, { parts: [name = '', part] }: Request, response: Response): void {
  const database = part === '_changes' ? undefined : databases.get(name)
  if (database !== undefined) response.once('close', database.use())
}
