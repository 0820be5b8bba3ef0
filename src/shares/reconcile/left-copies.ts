// Copies of which a lost outbox may have known, and of which their user's documents say nothing any more: only what is in the
// share tells of them.
import { orNull } from '../../couch/fault.ts'
import { behind } from '../../couch/pages.ts'
import { readUserDocs } from '../gather/user-docs.ts'
import { shareDatabase } from '../../documents/names.ts'
import type { Context } from './context.ts'
import { reconcileObjects } from './objects.ts'
import { copyRange, parseCopyId } from '../model/ids.ts'

/** Copies that are looked at together. */
const PAGE = 200

export interface LeftCopies {
  /** False where somebody keeps writing: it is to be read again. */
  isSettled: boolean
  /** The key at which the next page begins; null after the last one. */
  next: string | null
}

/**
 * Looks at a page of the copies in shares that this user has, or takes part in, and whose bases were lost.
 * @param from the key to begin at
 */
export async function followLeftCopies(context: Context, from = ''): Promise<LeftCopies> {
  const { deps, user } = context
  for (const share of (await forgottenShares(context)).sort()) {
    const { startKey, endKey } = copyRange(share)
    if (endKey <= from) continue
    const home = deps.couch.database(shareDatabase(share))
    const first = from > startKey ? from : startKey
    const rows = (await orNull(home.range({ startKey: first, endKey, limit: PAGE }))) ?? []
    const objects = rows.flatMap(({ id }) => parseCopyId(id)?.object ?? [])
    const docs = (await readUserDocs(user, objects)).map((doc) => ({ ...doc, copiedTo: [share] }))
    if (!(await reconcileObjects(context, docs))) return { isSettled: false, next: first }
    const last = rows.at(-1)
    if (last) return { isSettled: true, next: rows.length < PAGE ? endKey : behind(last.id) }
  }
  return { isSettled: true, next: null }
}

/** Those that are in place: what waits is looked at later. */
async function forgottenShares({ deps, owner, user }: Context): Promise<string[]> {
  const { registry } = deps
  const mine = await registry.entries(await registry.sharesOf(user.name))
  const others = await registry.subscriptions(await registry.subscriptionsOf([user.name]), owner)
  return [
    ...[...mine].flatMap(([share, { state, forgotten }]) => (state === 'active' && forgotten ? share : [])),
    ...[...others].flatMap(([share, { state, forgotten, paused }]) =>
      state === 'active' && forgotten && !paused ? share : [],
    ),
  ]
}
