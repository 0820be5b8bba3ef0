// What CouchDB answers when it is asked for documents by their ids, as rows of one shape.
import { byRank } from '../documents/revisions.ts'
import type { Row, StoredDoc } from './document.ts'

/** https://docs.couchdb.org/en/stable/api/database/bulk-api.html#db-all-docs */
export interface AllDocsRow {
  id?: string
  key: string
  value?: { rev: string; deleted?: boolean }
  doc?: StoredDoc | null
  error?: string
}

/** One entry of `_bulk_get`: a leaf, or why there is none. https://docs.couchdb.org/en/stable/api/database/bulk-api.html#db-bulk-get */
export interface BulkGetAnswer {
  results: { id: string; docs: ({ ok: StoredDoc } | { error: { rev: string; error: string } })[] }[]
}

/** The leaves of an answer, in its order. */
export const leavesIn = ({ results }: BulkGetAnswer): StoredDoc[] =>
  results.flatMap(({ docs }) => docs.flatMap((answer) => ('ok' in answer ? [answer.ok] : [])))

export const toRow = ({ id, key, value, doc }: AllDocsRow): Row => ({
  id: id ?? key,
  rev: value?.rev ?? null,
  deleted: value?.deleted === true,
  doc: doc ?? null,
})

/** What takes away the documents of these rows, as they were read. */
export const deletionsOf = (rows: readonly Row[]): { _id: string; _rev: string; _deleted: true }[] =>
  rows.flatMap(({ id, rev }) => (rev === null ? [] : [{ _id: id, _rev: rev, _deleted: true as const }]))

/** The revision of what is live there, or null. */
export const liveRevision = ({ rev, deleted }: Row): string | null => (deleted ? null : rev)

/**
 * The rows that `_all_docs` has for documents of which all leaves were read, by id. Of one that could not be read there is none.
 * @param conflicts with the live leaves that lost, as `_conflicts`
 */
export function rowsOfLeaves({ results }: BulkGetAnswer, conflicts: boolean): Map<string, Row> {
  const rows = new Map<string, Row>()
  for (const { id, docs } of results) {
    const leaves = docs.flatMap((answer) => ('ok' in answer ? [answer.ok] : []))
    const isRead = docs.every((answer) => 'ok' in answer || answer.error.error === 'not_found')
    if (isRead) rows.set(id, rowOf(id, leaves, conflicts))
  }
  return rows
}

/** The winner, as CouchDB chooses it. */
function rowOf(id: string, leaves: readonly StoredDoc[], conflicts: boolean): Row {
  const [winner, ...others] = byRank(leaves)
  if (winner === undefined) return { id, rev: null, deleted: false, doc: null }
  if (winner._deleted) return { id, rev: winner._rev, deleted: true, doc: null }
  const lost = conflicts ? others.flatMap(({ _rev, _deleted }) => (_deleted ? [] : _rev)) : []
  const doc = lost.length === 0 ? winner : { ...winner, _conflicts: lost }
  return { id, rev: winner._rev, deleted: false, doc }
}
