// Brings copies from an outbox into the share database at once, as a replication would; the lease makes sure of the rest.
import chunk from 'lodash/chunk.js'
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc, Written } from '../couch/document.ts'
import { copyRange } from '../model/names.ts'
import { writeBulk } from './bulk.ts'

/** Copies a page while a share is filled again, with their attachments. */
const REFILL_PAGE = 100

/** Requests that write into one share at once, and the fewest documents that are worth one. */
const SIDE_BY_SIDE = 4
const SMALLEST_PART = 25

/** A copy as it was just written, under the revision that the outbox gave it. */
export interface FreshCopy {
  doc: Doc
  rev: string
}

/**
 * Writes revisions of the outbox into the share, unchanged. Copies with attachments are left to the replication.
 * @returns the copies that the share's validation functions refused
 */
export async function pushCopies(outbox: Database, share: Database, fresh: FreshCopy[]): Promise<Written[]> {
  const plain = fresh.filter(({ doc }) => Object.keys(doc._attachments ?? {}).length === 0)
  const first = plain.filter(({ rev }) => rev.startsWith('1-'))
  const later = plain.filter(({ rev }) => !rev.startsWith('1-'))
  // A later revision needs its whole history: cut off, it would stand as a conflict beside its own ancestor.
  const histories = await outbox.leaves(later.map(({ doc, rev }) => ({ id: doc._id, rev })))
  return refused(
    await writeSideBySide(share, [...first.map(({ doc, rev }) => withRevision(doc, rev)), ...histories]),
  )
}

/** CouchDB runs validation functions one document after the other, and one row of them for each request. */
async function writeSideBySide(share: Database, docs: StoredDoc[]): Promise<Written[]> {
  const parts = chunk(docs, Math.max(SMALLEST_PART, Math.ceil(docs.length / SIDE_BY_SIDE)))
  return (await Promise.all(parts.map((part) => writeBulk(share, part, { newEdits: false })))).flat()
}

/** Fills an empty share database from the outbox: live copies and tombstones, each with its history. */
export async function refill(outbox: Database, share: Database, id: string): Promise<void> {
  const { startKey, endKey } = copyRange(id)
  let from = startKey
  for (;;) {
    const rows = await outbox.range({ startKey: from, endKey, limit: REFILL_PAGE })
    const docs = await outbox.leaves(
      rows.map((row) => ({ id: row.id })),
      { attachments: true },
    )
    await writeSideBySide(share, docs)
    const last = rows.at(-1)
    if (rows.length < REFILL_PAGE || last === undefined) return
    from = `${last.id}\u0000`
  }
}

/** Deletes all copies of a share from the outbox. */
export async function deleteCopies(outbox: Database, id: string): Promise<void> {
  for (;;) {
    const rows = await outbox.range({ ...copyRange(id), limit: REFILL_PAGE * 5 })
    if (rows.length === 0) return
    await writeBulk(
      outbox,
      rows.map((row) => ({ _id: row.id, _rev: row.rev ?? '', _deleted: true })),
    )
  }
}

const withRevision = (doc: Doc, rev: string): StoredDoc => ({
  ...doc,
  _rev: rev,
  _revisions: { start: 1, ids: [rev.slice('1-'.length)] },
})

const refused = (written: Written[]): Written[] => written.filter((row) => !row.ok)
