// How revisions of one document stand to each other, told by their histories as CouchDB gives them.
import type { ObjectDoc } from './content.ts'
import { ExactNumber } from './exact-number.ts'

/** A leaf revision with its whole history (`?revs=true`). https://docs.couchdb.org/en/stable/api/document/common.html#get--db-docid */
export type Leaf = ObjectDoc & {
  _deleted?: boolean
  _revisions?: { start: number; ids: string[] }
}

/** `ahead`: made from the other one · `behind`: the other one was made from it · `apart`: each has changes of its own. */
export type Kinship = 'same' | 'ahead' | 'behind' | 'apart'

/**
 * A generation as CouchDB has it. It takes any whole number from whoever writes revisions as they are (`new_edits: false`), also one
 * that JavaScript does not hold: `9007199254740993-a` is followed by `9007199254740994-b` *(3.5, seen)*.
 */
const generationIn = (rev: string): bigint => BigInt(/^-?\d+/.exec(rev)?.[0] ?? 0)

/**
 * True for a revision that CouchDB takes where one is named. It also takes `{"start": -1, "ids": ["a"]}` for a history, and from then on
 * refuses each request whole that names `-1-a`: `_revs_diff`, `_purge`, `_bulk_docs` *(3.5, seen)*.
 */
export const isNameable = (rev: string): boolean => /^\d+-/.test(rev)

/** The names of a leaf's revisions, the leaf's own first. */
export function lineOf({ _rev, _revisions }: Pick<Leaf, '_rev' | '_revisions'>): string[] {
  if (!_revisions) return [_rev]
  const { start, ids } = _revisions
  if (Number.isSafeInteger(start)) return ids.map((hash, age) => `${start - age}-${hash}`)
  const first = generationIn(_rev)
  return ids.map((hash, age) => `${first - BigInt(age)}-${hash}`)
}

/** A history with one more revision over a leaf. @param hash what the new one is called behind its generation */
export function grownBy(
  { _rev, _revisions }: Pick<Leaf, '_rev' | '_revisions'>,
  hash: string,
): { _rev: string; _revisions: { start: number; ids: string[] } } {
  const { ids } = _revisions ?? { ids: [_rev.slice(_rev.indexOf('-', 1) + 1)] }
  const next = generationIn(_rev) + 1n
  const isHeld = next <= Number.MAX_SAFE_INTEGER
  // As it is read where JavaScript does not hold it: see src/documents/json.ts.
  const start = isHeld ? Number(next) : (new ExactNumber(String(next)) as unknown as number)
  return { _rev: `${next}-${hash}`, _revisions: { start, ids: [hash, ...ids] } }
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

/** How many revisions a document had by then; about so many, where JavaScript does not hold the number. */
export const generationOf = (rev: string): number => Number(generationIn(rev))

/** True for a revision of the generation that comes after that of another one. */
export const isOneAfter = (rev: string, before: string): boolean =>
  generationIn(rev) === generationIn(before) + 1n

/** Above 0 where the first is of a later generation, below where it is of an earlier one. */
const compareGenerations = (one: string, other: string): number => {
  const [first, second] = [generationIn(one), generationIn(other)]
  return first === second ? 0 : first > second ? 1 : -1
}

/**
 * The leaf that CouchDB shows, the others after it: live ones first, then those with the longest history, then those
 * whose name is larger. https://docs.couchdb.org/en/stable/replication/conflicts.html
 */
export const byRank = (leaves: readonly Leaf[]): Leaf[] =>
  [...leaves].sort(
    (one, other) =>
      Number(one._deleted === true) - Number(other._deleted === true) ||
      compareGenerations(other._rev, one._rev) ||
      (one._rev < other._rev ? 1 : -1),
  )

/** True where other live leaves stand beside the one that CouchDB shows; the row has been read with them. */
export const hasConflicts = ({ doc }: { doc: { _conflicts?: string[] } | null }): boolean =>
  (doc?._conflicts?.length ?? 0) > 0

/** True for a leaf that is no tombstone. */
export const isLive = ({ _deleted }: Leaf): boolean => _deleted !== true
