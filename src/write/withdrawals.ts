// Un-shared means unreadable: really removes what a share database holds of old revisions, and puts back the leaf alone.
import type { Database } from '../couch/database.ts'
import type { StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { writeBulk } from './bulk.ts'

/** As many documents as CouchDB takes in one `_purge` (`[purge] max_document_id_number`). */
export const MOST_PURGED = 100

/** A replication that was under way may bring an old revision back while it is taken out: look, and try again so often. */
const TRIES = 5

/**
 * Purges every leaf of these copies in the share database, and re-inserts the outbox's leaf (or tombstone) with its
 * whole history: with a truncated one, CouchDB would bring the old body back; purging inner revisions does nothing.
 * @throws {CouchFault} `server_error` where old revisions keep coming back
 */
export async function withdraw(outbox: Database, share: Database, copies: string[]): Promise<void> {
  for (let at = 0; at < copies.length; at += MOST_PURGED)
    await withdrawSome(outbox, share, copies.slice(at, at + MOST_PURGED))
}

async function withdrawSome(outbox: Database, share: Database, copies: string[]): Promise<void> {
  const wanted = copies.map((id) => ({ id }))
  const kept = await outbox.leaves(wanted, { attachments: true })
  const keptRevs = new Set(kept.map(({ _rev }) => _rev))
  let old: StoredDoc[] = []
  for (let tries = 0; tries < TRIES; tries += 1) {
    const leaves = await share.leaves(wanted)
    old = [...old, ...leaves.flatMap(ancestry)].filter(({ _rev }) => !keptRevs.has(_rev))
    const revisions: Record<string, string[]> = {}
    for (const { _id, _rev } of leaves) (revisions[_id] ??= []).push(_rev)
    if (leaves.length > 0) await share.purge(revisions)
    await writeBulk(share, kept, { newEdits: false })
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
