// Brings leaves from one database into another as they are, with their histories and attachments, as a replication would.
import type { Database } from './database.ts'
import type { StoredDoc, Written } from './document.ts'
import { isFault } from './fault.ts'
import type { Flow } from './request.ts'
import type { Leaf } from '../documents/revisions.ts'
import { attachedBytes, isPlain, Room } from './attachments.ts'
import { writeBulk } from './bulk.ts'
import { refusalAsRow } from './with-attachments.ts'

type WriteDocs = (to: Database, docs: StoredDoc[]) => Promise<Written[]>

const asTheyAre: WriteDocs = (to, docs) => writeBulk(to, docs, { newEdits: false })

/**
 * Leaves with large attachments are handed on as streams, one by one and before all others: nobody is to find a document
 * without the leaf that counts. Those that are gone meanwhile are left out.
 * @param leaves with their histories, without the contents of attachments
 * @param write how the others are written
 * @returns those that were refused
 */
export async function writeLeaves(
  from: Database,
  to: Database,
  leaves: readonly Leaf[],
  write: WriteDocs = asTheyAre,
): Promise<Written[]> {
  const [bare, laden] = [leaves.filter(isBare), leaves.filter((leaf) => !isBare(leaf))]
  const stored = await from.leaves(laden.map(named), { encodings: true })
  const refused: Written[] = []
  const [batches, large] = inBatches(stored)
  for (const { _id, _rev } of large) {
    const row = await pass(from, to, _id, _rev)
    if (!row.ok && row.error !== 'conflict') refused.push(row)
  }
  for (const batch of batches)
    refused.push(...(await write(to, await from.leaves(batch.map(named), { attachments: true }))))
  refused.push(...(await write(to, bare)))
  return refused.filter(({ ok }) => !ok)
}

const named = ({ _id, _rev }: Leaf): { id: string; rev: string } => ({ id: _id, rev: _rev })

const isBare = ({ _attachments = {} }: Leaf): boolean => Object.keys(_attachments).length === 0

/** Leaves whose attachments may travel inside them, as many as fit into a request; and the others. */
function inBatches(leaves: StoredDoc[]): [StoredDoc[][], StoredDoc[]] {
  const batches: StoredDoc[][] = []
  const large: StoredDoc[] = []
  let room = new Room()
  for (const leaf of leaves) {
    const bytes = attachedBytes(leaf)
    if (!isPlain(leaf)) large.push(leaf)
    else if (room.take(bytes)) (batches.at(-1) ?? batches[batches.push([]) - 1])?.push(leaf)
    else {
      const next = new Room()
      if (!next.take(bytes)) large.push(leaf)
      else {
        batches.push([leaf])
        room = next
      }
    }
  }
  return [batches, large]
}

/** One leaf, from server to server as it comes. */
const pass = (from: Database, to: Database, id: string, rev: string): Promise<Written> => {
  let isGone = false
  const open = async (signal: AbortSignal): Promise<Flow> => {
    try {
      return await from.flow(id, rev, { signal })
    } catch (error) {
      isGone = isFault(error, 'not_found')
      throw error
    }
  }
  return refusalAsRow(id, async () => {
    try {
      return await to.putFlow(id, open, { newEdits: false })
    } catch (error) {
      if (isGone) return null
      throw error
    }
  })
}
