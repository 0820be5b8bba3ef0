// What is known of a database of a kind before it is brought up to its skeleton.
import type { Seq } from '../couch/document.ts'
import { defineWork, lastOfEach, set, type WorkOf } from '../engine/work.ts'

const parts = {
  /** Databases that may not be as their skeletons are. */
  skeleton: set(),
  /** `update_seq` of databases as `_dbs_info` showed them. */
  updateSeqs: lastOfEach<Seq>(),
}

/** What there may be to do for a database of a policy, or for those of an owner. */
export type DatabaseWork = WorkOf<typeof parts>

/** What either says. */
export const mergeDatabaseWork = defineWork(parts)
