// Has the function of a gateway judge documents as they stand there, in slices, so that nobody else waits for long.
import { setImmediate as nextTurn } from 'node:timers/promises'
import omit from 'lodash/omit.js'
import partition from 'lodash/partition.js'
import type { Database } from '../couch/database.ts'
import type { Row, StoredDoc } from '../couch/document.ts'
import { spanOf } from '../couch/pages.ts'
import { BATCH_DOCUMENTS, routeEach, SLICE_MS } from './function/route.ts'
import type { SyncFunction, Judgement } from './function/sync-function.ts'

/** As a function sees it: without what only some requests show. */
export const judgeable = (doc: object): object =>
  omit(doc, ['_revisions', '_conflicts', '_deleted_conflicts'])

/**
 * The rows as they are now: what is newer may have been judged since they were read, and nobody would judge it again.
 * @throws {CouchFault}
 */
export async function readAnew(gateway: Database, rows: readonly Row[]): Promise<Row[]> {
  const ids = rows.map(({ id }) => id)
  return readOthers(gateway, rows, await gateway.fetch(ids, { includeDocs: false }))
}

/** The same for rows of documents that come one after the other: by a range. @throws {CouchFault} */
export async function readAnewInOrder(gateway: Database, rows: readonly Row[]): Promise<Row[]> {
  const span = spanOf(rows.map(({ id }) => id))
  return span === null ? [] : readOthers(gateway, rows, await gateway.range(span))
}

/** @param found what stands there now */
async function readOthers(gateway: Database, rows: readonly Row[], found: readonly Row[]): Promise<Row[]> {
  const now = new Map(found.map((row) => [row.id, row]))
  const isSame = ({ id, rev, deleted, doc }: Row): boolean => {
    const there = now.get(id)
    if (doc === null) return there?.rev == null || there.deleted
    return !deleted && !there?.deleted && there?.rev === rev
  }
  const [same, others] = partition(rows, isSame)
  return [...same, ...(await gateway.fetch(others.map(({ id }) => id)))]
}

/** @param now milliseconds since the epoch: what the function takes for the time @returns by document */
export async function judgeDocuments(
  sync: SyncFunction,
  docs: readonly StoredDoc[],
  now: () => number,
): Promise<Map<string, Judgement>> {
  const judgements = new Map<string, Judgement>()
  for (let done = 0; done < docs.length;) {
    const batch = docs.slice(done, done + BATCH_DOCUMENTS)
    const found = routeEach(sync, batch.map(judgeable), now(), SLICE_MS)
    for (const [at, judgement] of found.entries()) judgements.set(batch[at]?._id ?? '', judgement)
    done += found.length
    await nextTurn()
  }
  return judgements
}
