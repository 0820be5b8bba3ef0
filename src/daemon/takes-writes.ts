// Whether the server takes writes, found out by one that means nothing.
import type { Couch } from '../couch/client.ts'
import { isFault, mayConcernServer, mayConcernWrites } from '../couch/fault.ts'
import { CHECKPOINTS } from '../documents/names.ts'

/** Nobody replicates or follows it, and it has one revision. */
const ID = '_local/takes-writes'
/** What is smaller may find room in what the last block of a file has left. */
const TEXT = 'x'.repeat(16 * 1024)

/** @throws {CouchFault} where it takes none: there is no room, it fails, or does not answer */
export async function takesWrites(couch: Pick<Couch, 'database'>): Promise<void> {
  try {
    await couch.database(CHECKPOINTS).bulk([{ _id: ID, text: TEXT }])
  } catch (error) {
    // What says no has room enough to look.
    if (!isFault(error) || mayConcernWrites(error) || mayConcernServer(error)) throw error
  }
}
