// Says in `$provision/<master>` how a user's documents stand: in the personal database, and where the user has asked.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Doc } from '../couch/document.ts'
import type { PersonEntry } from './person.ts'
import { provisionDocument, saysThat } from './plan-status.ts'
import type { OwnWrites } from '../engine/own-writes.ts'

/**
 * Writes where something else stands. A conflict means that the user asks once more, which is heard of.
 * @param asked masters that the user asked for; of those that are none, it is said where the user asks
 * @throws {CouchFault}
 */
export async function sayStanding(
  { couch, ownWrites, configured }: { couch: Couch; ownWrites: OwnWrites; configured: readonly string[] },
  entry: PersonEntry,
  asked: Iterable<string> = [],
): Promise<void> {
  const isOpen = entry.database !== null && entry.state !== 'dropped'
  const places = [...(isOpen && entry.database !== null ? [entry.database] : []), ...(entry.asked ?? [])]
  const masters = [...new Set([...configured, ...asked])]
  const said = masters.map((master) => provisionDocument(entry, master))
  for (const place of places) {
    // Of masters that were only asked for, it is said where the user asks.
    await say(couch.database(place), ownWrites, said, { isNew: (at) => at < configured.length })
  }
}

/**
 * Writes each of these documents where something else stands, over what its reader wrote there, too. A conflict is seen with the
 * next look.
 * @param isNew whether one that is not there is written
 * @throws {CouchFault}
 */
export async function say(
  database: Database,
  ownWrites: OwnWrites,
  said: readonly ({ _id: string } & Record<string, unknown>)[],
  { isNew = () => true }: { isNew?: (at: number) => boolean } = {},
): Promise<void> {
  const rows = await database.fetchIfThere(
    said.map(({ _id }) => _id),
    { conflicts: true },
  )
  if (rows.length === 0) return
  const docs = said.flatMap((doc, at): Doc[] => {
    const there = rows[at]?.doc ?? null
    if (there ? saysThat(there, doc) : !isNew(at)) return []
    return [{ ...doc, ...(there ? { _rev: there._rev } : {}) }]
  })
  const losers = rows.flatMap(({ id, doc }): Doc[] =>
    (doc?._conflicts ?? []).map((rev) => ({ _id: id, _rev: rev, _deleted: true })),
  )
  for (const batch of [docs, ...losers.map((loser) => [loser])])
    for (const row of await database.bulk(batch)) if (row.ok) ownWrites.add(database.name, row.id, row.rev)
}
