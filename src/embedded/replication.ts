// Copies what changed from one database to another of this server, directly: PouchDB's replicator backs off and guesses.
import { createHash } from 'node:crypto'
import { readChanges } from './changes.ts'
import type { Database, Databases } from './databases.ts'
import { CouchFault } from './faults.ts'
import { Bell } from './feed.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'

const BATCH = 100

export interface Replication {
  source: Database
  target: Database
  /** The filter, as `filterOptions` gives it. */
  filter: Json
  continuous: boolean
}

export interface ReplicationStats {
  id: string
  docs_read: number
  docs_written: number
  doc_write_failures: number
  source_last_seq: string
}

/** The same for the same work, so that it goes on where it stopped; another creation of the source is other work. */
export function replicationId({ source, target, filter }: Replication): string {
  return createHash('sha256')
    .update(JSON.stringify([source.file, target.name, filter]))
    .digest('hex')
    .slice(0, 32)
}

/**
 * Runs until everything is copied, or for ever if continuous. Throws when a database is dropped, and for a filter
 * that fails; returns early when the signal aborts, and then no write is under way any more.
 */
export async function replicate(
  replication: Replication,
  databases: Databases,
  signal: AbortSignal,
): Promise<ReplicationStats> {
  const { source, target, filter, continuous } = replication
  const id = replicationId(replication)
  const stats = {
    id,
    docs_read: 0,
    docs_written: 0,
    doc_write_failures: 0,
    source_last_seq: source.sequence(0),
  }
  const bell = new Bell()
  const unlisten = databases.listen((event) => {
    if (event.name === source.name) bell.ring()
  })
  const ended = AbortSignal.any([signal, source.gone, target.gone])
  try {
    let saved = await readCheckpoint(target, id)
    let since = saved
    while (!ended.aborted) {
      const page = await readChanges(source, since, BATCH, { ...filter, style: 'all_docs' })
      if (page.results.length > 0) await copy(source, target, page.results, stats)
      since = page.reached
      stats.source_last_seq = page.last_seq
      if (since > saved && (page.results.length > 0 || page.complete)) {
        await writeCheckpoint(target, id, since)
        saved = since
      }
      if (!page.complete) continue
      if (!continuous) break
      await bell.wait(ended)
    }
  } catch (fault) {
    if (!ended.aborted) throw fault
  } finally {
    unlisten()
  }
  if (!signal.aborted && (source.gone.aborted || target.gone.aborted)) {
    throw new CouchFault(404, 'db_not_found', `${(source.gone.aborted ? source : target).name} was deleted`)
  }
  return stats
}

async function copy(
  source: Database,
  target: Database,
  changes: Json[],
  stats: ReplicationStats,
): Promise<void> {
  const leave = [source.use(), target.use()]
  try {
    const revs: Record<string, string[]> = {}
    for (const change of changes) {
      revs[String(change['id'])] = (change['changes'] as { rev: string }[]).map(({ rev }) => rev)
    }
    const missing = Object.entries(await target.pouch.revsDiff(revs))
    if (missing.length === 0) return
    const docs: Json[] = []
    for (const [id, { missing: open_revs }] of missing) {
      const options = { open_revs, revs: true, latest: true, attachments: true }
      const leaves = (await source.pouch.get(id, options)) as unknown as Json[]
      for (const { ok } of leaves) if (isJson(ok)) docs.push(ok)
    }
    const failed = await target.pouch.bulkDocs({ docs }, { new_edits: false })
    stats.docs_read += docs.length
    stats.docs_written += docs.length - failed.length
    stats.doc_write_failures += failed.length
  } finally {
    for (const done of leave) done()
  }
}

const checkpointId = (id: string) => `_local/${id}`

async function readCheckpoint(target: Database, id: string): Promise<number> {
  const done = target.use()
  try {
    return Number((await target.pouch.get(checkpointId(id)))['last_seq']) || 0
  } catch {
    return 0
  } finally {
    done()
  }
}

async function writeCheckpoint(target: Database, id: string, last_seq: number): Promise<void> {
  const done = target.use()
  try {
    const before = await target.pouch.get(checkpointId(id)).catch((): Json => ({ _id: checkpointId(id) }))
    await target.pouch.put({ ...before, last_seq })
  } finally {
    done()
  }
}
