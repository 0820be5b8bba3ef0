// What is known of a provisioned user before a turn of theirs.
import type { Seq } from '../couch/document.ts'
import { defineWork, flag, last, lastOfEach, set, setMap, type WorkOf } from '../engine/work.ts'
import { NAMED } from '../mirror/work.ts'

const parts = {
  /** What `_users` says may have changed. */
  user: flag,
  /** Something may have been written into the personal database. */
  personal: flag,
  /** All documents are to be compared. */
  all: flag,
  /** Documents that changed, by master. */
  documents: setMap(NAMED),
  /** Masters whose replications are to run: there is something to do for the user's clients. */
  wakes: set(),
  /** User databases in which the user asked. */
  asked: set(),
  /** Masters whose replications were idle for long. */
  idle: set(),
  /** `update_seq` of the personal database as `_dbs_info` showed it. */
  updateSeq: last<Seq>(),
  /** The same of the user's other databases, where somebody may have changed who may enter them. */
  others: lastOfEach<Seq>(),
}

/** What there may be to do for a provisioned user. */
export type ProvisioningWork = WorkOf<typeof parts>

/** What either says. */
export const mergeProvisioningWork = defineWork(parts)

/** True where there is nothing to do but to look what was written into the personal database. */
export const isOnlyPersonal = (work: ProvisioningWork): boolean =>
  work.personal === true &&
  Object.entries(work).every(([name, part]) => name === 'personal' || name === 'updateSeq' || isNothing(part))

const isNothing = (part: unknown): boolean =>
  part === undefined || part === false || ((part instanceof Map || part instanceof Set) && part.size === 0)
