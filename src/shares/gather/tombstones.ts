// Reads what is left of copies that were deleted: clients do not see it, and may ask for it all the same.
import type { Database } from '../../couch/database.ts'
import type { Row } from '../../couch/document.ts'
import { newestKnown, type Seen } from '../model/history.ts'
import { lineOf } from '../../documents/revisions.ts'
import type { PushedTombstone } from '../plan/exchange-facts.ts'
import { isBare } from '../../documents/tombstone.ts'

/** As many as are read at once. */
const MOST_READ = 200

/** The revision before a tombstone has gone with its content; and so, one would think, have those before that one. */
const LOOKED_BACK = 3

/**
 * The deleted leaves of a copy that say anything, and those that were made from a revision which the live leaf comes from.
 * What gave way and is kept on purpose has a root of its own, and is none of them.
 * @param row the copy as clients see it, with its conflicts
 * @param leaves the names of all of its leaves, as `_changes` gives them
 * @param history what the copy is known to have held
 * @throws {CouchFault}
 */
export async function readTombstones(
  home: Database,
  { id, rev, doc }: Row,
  leaves: readonly string[],
  history: readonly Seen[] | undefined,
): Promise<PushedTombstone[]> {
  const live = new Set(doc === null ? [] : [doc._rev, ...(doc._conflicts ?? [])])
  const named = leaves.filter((leaf) => !live.has(leaf) && !leaf.startsWith('1-'))
  if (named.length === 0) return []
  const [winner] = doc === null || rev === null ? [] : await home.leaves([{ id, rev }])
  const line = winner ? lineOf(winner) : []
  const found: PushedTombstone[] = []
  for (let at = 0; at < named.length; at += MOST_READ)
    for (const leaf of await home.leaves(named.slice(at, at + MOST_READ).map((one) => ({ id, rev: one })))) {
      if (!leaf._deleted) continue
      const from = line.indexOf(lineOf(leaf)[1] ?? '')
      const { _revisions, ...said } = leaf
      if (from > 0)
        found.push({ leaf: said, since: line.slice(1, from + 1).map((one) => newestKnown(history, [one])) })
      else if (!isBare(leaf)) found.push({ leaf: said })
    }
  return found
}

/**
 * Of copies that are deleted, those of which something may still be asked for: a tombstone with content, or a revision
 * before one.
 * @throws {CouchFault}
 */
export async function readReadable(home: Database, ids: readonly string[]): Promise<Set<string>> {
  const readable = new Set<string>()
  for (let at = 0; at < ids.length; at += MOST_READ) {
    const leaves = await home.leaves(ids.slice(at, at + MOST_READ).map((id) => ({ id })))
    for (const leaf of leaves) if (!isBare(leaf)) readable.add(leaf._id)
    const before = leaves
      .filter(({ _id }) => !readable.has(_id))
      .flatMap((leaf) =>
        lineOf(leaf)
          .slice(1, 1 + LOOKED_BACK)
          .map((rev) => ({ id: leaf._id, rev })),
      )
    for (let from = 0; from < before.length; from += MOST_READ)
      for (const { _id } of await home.leaves(before.slice(from, from + MOST_READ))) readable.add(_id)
  }
  return readable
}
