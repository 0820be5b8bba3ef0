// Evaluates all documents of a gateway by the function that is in force now, while everybody goes on: each document goes where
// it went until it was evaluated. What is done is written down, page by page.
import type { Database } from '../couch/database.ts'
import { pagesOfDocuments } from '../couch/pages.ts'
import type { Gateway } from './gateway.ts'
import type { Logger } from '../log.ts'
import { EVALUATION_ID, type Evaluation } from './model.ts'
import { isObjectId } from '../documents/names.ts'
import type { Routes } from './routes.ts'
import type { Router } from './router.ts'

const PAGE = 200

/** At the end, users who have something to do because of it are looked at so often. */
const LOOK_MS = 200

/** Progress is logged after so many documents. */
const LOG_DOCUMENTS = 10_000

export interface EvaluationOptions {
  gateway: Gateway
  /** The gateway's. */
  database: Database
  routes: Routes
  router: Router
  log: Logger
  now: () => number
  signal: AbortSignal
  sleep: (ms: number) => Promise<void>
}

/**
 * Says that documents go by this function from now on. Before the first one does: whoever starts with another function is to
 * know that some may.
 * @returns how far all are evaluated by it, or null where there is no database
 * @throws {CouchFault}
 */
export async function beginEvaluation({
  gateway,
  database,
  routes,
  now,
}: Pick<EvaluationOptions, 'gateway' | 'database' | 'routes' | 'now'>): Promise<Evaluation | null> {
  const info = await database.info()
  if (info === null) return null
  const known = await routes.evaluation()
  if (known?.hash === gateway.sync.hash && known.instance === info.instance_start_time) return known
  return routes.changeEvaluation(known, {
    ...{ _id: EVALUATION_ID, type: 'evaluation', hash: gateway.sync.hash, state: 'running' },
    ...{ instance: info.instance_start_time, documents: 0, failed: 0 },
    startedAt: new Date(now()).toISOString(),
  })
}

/**
 * Goes on where it was stopped; where all is evaluated by this function already, there is nothing to do. It is done when all
 * users have what it means for them. Routes that lead elsewhere remember what they were before, so that nobody is forgotten
 * whatever happens in between.
 * @throws {CouchFault}
 */
export async function evaluateAll(options: EvaluationOptions): Promise<void> {
  const { database, routes, router, log, now, signal, sleep } = options
  const begun = await router.begin()
  if (begun === null || begun.state === 'done') return
  let evaluation = begun
  const [db, of] = [database.name, (await database.info())?.doc_count]
  log.info({ db, documents: evaluation.documents, of }, 'evaluating all documents')
  let loggedAt = evaluation.documents
  for await (const rows of pagesOfDocuments(database, { limit: PAGE, after: evaluation.after, signal })) {
    if (signal.aborted) return
    const found = await router.route(rows, { isAnew: true })
    evaluation = await routes.changeEvaluation(evaluation, {
      ...evaluation,
      after: rows.at(-1)?.id ?? '',
      documents: evaluation.documents + rows.filter(({ id }) => isObjectId(id)).length,
      failed: evaluation.failed + [...found.values()].filter(({ problem }) => problem !== undefined).length,
    })
    if (evaluation.documents < loggedAt + LOG_DOCUMENTS) continue
    loggedAt = evaluation.documents
    log.info({ db, documents: evaluation.documents, of }, 'evaluating all documents')
  }
  if (signal.aborted) return
  await forgetMissing(options)
  for (;;) {
    await router.acknowledge()
    if (router.isAcknowledged || signal.aborted) break
    await sleep(LOOK_MS)
  }
  if (signal.aborted) return
  const { documents, failed } = evaluation
  const finishedAt = new Date(now()).toISOString()
  await routes.changeEvaluation(evaluation, { ...evaluation, state: 'done', finishedAt })
  log.info({ db, documents, failed }, 'all documents evaluated')
}

/** Routes of documents that are not there: the database was made anew, or what happened there was not heard of. */
async function forgetMissing({ database, routes, router, signal }: EvaluationOptions): Promise<void> {
  for await (const ids of routes.documents()) {
    if (signal.aborted) return
    const rows = await database.fetch(ids, { includeDocs: false })
    await router.route(
      rows.filter(({ rev, deleted }) => rev === null || deleted).map((row) => ({ ...row, doc: null })),
    )
  }
}
