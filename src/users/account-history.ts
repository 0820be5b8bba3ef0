// Whether an account was deleted since it was seen last: what `_users` still has of its earlier revisions tells.
import type { Databases } from '../couch/client.ts'
import { lineOf } from '../documents/revisions.ts'
import { isSameAccount, type AccountMark } from './account.ts'
import { userDocumentId } from './user-document.ts'

/** Revisions that are asked for; who has more is not known any more. */
const MOST_BETWEEN = 50

/**
 * True where somebody else may have the name now: the password is another one, and the account was deleted since, or it cannot be seen
 * that it was not. A change of the password alone is no deletion: the revision that was known is in the history, and what came
 * between it and this one is there, and no tombstone. A deletion takes two revisions, so that after one nothing is to be asked.
 * CouchDB forgets the bodies of earlier revisions when it compacts.
 * @throws {CouchFault}
 */
export async function isAnotherAccount(
  couch: Databases,
  name: string,
  known: AccountMark,
  now: AccountMark,
): Promise<boolean> {
  if (isSameAccount(known, now)) return false
  const users = couch.database('_users')
  const id = userDocumentId(name)
  const [doc] = await users.leaves([{ id, rev: now.rev }])
  const history = doc ? lineOf(doc) : []
  const at = history.indexOf(known.rev)
  if (at < 0) return true
  const between = history.slice(1, at)
  if (between.length === 0) return false
  if (between.length > MOST_BETWEEN) return true
  const found = await users.leaves(between.map((rev) => ({ id, rev })))
  return found.length < between.length || found.some(({ _deleted }) => _deleted === true)
}
