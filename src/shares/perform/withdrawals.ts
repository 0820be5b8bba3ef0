// Un-shared means unreadable: really removes what a share database holds of old revisions, and puts back what it may show.
import chunk from 'lodash/chunk.js'
import uniqBy from 'lodash/uniqBy.js'
import type { StoredDoc } from '../../couch/document.ts'
import { CouchFault } from '../../couch/fault.ts'
import { MOST_PURGED } from '../../couch/purge.ts'
import { generationOf, lineOf } from '../../documents/revisions.ts'
import { bringLeaves, namesById, replacedIn, type LeafName } from './copies.ts'
import { leafPages } from '../gather/leaf-pages.ts'
import { saveCopies, type SavedCopies } from './saved-copies.ts'

/** A replication that was under way may bring an old revision back while it is taken out: look, and try again so often. */
const TRIES = 5

/** The revision before a leaf has gone with it; and so, one would think, have those before that one. */
const LOOKED_BACK = 3

export type Withdrawal = SavedCopies & { share: NonNullable<SavedCopies['share']> }

/**
 * Purges every leaf of these copies in the share database, and re-inserts the one that counts (or its tombstone) with
 * its whole history: with a truncated one, CouchDB would bring the old body back; purging inner revisions does nothing.
 * All that is put back is safe in the outbox before, and says no more than what is shared now.
 * @throws {CouchFault} `server_error` where old revisions keep coming back
 */
export async function withdraw(wanted: Withdrawal): Promise<void> {
  for (const copies of chunk(wanted.copies, MOST_PURGED)) await withdrawSome({ ...wanted, copies })
}

async function withdrawSome(wanted: Withdrawal): Promise<void> {
  const { outbox, share } = wanted
  let { copies } = wanted
  let old: LeafName[] = []
  let before: LeafName[] = []
  for (let tries = 0; tries < TRIES; tries += 1) {
    // What is written after this look is no leaf of those that are purged: the next try finds it.
    const leaves: Old[] = []
    for await (const page of leafPages(share, copies)) leaves.push(...page.map(oldOf))
    const kept = await saveCopies({ ...wanted, copies })
    const keptNames = new Set(kept.map(nameOf))
    // Thousands of leaves have the same ones before them.
    const names = uniqBy([...old, ...before, ...leaves.flatMap(({ line }) => line)], nameOf)
    old = names.filter((one) => !keptNames.has(nameOf(one)))
    if (leaves.length > 0) await share.purge(namesById(leaves.sort(byImportance)))
    const refused = new Set((await bringLeaves(outbox, share, kept)).map(({ id }) => id))
    if (await isReadable(wanted, old)) continue
    const replaced = await replacedIn(
      [outbox, share],
      kept.filter(({ id }) => !refused.has(id)),
    )
    if (replaced.size === 0) return
    // Another daemon may have withdrawn it, just before it was put back.
    copies = [...replaced]
    before = kept.filter(({ id }) => replaced.has(id))
  }
  throw new CouchFault('server_error', share.name, 'old revisions of withdrawn copies keep coming back')
}

const nameOf = ({ id, rev }: LeafName): string => `${rev} ${id}`

/** A leaf that goes. `line`: its name and those before it, which must not be readable any more. */
interface Old extends LeafName {
  generation: number
  isLive: boolean
  line: LeafName[]
}

function oldOf(leaf: StoredDoc): Old {
  const { _id, _rev, _deleted } = leaf
  const line = lineOf(leaf)
    .slice(0, LOOKED_BACK)
    .map((rev) => ({ id: _id, rev }))
  return { id: _id, rev: _rev, generation: generationOf(_rev), isLive: !_deleted, line }
}

/** Where it takes several requests, the one that clients see goes last. */
const byImportance = (one: Old, other: Old): number =>
  Number(one.isLive) - Number(other.isLive) || one.generation - other.generation

async function isReadable({ share }: Withdrawal, old: readonly LeafName[]): Promise<boolean> {
  for (const some of chunk(old, MOST_LOOKED_FOR)) if ((await share.leaves(some)).length > 0) return true
  return false
}

/** Revisions that are asked for at once; none of them is expected to be there. */
const MOST_LOOKED_FOR = 1000
