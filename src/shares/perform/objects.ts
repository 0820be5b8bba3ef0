// Performs what was planned for a page of objects: outbox first, then the shares, then the bases, the objects last.
import type { Database } from '../../couch/database.ts'
import type { Doc, StoredDoc } from '../../couch/document.ts'
import { baseDoc, isEmptyBase } from '../model/base.ts'
import { isBeingFilled } from '../model/entry.ts'
import { shareDatabase } from '../../documents/names.ts'
import { copyId, objectOfBase, parseCopyId, shareCheckpoint } from '../model/ids.ts'
import type { ObjectEffect } from '../plan/object-facts.ts'
import { withRevisions } from '../plan/seen.ts'
import { settledObject } from '../plan/settled-object.ts'
import { isExcessive, refuseBase } from './base-refusals.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { blockClosed, type Look } from '../closings.ts'
import { pushCopies, readCopies, replacedIn, type FreshCopy } from './copies.ts'
import type { Deps } from '../deps.ts'
import { only, type Effect } from '../plan/effects.ts'
import { keepLocalLosers, Progress, writeHomes, writeObjects } from './shared-copies.ts'
import { shownBy } from './kept-leaves.ts'
import { withdrawLate } from './late-copies.ts'
import { isNext, lookForBrought, type Found } from './new-documents.ts'
import { isOutboxes, revision, writeOutbox, type OutboxWritten, type Refusals } from './outbox.ts'
import { orderRotation } from '../rotation-orders.ts'
import { readShown, type ShownOf } from './saved-copies.ts'
import { withdraw } from './withdrawals.ts'
import { tombstoneWithContent } from '../../couch/lost-version.ts'

/** What effects rest on, besides what they carry. */
export interface Footing {
  /** Looks at the copies. */
  looks: readonly Look[]
  /** The outbox. */
  found: Found
}

/**
 * Performs the effects of many objects of one owner, in bulk, in the order that planObject relies on.
 * @returns the objects that are to be looked at again: what they exchange with others is not settled yet
 * @throws {CouchFault} where CouchDB fails, or somebody else wrote into the outbox meanwhile: plan again
 */
export async function performObjects(
  deps: Deps,
  owner: string,
  planned: readonly ObjectEffect[],
  { looks, found }: Footing = { looks: [], found: new Map() },
): Promise<Progress> {
  const progress = new Progress()
  if (planned.length === 0) return progress
  const excessive = new Set(only(planned, 'put-base').filter((base) => isExcessive(deps, base)))
  for (const base of excessive) refuseBase(deps, progress, base)
  const effects = planned.filter((effect) => !('object' in effect) || !progress.blocked.has(effect.object))
  const outbox = deps.couch.database(deps.users.outbox(owner))
  const source = deps.couch.database(deps.users.database(owner))

  const written = await writeOutbox({ deps, source, outbox, effects, found, progress })
  const { fresh, refusals } = written
  await keepLocalLosers(deps, source, effects, progress)
  await writeHomes(deps, source, effects, progress)
  await blockClosed(deps, effects, looks, progress)
  await writeObjects(deps, source, effects, progress)
  const left = effects.filter((effect) => !('object' in effect) || !progress.blocked.has(effect.object))
  await bringToShares(deps, owner, outbox, fresh, only(left, 'withdraw'), only(left, 'put-base'), progress)
  await writeLastBases({ deps, outbox, effects: only(left, 'put-base'), found, progress }, written)
  await markObjects(deps, source, left, refusals)
  // What was refused just now counts, not that it was planned otherwise.
  for (const { share, object, problem: found } of only(planned, 'report'))
    if (!progress.reports.get(share)?.get(object)) progress.report(share, object, found)
  return progress
}

/** New copies go into the share databases at once; what was un-shared is really removed there. */
async function bringToShares(
  deps: Deps,
  owner: string,
  outbox: Database,
  fresh: FreshCopy[],
  withdrawals: Effect<'withdraw'>[],
  bases: Effect<'put-base'>[],
  progress: Progress,
): Promise<void> {
  const shares = new Set([
    ...fresh.map(({ doc }) => parseCopyId(doc._id)?.share ?? ''),
    ...withdrawals.map(({ share }) => share),
    ...progress.shares,
  ])
  const [entries, read] = await Promise.all([
    deps.registry.entries([...shares]),
    readCopies(outbox, fresh).then(
      (copies) => ({ copies }),
      (error: unknown) => ({ error }),
    ),
  ])
  for (const share of shares) {
    // In somebody else's share the owner's lane sees to the replication.
    const entry = entries.get(share)
    if (entry?.owner !== owner) continue
    const home = entry.home ?? 'outbox'
    const withdrawn = withdrawals
      .filter((effect) => effect.share === share)
      .map(({ object }) => copyId(share, object))
    const copies = fresh.filter(({ doc }) => parseCopyId(doc._id)?.share === share)
    // Its replication starts when it is opened, and finds all of it there.
    if (!isBeingFilled(entry)) await deps.leases.use(share, owner, home)
    const pushed = copies.filter(({ doc }) => !withdrawn.includes(doc._id))
    await push(deps, { outbox, share, owner }, pushed, read)
    // Another daemon may have written them since.
    const late = await replacedIn(
      [outbox],
      pushed.map(({ doc, rev }) => ({ id: doc._id, rev })),
    )
    await withdrawLate(deps, owner, { share, home, copies: [...late] })
    if (withdrawn.length === 0) continue
    // At the most a page of them: members go on reading, which a database that is made anew interrupts.
    if (deps.canPurge)
      await withdraw({
        ...{ outbox, home, copies: withdrawn, share: deps.couch.database(shareDatabase(share)) },
        shownOf: await shownAfter(outbox, share, withdrawn, bases),
      })
    else await orderRotation(deps, owner, share)
    deps.log.info({ db: outbox.name, share, count: withdrawn.length }, 'copies withdrawn')
  }
  for (const { doc } of fresh) progress.shares.add(parseCopyId(doc._id)?.share ?? '')
  for (const { share, object, isFirst } of withdrawals) {
    progress.shares.add(share)
    if (isFirst) progress.again.add(object)
  }
}

