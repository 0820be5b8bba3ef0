// Follows what was written into a share database, by its members themselves or through their subscriptions.
import type { Change, ChangesPage } from '../../couch/document.ts'
import { isFault } from '../../couch/fault.ts'
import { readUserDocs } from '../gather/user-docs.ts'
import { isHomeShare, writersOf, type ShareEntry } from '../model/entry.ts'
import { shareDatabase } from '../../documents/names.ts'
import type { Context } from './context.ts'
import { takeOutForged } from './forged-attachments.ts'
import { excessLeaves, refusalsOf, refuseLeaves } from './leaf-bounds.ts'
import { reconcileObjects, report } from './objects.ts'
import { planShares } from './shares.ts'
import type { ShareWithPart } from '../registry.ts'
import { refreshDatabase } from '../../skeletons/refresh.ts'
import { Tally } from './tally.ts'
import { START, type Checkpoint } from '../../engine/checkpoint.ts'
import { parseCopyId, shareCheckpoint } from '../model/ids.ts'

const PAGE = 200

/** Reads a page of a share, for its owner or somebody who takes part. @returns whether there is more */
export async function followShare(context: Context, share: string): Promise<boolean> {
  const { deps, user } = context
  const known = await deps.registry.withPart(share, context.owner)
  const { entry } = known
  // One that has to be made anew is followed from its beginning, when it is there; one that ends never will be.
  const isToCome = entry?.rotate === true && entry.state !== 'ending'
  if (!follows(context, share, known) || isToCome) return false
  const name = shareCheckpoint(share, user.name)
  const instance = String(entry?.rotations ?? 0)
  const there = await context.checkpoint(name)
  // Sequences of a database that was made anew mean something else.
  const checkpoint: Checkpoint = there.instance === instance ? there : { ...START, instance }
  // Who begins anew, after having been away, may lack what was last written by this very lane.
  if (checkpoint.since === START.since) deps.ownWrites.forget(name)
  const most = mostChanges(context, share, entry)
  if (most === 0) {
    context.throttled.add(share)
    return false
  }
  const read = await readPage(context, share, checkpoint.since, most)
  if (read === null) {
    if (entry?.database === user.name) await planShares(context, [], new Set([share]))
    return false
  }
  const page = most < PAGE ? within(read, most) : read

  if (entry?.database === user.name && page.results.some(({ id }) => id.startsWith('_design/')))
    await refreshDatabase(deps, shareDatabase(share))
  const foreign = deps.ownWrites.foreign(name, page.results)
  const tally = new Tally(share)
  const isFromStart = checkpoint.since === START.since || checkpoint.isFromStart === true
  if (entry?.database === user.name && !isHomeShare(entry)) {
    const unknown = await context.outbox.missing(
      Object.fromEntries(
        foreign
          .filter(({ id }) => parseCopyId(id)?.share === share)
          .map(({ id, changes }) => [id, changes.map(({ rev }) => rev)]),
      ),
    )
    // The owner wrote into the share directly: from now on that is where copies are written.
    if (Object.keys(unknown).length > 0) {
      await planShares(context, [], new Set([share]), { isWrittenDirectly: true })
      return true
    }
  } else {
    const excess =
      entry?.database === user.name
        ? await excessLeaves(context, share, foreign)
        : new Map<string, string[]>()
    if (excess.size > 0) {
      await report(context, refusalsOf(share, excess))
      await refuseLeaves(context, share, excess)
      for (const [id, revs] of excess) tally.refused(parseCopyId(id)?.object ?? '', revs.length)
    }
    if (entry?.database === user.name && entry.access?.write === true)
      await report(context, await takeOutForged(context, share, foreign))
    const leaves = new Map(
      foreign.flatMap(({ id, changes }): [string, string[]][] => {
        const copy = parseCopyId(id)
        return copy?.share === share ? [[copy.object, changes.map(({ rev }) => rev)]] : []
      }),
    )
    const docs = await readUserDocs(user, [...leaves.keys()])
    // Without a user database, nothing of it has arrived: it is read again when there is one.
    if (docs.length < leaves.size) return false
    const isSettled = await reconcileObjects(
      context,
      docs.map((doc) => ({ ...doc, copiedTo: [share], pushed: { share, revs: leaves.get(doc.id) ?? [] } })),
      tally,
    )
    if (!isSettled) return true
  }
  if (entry?.access?.write === true)
    deps.allowance.take(name, changesIn(foreign, tally, isFromStart) / writersOf(entry))
  const { isFromStart: _, ...moved } = checkpoint
  deps.checkpoints.set(name, {
    ...moved,
    ...(isFromStart && page.pending > 0 ? { isFromStart: true as const } : {}),
    since: page.last_seq,
    updateSeq: (page.pending === 0 ? context.work.updateSeqs?.get(name) : null) ?? checkpoint.updateSeq,
  })
  return page.pending > 0
}

/** Takes in what others wrote, to the last change. */
export async function drainShare(context: Context, share: string): Promise<void> {
  while (await followShare(context, share));
}

/** Of a share into which everybody may write, so much is taken in a minute as its writers may write, and a guest. */
function mostChanges({ deps, user }: Context, share: string, entry: ShareEntry | null): number {
  if (entry?.access?.write !== true || entry.state === 'ending') return PAGE
  const left = Math.floor(deps.allowance.left(shareCheckpoint(share, user.name)) * writersOf(entry))
  return Math.max(0, Math.min(PAGE, left))
}

/**
 * How many changes a page counts as: each live leaf is one. A database that is read from its start has what the daemon
 * brought there, and of that what is known already counts for nothing.
 */
function changesIn(foreign: readonly Change[], tally: Tally, isFromStart: boolean): number {
  const objects = foreign.map(({ id }) => parseCopyId(id)?.object ?? '')
  const counted = isFromStart ? objects.filter((object) => tally.hasMoved(object)) : objects
  return counted.reduce((sum, object) => sum + tally.leaves(object), 0)
}

/** The beginning of a page, with no more leaves than may come in, and one document at the least. */
function within(page: ChangesPage, most: number): ChangesPage {
  let leaves = 0
  const end = page.results.findIndex(({ changes }, at) => (leaves += changes.length) > most && at > 0)
  const last = page.results[end - 1]
  if (end === -1 || !last) return page
  const results = page.results.slice(0, end)
  return { results, last_seq: last.seq, pending: page.pending + page.results.length - end }
}

/** Who takes no part in a share does not follow it. */
function follows({ deps, user }: Context, share: string, { entry, subscription }: ShareWithPart): boolean {
  const isThere = entry !== null && entry.state !== 'ended'
  const isMine = entry?.database === user.name
  const isFollowed = isThere && (isMine || subscription?.state === 'active')
  if (!isFollowed) deps.checkpoints.remove(shareCheckpoint(share, user.name))
  return isFollowed
}

async function readPage(
  { deps }: Context,
  share: string,
  since: ChangesPage['last_seq'],
  limit: number,
): Promise<ChangesPage | null> {
  try {
    return await deps.common
      .database(shareDatabase(share))
      .changes({ since, limit, includeDocs: false, allLeaves: true })
  } catch (error) {
    // It is made anew by its owner's lane: who follows it is told when it is there.
    if (isFault(error, 'not_found')) return null
    throw error
  }
}
