// Before old revisions are taken out of a share, the outbox holds all that the share is to have after that, and no more:
// whatever fails on the way, from there it is put back.
import chunk from 'lodash/chunk.js'
import type { Database } from '../../couch/database.ts'
import type { Doc, StoredDoc, Written } from '../../couch/document.ts'
import { parseBase } from '../model/base.ts'
import { baseId, parseCopyId } from '../model/ids.ts'
import type { Home } from '../plan/object-facts.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import type { Leaf } from '../../documents/revisions.ts'
import { Room } from '../../couch/attachments.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { prepare } from '../../couch/with-attachments.ts'
import { bringLeaves, namesById, replacedIn, type LeafName } from './copies.ts'
import { isBare } from '../../documents/tombstone.ts'
import { buried, keptLeaf, shownBy, type Shown } from './kept-leaves.ts'
import { leafPages } from '../gather/leaf-pages.ts'
import { writeLeaves } from '../../couch/bring-leaves.ts'

/** Copies a page while a share is filled again. */
const REFILL_PAGE = 100

/** By the id of a copy. */
export type ShownOf = (copy: string) => Shown

/** What the owner's bases say that a share shows of these copies. @throws {CouchFault} */
export async function readShown(
  outbox: Database,
  share: string,
  copies: readonly string[],
): Promise<ShownOf> {
  const baseOf = (copy: string): string => baseId(parseCopyId(copy)?.object ?? '')
  const bases = new Map((await outbox.fetch(copies.map(baseOf))).map(({ id, doc }) => [id, parseBase(doc)]))
  return (copy) => shownBy(bases.get(baseOf(copy)) ?? null, share)
}

export interface SavedCopies {
  outbox: Database
  /** Null where the share is not there any more. */
  share: Database | null
  /** Where copies are written. */
  home: Home
  copies: readonly string[]
  shownOf: ShownOf
}

/**
 * Brings into the outbox what the share may hold of these copies now, and takes out of its leaves what it may not.
 * Done twice nothing is written the second time.
 * @returns the leaves that the share is to have, all of which the outbox has
 * @throws {CouchFault}
 */
export async function saveCopies({ outbox, share, home, copies, shownOf }: SavedCopies): Promise<LeafName[]> {
  const saved = new Saved(outbox, home, shownOf)
  if (home === 'share' && share !== null)
    for await (const leaves of leafPages(share, copies)) await saved.take(share, leaves)
  const there = saved.documents
  const stale: Stale[] = []
  for await (const leaves of leafPages(outbox, copies)) {
    // Where copies are written into the outbox that alone counts; and what the share has not got was being taken out.
    await saved.take(
      outbox,
      leaves.filter(({ _id }) => !there.has(_id)),
    )
    for (const leaf of leaves)
      if (there.has(leaf._id) && !saved.has(leaf) && !isBare(leaf))
        stale.push({ rev: leaf._rev, isLive: !leaf._deleted, tombstone: buried(leaf) })
  }
  await saved.leaveTombstones()
  if (share !== null) await buryStale(outbox, share, stale)
  return saved.names
}

/** The same, by what the owner's bases say of the copies. @throws {CouchFault} */
export async function savePart(part: Omit<SavedCopies, 'shownOf'>, share: string): Promise<LeafName[]> {
  return saveCopies({ ...part, shownOf: await readShown(part.outbox, share, part.copies) })
}

/**
 * Fills a share database that is empty from the outbox: with what it may hold of each of these copies now.
 * @returns the copies that were refused, and those that were written in the outbox meanwhile
 */
export async function refill(
  outbox: Database,
  share: Database,
  copies: Iterable<string>,
  { share: id, home }: { share: string; home: Home },
): Promise<{ refused: Written[]; late: string[] }> {
  const refused: Written[] = []
  const late: string[] = []
  for (const some of chunk([...copies], REFILL_PAGE)) {
    const saved = await savePart({ outbox, share: null, home, copies: some }, id)
    refused.push(...(await bringLeaves(outbox, share, saved)))
    late.push(...(await replacedIn([outbox], saved)))
  }
  return { refused, late }
}

/** A leaf that the outbox has, and the share has not. */
interface Stale {
  rev: string
  isLive: boolean
  tombstone: StoredDoc
}

