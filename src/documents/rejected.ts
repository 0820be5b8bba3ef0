// What was refused, as its author reads it in `$rejected`: the latest, cleared when it is healed.
import type { Problem } from './problem.ts'

export interface Rejection extends Problem {
  /** The `_id` of the object. */
  document: string
  /** ISO 8601 */
  at: string
}

/** The most rejections that are listed. */
export const MOST_REJECTIONS = 100

/** The longest list, as JSON: ids and reasons may be of any length, and the document has to hold more than this. */
export const MOST_CHARACTERS = 500_000

/**
 * The list with that document's line changed, the latest last; a problem of null takes it out. A line that is too long
 * by itself is left out.
 */
export function withRejection(
  list: readonly Rejection[],
  document: string,
  found: Problem | null,
  at: string,
): Rejection[] {
  const there = list.find((one) => one.document === document)
  if (there && found && there.code === found.code && there.reason === found.reason) return [...list]
  const others = list.filter((one) => one.document !== document)
  if (found === null) return others
  const line = { document, ...found, at }
  return sizeOf(line) > MOST_CHARACTERS ? others : latestOf([...others, line])
}

/** As many of the latest as there is room for. */
function latestOf(list: readonly Rejection[]): Rejection[] {
  let size = 0
  const latest = list.toReversed().slice(0, MOST_REJECTIONS)
  return latest.filter((line) => (size += sizeOf(line)) <= MOST_CHARACTERS).toReversed()
}

const sizeOf = (line: Rejection): number => JSON.stringify(line).length
