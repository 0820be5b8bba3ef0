// Shares that were refused because their user has as many as one may have open by themselves, as soon as there is room.
import { pagesOfDocuments } from '../../couch/pages.ts'
import type { StoredDoc } from '../../couch/document.ts'
import { isRecord } from '../../documents/shapes.ts'
import { shareDocumentId, shareOfDocument } from '../model/ids.ts'
import type { Context } from './context.ts'
import { forgetOverLimit } from './over-limit.ts'
import { planShares } from './shares.ts'

const PAGE = 100
/** Shares that one turn opens; others have theirs in between. */
const MOST_OPENED = 50

/**
 * Plans those that were refused, in the order of their ids, up to the first for which there is no room. Nothing is looked at
 * unless a share has ended, or a sweep asks: the limit may be another one since.
 * @returns whether shares were opened, whose objects are to be gone through, and there may be more
 */
export async function openRefused(context: Context): Promise<boolean> {
  const { work, hasEnded, user } = context
  if (!hasEnded && !work.room) return false
  if (!(await context.checkpoint(user.name)).overLimit) return false
  let opened = 0
  const range = { startKey: shareDocumentId(''), endKey: shareDocumentId('\ufff0'), limit: PAGE }
  for await (const rows of pagesOfDocuments(user, range))
    for (const { id, doc } of rows) {
      if (!isRefused(doc)) continue
      if (opened === MOST_OPENED) return true
      const before = context.overLimit
      await planShares(context, [], new Set([shareOfDocument(id) ?? '']))
      if (context.overLimit > before) return opened > 0
      opened += 1
    }
  // Only now: a crash on the way forgets none of them.
  await forgetOverLimit(context)
  return opened > 0
}

const isRefused = (doc: StoredDoc | null | undefined): boolean => {
  const found = doc?.['$error']
  return isRecord(found) && found['code'] === 'too_many_own_shares'
}
