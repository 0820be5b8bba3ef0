// Going through all objects of a user again, for the sake of shares.
import type { Deps } from './deps.ts'
import { START } from '../engine/checkpoint.ts'

/** Has all objects gone through again. Reaches the disk before the state that says so: it must not be lost. */
export async function beginScan(
  { checkpoints, users }: Deps,
  owner: string,
  more: readonly string[],
): Promise<void> {
  const database = users.database(owner)
  const checkpoint = (await checkpoints.read([database])).get(database) ?? START
  const shares = [...new Set([...(checkpoint.scan?.shares ?? []), ...more])]
  checkpoints.set(database, { ...checkpoint, scan: { since: START.since, shares } })
  await checkpoints.flush()
}
