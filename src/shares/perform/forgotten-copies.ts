// A share has ended: nothing of its copies is left in the outbox, so that a later share of the same id starts from nothing.
import { MOST_PURGED } from '../../couch/purge.ts'
import chunk from 'lodash/chunk.js'
import type { Database } from '../../couch/database.ts'
import { orNull } from '../../couch/fault.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { copiesEver, namesById, type LeafName } from './copies.ts'
import { isBare } from '../../documents/tombstone.ts'
import { buried } from './kept-leaves.ts'
import { leafPages } from '../gather/leaf-pages.ts'

/**
 * Removes every leaf of a share's copies from the outbox, deleted ones too: a replication would bring them with all that
 * they say. Where revisions cannot be removed, each leaf gets a tombstone that says nothing: no replication looks behind it.
 * Without an outbox there is nothing to do.
 * @throws {CouchFault}
 */
export async function forgetCopies(
  outbox: Database,
  share: string,
  { canPurge }: { canPurge: boolean },
): Promise<void> {
  if ((await orNull(outbox.info())) === null) return
  const copies = new Set<string>()
  for await (const ids of copiesEver(outbox, share)) for (const id of ids) copies.add(id)
  for (const ids of chunk([...copies], MOST_PURGED))
    if (canPurge) await purgeAll(outbox, ids)
    else
      for await (const leaves of leafPages(outbox, ids))
        await writeBulk(outbox, leaves.filter((leaf) => !isBare(leaf)).map(buried), { newEdits: false })
}

async function purgeAll(outbox: Database, ids: string[]): Promise<void> {
  const names: LeafName[] = []
  for (const [id, revs] of await outbox.leafRevisions(ids)) for (const rev of revs) names.push({ id, rev })
  await outbox.purge(namesById(names))
}
