// A database as `_dbs_info` shows it, and its checkpoint when it was read to its end.
import type { DatabaseInfo } from '../../src/couch/document.ts'
import { START, type Checkpoint } from '../../src/engine/checkpoint.ts'

/** `instance_start_time` of all of them. */
export const INSTANCE = '1700000000'

/** @param more what else it says */
export const infoOf = (db: string, more: Partial<DatabaseInfo> = {}): DatabaseInfo => ({
  ...{ db_name: db, update_seq: '7-a', doc_count: 7, doc_del_count: 0, instance_start_time: INSTANCE },
  ...more,
})

/** All of it was read. */
export const READ: Checkpoint = { ...START, since: '7-b', updateSeq: '7-a', instance: INSTANCE }
