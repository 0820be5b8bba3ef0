// Says in `$provision/<master>` how a user's documents stand: in the personal database, and where the user has asked.
import type { Databases } from '../couch/client.ts'
import type { ProvisionedUser } from './provisioned-user.ts'
import { writeStatus } from '../mirror/status.ts'
import { provisionDocument } from './plan-status.ts'
import type { OwnWrites } from '../engine/own-writes.ts'

/**
 * Writes where something else stands. A conflict means that the user asks once more, which is heard of.
 * @param asked masters that the user asked for; of those that are none, it is said where the user asks
 * @param isEmpty nothing is said in the personal database yet: it has just been created
 * @throws {CouchFault}
 */
export async function writeMasterStatus(
  { couch, ownWrites, configured }: { couch: Databases; ownWrites: OwnWrites; configured: readonly string[] },
  entry: ProvisionedUser,
  asked: Iterable<string> = [],
  { isEmpty = false } = {},
): Promise<void> {
  const isOpen = entry.database !== null && entry.state !== 'dropped'
  const places = [...(isOpen && entry.database !== null ? [entry.database] : []), ...(entry.asked ?? [])]
  const masters = [...new Set([...configured, ...asked])]
  const said = masters.map((master) => provisionDocument(entry, master))
  for (const place of places) {
    // Of masters that were only asked for, it is said where the user asks.
    await writeStatus(couch.database(place), ownWrites, said, {
      isNew: (at) => at < configured.length,
      isEmpty: isEmpty && place === entry.database,
    })
  }
}
