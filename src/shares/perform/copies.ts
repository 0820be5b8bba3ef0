// Brings copies from an outbox into the share database at once, as a replication would; the lease makes sure of the rest.
import chunk from 'lodash/chunk.js'
import partition from 'lodash/partition.js'
import type { Database } from '../../couch/database.ts'
import type { Doc, StoredDoc, Written } from '../../couch/document.ts'
import type { Seq } from '../../couch/document.ts'
import { pagesOf } from '../../couch/pages.ts'
import { attachedBytes, isBare } from '../../couch/attachments.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { writeLeaves } from '../../couch/bring-leaves.ts'
import { copyRange, parseCopyId } from '../model/ids.ts'

/** Copies a page while a share is filled again, with their attachments. */
const REFILL_PAGE = 100
const COMPARE_PAGE = 1000

/** Requests that write into one share at once, and the fewest documents that are worth one. */
const SIDE_BY_SIDE = 4
const SMALLEST_PART = 25

/** A copy as it was just written, under the revision that the outbox gave it. */
export interface FreshCopy {
  doc: Doc
  rev: string
}

/** Where a share lacks more of a copy's attachments than this, the copy is left to the replication. */
const MOST_PUSHED_BYTES = 1024 * 1024

/** Copies as the share is to have them: those of which the outbox alone knows the history are read there. */
export async function readCopies(outbox: Database, fresh: readonly FreshCopy[]): Promise<StoredDoc[]> {
  const small = fresh.filter((copy) => !isFirst(copy) || attachedBytes(copy.doc) <= MOST_PUSHED_BYTES)
  // A later revision needs its whole history: cut off, it would stand as a conflict beside its own ancestor.
  const [whole, others] = partition(small, (copy) => isFirst(copy) && isBare(copy.doc))
  const histories = await outbox.leaves(others.map(({ doc, rev }) => ({ id: doc._id, rev })))
  return [...whole.map(({ doc, rev }) => withRevision(doc, rev)), ...histories]
}

/**
 * Writes revisions of the outbox into the share, unchanged. Copies of which the share lacks large attachments are left to
 * the replication.
 * @returns the copies that the share's validation functions refused
 */
export async function pushCopies(
  outbox: Database,
  share: Database,
  copies: readonly StoredDoc[],
): Promise<Written[]> {
  return writeLeaves(outbox, share, copies, { write: writeSideBySide, mostBytes: MOST_PUSHED_BYTES })
}

const isFirst = ({ rev }: FreshCopy): boolean => rev.startsWith('1-')

/** CouchDB runs validation functions one document after the other, and one row of them for each request. */
async function writeSideBySide(share: Database, docs: StoredDoc[]): Promise<Written[]> {
  const parts = chunk(docs, Math.max(SMALLEST_PART, Math.ceil(docs.length / SIDE_BY_SIDE)))
  return (await Promise.all(parts.map((part) => writeBulk(share, part, { newEdits: false })))).flat()
}

/** Gives a tombstone to copies of which the outbox has none, nor anything else. */
export async function buryUnknown(outbox: Database, copies: Iterable<string>): Promise<void> {
  for (const ids of chunk([...copies], COMPARE_PAGE)) {
    const rows = await outbox.fetch(ids, { includeDocs: false })
    const unknown = rows.filter(({ rev }) => rev === null)
    await writeBulk(
      outbox,
      unknown.map(({ id }) => ({ _id: id, _deleted: true })),
    )
  }
}

/** A leaf of a copy, by name. */
export interface LeafName {
  id: string
  rev: string
}

/**
 * Brings leaves from one database into another, with their histories and attachments.
 * @returns those that were refused
 */
export async function bringLeaves(
  from: Database,
  to: Database,
  wanted: readonly LeafName[],
): Promise<Written[]> {
  const refused: Written[] = []
  for (const some of chunk(wanted, REFILL_PAGE))
    refused.push(...(await writeLeaves(from, to, await from.leaves(some), { write: writeSideBySide })))
  return refused
}

/**
 * Where something has taken the place of what was brought, another daemon may have withdrawn it before it came. Who
 * withdraws after this look finds it.
 * @returns the ids of the documents of which one of these revisions is no leaf any more
 */
