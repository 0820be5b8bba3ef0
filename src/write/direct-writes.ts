// What the owner wrote into a share directly, while copies come from the outbox: the outbox has no such revision.
import type { Database } from '../couch/database.ts'
import { CouchFault } from '../couch/fault.ts'
import { START } from '../feed/checkpoints.ts'
import { isHomeShare } from '../model/entry.ts'
import { parseCopyId, shareCheckpoint, shareDatabase } from '../model/names.ts'
import type { Deps } from './deps.ts'

const PAGE = 1000

type Sources = Pick<Deps, 'couch' | 'users' | 'registry' | 'checkpoints'>

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
  const name = shareCheckpoint(share, user)
  const checkpoint = (await checkpoints.read([name])).get(name)
  let since = checkpoint?.instance === String(entry.rotations ?? 0) ? checkpoint.since : START.since
  for (;;) {
    const page = await database.changes({ since, limit: PAGE, includeDocs: false, allLeaves: true })
    const copies = page.results.filter(({ id }) => parseCopyId(id)?.share === share)
    const unknown = await outbox.missing(
      Object.fromEntries(copies.map(({ id, changes }) => [id, changes.map(({ rev }) => rev)])),
    )
    if (Object.keys(unknown).length > 0) return true
    if (page.pending === 0) return false
    since = page.last_seq
  }
}

/**
 * Asked once more when nobody can write there any longer: what came in between is taken in when it is tried again.
 * @throws {CouchFault} `server_error` where somebody did
 */
export async function assertUnwritten(sources: Sources, owner: string, share: string): Promise<void> {
  const user = sources.couch.database(sources.users.database(owner))
  // Without a user database there is nobody to take it.
  if ((await user.info()) !== null && (await isWritten(sources, owner, share)))
    throw new CouchFault('server_error', shareDatabase(share), 'somebody wrote into the share meanwhile')
}
