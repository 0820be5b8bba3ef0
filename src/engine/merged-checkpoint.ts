// Two daemons may write the same checkpoint: what either of them still wants to be done must not get lost.
import isEqual from 'lodash/isEqual.js'
import { START, type Checkpoint } from './checkpoint.ts'

/**
 * Where a database was read to is true of either daemon: what they did has landed. Sequences cannot be ordered, so the one
 * that writes keeps its own. Whatever the other one wants to be read again, from the start, is read again.
 * @param base what both come from, as far as that is known
 * @param mine null: the database is gone
 * @param theirs null: there is none any more
 */
export function mergeCheckpoints(
  base: Checkpoint | null,
  mine: Checkpoint | null,
  theirs: Checkpoint | null,
): Checkpoint | null {
  if (theirs === null || isEqual(base, theirs)) return mine
  // Where nothing is to be followed any more, that is found out again.
  if (mine === null) return theirs
  const isOther = mine.instance !== theirs.instance
  const isReset = isBegun(mine.since) && !isBegun(theirs.since) && (base === null || isBegun(base.since))
  const purgeSeq = isEqual(mine.purgeSeq, base?.purgeSeq) ? theirs.purgeSeq : mine.purgeSeq
  // Who waits, waits for both; whoever saw the end of it has the last word.
  const recreatedAt = mine.recreatedAt === base?.recreatedAt ? theirs.recreatedAt : mine.recreatedAt
  const goneSince = mine.goneSince === base?.goneSince ? theirs.goneSince : mine.goneSince
  const { purgeSeq: _purge, recreatedAt: _recreated, goneSince: _gone, ...rest } = mine
  return {
    ...rest,
    // It was made anew, and only one of them knows: read from the start, that is seen.
    ...(isOther || isReset ? { since: START.since, updateSeq: START.updateSeq } : {}),
    ...(purgeSeq === undefined || isOther ? {} : { purgeSeq }),
    scan: mergeScans(base?.scan ?? null, mine.scan, theirs.scan),
    ...(recreatedAt === undefined ? {} : { recreatedAt }),
    ...(goneSince === undefined ? {} : { goneSince }),
    // One that waits no more is looked at once more, and taken off.
    ...(theirs.awaiting === undefined ? {} : { awaiting: { ...theirs.awaiting, ...mine.awaiting } }),
    ...(theirs.overLimit ? { overLimit: true as const } : {}),
  }
}

/** Goes on as it was here, unless the other one has asked for more, or for the same once more. */
function mergeScans(
  base: Checkpoint['scan'],
  mine: Checkpoint['scan'],
  theirs: Checkpoint['scan'],
): Checkpoint['scan'] {
  if (theirs === null) return mine
  const isMore = theirs.shares.some((share) => base?.shares.includes(share) !== true)
  const isOnceMore = !isBegun(theirs.since) && base !== null && isBegun(base.since)
  if (base !== null && !isMore && !isOnceMore) return mine
  return { since: START.since, shares: [...new Set([...(mine?.shares ?? []), ...theirs.shares])] }
}

const isBegun = (since: Checkpoint['since']): boolean => since !== START.since
