// Gathers what planSubscription asks about one user's part in somebody else's share.
import type { Database } from '../../couch/database.ts'
import { isShareId } from '../../documents/names.ts'
import { invitationDocumentId, subscriptionDocumentId } from '../model/ids.ts'
import type { ShareEntry } from '../model/entry.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import { byRank, lineOf } from '../../documents/revisions.ts'
import type { SubscriptionFacts } from '../plan/subscription.ts'
import { verifyPassword } from '../perform/accounts.ts'
import type { Deps } from '../deps.ts'
import { displayName } from '../../users/directory.ts'
import { readUserDocs, type UserDoc } from './user-docs.ts'

/** @param found the document that asks, where it was read already */
export async function gatherSubscription(
  deps: Deps,
  subscriber: string,
  share: string,
  found: UserDoc | null,
  { scanning, isOrphan = false }: { scanning: boolean; isOrphan?: boolean },
): Promise<SubscriptionFacts> {
  const { couch, users, registry } = deps
  const database = users.database(subscriber)
  const user = couch.database(database)
  const known = isShareId(share)
  const ids = [
    ...(found ? [] : [subscriptionDocumentId(share)]),
    ...(known ? [invitationDocumentId(share)] : []),
  ]
  const [docs, { entry: shareEntry, subscription: entry }] = await Promise.all([
    readUserDocs(user, ids),
    known ? registry.withPart(share, subscriber) : { entry: null, subscription: null },
  ])
  const subscription = found ?? docs.find(({ id }) => id === subscriptionDocumentId(share))
  const invited = docs.find(({ id }) => id === invitationDocumentId(share))
  const doc = subscription?.doc ?? null
  return {
    ...{ share, database, doc, shareEntry, entry, scanning },
    ...{ invitation: invited?.doc ?? null, isInvitationMissing: invited?.isMissing === true },
    invitationRivals: invited?.rivals.map(({ leaf }) => leaf._rev) ?? [],
    rivals: subscription?.rivals ?? [],
    isMissing: subscription?.isMissing === true && !isOrphan,
    lastWords:
      subscription && doc === null && !subscription.isMissing && entry?.state === 'active'
        ? await lastWords(user, subscriptionDocumentId(share))
        : null,
    ownerName: entry?.granted && shareEntry ? await displayName(deps, shareEntry.owner) : null,
    password: await judgePassword(deps, database, shareEntry, doc),
    databaseExists: doc !== null || (await user.info()) !== null,
  }
}

/** A document that was deleted as it was before, with what its tombstone says; null where CouchDB has that no more. */
async function lastWords(user: Database, id: string): Promise<ObjectDoc | null> {
  const [tombstone] = byRank(await user.leaves([{ id }]))
  if (!tombstone) return null
  const [, rev] = lineOf(tombstone)
  if (rev === undefined) return null
  const [before] = await user.leaves([{ id, rev }])
  return before || Object.hasOwn(tombstone, 'onEnd') ? { ...before, ...tombstone } : null
}

/** Guesses are counted: a wrong one costs, the right one does not. */
async function judgePassword(
  { tries }: Deps,
  database: string,
  share: ShareEntry | null,
  doc: ObjectDoc | null,
): Promise<SubscriptionFacts['password']> {
  const password = doc?.['password']
  if (!share?.password || typeof password !== 'string') return 'none'
  const who = `${share._id} ${database}`
  if (tries.left(who) < 1) return 'too many tries'
  if (await verifyPassword(share.password, password)) return 'right'
  tries.take(who, 1)
  return 'wrong'
}
