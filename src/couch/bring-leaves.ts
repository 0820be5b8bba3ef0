// Brings leaves from one database into another as they are, with their histories and attachments, as a replication would.
import partition from 'lodash/partition.js'
import type { Database } from './database.ts'
import type { StoredDoc, Written } from './document.ts'
import { isFault } from './fault.ts'
import type { Flow } from './request.ts'
import { generationOf, type Leaf } from '../documents/revisions.ts'
import { attachedAfter, attachedBytes, isBare, isPlain, knownSince, Room } from './attachments.ts'
import { writeBulk } from './bulk.ts'
import { refusalAsRow } from './with-attachments.ts'

type WriteDocs = (to: Database, docs: StoredDoc[]) => Promise<Written[]>

const asTheyAre: WriteDocs = (to, docs) => writeBulk(to, docs, { newEdits: false })

export interface Bringing {
  /** How those are written that do not go as streams. */
  write?: WriteDocs
  /** Leaves of whose attachments the target lacks more are left out. */
  mostBytes?: number
}

/** A leaf, and the earlier revision of it after which the target lacks its attachments; all of them where there is none. */
interface Name {
  id: string
  rev: string
  since?: string
}

/** A leaf, and those of its attachments that the target lacks. */
interface Load extends Pick<StoredDoc, '_attachments'> {
  name: Name
}

/**
 * Attachments that the target has from an earlier revision are not read. Leaves with large ones are handed on as streams,
 * one by one and before all others: nobody is to find a document without the leaf that counts. Those that are gone
 * meanwhile are left out.
 * @param leaves with their histories, as they were read without the contents of attachments
 * @returns those that were refused
 * @throws {CouchFault}
 */
export async function writeLeaves(
  from: Database,
  to: Database,
  leaves: readonly Leaf[],
  { write = asTheyAre, mostBytes = Infinity }: Bringing = {},
): Promise<Written[]> {
  const [bare, laden] = partition([...leaves], (leaf) => isBare(leaf))
  const nameOf = await namesOver(to, laden)
  const loadOf = (leaf: StoredDoc): Load => {
    const name = nameOf(leaf)
    return { name, _attachments: attachedAfter(leaf, name.since) }
  }
  const [light, heavy] = partition(laden, (leaf) => isBare(loadOf(leaf)))
  const stored = await from.leaves(
    heavy.map(({ _id, _rev }) => ({ id: _id, rev: _rev })),
    { encodings: true },
  )
  const loads = stored.map(loadOf).filter((load) => attachedBytes(load) <= mostBytes)
  const [batches, large] = inBatches(loads)

  const refused: Written[] = []
  for (const name of large) refused.push(...(await pass(from, to, name)))
  for (const batch of batches)
    refused.push(...refusedOf(await write(to, await from.leaves(batch, { attachments: true }))))
  refused.push(...refusedOf(await write(to, [...bare, ...light])))
  return passWhole(from, to, laden.map(nameOf), refused)
}

const refusedOf = (rows: readonly Written[]): Written[] => rows.filter(({ ok }) => !ok)

/** By which names these leaves are to be read, after what stands in the target now. */
async function namesOver(to: Database, laden: readonly Leaf[]): Promise<(leaf: StoredDoc) => Name> {
  const ids = laden.filter(({ _rev }) => generationOf(_rev) > 1).map(({ _id }) => _id)
  const rows = ids.length === 0 ? [] : await to.fetchIfThere([...new Set(ids)])
  const there = new Map(rows.map(({ id, doc }) => [id, doc]))
  return (leaf) => {
    const since = knownSince(leaf, there.get(leaf._id) ?? null)
    return { id: leaf._id, rev: leaf._rev, ...(since === null ? {} : { since }) }
  }
}

/** Leaves whose attachments may travel inside them, as many as fit into a request; and the others. */
function inBatches(loads: readonly Load[]): [Name[][], Name[]] {
  const batches: Name[][] = []
  const large: Name[] = []
  let room = new Room()
  for (const load of loads) {
    const bytes = attachedBytes(load)
    if (!isPlain(load)) large.push(load.name)
    else if (room.take(bytes)) (batches.at(-1) ?? batches[batches.push([]) - 1])?.push(load.name)
    else {
      const next = new Room()
      if (!next.take(bytes)) large.push(load.name)
      else {
        batches.push([load.name])
        room = next
      }
    }
  }
  return [batches, large]
}

/** One leaf, from server to server as it comes. @returns the refusal, if there is one; none where the leaf is gone */
async function pass(from: Database, to: Database, { id, rev, since }: Name): Promise<Written[]> {
  let isGone = false
  const open = async (signal: AbortSignal): Promise<Flow> => {
    try {
      return await from.flow(id, rev, { signal, ...(since === undefined ? {} : { since }) })
    } catch (error) {
      isGone = isFault(error, 'not_found')
      throw error
    }
  }
  const row = await refusalAsRow(id, async () => {
    try {
      return await to.putFlow(id, open, { newEdits: false })
    } catch (error) {
      if (isGone) return null
      throw error
    }
  })
  return row.ok || row.error === 'conflict' ? [] : [row]
}

/** What a leaf rests on may be gone from the target meanwhile, and then it was refused: it is sent again, as a whole. */
async function passWhole(
  from: Database,
  to: Database,
  names: readonly Name[],
  refused: readonly Written[],
): Promise<Written[]> {
  const ids = new Set(refused.flatMap((row) => (!row.ok && row.error === 'bad_request' ? row.id : [])))
  const again = names.filter(({ id, since }) => since !== undefined && ids.has(id))
  const isAgain = new Set(again.map(({ id }) => id))
  const left = refused.filter(({ id }) => !isAgain.has(id))
  for (const { id, rev } of again) left.push(...(await pass(from, to, { id, rev })))
  return left
}
