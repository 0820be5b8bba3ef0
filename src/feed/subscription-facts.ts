// Gathers what planSubscription asks about one user's part in somebody else's share.
import { invitationDocumentId, isShareId, subscriptionDocumentId } from '../model/names.ts'
import type { ShareEntry } from '../model/entry.ts'
import type { ObjectDoc } from '../model/object.ts'
import type { SubscriptionFacts } from '../plan/subscription.ts'
import { verifyPassword } from '../write/accounts.ts'
import type { Deps } from '../write/deps.ts'
import { displayName } from '../write/names.ts'
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
  const [docs, shareEntry, entry] = await Promise.all([
    readUserDocs(user, ids),
    known ? registry.entry(share) : null,
    known ? registry.subscription(share, subscriber) : null,
  ])
  const subscription = found ?? docs.find(({ id }) => id === subscriptionDocumentId(share))
  const invitation = docs.find(({ id }) => id === invitationDocumentId(share))?.doc ?? null
  const doc = subscription?.doc ?? null
  return {
    ...{ share, database, doc, shareEntry, entry, invitation, scanning },
    rivals: subscription?.rivals ?? [],
    isMissing: subscription?.isMissing === true && !isOrphan,
    ownerName: entry?.granted && shareEntry ? await displayName(deps, shareEntry.owner) : null,
    password: await judgePassword(deps, database, shareEntry, doc),
    databaseExists: doc !== null || (await user.info()) !== null,
  }
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
