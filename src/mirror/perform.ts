// Performs what was planned for documents of a master and of a personal database: each write is one that a reader may see.
import groupBy from 'lodash/groupBy.js'
import type { Database } from '../couch/database.ts'
import type { Doc, StoredDoc, Written } from '../couch/document.ts'
import { wholeContentOf } from '../documents/content.ts'
import { digestsOf } from '../documents/digests.ts'
import { problem, type Problem } from '../documents/problem.ts'
import { REMOVED } from '../documents/tombstone.ts'
import type { DocumentEffect, Place } from './plan.ts'
import { isLive } from '../documents/revisions.ts'
import { Room } from '../couch/attachments.ts'
import { writeBulk } from '../couch/bulk.ts'
import { prepare } from '../couch/with-attachments.ts'
import { writeLeaves } from '../couch/bring-leaves.ts'
import { revisionOver } from '../documents/deterministic-revision.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Removals } from './removals.ts'
import { refusalWords } from '../couch/refusal-words.ts'
import { tombstoneWithContent } from '../couch/lost-version.ts'

/** The databases of one user and one master. */
export interface Pair {
  master: Database
  personal: Database
}

/** What became of the effects, by document. */
export interface Performed {
  /** Somebody else wrote meanwhile, or an attachment is gone: to be looked at again. */
  again: Set<string>
  /** What the master did not take, and why. */
  refused: Map<string, Problem>
}

type RefusalCode = 'refused_by_master' | 'refused_by_database'

type Effect<Kind extends DocumentEffect['kind']> = Extract<DocumentEffect, { kind: Kind }>

/**
 * Writes in this order: what goes to the master, what comes from it, what goes. Revisions that exist already are written as
 * they are, with their histories (`new_edits: false`); new ones over the leaf that was planned with, so that whoever was
 * faster is not overwritten.
 * @throws {CouchFault}
 */
export async function performDocuments(
  { ownWrites, removals }: { ownWrites: OwnWrites; removals: Removals },
  pair: Pair,
  effects: readonly DocumentEffect[],
): Promise<Performed> {
  const performed: Performed = { again: new Set(), refused: new Map() }
  const of = <Kind extends DocumentEffect['kind']>(kind: Kind): Effect<Kind>[] =>
    effects.filter((effect): effect is Effect<Kind> => effect.kind === kind)

  await carry(pair, of('carry'), performed)
  await putAtMaster(pair, of('put-master'), performed)
  await drop(pair, 'master', of('drop'), performed)

  const brought = of('bring').map(({ leaf }) => leaf)
  for (const { _id, _rev } of brought) ownWrites.add(pair.personal.name, _id, _rev)
  for (const row of await writeLeaves(pair.master, pair.personal, brought))
    noteWritten(row, performed, 'refused_by_database')
  const put = await putAtUser(pair, of('put-personal'), performed)
  const dropped = await drop(pair, 'personal', of('drop'), performed)
  for (const { id, rev } of [...put, ...dropped]) ownWrites.add(pair.personal.name, id, rev)
  const removed = await removals.remove(
    pair.personal,
    of('remove').flatMap(({ leaves }) => leaves),
  )
  for (const id of removed.again) performed.again.add(id)
  for (const row of removed.refused) noteWritten(row, performed, 'refused_by_database')
  return performed
}

/** What the master's own validation functions refuse stays where it is. */
async function carry(
  { master, personal }: Pair,
  effects: Effect<'carry'>[],
  performed: Performed,
): Promise<void> {
  const leaves = effects.map(({ leaf }) => leaf)
  for (const row of await writeLeaves(personal, master, leaves))
    noteWritten(row, performed, 'refused_by_master')
}

