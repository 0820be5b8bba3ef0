// What a sweep finds to do for a provisioned user: databases that are not as their checkpoints have them, and what was left undone.
import type { Seq } from '../couch/document.ts'
import { isMoved, type Resynced } from '../engine/resync.ts'
import { isRenewed, type ProvisionedUser } from './provisioned-user.ts'
import type { ProvisioningWork } from './work.ts'

/** What a sweep has found. */
export interface Found {
  /** How the user's databases and the masters stand, by name. */
  found: ReadonlyMap<string, Resynced>
  /** The names of all databases that are the user's. */
  databases: readonly string[]
  /** The masters that can be used. */
  masters: readonly { name: string; policy: { hash: string } }[]
  /** The names of all that are configured. */
  configured: readonly string[]
}

/** @returns null where nothing was missed */
export function missedBy(
  entry: ProvisionedUser,
  { found, databases, masters, configured }: Found,
): ProvisioningWork | null {
  const personal = found.get(entry.database ?? '')
  const isStale = masters.some(
    ({ name, policy }) =>
      entry.masters[name]?.access !== policy.hash || isRenewed(entry.masters[name], found.get(name)?.info),
  )
  // Nobody follows these; it may be who may enter them that was changed.
  const others = databases.flatMap((db): [string, Seq][] => {
    const other = found.get(db)
    return db !== entry.database && isMoved(other) ? [[db, other.info.update_seq]] : []
  })
  const isUndone = personal?.info === undefined || isLeftUndone(entry, configured)
  const work = { user: isUndone || isStale || others.length > 0, all: isStale, personal: isMoved(personal) }
  if (!work.user && !work.personal) return null
  return {
    ...work,
    updateSeq: isMoved(personal) ? personal.info.update_seq : undefined,
    others: new Map(others),
  }
}

const isLeftUndone = (entry: ProvisionedUser, configured: readonly string[]): boolean =>
  entry.state !== 'active' ||
  entry.due === true ||
  entry.problem !== undefined ||
  Object.entries(entry.masters).some(
    ([name, { state, problem }]) =>
      problem?.code === 'master_unavailable' || (state !== 'canceled' && !configured.includes(name)),
  )
