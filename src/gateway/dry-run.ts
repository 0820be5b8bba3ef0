// Asks two sync functions about all documents of a database, page by page. Only reads.
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Database } from '../couch/database.ts'
import type { Row, StoredDoc } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import { Comparison, type Report } from './comparison.ts'
import type { SyncFunction, Writer } from './sync-function.ts'

const PAGE_DOCUMENTS = 500
/** Larger pages are read in parts; a single document always fits. */
const PAGE_BYTES = 16 * 1024 * 1024
/** Nothing else happens while these are evaluated, no signal either. */
const BATCH_DOCUMENTS = 25

/** As whom the router evaluates: what is in the database was let in. */
const ADMIN: Writer = { name: null, roles: [], channels: [], isAdmin: true }

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
 * Evaluates all documents that are there, each as if an admin created it. Left out is whatever begins with `_` or `$`, as in
 * `compileGuard`, and what was deleted: CouchDB may not have any more what it replaced, and functions ask for that.
 * @returns null where the signal came first
 * @throws {CouchFault}
 */
export async function dryRun({ signal, onDocument, ...options }: DryRunOptions): Promise<Report | null> {
  const comparison = new Comparison()
  try {
    for await (const rows of pagesOf(options.database, options.pageDocuments ?? PAGE_DOCUMENTS, signal))
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
  const calls = docs.map((doc) => ({ doc, oldDoc: null, writer: ADMIN, now }))
  const [old, next] = [before?.evaluateMany(calls), after.evaluateMany(calls)]
  for (const [at, verdict] of next.entries()) {
    const doc = docs[at]
    if (doc !== undefined) comparison.add(doc._id, old?.[at] ?? null, verdict)
  }
}

async function* pagesOf(database: Database, most: number, signal: AbortSignal): AsyncGenerator<Row[]> {
  let startKey: string | undefined
  let limit = most
  for (;;) {
    let rows
    try {
      rows = await database.range({
        ...(startKey === undefined ? {} : { startKey }),
        ...{ limit, signal, includeDocs: true },
        mostBytes: limit === 1 ? Number.MAX_SAFE_INTEGER : PAGE_BYTES,
      })
    } catch (error) {
      if (!isFault(error, 'answer_too_large') || limit === 1) throw error
      limit = Math.ceil(limit / 5)
      continue
    }
    const last = rows.at(-1)
    if (last === undefined) return
    yield rows
    startKey = `${last.id}\u0000`
    limit = Math.min(most, limit * 2)
  }
}
