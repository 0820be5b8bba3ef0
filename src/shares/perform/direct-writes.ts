// What stands in a share, and its owner's lane has not seen: what the owner wrote there directly, while copies come from the
// outbox, is no revision that the outbox has; where all write into the share, it is what came after the lane's last look.
import type { Database } from '../../couch/database.ts'
import type { Change, Seq } from '../../couch/document.ts'
import { CouchFault } from '../../couch/fault.ts'
import { isHomeShare, type ShareEntry } from '../model/entry.ts'
import { shareDatabase } from '../../documents/names.ts'
import type { Deps } from '../deps.ts'
import { START } from '../../engine/checkpoint.ts'
import { parseCopyId, shareCheckpoint } from '../model/ids.ts'

const PAGE = 1000

type Sources = Pick<Deps, 'couch' | 'users' | 'registry' | 'checkpoints' | 'ownWrites'>

/** True where the share has a leaf of one of these copies that did not come from the outbox. @throws {CouchFault} */
export async function areWritten(outbox: Database, share: Database, copies: string[]): Promise<boolean> {
  // A database that is gone holds nothing, and is made anew by its own plan.
  if ((await share.info()) === null) return false
  const unknown = await outbox.missing(Object.fromEntries(await share.leafRevisions(copies)))
  return Object.keys(unknown).length > 0
}

/**
 * True where the owner wrote into a share since the owner's lane has followed it; false where copies are written there
 * anyway, for then that is followed before it goes.
 * @throws {CouchFault}
 */
export async function isWritten(
  { couch, users, registry, checkpoints }: Sources,
  owner: string,
  share: string,
): Promise<boolean> {
  const entry = await registry.entry(share)
  const [user, outbox] = [users.database(owner), couch.database(users.outbox(owner))]
  const database = couch.database(shareDatabase(share))
  if (entry?.database !== user || isHomeShare(entry) || entry.refilled || (await database.info()) === null)
    return false
  if ((await outbox.info()) === null) return false
  const since = await readTo(checkpoints, shareCheckpoint(share, user), entry)
  for await (const copies of copiesSince(database, share, since)) {
    const unknown = await outbox.missing(
      Object.fromEntries(copies.map(({ id, changes }) => [id, changes.map(({ rev }) => rev)])),
    )
    if (Object.keys(unknown).length > 0) return true
  }
  return false
}

/**
 * True where somebody wrote into a share, into which all write, since its owner's lane has followed it: the lane of somebody
 * who takes part may have looked at the share before it was closed. @throws {CouchFault}
 */
export async function isUnread(
  { couch, users, registry, checkpoints, ownWrites }: Sources,
  owner: string,
  share: string,
): Promise<boolean> {
  const entry = await registry.entry(share)
  const user = users.database(owner)
  if (entry?.database !== user || !isHomeShare(entry)) return false
  // Without a user database there is nobody to take it.
  if ((await couch.database(user).info()) === null) return false
  const name = shareCheckpoint(share, user)
  const since = await readTo(checkpoints, name, entry)
  for await (const copies of copiesSince(couch.database(shareDatabase(share)), share, since))
    if (ownWrites.foreign(name, copies).length > 0) return true
  return false
}

/** How far a lane has read the share database that there is now. */
async function readTo(
  checkpoints: Sources['checkpoints'],
  name: string,
  { rotations = 0 }: ShareEntry,
): Promise<Seq> {
  const checkpoint = (await checkpoints.read([name])).get(name)
  return checkpoint?.instance === String(rotations) ? checkpoint.since : START.since
}

/** The changes of copies, all leaves, a page at a time. */
async function* copiesSince(database: Database, share: string, start: Seq): AsyncGenerator<Change[]> {
  for (let since = start; ;) {
    const page = await database.changes({ since, limit: PAGE, includeDocs: false, allLeaves: true })
    yield page.results.filter(({ id }) => parseCopyId(id)?.share === share)
    if (page.pending === 0) return
    since = page.last_seq
  }
}

/**
 * Asked once more when nobody can write there any longer: what came in between is taken in when it is tried again.
 * @throws {CouchFault} `conflict` where somebody did
 */
export async function assertUnwritten(sources: Sources, owner: string, share: string): Promise<void> {
  const user = sources.couch.database(sources.users.database(owner))
  // Without a user database there is nobody to take it.
  if ((await user.info()) !== null && (await isWritten(sources, owner, share)))
    throw new CouchFault('conflict', shareDatabase(share), 'somebody wrote into the share meanwhile')
}
