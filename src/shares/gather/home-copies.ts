// The copies of a page of objects, as the shares have them.
import groupBy from 'lodash/groupBy.js'
import type { Agreed, Base } from '../model/base.ts'
import type { ShareEntry } from '../model/entry.ts'
import { decodeHistories } from '../model/history.ts'
import type { Database } from '../../couch/database.ts'
import type { Row } from '../../couch/document.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import { shareDatabase } from '../../documents/names.ts'
import { own } from '../../documents/own.ts'
import type { HomeCopy, PushedTombstone } from '../plan/exchange-facts.ts'
import type { Deps } from '../deps.ts'
import { knownOf } from './ancestors.ts'
import { isExchange, type KnownShares, type SharesOfObjects } from './entries.ts'
import { forgedIn, withoutForged } from './forged-attachments.ts'
import { readReadable, readTombstones } from './tombstones.ts'
import { withRivals, type UserDoc } from './user-docs.ts'
import { copyId, parseCopyId } from '../model/ids.ts'

/** The objects whose copies are read. */
export interface ObjectsOfCopies {
  /** The user database of their author. */
  database: string
  concerned: SharesOfObjects
  /** What a page of a share's changes told of each. */
  pushed: ReadonlyMap<string, UserDoc['pushed']>
  bases: ReadonlyMap<string, Base | null>
}

/**
 * Reads the copies in shares that exchange something with the objects; without a database there are none.
 * @returns by the ids of the copies
 * @throws {CouchFault}
 */
export async function readHomeCopies(
  { common, limits: { mostBytes } }: Pick<Deps, 'common' | 'limits'>,
  objects: ObjectsOfCopies,
  { entries, subscriptions }: KnownShares,
): Promise<Map<string, HomeCopy>> {
  const pairs = [...objects.concerned].flatMap(([id, shares]) => shares.map((share) => ({ id, share })))
  const homes = new Map<string, HomeCopy>()
  for (const [share, named] of Object.entries(groupBy(pairs, 'share'))) {
    const entry = entries.get(share)
    if (!isExchange(entry, subscriptions.get(share), objects.database)) continue
    const home = common.database(shareDatabase(share))
    const place: Place = {
      ...{ share, home, objects, mostBytes },
      entry,
      isMine: entry?.database === objects.database,
    }
    const rows = await home.fetchIfThere(
      named.map(({ id }) => copyId(share, id)),
      { conflicts: true },
    )
    const doubtful: string[] = []
    for (const row of rows) {
      const object = parseCopyId(row.id)?.object ?? ''
      const copy = await readCopy(place, object, row)
      homes.set(row.id, copy)
      if (copy.kind === 'deleted' && isDoubtful(place, object)) doubtful.push(row.id)
    }
    for (const id of await readReadable(home, doubtful)) {
      const copy = homes.get(id)
      if (copy?.kind === 'deleted') homes.set(id, { ...copy, isReadable: true })
    }
  }
  return homes
}

/** A share, as one who exchanges something with it looks at it. */
interface Place {
  share: string
  home: Database
  entry: ShareEntry | undefined
  isMine: boolean
  objects: ObjectsOfCopies
  /** What a leaf may have in a share that everybody may write. */
  mostBytes: number
}

async function readCopy(place: Place, object: string, row: Row): Promise<HomeCopy> {
  const { id, rev, deleted, doc } = row
  const tombstones = await tombstonesOf(place, object, row)
  if (doc !== null) return readLive(place, object, { id, doc }, tombstones)
  return rev !== null && deleted ? { kind: 'deleted', rev, tombstones } : { kind: 'none' }
}

/** What there is beside what clients see is its owner's lane's to look at, when it was pushed. */
async function tombstonesOf(
  { share, home, isMine, objects }: Place,
  object: string,
  row: Row,
): Promise<PushedTombstone[]> {
  const leaves = objects.pushed.get(object)
  if (!isMine || leaves?.share !== share) return []
  const history = own(decodeHistories(objects.bases.get(object)?.history), share)
  return readTombstones(home, row, leaves.revs, history)
}

async function readLive(
  { share, home, entry, isMine, objects, mostBytes }: Place,
  object: string,
  { id, doc }: { id: string; doc: NonNullable<Row['doc']> },
  tombstones: PushedTombstone[],
): Promise<HomeCopy> {
  const base = objects.bases.get(object) ?? null
  const { _conflicts: _, ...leaf } = doc
  // The owner's lane alone merges them.
  const [found] = isMine ? await withRivals(home, [{ id, doc }]) : []
  const rivals = found?.rivals ?? []
  const isPublic = entry?.access?.write === true
  const leaves: ObjectDoc[] = [leaf, ...rivals.map((rival) => rival.leaf)]
  const forged = isPublic ? await forgedIn(home, leaves) : new Map<string, Set<string>>()
  return {
    kind: 'live',
    ...{ leaf: withoutForged(leaf, forged), tombstones },
    ...(isPublic ? { mostBytes } : {}),
    rivals: rivals.map((rival) => withoutForged(rival.leaf, forged)),
    ancestors: rivals.map((rival) => knownOf(base, share, found?.line ?? [], rival)),
  }
}

/** Of what was there before, the owner's lane has agreed on nothing, and so has not taken it out either. */
function isDoubtful({ share, entry, isMine, objects }: Place, object: string): boolean {
  if (!isMine || entry?.rotate) return false
  const agreed: Agreed | undefined = own(objects.bases.get(object)?.agreed, share)
  return (
    agreed === undefined ||
    agreed.state === 'unrelated' ||
    (agreed.state === 'unshared' && objects.pushed.get(object)?.share === share)
  )
}
