// Users with accounts, who take part in shares.
import type { Database } from '../../src/couch/database.ts'
import { REGISTRY } from '../../src/documents/names.ts'
import { shareDocumentId, subscriptionDocumentId, subscriptionRange } from '../../src/shares/model/ids.ts'
import { userDocumentId } from '../../src/users/user-document.ts'
import { inParallel, type Ground } from './ground.ts'

export interface Participant {
  /** Of the account. */
  name: string
  database: Database
}

/** CouchDB's `[purge] max_document_id_number`. */
const MOST_PURGED = 100
const PATIENCE_MS = 600_000

/** Makes an account and a user database for each; the accounts go when the ground is cleared. */
export async function signUp(ground: Ground, owners: readonly string[]): Promise<Participant[]> {
  const people = owners.map((owner) => ({
    owner,
    role: ground.users.roleOf(owner),
    name: `${ground.prefix.slice(0, -1)}-${owner}`,
    database: ground.user(owner),
  }))
  ground.atEnd(() =>
    removeAccounts(
      ground,
      people.map(({ name }) => name),
    ),
  )
  await inParallel(people, async ({ database, role }) => {
    await database.create()
    const members = { names: [], roles: [role] }
    await database.putSecurity({ admins: { names: [], roles: ['_admin'] }, members })
  })
  // No password: CouchDB would take long to hash so many.
  await ground.putAll(
    ground.couch.database('_users'),
    people.map(({ name, role }) => ({ _id: userDocumentId(name), type: 'user', name, roles: [role] })),
  )
  return people.map(({ name, database }) => ({ name, database }))
}

/** Purged: the next daemon would look at each user who is gone. */
export async function removeAccounts({ couch }: Ground, names: readonly string[]): Promise<void> {
  const users = couch.database('_users')
  const rows = (await users.fetch(names.map(userDocumentId))).filter(({ rev }) => rev !== null)
  for (let at = 0; at < rows.length; at += MOST_PURGED)
    await users.purge(
      Object.fromEntries(rows.slice(at, at + MOST_PURGED).map(({ id, rev }) => [id, [rev ?? '']])),
    )
}

/** Who may do what in a share. */
export interface Circle {
  owner: Participant
  readers?: readonly Participant[]
  writers?: readonly Participant[]
}

/** Makes a share in which all of them take part; the daemon has to run. @returns its id */
export async function openCircle(
  ground: Ground,
  { owner, readers = [], writers = [] }: Circle,
): Promise<string> {
  const share = ground.newShareId()
  const names = (people: readonly Participant[]): string[] => people.map(({ name }) => name)
  const access = { read: names(readers), write: names(writers) }
  await ground.put(owner.database, { _id: shareDocumentId(share), type: '$share', access })
  await ground.isActive(owner.database, share)
  const all = [...readers, ...writers]
  await inParallel(all, ({ database }) =>
    ground.put(database, { _id: subscriptionDocumentId(share), type: '$subscription' }),
  )
  await ground.until(
    `${all.length} take part in ${share}`,
    async () => {
      const range = { ...subscriptionRange(share), includeDocs: true }
      const rows = await ground.couch.database(REGISTRY).range(range)
      return rows.filter(({ doc }) => doc?.['state'] === 'active').length === all.length
    },
    { pollMs: 100, patienceMs: PATIENCE_MS },
  )
  return share
}
