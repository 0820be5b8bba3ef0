// Bases of objects that left no trace in the user database, which was made again or from which they were purged: going through
// its documents does not come to them.
import chunk from 'lodash/chunk.js'
import { orNull } from '../../couch/fault.ts'
import { behind } from '../../couch/pages.ts'
import { readUserDocs } from '../gather/user-docs.ts'
import type { Context } from './context.ts'
import { reconcileObjects } from './objects.ts'
import { baseId, BASES_END, objectOfBase } from '../model/ids.ts'

/** Bases a page, without what they say. */
const PAGE = 1000
/** Objects that are looked at together. */
const PART = 200

export interface LeftBases {
  /** False where somebody keeps writing: it is to be read again. */
  isSettled: boolean
  /** The key at which the next page begins; null after the last one. */
  next: string | null
}

/**
 * Looks at the objects of a page of bases of which there is not even a tombstone.
 * @param from the key to begin at
 */
export async function followLeftBases(context: Context, from: string = baseId('')): Promise<LeftBases> {
  const { user, outbox } = context
  const rows = (await orNull(outbox.range({ startKey: from, endKey: BASES_END, limit: PAGE }))) ?? []
  const objects = rows.flatMap(({ id }) => objectOfBase(id) ?? [])
  const found = objects.length === 0 ? [] : await user.fetchIfThere(objects, { includeDocs: false })
  const missing = found.filter(({ rev }) => rev === null).map(({ id }) => id)
  for (const part of chunk(missing, PART))
    if (!(await reconcileObjects(context, await readUserDocs(user, part))))
      return { isSettled: false, next: from }
  const last = rows.at(-1)
  return { isSettled: true, next: rows.length < PAGE || !last ? null : behind(last.id) }
}
