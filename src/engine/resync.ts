// Compares databases with their checkpoints: so a sweep finds what `_db_updates` has not told of.
import type { Couch } from '../couch/client.ts'
import type { DatabaseInfo } from '../couch/document.ts'
import { isBehind } from '../couch/sequence.ts'
import type { Checkpoint } from './checkpoint.ts'
import type { Checkpoints } from './checkpoints.ts'

/** How a database stands beside its checkpoint. */
export type Resynced =
  /** There is none of that name. */
  | { name: string; kind: 'gone'; info: undefined; checkpoint: Checkpoint | undefined }
  /** As it was when it was last read to its end. */
  | { name: string; kind: 'same'; info: DatabaseInfo; checkpoint: Checkpoint }
  | Moved

/**
 * One that there is something to read of. `changed`: something was written since, or it was not read to its end yet;
 * `renewed`: it is another one of the same name than the one that was read, or was put back to what it was before that.
 */
export interface Moved {
  name: string
  kind: 'changed' | 'renewed'
  info: DatabaseInfo
  checkpoint: Checkpoint | undefined
}

export interface ResyncDeps {
  couch: Pick<Couch, 'dbsInfo'>
  checkpoints: Pick<Checkpoints, 'read'>
}

/**
 * How each of these databases stands, by name.
 * @param absent those of them that are known not to be there: CouchDB is not asked about them
 * @throws {CouchFault}
 */
export async function resync(
  { couch, checkpoints }: ResyncDeps,
  names: readonly string[],
  absent: ReadonlySet<string> = new Set(),
): Promise<Map<string, Resynced>> {
  // What is read meanwhile moves a checkpoint past what the server has said by then: that would be a database that went back.
  const known = await checkpoints.read(names)
  const infos = await couch.dbsInfo(names.filter((name) => !absent.has(name)))
  return new Map(names.map((name) => [name, compare(name, infos.get(name), known.get(name))]))
}

/**
 * @param info what `_dbs_info` says; undefined where there is no database
 * @param checkpoint undefined where nothing is known of it. One without an instance was noted of a name alone: whichever
 *   database has it may be the one that was meant
 */
export function compare(
  name: string,
  info: DatabaseInfo | undefined,
  checkpoint: Checkpoint | undefined,
): Resynced {
  if (info === undefined) return { name, kind: 'gone', info, checkpoint }
  if (checkpoint === undefined) return { name, kind: 'changed', info, checkpoint }
  const { instance, updateSeq } = checkpoint
  if (instance !== null && instance !== info.instance_start_time)
    return { name, kind: 'renewed', info, checkpoint }
  // Most are at rest: what their sequences say is not read.
  if (updateSeq === info.update_seq) return { name, kind: 'same', info, checkpoint }
  // What comes now may have sequences that were read already.
  const isBack = isBehind(info.update_seq, checkpoint.since)
  return { name, kind: isBack ? 'renewed' : 'changed', info, checkpoint }
}

/** True for one that there is something to read of. */
export const isMoved = (one: Resynced | undefined): one is Moved =>
  one?.kind === 'changed' || one?.kind === 'renewed'