/** What the bases will say that a share shows of these copies, when what is withdrawn is gone. */
async function shownAfter(
  outbox: Database,
  share: string,
  copies: readonly string[],
  bases: readonly Effect<'put-base'>[],
): Promise<ShownOf> {
  const before = await readShown(outbox, share, copies)
  const after = new Map(
    bases.filter(({ stage }) => stage === 'after').map((base) => [copyId(share, base.object), base]),
  )
  return (copy) => {
    const base = after.get(copy)
    return base ? shownBy(base, share) : before(copy)
  }
}

/** Copies as their shares are to have them, or why they could not be read. */
type Read = { copies: StoredDoc[] } | { error: unknown }

/** Being early is all that this is for: where it fails, the replication brings the copies, and says so if it cannot. */
async function push(
  deps: Deps,
  { outbox, share, owner }: { outbox: Database; share: string; owner: string },
  fresh: readonly FreshCopy[],
  read: Read,
): Promise<void> {
  if (fresh.length === 0) return
  for (const { doc, rev } of fresh)
    deps.ownWrites.add(shareCheckpoint(share, deps.users.database(owner)), doc._id, rev)
  try {
    if ('error' in read) throw read.error
    const ids = new Set(fresh.map(({ doc }) => doc._id))
    const copies = read.copies.filter(({ _id }) => ids.has(_id))
    const refused = await pushCopies(outbox, deps.couch.database(shareDatabase(share)), copies)
    for (const row of refused)
      if (!row.ok) deps.log.warn({ share, doc: row.id, code: row.error }, 'copy refused by the share')
    deps.log.debug({ db: outbox.name, share, count: fresh.length }, 'copies written')
  } catch (error) {
    deps.log.warn({ db: outbox.name, share, err: error }, 'copies left to the replication')
  }
}

/** Bases are narrowed only now that nothing wider is readable; not for copies that the server refused. */
async function writeLastBases(
  { deps, outbox, effects, found, progress }: BasesWriting,
  { bases, refusals }: Pick<OutboxWritten, 'bases' | 'refusals'>,
): Promise<void> {
  const { ownWrites } = deps
  const docs = effects
    .filter(({ stage, object }) => stage === 'after' && !refusals.has(object))
    .flatMap(({ object, shares, agreed, rev, seen = {} }): Doc[] => {
      const base = baseDoc(object, {
        shares,
        agreed,
        seen: withRevisions(seen, (place) => progress.revisions.of(place, object)),
      })
      const current = bases.get(base._id) ?? rev
      if (!isEmptyBase(base)) return [{ ...base, ...revision(current) }]
      return current === null ? [] : [{ _id: base._id, _rev: current, _deleted: true }]
    })
  const isNew = new Set(docs.flatMap(({ _id, _rev }) => (_rev === undefined ? _id : [])))
  for (const row of await writeBulk(outbox, docs)) {
    const object = objectOfBase(row.id) ?? ''
    if (row.ok) ownWrites.add(outbox.name, row.id, row.rev)
    // Another daemon knows of something else that the object and its copies have in common, and this one's word was not noted.
    const isOvertaken = row.ok
      ? isNew.has(row.id) && !isNext(row.rev, found.get(row.id)?.tombstone)
      : row.error === 'conflict'
    if (isOvertaken) progress.again.add(object)
    else if (!row.ok)
      for (const base of effects.filter((one) => one.object === object)) refuseBase(deps, progress, base)
  }
  const hidden = effects.flatMap(({ object, hidden: shares = [] }) =>
    shares.map((share) => ({ object, id: copyId(share, object) })),
  )
  await lookForBrought(outbox, hidden, progress)
}

interface BasesWriting {
  deps: Deps
  outbox: Database
  effects: Effect<'put-base'>[]
  found: Found
  progress: Progress
}

/** Writes `$shares` and `$error` into the user's objects. A conflict means that the user wrote: that change comes by itself. */
async function markObjects(
  { log }: Deps,
  source: Database,
  effects: readonly ObjectEffect[],
  refusals: Refusals,
): Promise<void> {
  const docs = new Map<string, Doc>()
  for (const { doc, strip, problems } of only(effects, 'settle-object')) {
    const settled = settledObject(doc, strip, [...problems, ...(refusals.get(doc._id) ?? [])])
    if (settled) docs.set(doc._id, settled)
    for (const { share, problem: found } of problems)
      log.info({ db: source.name, doc: doc._id, share, code: found.code }, 'problem reported on object')
  }
  // Objects that were all right themselves, and whose copies were not.
  for (const { object, from } of only(effects, 'put-copy').filter(isOutboxes)) {
    const found = refusals.get(object)
    const settled = found && !docs.has(object) ? settledObject(from, [], found) : null
    if (settled) docs.set(object, settled)
  }
  const drops = only(effects, 'drop-leaf').map(({ object, rev, content }) =>
    tombstoneWithContent(object, rev, content ?? null),
  )
  for (const row of [...(await writeBulk(source, [...docs.values()])), ...(await writeBulk(source, drops))])
    if (!row.ok && row.error !== 'conflict')
      log.warn({ db: source.name, doc: row.id, code: row.error }, 'object not updated')
}
