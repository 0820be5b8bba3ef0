// Evaluates all documents of a gateway by the function that is in force now, while everybody goes on: each document goes where
// it went until it was evaluated. What is done is written down, page by page.
import type { Database } from '../couch/database.ts'
import { pagesOf, spanOf } from '../couch/pages.ts'
import type { Gateway } from './gateway.ts'
import type { Logger } from '../log.ts'
import { EVALUATION_ID, type Evaluation } from './model.ts'
import { oneAhead } from '../engine/one-ahead.ts'
import { EvaluationProgress } from './evaluation-progress.ts'
import { judgedPages } from './judged-pages.ts'
import type { Routes } from './routes.ts'
import type { Router } from './router.ts'

/** Routes whose documents are looked for at once, and ids that a page of these has. */
const PAGE = 1_000

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
  /** A user has something to do. */
  isBusy: (name: string) => boolean
  /** Documents on a page; for tests. */
  pageDocuments?: number | undefined
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
    // What another function has left behind is still to be seen to.
    ...(known?.crossed === undefined ? {} : { crossed: known.crossed }),
    startedAt: new Date(now()).toISOString(),
  })
}

/**
 * Goes on where it was stopped; where all is evaluated by this function already, there is nothing to do. It is done when all
 * users have what it means for them. Routes that lead elsewhere remember what they were before, or it is noted which channels their
 * documents cross, so that nobody is forgotten whatever happens in between. The next page is read and judged while the last one is
 * written; how far all are evaluated is written down before the page that comes after.
 * @throws {CouchFault}
 */
export async function evaluateAll(options: EvaluationOptions): Promise<void> {
  const { gateway, database, router, log, now, signal, sleep } = options
  const begun = await router.begin()
  if (begun === null || begun.state === 'done') return
  const [db, of] = [database.name, (await database.info())?.doc_count]
  const latecomers = await router.compareFor(new Set(begun.crossed))
  const progress = new EvaluationProgress(begun, latecomers, options)
  const tell = (): void => log.info({ db, documents: progress.documents, of }, 'evaluating all documents')
  tell()
  let toldAt = progress.documents
  const reading = { ...options, gateway: database, sync: gateway.sync, after: begun.after }
  for await (const page of oneAhead(judgedPages(reading))) {
    if (signal.aborted) return
    progress.add(page, await router.carryOut(page, progress.held(), (channels) => progress.note(channels)))
    if (progress.documents < toldAt + LOG_DOCUMENTS) continue
    toldAt = progress.documents
    tell()
  }
  if (signal.aborted) return
  await forgetMissing(options)
  for (;;) {
    await router.acknowledge()
    if ((router.isAcknowledged && progress.isSettled) || signal.aborted) break
    await sleep(LOOK_MS)
  }
  if (signal.aborted) return
  await progress.finish(new Date(now()).toISOString())
  const { documents, failed } = progress
  log.info({ db, documents, failed }, 'all documents evaluated')
}

/** Routes of documents that are not there: the database was made anew, or what happened there was not heard of. */
async function forgetMissing({ database, routes, router, signal }: EvaluationOptions): Promise<void> {
  for await (const ids of routes.documents()) {
    if (signal.aborted) return
    const there = await idsThere(database, ids)
    const missing = ids.filter((id) => !there.has(id))
    if (missing.length === 0) continue
    const rows = await database.fetch(missing, { includeDocs: false })
    await router.route(
      rows.filter(({ rev, deleted }) => rev === null || deleted).map((row) => ({ ...row, doc: null })),
    )
  }
}

/** Those of these documents that are there; they come one after the other. By a range: so many single ids take many times as long. */
async function idsThere(database: Database, ids: readonly string[]): Promise<Set<string>> {
  const there = new Set<string>()
  const span = spanOf(ids)
  if (span === null) return there
  for await (const rows of pagesOf(database, { ...span, limit: PAGE }))
    for (const { id } of rows) there.add(id)
  return there
}
