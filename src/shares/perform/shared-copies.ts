// Writes copies into shares that others write into, and what others wrote into the user's objects: each write is an
// ordinary one, over the revision that was merged; who was late reads again.
import type { Database } from '../../couch/database.ts'
import type { Doc, Written } from '../../couch/document.ts'
import { OBJECT } from '../model/history.ts'
import { shareDatabase } from '../../documents/names.ts'
import { problem, type Problem } from '../../documents/problem.ts'
import type { ObjectEffect } from '../plan/object-facts.ts'
import { Room } from '../../couch/attachments.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { prepare } from '../../couch/with-attachments.ts'
import type { Deps } from '../deps.ts'
import { only } from '../plan/effects.ts'
import { refusalWords } from '../../couch/refusal-words.ts'
import { keepLosers } from './lost-versions.ts'
import { placesOf } from './attachment-places.ts'
import { copyId, parseCopyId, shareCheckpoint } from '../model/ids.ts'

/** Revisions by place, as a base names places: a share for its copies, and one for the objects themselves. */
class WrittenRevisions {
  readonly #revisions = new Map<string, string>()

  /** The first one holds: further leaves of a copy that go come after it. */
  add(place: string, object: string, rev: string): void {
    const key = `${place} ${object}`
    if (!this.#revisions.has(key)) this.#revisions.set(key, rev)
  }

  of(place: string, object: string): string | null {
    return this.#revisions.get(`${place} ${object}`) ?? null
  }
}

/** What became of a page of objects. */
export class Progress {
  /** Objects of which not everything could be written: what rests on it waits. */
  readonly blocked = new Set<string>()
  /** Objects that somebody else has written to, or that were blocked: they are to be looked at again. */
  readonly again = new Set<string>()
  /** Objects that were written, or their copies in shares into which others write: to be looked at again, too, unless they are settled. */
  readonly written = new Set<string>()
  /** Shares that others have to look at. */
  readonly shares = new Set<string>()
  /** By share, and by object, what is to be listed as rejected. */
  readonly reports = new Map<string, Map<string, Problem | null>>()

  /** Under which revisions copies and objects were written. */
  readonly revisions = new WrittenRevisions()

