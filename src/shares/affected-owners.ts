// Which owners a change in `_users` or in the registry affects.
import type { Couch } from '../couch/client.ts'
import type { Change } from '../couch/document.ts'
import type { Logger } from '../log.ts'
import { isOrder, isOurs } from './model/entry.ts'
import { REGISTRY, type UserDatabases } from '../documents/names.ts'
import { parseSubscriptionEntry } from './model/subscription.ts'
import type { OwnerWork } from './work.ts'
import type { AccountIndex } from '../users/account-index.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Registry } from './registry.ts'
import { concernedBy } from '../users/account-changes.ts'
import { shareOfEntry } from './model/ids.ts'

export interface AffectedDeps {
  couch: Couch
  accounts: AccountIndex
  users: UserDatabases
  registry: Registry
  ownWrites: OwnWrites
  log: Logger
  mark: (owner: string, work: OwnerWork) => void
}

const HOODIE_PREFIX = 'user/'

/**
 * Users came, went, or have other roles: the shares that name them, those that they take part in, which show their names, their own
 * shares, and the accounts of passwords.
 */
export async function usersChanged(
  { couch, accounts, users, registry, mark }: AffectedDeps,
  changes: readonly Change[],
): Promise<void> {
  const concerned = await concernedBy({ couch, accounts, users }, changes)
  const names = [...concerned.names]
  if (names.length === 0) return
  const asked = names.flatMap((name) =>
    name.startsWith(HOODIE_PREFIX) ? [name, name.slice(HOODIE_PREFIX.length)] : [name],
  )
  const owners = [...new Set([...names.map(hexOf), ...concerned.owners])].filter(
    (owner) => users.ownerOf(users.database(owner)) === owner,
  )
  const shares = new Set([
    ...(await registry.sharesNaming([...new Set(asked)])),
    ...(await registry.subscriptionsOf(owners.map((owner) => users.database(owner)))),
  ])
  for (const [share, entry] of await registry.entries([...shares]))
    if (entry.state !== 'ended' && isOurs(entry, users)) mark(entry.owner, { shares: new Set([share]) })
  const own = await registry.sharesOfEach(owners.map((owner) => users.database(owner)))
  for (const owner of owners) {
    const ids = own.get(users.database(owner))
    if (ids !== undefined) mark(owner, { shares: new Set(ids) })
  }
}

/** What an admin changed by hand is carried out; the daemon's own writes are known. */
export function registryChanged(
  { users, ownWrites, log, mark }: AffectedDeps,
  changes: readonly Change[],
): void {
  for (const { id, doc } of ownWrites.foreign(REGISTRY, changes)) {
    const order = doc?.['order']
    if (order !== undefined && !isOrder(order))
      log.warn({ db: REGISTRY, doc: id }, 'unknown order, expected "suspend" or "end"')
    const share = shareOfEntry(id)
    const owner = doc?.['owner']
    if (share !== null && typeof owner === 'string' && doc?.['database'] === users.database(owner))
      mark(owner, { shares: new Set([share]) })
    const part = parseSubscriptionEntry(doc ?? null)
    if (part && part.database === users.database(part.subscriber))
      mark(part.subscriber, { subscriptions: new Set([part.share]) })
  }
}

const hexOf = (name: string): string => Buffer.from(name, 'utf8').toString('hex')
