// Copies what changed from one database to another of this server, directly: PouchDB's replicator backs off and guesses.
import { createHash } from 'node:crypto'
import { readChanges } from './changes.ts'
import type { Database, Databases } from './databases.ts'
import { refusalsOf } from './document-writes.ts'
import { CouchFault } from './faults.ts'
import { Bell } from './feed.ts'
import type { Json } from './packages.ts'
import { isJson } from './parameters.ts'
import { isMember, readSecurity } from './security.ts'
import { isServerAdmin } from './user.ts'
import type { DatabaseWriter } from './validation.ts'

const BATCH = 100

/** Both ends, each with the user by whom it is reached. */
export interface Replication {
  source: DatabaseWriter
  target: DatabaseWriter
  /** The filter, as `filterOptions` gives it. */
  filter: Json
  continuous: boolean
}

/** How a replication gets on; changed while it runs. */
export interface ReplicationProgress {
  /** Nothing is to be copied, as far as is known at this moment. */
  isIdle: boolean
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
    .update(JSON.stringify([source.database.file, target.database.name, filter]))
    .digest('hex')
    .slice(0, 32)
}

/** Throws where the user may not read the database, and for a database of the server's own, which is for its admins. */
export async function assertReachable({ database, user }: DatabaseWriter): Promise<void> {
  if (isServerAdmin(user)) return
  if (database.name.startsWith('_') || !isMember(user, await readSecurity(database)))
    throw new CouchFault(500, 'replication_auth_error', `access to ${database.name} was refused`)
}

/**
 * Runs until everything is copied, or for ever if continuous. Throws when a database is dropped, and for a filter
 * that fails; returns early when the signal aborts, and then no write is under way any more.
 */
export async function replicate(
  replication: Replication,
  databases: Databases,
  signal: AbortSignal,
  progress: ReplicationProgress = { isIdle: false },
): Promise<ReplicationStats> {
  const { filter, continuous } = replication
  const source = replication.source.database
  const target = replication.target.database
  const id = replicationId(replication)
  const stats = {
    id,
    docs_read: 0,
    docs_written: 0,
    doc_write_failures: 0,
    source_last_seq: source.sequence(0),
  }
  const bell = new Bell()
  let writes = 0
  const unlisten = databases.listen((event) => {
    if (event.name !== source.name) return
    writes += 1
    progress.isIdle = false
    bell.ring()
  })
  const ended = AbortSignal.any([signal, source.gone, target.gone])
  try {
    let saved = await readCheckpoint(target, id)
    let since = saved
    while (!ended.aborted) {
      const before = writes
      await assertReachable(replication.source)
      await assertReachable(replication.target)
      const page = await readChanges(source, since, BATCH, { ...filter, style: 'all_docs' })
      if (page.results.length > 0) await copy(source, replication.target, page.results, stats)
      since = page.reached
      stats.source_last_seq = page.last_seq
      if (since > saved && (page.results.length > 0 || page.complete)) {
        await writeCheckpoint(target, id, since)
        saved = since
      }
      if (!page.complete) continue
      if (!continuous) break
      progress.isIdle = writes === before
      await bell.wait(ended)
      progress.isIdle = false
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
  writer: DatabaseWriter,
  changes: Json[],
  stats: ReplicationStats,
): Promise<void> {
  const target = writer.database
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
    const refusals = await refusalsOf(writer, docs, false)
    const allowed = docs.filter((_, at) => refusals[at] === null)
    const failed = await target.pouch.bulkDocs({ docs: allowed }, { new_edits: false })
    const written = allowed.length - failed.length
    stats.docs_read += docs.length
    stats.docs_written += written
    stats.doc_write_failures += docs.length - written
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
