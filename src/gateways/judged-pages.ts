// Goes through all documents of a gateway in the order of their ids, and has its function judge them beside their routes. Only reads.
import type { Database } from '../couch/database.ts'
import type { Row } from '../couch/document.ts'
import { behind, pagesOfDocuments } from '../couch/pages.ts'
import { isObjectId } from '../documents/names.ts'
import type { SyncFunction } from './function/sync-function.ts'
import { judgeDocuments, readAnewInOrder } from './judge-documents.ts'
import type { Route } from './model.ts'
import { changedRoutes } from './plan-routes.ts'
import type { Routes } from './routes.ts'

/** Documents on a page, unless they are large: as many routes are written by two requests. */
const PAGE = 1_000

export interface JudgedPage {
  /** The documents that functions are asked about. */
  rows: readonly Row[]
  /** The id of the last document, which may be none of these. */
  last: string
  /** Their routes, as they were before the documents were read: written over these revisions, no judgement replaces a later one. */
  there: ReadonlyMap<string, Route>
  /** The routes that are others by this function. */
  changed: ReadonlyMap<string, Route>
}

export interface JudgedPagesOptions {
  gateway: Database
  routes: Routes
  sync: SyncFunction
  now: () => number
  /** Begins behind this document. */
  after: string | undefined
  /** Documents on a page; for tests. */
  pageDocuments?: number | undefined
  signal: AbortSignal
}

/**
 * Documents and routes are read as ranges: so many single ids take a server many times as long.
 * @throws {CouchFault}
 */
export async function* judgedPages({
  gateway,
  routes,
  sync,
  now,
  after,
  pageDocuments: limit = PAGE,
  signal,
}: JudgedPagesOptions): AsyncGenerator<JudgedPage, void> {
  const range = { limit, signal, ...(after === undefined ? {} : { startKey: behind(after) }) }
  for await (const page of pagesOfDocuments(gateway, range)) {
    const own = page.filter(({ id }) => isObjectId(id))
    const there = await routes.inOrder(own.map(({ id }) => id))
    const rows = (await readAnewInOrder(gateway, own)).filter(({ doc }) => doc !== null)
    const docs = rows.flatMap(({ doc }) => doc ?? [])
    const changed = changedRoutes(there, rows, await judgeDocuments(sync, docs, now))
    yield { rows: own, last: page.at(-1)?.id ?? '', there, changed }
  }
}
