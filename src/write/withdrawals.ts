// Un-shared means unreadable: really removes what a share database holds of old revisions, and puts back the leaf alone.
import chunk from 'lodash/chunk.js'
import type { Database } from '../couch/database.ts'
import type { StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import type { Home } from '../plan/object.ts'
import { equalize, standing } from './copies.ts'
import { writeLeaves } from './leaves.ts'

/** As many documents as CouchDB takes in one `_purge` (`[purge] max_document_id_number`). */
export const MOST_PURGED = 100

/** A replication that was under way may bring an old revision back while it is taken out: look, and try again so often. */
const TRIES = 5

/**
 * Purges every leaf of these copies in the share database, and re-inserts the one that counts (or its tombstone) with
 * its whole history: with a truncated one, CouchDB would bring the old body back; purging inner revisions does nothing.
 * @param home where copies are written; what counts in the share itself is saved in the outbox first
 * @throws {CouchFault} `server_error` where old revisions keep coming back
 */
export async function withdraw(
  outbox: Database,
  share: Database,
  copies: string[],
  home: Home = 'outbox',
): Promise<void> {
  for (const part of chunk(copies, MOST_PURGED)) await withdrawSome(outbox, share, part, home)
}

/** The leaves that stay: of copies in the outbox those, of copies in the share what stands there, safe in the outbox. */
async function leavesToKeep(
  outbox: Database,
  share: Database,
  copies: string[],
  home: Home,
): Promise<StoredDoc[]> {
  const wanted = copies.map((id) => ({ id }))
  if (home === 'outbox') return outbox.leaves(wanted)
  // With what lost against them: of that the share keeps nothing.
  await equalize(share, outbox, copies)
  const found = await share.leaves(wanted)
  const there = new Set(found.map(({ _id }) => _id))
  // A withdrawal before this may have been interrupted.
  const lost = wanted.filter(({ id }) => !there.has(id))
  return standing([...found, ...(await outbox.leaves(lost))])
}

async function withdrawSome(outbox: Database, share: Database, copies: string[], home: Home): Promise<void> {
  let old: StoredDoc[] = []
  for (let tries = 0; tries < TRIES; tries += 1) {
    // What is written after this look is no leaf of those that are purged: the next try finds it.
    const leaves = await share.leaves(copies.map((id) => ({ id })))
    const kept = await leavesToKeep(outbox, share, copies, home)
    const keptRevs = new Set(kept.map(({ _rev }) => _rev))
    old = [...old, ...leaves.flatMap(ancestry)].filter(({ _rev }) => !keptRevs.has(_rev))
    const revisions: Record<string, string[]> = {}
    for (const { _id, _rev } of leaves) (revisions[_id] ??= []).push(_rev)
    if (leaves.length > 0) await share.purge(revisions)
    // The outbox has them all, with the attachments of those that are gone from the share now.
    await writeLeaves(outbox, share, kept)
    if (!(await isReadable(share, old))) return
  }
  throw new CouchFault('server_error', share.name, 'old revisions of withdrawn copies keep coming back')
}

/** The revision before a leaf, by name: what must not be readable any more. The newest one stands for all before it. */
function ancestry({ _id, _revisions }: StoredDoc): StoredDoc[] {
  const { start, ids } = _revisions ?? { start: 0, ids: [] }
  return ids.slice(0, 3).map((hash, age) => ({ _id, _rev: `${start - age}-${hash}` }))
}

async function isReadable(share: Database, revisions: StoredDoc[]): Promise<boolean> {
  if (revisions.length === 0) return false
  return (await share.leaves(revisions.map(({ _id, _rev }) => ({ id: _id, rev: _rev })))).length > 0
}