  report(share: string, object: string, found: Problem | null): void {
    const reports = this.reports.get(share) ?? new Map<string, Problem | null>()
    this.reports.set(share, reports.set(object, found))
  }
}

/** Keeps what gives way with the user's objects, before anything takes its place, in the shares too. */
export async function keepLocalLosers(
  deps: Deps,
  source: Database,
  effects: readonly ObjectEffect[],
  progress: Progress,
): Promise<void> {
  const losers = only(effects, 'keep-loser').filter(({ share }) => share === null)
  const places = { to: source, user: source, idOf: (object: string) => object }
  const { gone, refused } = await keepLosers(deps, places, losers)
  for (const object of gone) block(progress, object)
  for (const [object, { error, reason }] of refused) {
    if (error === 'conflict') block(progress, object)
    else progress.blocked.add(object)
    if (error === 'conflict') continue
    const found = problem('refused_by_database', refusalWords({ error, reason }))
    for (const { share } of losers.find((one) => one.object === object)?.sources ?? [])
      if (share !== null) progress.report(share, object, found)
    deps.log.warn({ db: source.name, doc: object, code: error }, 'what gives way cannot be kept: it stays')
  }
}

/** Brings copies up to date in the shares themselves; losers first, so that nothing is lost on the way. */
export async function writeHomes(
  deps: Deps,
  source: Database,
  effects: readonly ObjectEffect[],
  progress: Progress,
): Promise<void> {
  const shares = new Set(
    effects.flatMap((effect) =>
      (effect.kind === 'put-copy' || effect.kind === 'delete-copy') && effect.home === 'share'
        ? effect.share
        : (effect.kind === 'keep-loser' || effect.kind === 'drop-copy-leaf') && effect.share !== null
          ? effect.share
          : [],
    ),
  )
  for (const share of shares)
    await writeHome(
      deps,
      source,
      share,
      effects.filter((effect) => 'share' in effect && effect.share === share),
      progress,
    )
}

async function writeHome(
  deps: Deps,
  source: Database,
  share: string,
  effects: readonly ObjectEffect[],
  progress: Progress,
): Promise<void> {
  const home = deps.couch.database(shareDatabase(share))
  const idOf = (object: string): string => copyId(share, object)
  const kept = await keepLosers(deps, { to: home, user: source, idOf }, only(effects, 'keep-loser'))
  for (const object of kept.gone) block(progress, object)
  for (const row of kept.refused.values()) takeNote(deps, source, share, row, progress)
  const isFree = ({ object }: { object: string }): boolean => !progress.blocked.has(object)

  const docs: Doc[] = []
  const written: Written[] = []
  const room = new Room()
  for (const { object, content, over, sources } of only(effects, 'put-copy').filter(isHomes).filter(isFree)) {
    const target = { ...content.attributes, _id: idOf(object), ...revision(over?._rev) }
    const wanted = content.attachments
    const from = placesOf(deps, source, sources)
    const row = await prepare({ target, wanted, over, to: home, from, room })
    if (row === null) block(progress, object)
    else if (row.kind === 'large') written.push(await row.send())
    else docs.push(row.doc)
  }
  for (const { object, over } of only(effects, 'delete-copy').filter(isHomes).filter(isFree))
    docs.push({ _id: idOf(object), ...revision(over?._rev), _deleted: true })
  for (const { object, rev } of only(effects, 'drop-copy-leaf').filter(isFree))
    docs.push({ _id: idOf(object), _rev: rev, _deleted: true })

  written.push(...(await writeBulk(home, docs)))
  for (const row of written) takeNote(deps, source, share, row, progress)
  if (written.some(({ ok }) => ok)) progress.shares.add(share)
  deps.log.debug({ db: source.name, share, count: written.length }, 'copies written into the share')
}

const isHomes = ({ home }: { home: 'outbox' | 'share' }): boolean => home === 'share'

function takeNote(
  { ownWrites, log }: Deps,
  source: Database,
  share: string,
  row: Written,
  progress: Progress,
): void {
  const object = parseCopyId(row.id)?.object ?? ''
  if (row.ok) {
    progress.written.add(object)
    ownWrites.add(shareCheckpoint(share, source.name), row.id, row.rev)
    progress.revisions.add(share, object, row.rev)
    return
  }
  if (row.error === 'conflict') return block(progress, object)
  refuse(progress, object)
  const found = row.error === 'too_large' ? problem('too_large') : problem('copy_refused', refusalWords(row))
  progress.report(share, object, found)
  log.warn({ db: source.name, share, doc: object, code: found.code }, 'copy refused')
}

/** Brings the user's objects up to date; those whose copies could not be written wait. */
export async function writeObjects(
  deps: Deps,
  source: Database,
  effects: readonly ObjectEffect[],
  progress: Progress,
): Promise<void> {
  const isFree = ({ object }: { object: string }): boolean => !progress.blocked.has(object)
  const docs: Doc[] = []
  const written: Written[] = []
  const room = new Room()
  for (const { object, doc, over, sources } of only(effects, 'put-object').filter(isFree)) {
    const { _rev: _, _attachments: wanted = {}, ...content } = doc
    const target = { ...content, _id: object, ...revision(over?._rev) }
    const from = placesOf(deps, source, sources)
    const row = await prepare({ target, wanted, over, to: source, from, room })
    if (row === null) block(progress, object)
    else if (row.kind === 'large') written.push(await row.send())
    else docs.push(row.doc)
  }
  for (const { object, rev } of only(effects, 'remove-object').filter(isFree))
    docs.push({ _id: object, _rev: rev, _deleted: true })

  written.push(...(await writeBulk(source, docs)))
  for (const row of written) {
    if (row.ok) {
      progress.written.add(row.id)
      progress.revisions.add(OBJECT, row.id, row.rev)
      continue
    }
    if (row.error === 'conflict') {
      block(progress, row.id)
      continue
    }
    refuse(progress, row.id)
    const sources = only(effects, 'put-object').find(({ object }) => object === row.id)?.sources ?? []
    for (const { share } of sources)
      if (share !== null) progress.report(share, row.id, problem('refused_by_database', refusalWords(row)))
    deps.log.warn({ db: source.name, doc: row.id, code: row.error }, 'object not updated')
  }
}

function block(progress: Progress, object: string): void {
  progress.blocked.add(object)
  progress.again.add(object)
}

/** What was refused is refused the next time, too: nobody looks at it again for that. */
function refuse(progress: Progress, object: string): void {
  progress.blocked.add(object)
  progress.again.delete(object)
  progress.written.delete(object)
}

const revision = (rev: string | undefined): { _rev?: string } => (rev === undefined ? {} : { _rev: rev })
