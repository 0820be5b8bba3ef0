// What a sweep finds to do for a user of a gateway: a database that is not as its checkpoint has it, and what was left undone.
import { isMoved, type Resynced } from '../engine/resync.ts'
import type { GatewayUser } from './model.ts'
import type { GatewayWork } from './work.ts'

/**
 * @param found how the user's database stands
 * @param hash of the validation function that the database should have
 * @returns null where nothing was missed
 */
export function missedBy(
  { state, due, instance, function: guard }: GatewayUser,
  found: Resynced | undefined,
  hash: string,
): GatewayWork | null {
  const there = found?.info?.instance_start_time
  const isOther = there === undefined || (instance ?? there) !== there
  const isUndone = due === true || state !== 'active' || guard !== hash
  const work = { user: isOther || isUndone, all: isOther, personal: isMoved(found) }
  if (!work.user && !work.personal) return null
  return { ...work, updateSeq: isMoved(found) ? found.info.update_seq : undefined }
}
