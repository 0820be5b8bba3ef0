// What an admin purged from a user database: `_changes` says nothing of it, and it is to be in no share any more.
import chunk from 'lodash/chunk.js'
import type { Seq } from '../../couch/document.ts'
import { isPurgedAs } from '../../couch/sequence.ts'
import { readUserDocs } from '../gather/user-docs.ts'
import { isObjectId } from '../../documents/names.ts'
import type { Context } from './context.ts'
import { reconcileObjects } from './objects.ts'
import { planShares } from './shares.ts'
import { planSubscriptions } from './subscriptions.ts'
import { shareOfDocument, shareOfSubscription } from '../model/ids.ts'

/** Documents that are looked at together. */
const PAGE = 200

/**
 * Looks at all that CouchDB remembers to have purged, where that is more than the last time.
 * @returns false where somebody keeps writing: it is to be looked at again
 */
export async function followPurges(context: Context): Promise<boolean> {
  const { deps, user } = context
  const purgeSeq = await readPurgeSeq(context)
  if (purgeSeq === null) return true
  const purged = await user.purged()
  await followPurgedWishes(context, [...purged.keys()])
  for (const ids of chunk([...purged.keys()].filter(isObjectId), PAGE)) {
    const missing = (await readUserDocs(user, ids)).filter(({ isMissing }) => isMissing)
    if (!(await reconcileObjects(context, missing))) return false
  }
  if (purged.size > 0) deps.log.info({ db: user.name, documents: purged.size }, 'looked at what was purged')
  deps.checkpoints.set(user.name, {
    ...(await context.checkpoint(user.name)),
    purgeSeq,
  })
  return true
}

/** How far the user database has purged; null where that is no further than what was looked at. @throws {CouchFault} */
export async function readPurgeSeq(context: Context): Promise<Seq | null> {
  const info = await context.user.info()
  const { purgeSeq } = await context.checkpoint(context.user.name)
  return info?.purge_seq === undefined || isPurgedAs(info.purge_seq, purgeSeq) ? null : info.purge_seq
}

/** A `$share` or `$subscription` that was purged is deleted, with its old revisions: the share ends, or its user leaves it. */
async function followPurgedWishes(context: Context, purged: readonly string[]): Promise<void> {
  for (const ids of chunk(
    purged.filter((id) => (shareOfDocument(id) ?? shareOfSubscription(id)) !== null),
    PAGE,
  )) {
    const missing = (await readUserDocs(context.user, ids)).flatMap(({ id, isMissing }) =>
      isMissing ? id : [],
    )
    const shares = new Set(missing.flatMap((id) => shareOfDocument(id) ?? []))
    const parts = new Set(missing.flatMap((id) => shareOfSubscription(id) ?? []))
    // They do not come back, as those of a database that was made again may.
    context.orphans = new Set([...context.orphans, ...shares, ...parts])
    await planShares(context, [], shares)
    await planSubscriptions(context, [], parts)
  }
}
