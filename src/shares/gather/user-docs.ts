// Reads the documents of a user with their conflicts.
import type { Database } from '../../couch/database.ts'
import type { StoredDoc } from '../../couch/document.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import type { Rival } from '../plan/leaves.ts'
import { commonRevisions, lineOf } from '../../documents/revisions.ts'

/** With all revisions that it comes from, its own first. */
export interface ReadRival extends Rival {
  line: readonly string[]
}

/** A document of a user as it stands: the winning leaf, or null for none, and those that lost against it. */
export interface UserDoc {
  id: string
  doc: ObjectDoc | null
  rivals: ReadRival[]
  /** Where there are rivals: the revisions of the winner, the newest first. */
  line?: readonly string[]
  /** There is not even a tombstone: nobody has deleted it from this database. */
  isMissing?: boolean
  /** Shares that have a copy of it, as the outbox or the share was seen to hold. */
  copiedTo?: readonly string[]
  /** The leaves that its copy in a share was seen to have, where others write: deleted ones, too. */
  pushed?: { share: string; revs: readonly string[] }
}

/** The documents with their conflicts, from rows or changes that were read with `conflicts=true`. */
export async function withRivals(
  database: Database,
  rows: readonly { id: string; rev?: string | null; doc?: StoredDoc | null }[],
): Promise<UserDoc[]> {
  const found: UserDoc[] = []
  for (const { id, rev, doc } of rows) {
    if (!doc || doc._deleted) found.push({ id, doc: null, rivals: [], isMissing: rev === null })
    else if (!doc._conflicts?.length) found.push({ id, doc: plain(doc), rivals: [] })
    else found.push(await readRivals(database, doc, doc._conflicts))
  }
  return found
}

async function readRivals(database: Database, doc: StoredDoc, conflicts: string[]): Promise<UserDoc> {
  const leaves = await database.leaves([doc._rev, ...conflicts].map((rev) => ({ id: doc._id, rev })))
  const winner = leaves.find(({ _rev }) => _rev === doc._rev)
  const line = winner ? lineOf(winner) : []
  const others = leaves.filter((leaf) => leaf._rev !== doc._rev && !leaf._deleted)
  const commonOf = (leaf: StoredDoc): string | undefined => commonRevisions(line, lineOf(leaf))[0]
  // Of thousands of leaves most have the same one in common.
  const commons = new Set(others.flatMap((leaf) => commonOf(leaf) ?? []))
  const ancestors = new Map(
    (await database.leaves([...commons].map((rev) => ({ id: doc._id, rev })))).map((one) => [one._rev, one]),
  )
  const rivals = others.map((leaf): ReadRival => {
    const ancestor = ancestors.get(commonOf(leaf) ?? '')
    return { leaf: plain(leaf), ancestor: ancestor ? plain(ancestor) : null, line: lineOf(leaf) }
  })
  return { id: doc._id, doc: plain(doc), rivals, line }
}

const plain = ({ _conflicts, _revisions, ...doc }: StoredDoc): ObjectDoc => doc

/** The documents of these ids; those that are not there have no `doc`. */
export async function readUserDocs(database: Database, ids: string[]): Promise<UserDoc[]> {
  return withRivals(database, await database.fetchIfThere(ids, { conflicts: true }))
}
