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

/** The list with that document's line changed, the latest last; a problem of null takes it out. */
export function withRejection(
  list: readonly Rejection[],
  document: string,
  found: Problem | null,
  at: string,
): Rejection[] {
  const there = list.find((one) => one.document === document)
  if (there && found && there.code === found.code && there.reason === found.reason) return [...list]
  const others = list.filter((one) => one.document !== document)
  return found === null ? others : [...others, { document, ...found, at }].slice(-MOST_REJECTIONS)
}
