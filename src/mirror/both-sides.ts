// Reads documents in two databases, with all their leaves and what those have in common.
import groupBy from 'lodash/groupBy.js'
import type { Database } from '../couch/database.ts'
import { byRank, isLive, newestCommon, type Leaf } from '../documents/revisions.ts'
import type { DocumentFacts } from './plan.ts'

export type BothSides = Pick<DocumentFacts, 'id' | 'master' | 'personal' | 'ancestors'>

/**
 * Two requests for all documents, and more for what leaves have in common that are apart. The user's side first: what another
 * daemon has just brought there is at the master by then, and is not taken for something that the user made.
 * @param isEmpty nothing of them can be on the user's side
 * @throws {CouchFault}
 */
export async function readBothSides(
  master: Database,
  personal: Database,
  ids: readonly string[],
  { isEmpty = false } = {},
): Promise<BothSides[]> {
  if (ids.length === 0) return []
  const wanted = ids.map((id) => ({ id }))
  const here = byDocument(isEmpty ? [] : await personal.leaves(wanted))
  const there = byDocument(await master.leaves(wanted))
  const both: BothSides[] = []
  for (const id of ids) {
    const [theirs, own] = [there.get(id) ?? [], here.get(id) ?? []]
    const ancestors = await readAncestors({ master, personal }, theirs, own)
    both.push({ id, master: theirs, personal: own, ancestors })
  }
  return both
}

/** A map, as users choose the ids: `constructor` is one that every object has. */
const byDocument = (leaves: readonly Leaf[]): Map<string, Leaf[]> =>
  new Map(Object.entries(groupBy(leaves, '_id')))

/** What each live leaf, on either side, has in common with the master's winner; for as far as CouchDB still has that. */
async function readAncestors(
  { master, personal }: { master: Database; personal: Database },
  theirs: readonly Leaf[],
  own: readonly Leaf[],
): Promise<Map<string, Leaf>> {
  const ancestors = new Map<string, Leaf>()
  const [winner] = byRank(theirs)
  if (winner === undefined) return ancestors
  for (const leaf of [...theirs, ...own].filter(isLive)) {
    const rev = leaf._rev === winner._rev ? null : newestCommon(leaf, winner)
    if (rev === null || ancestors.has(leaf._rev)) continue
    if (rev === winner._rev) ancestors.set(leaf._rev, winner)
    else
      for (const database of [master, personal]) {
        const [found] = await database.leaves([{ id: leaf._id, rev }])
        if (found) {
          ancestors.set(leaf._rev, found)
          break
        }
      }
  }
  return ancestors
}
