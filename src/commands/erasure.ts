// Takes a document out everywhere for good, in an order in which nothing brings it back: daemon, replications, clients.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { CouchFault } from '../couch/fault.ts'
import { isMark, type Trace, type Traces } from './traces.ts'
import { baseDoc, nothingAgreed, parseBase } from '../shares/model/base.ts'
import { isForgotten } from '../documents/tombstone.ts'
import type { Removals } from '../mirror/removals.ts'
import { baseId } from '../shares/model/ids.ts'

export interface ErasureOptions {
  couch: Couch
  removals: Removals
}

/**
 * First what keeps the object out of the shares that others write into, then the users' own, then copies, then what is
 * remembered of it. Documents and copies leave a tombstone, by which devices that sync learn of it; of the rest nothing is left.
 * @throws {CouchFault} `conflict` where somebody was faster: look again
 */
export async function erase(
  { couch, removals }: ErasureOptions,
  object: string,
  { found, marks }: Traces,
): Promise<void> {
  for (const [outbox, shares] of marks) await markUnshared(couch.database(outbox), object, shares)
  const inOrder = (kind: Trace['kind']): Trace[] => found.filter((trace) => trace.kind === kind)
  for (const { database, leaves } of [...inOrder('document'), ...inOrder('copy')]) {
    const left = leaves.filter((leaf) => !isForgotten(leaf))
    const { refused } = await removals.remove(couch.database(database), left)
    const [first] = refused
    if (first) throw new CouchFault('forbidden', database, `it refuses the tombstone: ${first.reason}`)
  }
  for (const { database, id, leaves } of inOrder('note')) {
    if (marks.has(database)) continue
    await couch.database(database).purge({ [id]: leaves.map(({ _rev }) => _rev) })
  }
}

/** The share's owner has taken it out, for good: what a device writes into the share is taken out again. */
async function markUnshared(outbox: Database, object: string, shares: readonly string[]): Promise<void> {
  const id = baseId(object)
  const leaves = await outbox.leaves([{ id }])
  const base = parseBase(await outbox.get(id))
  if (isMark(base) && shares.every((share) => Object.hasOwn(base.agreed, share))) return
  if (leaves.length > 0) await outbox.purge({ [id]: leaves.map(({ _rev }) => _rev) })
  const agreed = Object.fromEntries(
    shares.map((share) => [share, { ...nothingAgreed('unshared', true), purged: true as const }]),
  )
  const written = await outbox.put(baseDoc(object, { shares: {}, agreed }) as unknown as { _id: string })
  if (!written.ok) throw new CouchFault('conflict', outbox.name, written.reason, 409)
}