/** What the outbox has of a share in which others write, and the share has not, is of no use, and must not come back. */
async function buryStale(outbox: Database, share: Database, stale: readonly Stale[]): Promise<void> {
  const live = stale.filter(({ isLive }) => isLive)
  // Written just now, it has come by the replication.
  const unknown = await share.missing(
    namesById(live.map(({ rev, tombstone }) => ({ id: tombstone._id, rev }))),
  )
  const isGone = ({ rev, isLive, tombstone }: Stale): boolean =>
    !isLive || unknown[tombstone._id]?.includes(rev) === true
  await writeBulk(
    outbox,
    stale.filter(isGone).map(({ tombstone }) => tombstone),
    { newEdits: false },
  )
}

class Saved {
  readonly #outbox: Database
  readonly #home: Home
  readonly #shownOf: ShownOf
  readonly #names: LeafName[] = []
  readonly #known = new Set<string>()
  /** Documents of which nothing is kept so far, and one of the leaves that go. */
  readonly #emptied = new Map<string, StoredDoc>()

  constructor(outbox: Database, home: Home, shownOf: ShownOf) {
    this.#outbox = outbox
    this.#home = home
    this.#shownOf = shownOf
  }

  get names(): LeafName[] {
    return this.#names
  }

  get documents(): Set<string> {
    return new Set([...this.#names.map(({ id }) => id), ...this.#emptied.keys()])
  }

  has({ _id, _rev }: StoredDoc): boolean {
    return this.#known.has(`${_rev} ${_id}`)
  }

  /** Brings into the outbox what is kept of leaves that stand in a database. */
  async take(from: Database, leaves: readonly StoredDoc[]): Promise<void> {
    const kept = leaves.flatMap((leaf) => {
      const one = keptLeaf(leaf, this.#shownOf(leaf._id), this.#home)
      if (one === null) this.#emptied.set(leaf._id, leaf)
      // Where it stands in the outbox itself, what it said goes there, too.
      const isOver = from === this.#outbox && one !== leaf && one?._rev.startsWith('1-') !== false
      return [
        ...(one === null ? [] : [{ leaf, kept: one }]),
        ...(isOver ? [{ leaf, kept: buried(leaf) }] : []),
      ]
    })
    const isNew = (one: (typeof kept)[number]): boolean => from !== this.#outbox || one.kept !== one.leaf
    const missing = await this.#outbox.missing(namesById(kept.filter(isNew).map((one) => nameOf(one.kept))))
    const wanted = kept.filter((one) => missing[one.kept._id]?.includes(one.kept._rev))
    const isAsIs = (one: (typeof wanted)[number]): boolean => one.kept === one.leaf
    await writeLeaves(
      from,
      this.#outbox,
      wanted.filter(isAsIs).map(({ leaf }) => leaf as Leaf),
    )
    await this.#write(
      from,
      wanted.filter((one) => !isAsIs(one)),
    )
    for (const { kept: one } of kept) this.#add(one)
  }

  /** What is left of a leaf goes with its attachments, as far as those are left. */
  async #write(from: Database, wanted: readonly { leaf: StoredDoc; kept: StoredDoc }[]): Promise<void> {
    const docs: Doc[] = []
    const room = new Room()
    for (const { leaf, kept } of wanted) {
      const { _attachments: attachments = {}, ...target } = kept
      const places = [{ database: from, leaf: leaf as ObjectDoc }]
      const to = this.#outbox
      const prepared = await prepare({
        ...{ target, wanted: attachments, over: null, to, from: places, newEdits: false, room },
      })
      if (prepared?.kind === 'large') await prepared.send()
      else if (prepared) docs.push(prepared.doc)
    }
    await writeBulk(this.#outbox, docs, { newEdits: false })
  }

  /** Of a document that was there something stays, that says that it is gone. */
  async leaveTombstones(): Promise<void> {
    const kept = new Set(this.#names.map(({ id }) => id))
    const tombstones = [...this.#emptied].flatMap(([id, leaf]) => (kept.has(id) ? [] : buried(leaf)))
    await writeBulk(this.#outbox, tombstones, { newEdits: false })
    for (const tombstone of tombstones) this.#add(tombstone)
  }

  #add({ _id, _rev }: StoredDoc): void {
    this.#names.push({ id: _id, rev: _rev })
    this.#known.add(`${_rev} ${_id}`)
  }
}

const nameOf = ({ _id, _rev }: StoredDoc): LeafName => ({ id: _id, rev: _rev })
