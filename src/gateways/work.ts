// What is known of a user of a gateway before a turn of theirs.
import type { Seq } from '../couch/document.ts'
import { defineWork, flag, last, set, type WorkOf } from '../engine/work.ts'
import { NAMED } from '../mirror/work.ts'

const parts = {
  /** What `_users` says, or what is granted, may have changed. */
  user: flag,
  /** Something may have been written into the user's database. */
  personal: flag,
  /** All documents are to be compared. */
  all: flag,
  /** Documents that changed, or that go elsewhere. */
  documents: set(NAMED),
  /** `update_seq` of the user's database as `_dbs_info` showed it. */
  updateSeq: last<Seq>(),
}

/** What there may be to do for a user of a gateway. */
export type GatewayWork = WorkOf<typeof parts>

/** What either says. */
export const mergeGatewayWork = defineWork(parts)
