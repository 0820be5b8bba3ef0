// Whom changes of accounts concern: those that changed, and everybody else who says that the same user database is theirs.
import type { Database } from '../couch/database.ts'
import type { Change, StoredDoc } from '../couch/document.ts'
import { lineOf } from '../documents/revisions.ts'
import { isText } from '../documents/shapes.ts'
import { USER_DOCUMENT_PREFIX } from './user-document.ts'
import { claimsOfAccounts, type Account, type Directory } from './directory.ts'

const USERS = '_users'

export interface Concerned {
  /** Of users, as in `_users.name`; those of the accounts of passwords, too. */
  names: Set<string>
  /** What `{id}` stands for in the names of user databases that are there, and that one of them is, or was, to have. */
  owners: Set<string>
}

/**
 * A database that several accounts name is nobody's, or a group's: what becomes of one of them concerns the others, and the feed names
 * that one alone. Which roles it had before its last change is asked of CouchDB, which forgets that when it compacts: then the
 * next sweep finds the others.
 * @throws {CouchFault}
 */
export async function concernedBy(directory: Directory, changes: readonly Change[]): Promise<Concerned> {
  const concerned: Concerned = { names: new Set(), owners: new Set() }
  const ids = changes.map(({ id }) => id).filter((id) => id.startsWith(USER_DOCUMENT_PREFIX))
  if (ids.length === 0) return concerned
  for (const id of ids) concerned.names.add(nameOf(id))
  const docs = await asTheyAreAndWere(directory.couch.database(USERS), ids)
  for (const [owner, names] of await claimsOfAccounts(directory, docs.map(accountOf))) {
    concerned.owners.add(owner)
    for (const name of names) concerned.names.add(name)
  }
  return concerned
}

const nameOf = (id: string): string => id.slice(USER_DOCUMENT_PREFIX.length)

/** The leaves of documents, and what CouchDB still has of the revisions before. */
async function asTheyAreAndWere(users: Database, ids: readonly string[]): Promise<StoredDoc[]> {
  const leaves = await users.leaves(ids.map((id) => ({ id })))
  const former = leaves.flatMap((leaf) => {
    const [, rev] = lineOf(leaf)
    return rev === undefined ? [] : [{ id: leaf._id, rev }]
  })
  return [...leaves, ...(former.length > 0 ? await users.leaves(former) : [])]
}

const accountOf = ({ _id, ...doc }: StoredDoc): Account => {
  const roles: unknown = doc['roles']
  return { name: nameOf(_id), roles: Array.isArray(roles) ? roles.filter(isText) : [] }
}
