// How far a followed database was read, as it is kept.
import type { Seq } from '../couch/document.ts'

/** Going through all documents again, then through bases, then through copies. */
export interface Scan {
  since: Seq
  /** For the sake of these shares. */
  shares: string[]
  /** Those that were about to end when that began; whatever has come to its end since is gone through once more. */
  ends?: string[]
  /** Those that were being filled then, the same way. */
  fills?: string[]
  /** The key from which on bases are gone through. */
  bases?: string
  /** The key from which on copies are, of which an outbox that was lost may have known. */
  copies?: string
}

export interface Checkpoint {
  /** `last_seq` of the last page of `_changes` whose effects have landed. */
  since: Seq
  /** `update_seq` as `_dbs_info` showed it before a page that was the last one; for equality with later ones only. */
  updateSeq: Seq | null
  /** `instance_start_time`: a database of the same name that was created later has another one. */
  instance: string | null
  /** `purge_seq` when what was purged was last looked at; absent: not yet. For equality only. */
  purgeSeq?: Seq
  scan: Scan | null
  /** Of a share database: it is still being read from its start. */
  isFromStart?: true
  /** When it was seen to be made again, while shares and subscriptions wait for their documents. In milliseconds. */
  recreatedAt?: number
  /** When it was seen to be gone. In milliseconds. */
  goneSince?: number
  /** Objects that wait for shares that are not there, and since when, in milliseconds. */
  awaiting?: Record<string, number>
  /** Documents there were refused because their user has as much as one may have: they are looked at again once that is less. */
  overLimit?: true
}

/** Of a database of which nothing was read. */
export const START: Checkpoint = { since: '0', updateSeq: null, instance: null, scan: null }
