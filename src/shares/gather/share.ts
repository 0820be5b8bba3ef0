// Gathers what planShare asks about one `$share`.
import type { DatabaseInfo, Security } from '../../couch/document.ts'
import { orNull } from '../../couch/fault.ts'
import { namesIn } from '../model/access.ts'
import type { ShareEntry } from '../model/entry.ts'
import { isShareId, shareDatabase } from '../../documents/names.ts'
import { parseShareRequest } from '../model/share.ts'
import { rightOf } from '../model/subscription.ts'
import { accountState, verifyPassword } from '../perform/accounts.ts'
import type { Deps } from '../deps.ts'
import {
  displayName,
  namesakes,
  namesWithoutRole,
  ownerGrants,
  resolveNames,
  type NamedUser,
} from '../../users/directory.ts'
import type { OwnShares } from './own-shares.ts'
import type { UserDoc } from './user-docs.ts'
import type { Participant, ShareFacts } from '../plan/share-facts.ts'
import { SHARE_DESIGN_DOCUMENTS, shareOfDocument } from '../model/ids.ts'

/** What the turn knows of a share, and CouchDB does not. */
export interface ShareSituation {
  scanning: boolean
  fromStart: boolean
  isOrphan?: boolean
  isWrittenDirectly?: boolean
  isDrained?: boolean
  isBehind?: boolean
  /** What the owner has already; absent: what is planned is no new share. */
  ownShares?: OwnShares
}

/** The participants whose names are looked up; more are not shown. */
const MOST_NAMED = 100

/**
 * Reads what `planShare` asks about.
 * @param found the `$share`, with its leaves
 * @throws {CouchFault}
 */
export async function gatherShare(
  deps: Deps,
  owner: string,
  found: UserDoc,
  { scanning, fromStart, isOrphan, isWrittenDirectly, isDrained, isBehind, ownShares }: ShareSituation,
): Promise<ShareFacts> {
  const { couch, users, limits, userLimits } = deps
  // A document that only calls itself a share has no share, whatever its id.
  const share = shareOfDocument(found.id) ?? ''
  const known = isShareId(share)
  const database = users.database(owner)
  let read = known ? await readShare(deps, share) : NOTHING
  // It may be made anew just now: then it is there again.
  if (read.entry !== null && read.info === null) read = await readShare(deps, share)
  const { entry, info, security } = read
  const isMine = entry === null || entry.database === database
  const request = found.doc && parseShareRequest(found.doc)
  const names = isMine ? namesOf(found, entry) : []
  const password =
    request?.kind === 'valid' && request.password.kind === 'new' ? request.password.password : null
  const isNew = known && isMine && request?.kind === 'valid' && (entry === null || entry.state === 'ended')
  const isOver = isNew && ownShares && !(await ownShares.hasRoomFor(share, userLimits.mostShares))
  const named = names.length === 0 ? new Map<string, NamedUser>() : await resolveNames(deps, names)
  // Together, so that `_users` is asked once for both.
  const [grants, lacking] =
    known && isMine
      ? await Promise.all([ownerGrants(deps, owner), withoutRole(deps, owner, named)])
      : [{ names: [], roles: [users.roleOf(owner)] }, new Map<string, string>()]
  return {
    ...{ share, database, entry, scanning, fromStart },
    ...{ doc: found.doc, rivals: found.rivals },
    isMissing: found.isMissing === true && isOrphan !== true,
    databaseExists: info !== null,
    objects: Math.max(0, (info?.doc_count ?? 0) - SHARE_DESIGN_DOCUMENTS),
    security: isMine ? security : null,
    ownerExists: found.doc !== null || (await couch.database(database).info()) !== null,
    owner: grants,
    named,
    withoutRole: lacking,
    participants: known && entry && isMine ? await participantsOf(deps, share, entry) : [],
    account:
      entry?.password && isMine && (await accountState(couch, entry.password)) !== 'in force'
        ? 'changed'
        : 'in force',
    isPasswordInForce:
      password !== null && entry?.password !== undefined && (await verifyPassword(entry.password, password)),
    isWrittenDirectly: isWrittenDirectly === true,
    isDrained: isDrained === true,
    isBehind: isBehind === true,
    publicMostBytes: limits.mostBytes,
    ...(isOver ? { mostShares: userLimits.mostShares } : {}),
  }
}

/** What was read of a share. */
interface ReadShare {
  entry: ShareEntry | null
  /** Null where there is no database. */
  info: DatabaseInfo | null
  security: ShareFacts['security']
}

const NOTHING: ReadShare = { entry: null, info: null, security: null }

/**
 * The entry last. Whoever takes somebody out beside the owner's lane, or makes the database anew, notes that before it is done: read
 * first, the entry would not say yet that feeds have to end, and `_security` would say already that nobody else is in.
 */
async function readShare({ couch, registry }: Deps, share: string): Promise<ReadShare> {
  const database = couch.database(shareDatabase(share))
  const [info, security] = await Promise.all([database.info(), orNull(database.security())])
  const entry = await registry.entry(share)
  // Dropped, or made, between the two.
  if (info === null || security === null) return { ...NOTHING, entry }
  return { entry, info, security: security as Security & ShareFacts['security'] }
}

/** Everybody whom one of the leaves names, and whom what is in force names: that stays where they are malformed. */
function namesOf({ doc, rivals }: UserDoc, entry: ShareEntry | null): string[] {
  const requests = [...(doc ? [doc] : []), ...rivals.map(({ leaf }) => leaf)].map(parseShareRequest)
  const asked = requests.flatMap((request) => (request.kind === 'valid' ? [request.access] : []))
  return [...new Set([...asked, ...(entry?.access ? [entry.access] : [])].flatMap(namesIn))]
}

/** Of the owner, and of those who are named and have no user database: whom nothing but a role keeps from one. */
async function withoutRole(
  deps: Deps,
  owner: string,
  named: ReadonlyMap<string, NamedUser>,
): Promise<Map<string, string>> {
  const asked = [...named].flatMap(([name, { owners }]) => (owners.length === 0 ? name : []))
  const [own, others] = await Promise.all([
    namesakes(deps, [owner]),
    asked.length === 0 ? new Map<string, string>() : namesWithoutRole(deps, asked),
  ])
  const owners = [...[...own].map(([id, name]): [string, string] => [name, id]), ...others]
  return new Map(owners.map(([name, id]) => [name, deps.users.roleOf(id)]))
}

async function participantsOf(deps: Deps, share: string, entry: ShareEntry): Promise<Participant[]> {
  const there = await deps.registry.participants(share)
  const named = new Set(there.filter(({ state }) => state === 'active').slice(0, MOST_NAMED))
  return Promise.all(
    there.map(async (one) => ({
      subscriber: one.subscriber,
      name: named.has(one) ? await displayName(deps, one.subscriber) : null,
      isActive: one.state === 'active',
      granted: one.granted ?? null,
      right: rightOf(entry, one),
      admitted: one.admitted === true,
    })),
  )
}
