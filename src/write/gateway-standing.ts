// Says in `$gateway` of a user's database how the user stands with the gateway.
import type { Database } from '../couch/database.ts'
import type { Doc } from '../couch/document.ts'
import { saysThat } from '../plan/standing.ts'
import type { OwnWrites } from './own-writes.ts'

/** Writes where something else stands, over what the user wrote there too. A conflict is seen with the next turn. @throws {CouchFault} */
export async function sayGatewayStanding(
  database: Database,
  ownWrites: OwnWrites,
  said: { _id: string } & Record<string, unknown>,
): Promise<void> {
  const [row] = await database.fetch([said._id], { conflicts: true })
  const there = row?.doc ?? null
  const losers = (there?._conflicts ?? []).map((rev): Doc => ({ _id: said._id, _rev: rev, _deleted: true }))
  const isSaid = there !== null && saysThat(there, said)
  const docs = [...losers, ...(isSaid ? [] : [{ ...said, ...(there ? { _rev: there._rev } : {}) }])]
  // Each in a request of its own: `_bulk_docs` takes an id but once.
  for (const doc of docs)
    for (const written of await database.bulk([doc]))
      if (written.ok) ownWrites.add(database.name, written.id, written.rev)
}
