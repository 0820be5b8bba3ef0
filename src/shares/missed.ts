// What a sweep finds to do for an owner: a user database or an outbox that is not as its checkpoint has it.
import type { Seq } from '../couch/document.ts'
import { isPurgedAs } from '../couch/sequence.ts'
import { isMoved, type Resynced } from '../engine/resync.ts'
import type { OwnerWork } from './work.ts'

/**
 * @param user how the user database stands, which is there
 * @param outbox how the outbox does
 * @returns null where nothing was missed
 */
export function missedIn(user: Exclude<Resynced, { kind: 'gone' }>, outbox: Resynced): OwnerWork | null {
  const { checkpoint, info } = user
  const work = {
    user: isMoved(user) || user.checkpoint.scan !== null,
    outbox: isMoved(outbox) || (outbox.kind === 'gone' && outbox.checkpoint !== undefined),
    // Nobody has met one yet that was noted by its name.
    recreated: user.kind === 'renewed' || checkpoint?.instance === null,
    purged: checkpoint !== undefined && !isPurgedAs(info.purge_seq, checkpoint.purgeSeq),
  }
  if (!Object.values(work).includes(true)) return null
  const updateSeqs = new Map<string, Seq>([[user.name, info.update_seq]])
  if (outbox.info) updateSeqs.set(outbox.name, outbox.info.update_seq)
  return { ...work, updateSeqs }
}
