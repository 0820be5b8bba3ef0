// What is known of a provisioned user before a turn of theirs, and after it.
import type { Seq } from '../couch/document.ts'

export interface PersonHint {
  /** What `_users` says may have changed. */
  user?: boolean
  /** Something may have been written into the personal database. */
  personal?: boolean
  /** All documents are to be compared. */
  all?: boolean
  /** Documents that changed, by master. */
  documents?: ReadonlyMap<string, ReadonlySet<string>>
  /** Masters whose replications are to run: there is something to do for the user's clients. */
  wakes?: ReadonlySet<string>
  /** User databases in which the user asked. */
  asked?: ReadonlySet<string>
  /** Masters whose replications were idle for long. */
  idle?: ReadonlySet<string>
  /** `update_seq` of the personal database as `_dbs_info` showed it. */
  updateSeq?: Seq | undefined
  /** The same of the user's other databases, where somebody may have changed who may enter them. */
  others?: ReadonlyMap<string, Seq>
}

/** So many documents are named; where there are more all are compared. Ten thousand users may wait at once. */
const MOST_NAMED = 500

/** What either hint says. */
export function mergePersonHints(one: PersonHint, other: PersonHint): PersonHint {
  const all = one.all === true || other.all === true || namedBy(one) + namedBy(other) > MOST_NAMED
  const masters = all ? [] : [...(one.documents?.keys() ?? []), ...(other.documents?.keys() ?? [])]
  return {
    user: one.user === true || other.user === true,
    personal: one.personal === true || other.personal === true,
    all,
    documents: new Map(
      masters.map((master) => [master, unite(one.documents?.get(master), other.documents?.get(master))]),
    ),
    wakes: unite(one.wakes, other.wakes),
    asked: unite(one.asked, other.asked),
    idle: unite(one.idle, other.idle),
    updateSeq: other.updateSeq ?? one.updateSeq,
    others: new Map([...(one.others ?? []), ...(other.others ?? [])]),
  }
}

const unite = <Value>(one?: ReadonlySet<Value>, other?: ReadonlySet<Value>): Set<Value> =>
  new Set([...(one ?? []), ...(other ?? [])])

const namedBy = ({ documents }: PersonHint): number =>
  [...(documents?.values() ?? [])].reduce((sum, ids) => sum + ids.size, 0)
