// Follows what was written into a share database, by its members themselves or through their subscriptions.
import type { ChangesPage } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import { START } from '../feed/checkpoints.ts'
import { readUserDocs } from '../feed/user-docs.ts'
import { isHomeShare, writersOf, type ShareEntry } from '../model/entry.ts'
import { parseCopyId, shareCheckpoint, shareDatabase } from '../model/names.ts'
import type { Context } from './context.ts'
import { excessLeaves, refusalsOf, refuseLeaves } from './leaf-bounds.ts'
import { reconcileObjects, report } from './objects.ts'
import { planShares } from './shares.ts'
import { refreshDatabase } from './skeleton.ts'

const PAGE = 200

/** Reads a page of a share, for its owner or somebody who takes part. @returns whether there is more */
export async function followShare(context: Context, share: string): Promise<boolean> {
  const { deps, user } = context
  const entry = await deps.registry.entry(share)
  // One that has to be made anew is followed from its beginning, when it is there.
  if (!(await follows(context, share, entry)) || entry?.rotate) return false
  const name = shareCheckpoint(share, user.name)
  const instance = String(entry?.rotations ?? 0)
  const there = await context.checkpoint(name)
  // Sequences of a database that was made anew mean something else.
  const checkpoint = there.instance === instance ? there : { ...START, instance }
  // Who begins anew, after having been away, may lack what was last written by this very lane.
  if (checkpoint.since === START.since) deps.ownWrites.forget(name)
  const most = mostChanges(context, share, entry)
  if (most === 0) {
    context.throttled.add(share)
    return false
  }
  const page = await readPage(context, share, checkpoint.since, most)
  if (page === null) {
    if (entry?.database === user.name) await planShares(context, [], new Set([share]))
    return false
  }

  if (entry?.database === user.name && page.results.some(({ id }) => id.startsWith('_design/')))
    await refreshDatabase(deps, shareDatabase(share))
  const foreign = page.results.filter(
    ({ id, changes }) => !changes.every(({ rev }) => deps.ownWrites.includes(name, id, rev)),
  )
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
    }
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
    )
    if (!isSettled) return true
  }
  if (entry?.access?.write === true) deps.allowance.take(name, foreign.length / writersOf(entry))
  deps.checkpoints.set(name, {
    ...checkpoint,
    since: page.last_seq,
    updateSeq: (page.pending === 0 ? context.hint.updateSeqs?.get(name) : null) ?? checkpoint.updateSeq,
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
  return Math.min(PAGE, Math.floor(deps.allowance.left(shareCheckpoint(share, user.name)) * writersOf(entry)))
}

/** Who takes no part in a share does not follow it. */
async function follows(
  { deps, owner, user }: Context,
  share: string,
  entry: ShareEntry | null,
): Promise<boolean> {
  const isThere = entry !== null && entry.state !== 'ended'
  const isMine = entry?.database === user.name
  const isFollowed =
    isThere && (isMine || (await deps.registry.subscription(share, owner))?.state === 'active')
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
    return await deps.couch
      .database(shareDatabase(share))
      .changes({ since, limit, includeDocs: false, allLeaves: true })
  } catch (error) {
    // It is made anew by its owner's lane: who follows it is told when it is there.
    if (isFault(error, 'not_found')) return null
    throw error
  }
}