async function putAtMaster(
  { master, personal }: Pair,
  effects: Effect<'put-master'>[],
  performed: Performed,
): Promise<void> {
  const docs: Doc[] = []
  const room = new Room()
  for (const { over, content, from, sources } of effects) {
    const database = from === 'master' ? master : personal
    const target = { ...content.attributes, _id: over._id, _rev: over._rev }
    const wanted = content.attachments
    const prepared = await prepare({
      target,
      wanted,
      over,
      to: master,
      from: sources.map((leaf) => ({ database, leaf })),
      room,
    })
    if (prepared?.kind === 'ready') docs.push(prepared.doc)
    else if (prepared === null) performed.again.add(over._id)
    else noteWritten(await prepared.send(), performed, 'refused_by_master')
  }
  for (const row of await writeBulk(master, docs)) noteWritten(row, performed, 'refused_by_master')
}

async function putAtUser(
  { master, personal }: Pair,
  effects: Effect<'put-personal'>[],
  performed: Performed,
): Promise<{ id: string; rev: string }[]> {
  const [docs, made]: [Doc[], StoredDoc[]] = [[], []]
  const rows: Written[] = []
  const room = new Room()
  for (const { id, over, content, source } of effects) {
    // Over one tombstone of several: an ordinary write would be made from the one that CouchDB ranks first, which may have
    // nothing in common with the master's.
    const said = [content.attributes, digestsOf(content).attachments]
    const revived = over && !isLive(over) ? revisionOver(over, ...said) : null
    const target = {
      ...content.attributes,
      ...{ _id: id, ...(over ? { _rev: over._rev } : {}), ...revived },
    }
    const prepared = await prepare({
      ...{ target, wanted: content.attachments, over: revived ? null : over, to: personal, room },
      ...{ from: [{ database: master, leaf: source }], newEdits: revived === null },
    })
    if (prepared === null) performed.again.add(id)
    else if (prepared.kind === 'large') rows.push(await prepared.send())
    else if (revived) made.push({ ...prepared.doc, ...revived })
    else docs.push(prepared.doc)
  }
  const refused = await writeBulk(personal, made, { newEdits: false })
  const isRefused = new Set(refused.map((row) => row.id))
  rows.push(...(await writeBulk(personal, docs)), ...refused)
  rows.push(
    ...made.flatMap(({ _id, _rev }) =>
      isRefused.has(_id) ? [] : [{ id: _id, ok: true as const, rev: _rev }],
    ),
  )
  for (const row of rows) noteWritten(row, performed, 'refused_by_database')
  return rows.flatMap((row) => (row.ok ? [row] : []))
}

/** A conflict means that somebody was faster. What is refused stays as it is, and nothing is lost. */
function noteWritten(row: Written, { again, refused }: Performed, code: RefusalCode): void {
  if (row.ok) return
  if (row.error === 'conflict') again.add(row.id)
  else refused.set(row.id, problem(code, refusalWords(row)))
}

/** Losing leaves go, their contents stay readable: `?deleted_conflicts=true`. */
async function drop(
  pair: Pair,
  place: Place,
  effects: Effect<'drop'>[],
  performed: Performed,
): Promise<{ id: string; rev: string }[]> {
  const dropped: { id: string; rev: string }[] = []
  // Of several leaves of one document, each in a request of its own: `_bulk_docs` takes an id but once.
  const here = effects.filter(({ at }) => at === place)
  const byDocument = Object.values(groupBy(here, ({ leaf }) => leaf._id))
  for (let at = 0; byDocument.some((all) => all.length > at); at += 1) {
    const docs = byDocument.flatMap((all): Doc[] => {
      const leaf = all[at]?.leaf
      return leaf
        ? [{ ...tombstoneWithContent(leaf._id, leaf._rev, wholeContentOf(leaf)), [REMOVED]: true }]
        : []
    })
    for (const row of await writeBulk(pair[place], docs))
      if (row.ok) dropped.push(row)
      // One that stays where it is would be planned again, and refused again, without end.
      else noteWritten(row, performed, place === 'master' ? 'refused_by_master' : 'refused_by_database')
  }
  return dropped
}
