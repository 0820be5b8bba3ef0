// A planned change of a share's entry meets the newest entry, in which another daemon may have written since it was planned.
import isEqual from 'lodash/isEqual.js'
import type { ShareEntry } from './model/entry.ts'
import type { SubscriptionEntry } from './model/subscription.ts'
import type { EntryChange } from './plan/share-facts.ts'

/** What a change rests on. */
export interface Basis {
  /** The entry as it was when the change was planned, with what was changed since then by the same plan. */
  read?: ShareEntry
  /** By which this making-anew of the share is known (`closing` of the entry). */
  closing?: string
}

/** Where one of these is another one, what was planned may not be what is wanted any more. */
const DECIDING = [
  ...(['state', 'order', 'access', 'password', 'home', 'emptied'] as const),
  ...(['owner', 'database'] as const),
]

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
  if (read && differ(entry, read, DECIDING)) return null
  const { rotate, rotations, losses, ...rest } = change
  const isOthers = closing !== undefined && entry.closing !== closing
  // Of a share that has ended there is nothing to make anew, though somebody was taken out just then.
  const isOver = (change.state ?? entry.state) === 'ended'
  const isKept = !('rotate' in change) || (rotate === undefined && isOthers && !isOver)
  return {
    ...rest,
    ...(isKept ? {} : { rotate: isOver ? undefined : rotate }),
    ...(rotations === undefined ? {} : { rotations: (entry.rotations ?? 0) + 1 }),
    ...(losses === undefined ? {} : { losses: (entry.losses ?? 0) + 1 }),
  }
}

/** The same for somebody's part in a share. */
const DECIDING_OF_PART = ['state', 'order', 'granted', 'database'] as const

/** Whether somebody's part in a share is another one than what was planned from; null: there was none. */
export function isOtherPart(there: SubscriptionEntry | null, read: SubscriptionEntry | null): boolean {
  if (there === null || read === null) return there !== read
  return differ(there, read, DECIDING_OF_PART)
}

const differ = <Entry>(one: Entry, other: Entry, names: readonly (keyof Entry)[]): boolean =>
  names.some((name) => !isEqual(one[name], other[name]))
