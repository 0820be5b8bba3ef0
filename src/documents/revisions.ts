// How revisions of one document stand to each other, told by their histories as CouchDB gives them.
import type { ObjectDoc } from './content.ts'

/** A leaf revision with its whole history (`?revs=true`). https://docs.couchdb.org/en/stable/api/document/common.html#get--db-docid */
export type Leaf = ObjectDoc & {
  _deleted?: boolean
  _revisions?: { start: number; ids: string[] }
}

/** `ahead`: made from the other one · `behind`: the other one was made from it · `apart`: each has changes of its own. */
export type Kinship = 'same' | 'ahead' | 'behind' | 'apart'

/** The names of a leaf's revisions, the leaf's own first. */
export function lineOf({ _rev, _revisions }: Pick<Leaf, '_rev' | '_revisions'>): string[] {
  if (!_revisions) return [_rev]
  return _revisions.ids.map((hash, age) => `${_revisions.start - age}-${hash}`)
}

/** How one leaf stands to another one of the same document, in whatever database. */
export function kinshipOf(one: Leaf, other: Leaf): Kinship {
  if (one._rev === other._rev) return 'same'
  if (lineOf(one).includes(other._rev)) return 'ahead'
  return lineOf(other).includes(one._rev) ? 'behind' : 'apart'
}

/** The names that are in both lines, in the order of the first: the newest first. */
export function commonRevisions(one: readonly string[], other: readonly string[]): string[] {
  const known = new Set(other)
  return one.filter((rev) => known.has(rev))
}

/** The newest revision that both were made from, or null for documents that have only their `_id` in common. */
export function newestCommon(one: Leaf, other: Leaf): string | null {
  return commonRevisions(lineOf(one), lineOf(other))[0] ?? null
}

/** True for two leaves that have a revision in common, as far as their histories go back. */
export const isRelated = (one: Leaf, other: Leaf): boolean => newestCommon(one, other) !== null

/** How many revisions a document had by then. */
export const generationOf = (rev: string): number => Number(rev.slice(0, rev.indexOf('-')))

/**
 * The leaf that CouchDB shows, the others after it: live ones first, then those with the longest history, then those
 * whose name is larger. https://docs.couchdb.org/en/stable/replication/conflicts.html
 */
export const byRank = (leaves: readonly Leaf[]): Leaf[] =>
  [...leaves].sort(
    (one, other) =>
      Number(one._deleted === true) - Number(other._deleted === true) ||
      generationOf(other._rev) - generationOf(one._rev) ||
      (one._rev < other._rev ? 1 : -1),
  )

/** True where other live leaves stand beside the one that CouchDB shows; the row has been read with them. */
export const hasConflicts = ({ doc }: { doc: { _conflicts?: string[] } | null }): boolean =>
  (doc?._conflicts?.length ?? 0) > 0

/** True for a leaf that is no tombstone. */
export const isLive = ({ _deleted }: Leaf): boolean => _deleted !== true
