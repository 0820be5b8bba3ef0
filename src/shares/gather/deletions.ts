// Reads of a page of changes which documents a user has deleted on a device, while others wrote on.
import groupBy from 'lodash/groupBy.js'
import isEqual from 'lodash/isEqual.js'
import uniqWith from 'lodash/uniqWith.js'
import type { Database } from '../../couch/database.ts'
import type { Change } from '../../couch/document.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import { deletionOf, isLastWord, type Deletion } from '../plan/deletion.ts'
import { isLive, type Leaf } from '../../documents/revisions.ts'

const MOST_LEAVES = 50

/**
 * The live leaves that give way, each with the deletion to which it does. Nothing is asked for documents of one leaf, nor
 * for contents that gave way, which are first revisions.
 * @param changes with the documents, and with all their leaves
 */
export async function readDeletions(database: Database, changes: readonly Change[]): Promise<Deletion[]> {
  const wanted = changes.flatMap(({ id, doc, changes: revisions }) => {
    if (!doc || doc._deleted || id.startsWith('_')) return []
    const live = [doc._rev, ...(doc._conflicts ?? [])]
    const deleted = revisions
      .map(({ rev }) => rev)
      .filter((rev) => !live.includes(rev) && !rev.startsWith('1-'))
    return deleted.length === 0 ? [] : [...live, ...deleted].map((rev) => ({ id, rev }))
  })
  if (wanted.length === 0) return []
  const leaves = (await database.leaves(wanted)) as Leaf[]
  const found = Object.values(groupBy(leaves, '_id')).flatMap((all) =>
    // Nobody has so many devices.
    all.length > MOST_LEAVES
      ? []
      : all
          .filter(isLive)
          .flatMap((live) =>
            all.filter((leaf) => !isLive(leaf)).flatMap((deleted) => deletionOf(live, deleted) ?? []),
          ),
  )
  const revisions = await database.leaves(
    uniqWith(
      found.flatMap(({ live, common, since, before }) =>
        [common, ...since, ...before].map((rev) => ({ id: live._id, rev })),
      ),
      isEqual,
    ),
  )
  const known = groupBy(revisions, '_id')
  const last = new Map<Leaf, Deletion>()
  for (const deletion of found) {
    const { live } = deletion
    const there = (known[live._id] ?? []).map(({ _revisions: _, ...doc }): [string, ObjectDoc] => [
      doc._rev,
      doc as ObjectDoc,
    ])
    if (!last.has(live) && isLastWord(deletion, new Map(there))) last.set(live, deletion)
  }
  return [...last.values()]
}
