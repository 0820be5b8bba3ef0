// Writes what was planned for an owner's outbox: bases that are widened, copies, tombstones.
import type { Database } from '../../couch/database.ts'
import type { Doc, Written } from '../../couch/document.ts'
import { CouchFault } from '../../couch/fault.ts'
import { baseDoc } from '../model/base.ts'
import { problem } from '../../documents/problem.ts'
import type { Home, ObjectEffect, ReportedProblem } from '../plan/object-facts.ts'
import { Room } from '../../couch/attachments.ts'
import { refuseBase } from './base-refusals.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { prepare } from '../../couch/with-attachments.ts'
import type { FreshCopy } from './copies.ts'
import type { Deps } from '../deps.ts'
import { only } from '../plan/effects.ts'
import type { Progress } from './shared-copies.ts'
import { blockOvertaken, isNext, type Found } from './new-documents.ts'
import { refusalWords } from '../../couch/refusal-words.ts'
import { placesOf } from './attachment-places.ts'
import { baseId, copyId, parseCopyId } from '../model/ids.ts'

/** What the server would not take, by object: it goes into the object's `$error`. */
export type Refusals = Map<string, ReportedProblem[]>

export interface OutboxWriting {
  deps: Deps
  source: Database
  outbox: Database
  effects: readonly ObjectEffect[]
  found: Found
  progress: Progress
}

/** What became of it. */
export interface OutboxWritten {
  fresh: FreshCopy[]
  /** The revisions of the bases that were written, by id. */
  bases: Map<string, string>
  refusals: Refusals
}

/**
 * Bases that are widened, copies, tombstones; in one request as far as they are small, and no copy is new.
 * @throws {CouchFault} where CouchDB fails, or somebody else wrote into the outbox meanwhile: plan again
 */
export async function writeOutbox(writing: OutboxWriting): Promise<OutboxWritten> {
  const { deps, source, outbox, effects, found, progress } = writing
  const written: OutboxWritten = { fresh: [], bases: new Map(), refusals: new Map() }
  const widened = only(effects, 'put-base').filter(({ stage }) => stage === 'before')
  const bases: Doc[] = widened.map(({ object, shares, agreed, rev, seen = {} }) => ({
    ...baseDoc(object, { shares, agreed, seen }),
    ...revision(rev),
  }))
  const puts = only(effects, 'put-copy').filter(isOutboxes)
  const isSplit = puts.some(({ over }) => over === null)
  if (isSplit) takeNote(writing, bases, await writeBulk(outbox, bases), written)

  const docs = isSplit ? [] : bases
  const large: { doc: Doc; send: () => Promise<Written> }[] = []
  const room = new Room()
  for (const { share, object, content, over, sources } of puts) {
    if (progress.blocked.has(object)) continue
    const target = { ...content.attributes, _id: copyId(share, object), ...revision(over?._rev ?? null) }
    const wanted = content.attachments
    const from = placesOf(deps, source, sources)
    const copy = await prepare({ target, wanted, over, to: outbox, from, room })
    if (copy?.kind === 'large') large.push({ doc: { ...target, _attachments: wanted }, send: copy.send })
    else if (copy) docs.push(copy.doc)
  }
  for (const { share, object, over } of only(effects, 'delete-copy').filter(isOutboxes))
    docs.push({ _id: copyId(share, object), ...revision(over?._rev ?? null), _deleted: true })

  const rows = await writeBulk(outbox, docs)
  // Only now: the bases are in place.
  for (const { doc, send } of large) {
    rows.push(await send())
    docs.push(doc)
  }
  takeNote(writing, docs, rows, written)
  const isNew = new Set(puts.flatMap(({ share, object, over }) => (over ? [] : copyId(share, object))))
  const fresh = written.fresh.filter(({ doc }) => isNew.has(doc._id))
  const baseOf = (object: string): string | null =>
    written.bases.get(baseId(object)) ?? found.get(baseId(object))?.live ?? null
  const resting = await blockOvertaken(
    outbox,
    fresh.map((copy) => {
      const object = parseCopyId(copy.doc._id)?.object ?? ''
      return { ...copy, object, id: copy.doc._id, base: baseOf(object) }
    }),
    found,
    progress,
  )
  const kept = new Set(resting.map(({ id }) => id))
  return { ...written, fresh: written.fresh.filter(({ doc }) => !isNew.has(doc._id) || kept.has(doc._id)) }
}

/** True where the owner's outbox is the home. */
export const isOutboxes = ({ home }: { home: Home }): boolean => home === 'outbox'

function takeNote(
  { deps: { ownWrites, log }, outbox, effects, found, progress }: OutboxWriting,
  docs: readonly Doc[],
  rows: readonly Written[],
  { fresh, bases, refusals }: OutboxWritten,
): void {
  const asked = new Map(docs.map((doc) => [doc._id, doc]))
  const isOvertaken = (row: Written): boolean =>
    row.ok
      ? parseCopyId(row.id) === null &&
        asked.get(row.id)?._rev === undefined &&
        !isNext(row.rev, found.get(row.id)?.tombstone)
      : // A refusal is not a race: it would be the same the next time.
        row.error === 'conflict'
  const foreign = rows.find(isOvertaken)
  // Before anything is taken note of: what landed all the same is looked at again when the outbox is followed.
  if (foreign) throw new CouchFault('conflict', outbox.name, `somebody else wrote ${foreign.id}`)
  for (const row of rows) {
    const doc = asked.get(row.id)
    const copy = parseCopyId(row.id)
    if (row.ok) {
      ownWrites.add(outbox.name, row.id, row.rev)
      if (copy === null) bases.set(row.id, row.rev)
      else if (doc) fresh.push({ doc, rev: row.rev })
    } else if (copy === null)
      for (const base of only(effects, 'put-base').filter(({ object }) => baseId(object) === row.id))
        refuseBase({ log }, progress, base)
    else {
      const refused =
        row.error === 'too_large' ? problem('too_large') : problem('copy_refused', refusalWords(row))
      refusals.set(copy.object, [
        ...(refusals.get(copy.object) ?? []),
        { share: copy.share, problem: refused },
      ])
      log.warn({ db: outbox.name, share: copy.share, doc: copy.object, code: refused.code }, 'copy refused')
    }
  }
}

/** The `_rev` to write over; none where nothing is there. */
export const revision = (rev: string | null): { _rev?: string } => (rev === null ? {} : { _rev: rev })
