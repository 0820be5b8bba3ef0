// What a user is told of documents that are in two databases, for provisioning and gateways alike.
import { STICKY, type Problem } from '../documents/problem.ts'
import { withRejection, type Rejection } from '../documents/rejected.ts'
import { isSameJson } from '../documents/same-json.ts'

/**
 * The list of what did not reach the master, after some documents were looked at.
 * @param problems by document; null: nothing is wrong
 * @param carried documents of which a change has reached the master: what was told of them before is over
 */
export function rejectedAfter(
  list: readonly Rejection[],
  problems: ReadonlyMap<string, Problem | null>,
  carried: ReadonlySet<string>,
  at: string,
): Rejection[] {
  const codes = new Map(list.map(({ document, code }) => [document, code]))
  let rejected = [...list]
  for (const [document, found] of problems) {
    const code = codes.get(document)
    if (found === null && (code === undefined || (STICKY.has(code) && !carried.has(document)))) continue
    rejected = withRejection(rejected, document, found, at)
  }
  return rejected
}

/** True where a document says just that: whoever wrote something else into it asks. */
export function saysThat(doc: Record<string, unknown>, said: { _id: string }): boolean {
  const { _rev, _conflicts, ...rest } = doc
  return isSameJson(rest, said)
}
