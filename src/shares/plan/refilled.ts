// A user database that was made again, and that a device fills with what it has, which may be older than what the earlier
// database had last: what nobody has changed since then is no edit.
import type { Agreed } from '../model/base.ts'
import { newestKnown, type Held, type Seen } from '../model/history.ts'
import { pickFrom } from '../../documents/content.ts'

/**
 * What an object held at the newest revision that is known of those that it comes from; null where that is the last one that
 * was seen, or none.
 * @param line its revisions, the newest first
 */
export function outdatedGround(history: readonly Seen[] = [], line: readonly string[]): Held | null {
  const [last] = history
  return last === undefined || (last.rev !== null && line.includes(last.rev))
    ? null
    : newestKnown(history, line)
}

/**
 * What both sides are to be taken to have had, where the object comes from an older revision than that of which the base tells:
 * what it had then. Of what the base does not tell of nothing is known.
 */
export function groundedOn(agreed: Agreed | null, ground: Held | null = null): Agreed | null {
  if (ground === null || agreed?.state !== 'both') return agreed
  const before = (kind: 'attributes' | 'attachments'): Record<string, string> =>
    pickFrom(ground[kind], (name) => Object.hasOwn(agreed[kind], name))
  return { ...agreed, attributes: before('attributes'), attachments: before('attachments') }
}

/**
 * What two leaves without a common root are taken to come from, which were both seen to be the object: one of them was made
 * from a copy when the database was made again. It has nothing but what was shared: of what is in one of them only, nothing is
 * known.
 */
export function groundOfBoth(
  history: readonly Seen[] = [],
  one: { line: readonly string[]; held: Held },
  other: { line: readonly string[]; held: Held },
): Held | null {
  const age = ({ line }: { line: readonly string[] }): number =>
    history.findIndex(({ rev }) => rev !== null && line.includes(rev))
  const ages = [one, other].map(age)
  const older = history[Math.max(...ages)]
  if (ages.includes(-1) || older === undefined) return null
  const inBoth = (kind: 'attributes' | 'attachments'): Record<string, string> =>
    pickFrom(
      older[kind],
      (name) => Object.hasOwn(one.held[kind], name) && Object.hasOwn(other.held[kind], name),
    )
  return { attributes: inBoth('attributes'), attachments: inBoth('attachments'), shares: {} }
}
