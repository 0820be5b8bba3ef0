// What is known of a user of a gateway before a turn of theirs, and after it.
import type { Seq } from '../couch/document.ts'

export interface GatewayHint {
  /** What `_users` says, or what is granted, may have changed. */
  user?: boolean
  /** Something may have been written into the user's database. */
  personal?: boolean
  /** All documents are to be compared. */
  all?: boolean
  /** Documents that changed, or that go elsewhere. */
  documents?: ReadonlySet<string>
  /** `update_seq` of the user's database as `_dbs_info` showed it. */
  updateSeq?: Seq | undefined
}

/** So many documents are named; where there are more all are compared. Ten thousand users may wait at once. */
const MOST_NAMED = 500

/** What either hint says. */
export function mergeGatewayHints(one: GatewayHint, other: GatewayHint): GatewayHint {
  const documents = new Set([...(one.documents ?? []), ...(other.documents ?? [])])
  const all = one.all === true || other.all === true || documents.size > MOST_NAMED
  return {
    user: one.user === true || other.user === true,
    personal: one.personal === true || other.personal === true,
    all,
    documents: all ? new Set() : documents,
    updateSeq: other.updateSeq ?? one.updateSeq,
  }
}
