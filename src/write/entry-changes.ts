// A planned change of a share's entry meets the newest entry, in which another daemon may have written since it was planned.
import isEqual from 'lodash/isEqual.js'
import type { ShareEntry } from '../model/entry.ts'
import type { EntryChange } from '../plan/share.ts'

/** What a change rests on. */
export interface Basis {
  /** The entry as it was when the change was planned, with what was changed since then by the same plan. */
  read?: ShareEntry
  /** By which this making-anew of the share is known (`closing` of the entry). */
  closing?: string
}

/** Where one of these is another one, what was planned may not be what is wanted any more. */
const DECIDING = ['state', 'order', 'access', 'home', 'owner', 'database'] as const

/**
 * Making anew, and losses, are counted over the newest entry: with numbers that two daemons had planned, two databases could
 * have the same one. While another daemon is at it, the order stays: should that one be killed, the share is made anew once more.
 * @returns the change; null where the entry says something else by now: to be planned again
 */
export function overNewest(
  entry: ShareEntry,
  change: EntryChange,
  { read, closing }: Basis,
): EntryChange | null {
  if (read && DECIDING.some((name) => !isEqual(entry[name], read[name]))) return null
  const { rotate, rotations, losses, ...rest } = change
  const isOthers = closing !== undefined && entry.closing !== closing
  return {
    ...rest,
    ...(!('rotate' in change) || (rotate === undefined && isOthers) ? {} : { rotate }),
    ...(rotations === undefined ? {} : { rotations: (entry.rotations ?? 0) + 1 }),
    ...(losses === undefined ? {} : { losses: (entry.losses ?? 0) + 1 }),
  }
}
