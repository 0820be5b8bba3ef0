// Asks two sync functions about all documents of a database, page by page. Only reads.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '../../couch/database.ts'
import type { Row, StoredDoc } from '../../couch/document.ts'
import { isFault } from '../../couch/fault.ts'
import { pagesOfDocuments } from '../../couch/pages.ts'
import { Comparison, type Report } from './comparison.ts'
import { BATCH_DOCUMENTS, routeEach } from './route.ts'
import type { SyncFunction } from './sync-function.ts'

const PAGE_DOCUMENTS = 500

export interface DryRunOptions {
  database: Database
  /** In force; null where there is none. */
  before: SyncFunction | null
  after: SyncFunction
  /** Milliseconds since the epoch: what both functions take for the time. */
  now: number
  signal: AbortSignal
  /** Called for each document that was read, also for those that are no business of the functions. */
  onDocument: () => void
  /** Documents on a page; for tests. */
  pageDocuments?: number
}

/**
 * Evaluates all documents that are there, as the router does: see `routeEach`. Left out is whatever begins with `_` or `$`, as in
 * `compileGuard`, and what was deleted: CouchDB may not have any more what it replaced, and functions ask for that.
 * @returns null where the signal came first
 * @throws {CouchFault}
 */
export async function dryRun({ signal, onDocument, ...options }: DryRunOptions): Promise<Report | null> {
  const comparison = new Comparison()
  const limit = options.pageDocuments ?? PAGE_DOCUMENTS
  try {
    for await (const rows of pagesOfDocuments(options.database, { limit, signal }))
      for (let at = 0; at < rows.length; at += BATCH_DOCUMENTS) {
        const batch = rows.slice(at, at + BATCH_DOCUMENTS)
        compare(batch.flatMap(businessOf), options, comparison)
        for (const _row of batch) onDocument()
        await nextTurn()
        if (signal.aborted) return null
      }
  } catch (error) {
    if (signal.aborted && isFault(error, 'stopped')) return null
    throw error
  }
  return signal.aborted ? null : comparison.report()
}

/** One that was deleted after its page was made has no document. */
const businessOf = ({ id, doc }: Row): StoredDoc[] => (doc === null || /^[_$]/.test(id) ? [] : [doc])

function compare(
  docs: StoredDoc[],
  { before, after, now }: Pick<DryRunOptions, 'before' | 'after' | 'now'>,
  comparison: Comparison,
): void {
  const [old, next] = [before && routeEach(before, docs, now), routeEach(after, docs, now)]
  for (const [at, judgement] of next.entries()) {
    const doc = docs[at]
    if (doc !== undefined) comparison.add(doc._id, old?.[at] ?? null, judgement)
  }
}