export async function replacedIn(
  databases: readonly Database[],
  names: readonly LeafName[],
): Promise<Set<string>> {
  const ids = [...new Set(names.map(({ id }) => id))]
  const replaced = new Set<string>()
  for (const database of databases) {
    const there = await database.leafRevisions(ids)
    for (const { id, rev } of names) if (!there.get(id)?.includes(rev)) replaced.add(id)
  }
  return replaced
}

/**
 * Brings into a share the copies of the outbox that it has not. Most have come when they were written.
 * @returns the copies that were refused, and those that were written in the outbox meanwhile
 * @throws {CouchFault}
 */
export async function bringMissing(
  outbox: Database,
  share: Database,
  id: string,
): Promise<{ refused: Written[]; late: Set<string> }> {
  const refused: Written[] = []
  const late = new Set<string>()
  for await (const names of namesIn(outbox, id)) {
    const brought = await bringUnknown(outbox, share, namesById(names))
    refused.push(...brought.refused)
    for (const copy of brought.late) late.add(copy)
  }
  return { refused, late }
}

/** Brings those of these leaves, by document, that the target does not have. @throws {CouchFault} */
async function bringUnknown(
  source: Database,
  target: Database,
  leaves: Record<string, string[]>,
): Promise<{ refused: Written[]; late: Set<string> }> {
  const missing = Object.entries(await target.missing(leaves))
  const names = missing.flatMap(([id, revs]) => revs.map((rev) => ({ id, rev })))
  if (names.length === 0) return { refused: [], late: new Set() }
  const refused = await bringLeaves(source, target, names)
  return { refused, late: await replacedIn([source], names) }
}

/** Revisions by the id of their document. */
export function namesById(names: readonly LeafName[]): Record<string, string[]> {
  const revisions = new Map<string, string[]>()
  for (const { id, rev } of names) {
    const there = revisions.get(id)
    if (there) there.push(rev)
    else revisions.set(id, [rev])
  }
  return Object.fromEntries(revisions)
}

/** A share's live copies in the outbox, by name. */
export async function* namesIn(outbox: Database, id: string): AsyncGenerator<LeafName[]> {
  for await (const rows of pagesOf(outbox, { ...copyRange(id), limit: COMPARE_PAGE })) {
    const names = rows.flatMap((row) => (row.rev === null ? [] : { id: row.id, rev: row.rev }))
    if (names.length > 0) yield names
  }
}

/** The ids of a share's live copies in the outbox. */
export async function* copiesIn(outbox: Database, id: string): AsyncGenerator<string[]> {
  for await (const names of namesIn(outbox, id)) yield names.map((name) => name.id)
}

/**
 * The ids of all copies that a share has or had, in the order of their last changes.
 * @param looks so often it is asked again what was written meanwhile, until that is nothing; a copy may come more than once then
 */
export async function* copiesEver(share: Database, id: string, looks = 1): AsyncGenerator<string[]> {
  let since: Seq = '0'
  for (let left = looks; left > 0;) {
    const { results, last_seq, pending } = await share.changes({
      since,
      limit: COMPARE_PAGE,
      includeDocs: false,
    })
    const ids = results.map((row) => row.id).filter((copy) => parseCopyId(copy)?.share === id)
    if (ids.length > 0) yield ids
    since = last_seq
    if (results.length === 0) return
    if (pending === 0) left -= 1
  }
}

/**
 * Brings every leaf of these copies that the target does not have, with its history.
 * @returns the copies that were written in the source meanwhile: what came may not be shown any more
 */
export async function equalize(source: Database, target: Database, copies: string[]): Promise<string[]> {
  const late: string[] = []
  for (const ids of chunk(copies, REFILL_PAGE)) {
    const there = await source.leafRevisions(ids)
    late.push(...(await bringUnknown(source, target, Object.fromEntries(there))).late)
  }
  return late
}

const withRevision = (doc: Doc, rev: string): StoredDoc => ({
  ...doc,
  _rev: rev,
  _revisions: { start: 1, ids: [rev.slice('1-'.length)] },
})
