// Which owners a change in `_users` or in the registry affects.
import type { Couch } from '../couch/client.ts'
import type { Change, StoredDoc } from '../couch/document.ts'
import type { Logger } from '../log.ts'
import { isOrder, isOurs, parseEntry, type ShareEntry } from './model/entry.ts'
import { announce } from './perform/announce.ts'
import { REGISTRY, type UserDatabases } from '../documents/names.ts'
import { parseSubscriptionEntry } from './model/subscription.ts'
import type { OwnerWork } from './work.ts'
import type { AccountIndex } from '../users/account-index.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Portion } from '../engine/portion.ts'
import type { Registry } from './registry.ts'
import { concernedBy } from '../users/account-changes.ts'
import { shareOfEntry } from './model/ids.ts'

export interface AffectedDeps {
  couch: Couch
  accounts: AccountIndex
  users: UserDatabases
  registry: Registry
  ownWrites: OwnWrites
  /** Whom `mark` is for. */
  portion: Portion
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

/** Shares of which it is remembered how often each was made anew; of what is forgotten, everybody is told once more. */
const REMEMBERED = 10_000

/**
 * What an admin changed by hand, or another process for users of its own, is carried out; the daemon's own writes are known.
 * @param rotations how often each share was made anew, as was seen before
 * @throws {CouchFault}
 */
export async function registryChanged(
  deps: AffectedDeps,
  changes: readonly Change[],
  rotations: Map<string, number>,
): Promise<void> {
  const { users, ownWrites, portion, log, mark } = deps
  for (const { id, doc, changes: leaves } of ownWrites.foreign(REGISTRY, changes)) {
    const order = doc?.['order']
    if (order !== undefined && !isOrder(order))
      log.warn({ db: REGISTRY, doc: id }, 'unknown order, expected "suspend" or "end"')
    const concerned = concernedByEntry(users, id, doc ?? null)
    if (concerned === null) continue
    mark(concerned.owner, concerned.work)
    const entry = portion.isWhole ? null : parseEntry(doc ?? null)
    if (entry !== null) await followAnew(deps, entry, rotations)
    // Its owner hears of it by this: what is written over it from now on is the daemon's own.
    if (portion.has(concerned.owner)) for (const { rev } of leaves) ownWrites.add(REGISTRY, id, rev)
  }
}

/** Who follows a share that another process has made anew may have looked before it was in place, and hears nothing more of it. */
async function followAnew(deps: AffectedDeps, entry: ShareEntry, seen: Map<string, number>): Promise<void> {
  const share = shareOfEntry(entry._id)
  const { rotations = 0 } = entry
  if (share === null || rotations === 0 || entry.rotate || seen.get(share) === rotations) return
  await announce(deps, share, null)
  if (seen.size >= REMEMBERED) seen.clear()
  seen.set(share, rotations)
}

/** Whom an entry of a share, or of somebody's part in one, concerns; null for nobody of these user databases. */
function concernedByEntry(
  users: UserDatabases,
  id: string,
  doc: StoredDoc | null,
): { owner: string; work: OwnerWork } | null {
  const share = shareOfEntry(id)
  const owner = doc?.['owner']
  if (share !== null && typeof owner === 'string' && doc?.['database'] === users.database(owner))
    return { owner, work: { shares: new Set([share]) } }
  const part = parseSubscriptionEntry(doc)
  return part && part.database === users.database(part.subscriber)
    ? { owner: part.subscriber, work: { subscriptions: new Set([part.share]) } }
    : null
}

const hexOf = (name: string): string => Buffer.from(name, 'utf8').toString('hex')
