// Whom a change in `_users` or in the registry concerns.
import type { Change } from '../couch/document.ts'
import type { Logger } from '../log.ts'
import { isOrder } from '../model/entry.ts'
import { REGISTRY, shareOfEntry, type UserDatabases } from '../model/names.ts'
import { USER_DOCUMENT_PREFIX } from '../model/person.ts'
import { parseSubscriptionEntry } from '../model/subscription.ts'
import type { Hint } from '../turn/hint.ts'
import type { OwnWrites } from '../write/own-writes.ts'
import type { Registry } from '../write/registry.ts'

export interface Concerns {
  users: UserDatabases
  registry: Registry
  ownWrites: OwnWrites
  log: Logger
  mark: (owner: string, hint: Hint) => void
}

const HOODIE_PREFIX = 'user/'

/** Users came, went, or have other roles: the shares that name them, their own shares, and the accounts of passwords. */
export async function usersChanged(
  { users, registry, mark }: Concerns,
  changes: readonly Change[],
): Promise<void> {
  const names = changes.flatMap(({ id }) =>
    id.startsWith(USER_DOCUMENT_PREFIX) ? [id.slice(USER_DOCUMENT_PREFIX.length)] : [],
  )
  if (names.length === 0) return
  const asked = names.flatMap((name) =>
    name.startsWith(HOODIE_PREFIX) ? [name, name.slice(HOODIE_PREFIX.length)] : [name],
  )
  const shares = await registry.sharesNaming([...new Set(asked)])
  for (const [share, entry] of await registry.entries(shares))
    if (entry.state !== 'ended' && users.database(entry.owner) === entry.database)
      mark(entry.owner, { shares: new Set([share]) })
  for (const owner of new Set(names.map(hexOf))) {
    const own =
      users.ownerOf(users.database(owner)) === owner ? await registry.sharesOf(users.database(owner)) : []
    if (own.length > 0) mark(owner, { shares: new Set(own) })
  }
}

/** What an admin changed by hand is carried out; the daemon's own writes are known. */
export function registryChanged({ users, ownWrites, log, mark }: Concerns, changes: readonly Change[]): void {
  for (const { id, changes: revisions, doc } of changes) {
    if (revisions.every(({ rev }) => ownWrites.includes(REGISTRY, id, rev))) continue
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
