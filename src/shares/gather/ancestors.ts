// What two leaves of a document have in common, where the database still has that, or the base remembers it.
import type { Base } from '../model/base.ts'
import { decodeHistories, heldBy, newestKnown, OBJECT, type Held } from '../model/history.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import { commonRevisions } from '../../documents/revisions.ts'
import { groundOfBoth } from '../plan/refilled.ts'
import type { ReadRival } from './user-docs.ts'

/**
 * What the newest revision held that both leaves come from; null where nothing is known of it.
 * @param place whose leaves these are, as the base's history calls it
 * @param winner the revisions of the other leaf, the newest first
 */
export function knownOf(
  base: Base | null,
  place: string,
  winner: readonly string[],
  { line, ancestor }: ReadRival,
): Held | null {
  if (ancestor) return heldBy(ancestor)
  const history = decodeHistories(base?.history)
  return newestKnown(own(history, place), commonRevisions(winner, line))
}

/** The same for leaves of a user's object, which may have been made twice. */
export function knownOfObject(
  base: Base | null,
  winner: ObjectDoc | null,
  line: readonly string[],
  rival: ReadRival,
): Held | null {
  if (winner === null || commonRevisions(line, rival.line).length > 0)
    return knownOf(base, OBJECT, line, rival)
  const history = own(decodeHistories(base?.history), OBJECT)
  return groundOfBoth(history, { line, held: heldBy(winner) }, { line: rival.line, held: heldBy(rival.leaf) })
}
