// Carries out what a user deleted on a device: the leaves into which only the daemon has written since give way.
import { readDeletions } from '../gather/deletions.ts'
import { readUserDocs, withRivals, type UserDoc } from '../gather/user-docs.ts'
import type { Change } from '../../couch/document.ts'
import { tombstoneOf } from '../plan/deletion.ts'
import { writeBulk } from '../../couch/bulk.ts'
import type { Context } from './context.ts'

/**
 * The documents of a page of changes as they stand when that is done. A conflict means that somebody wrote meanwhile:
 * that change comes by itself.
 */
export async function readPage({ deps, user }: Context, changes: readonly Change[]): Promise<UserDoc[]> {
  const docs = await withRivals(user, changes)
  const deletions = await readDeletions(user, changes)
  if (deletions.length === 0) return docs
  const rows = await writeBulk(user, deletions.map(tombstoneOf))
  for (const row of rows)
    if (row.ok) deps.log.info({ db: user.name, doc: row.id }, 'deletion of a device carried out')
    else if (row.error !== 'conflict')
      deps.log.warn({ db: user.name, doc: row.id, code: row.error }, 'document not deleted')
  const again = new Map(
    (await readUserDocs(user, [...new Set(deletions.map(({ live }) => live._id))])).map((one) => [
      one.id,
      one,
    ]),
  )
  return docs.map((one) => again.get(one.id) ?? one)
}
