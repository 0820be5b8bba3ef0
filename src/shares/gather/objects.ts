// Gathers what planObject asks about: what the daemon made of a user's objects, and what the shares hold of them.
import { parseBase, sharesOf, type Base } from '../model/base.ts'
import { asksForShare } from '../model/share.ts'
import { asksForSubscription } from '../model/subscription.ts'
import type { Held } from '../model/history.ts'
import { isObjectId, shareDatabase } from '../../documents/names.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import type { Clock } from '../../documents/time.ts'
import type { ExchangeFacts } from '../plan/exchange-facts.ts'
import type { ObjectFacts } from '../plan/object-facts.ts'
import type { Database } from '../../couch/database.ts'
import type { Row } from '../../couch/document.ts'
import { CouchFault } from '../../couch/fault.ts'
import type { Deps } from '../deps.ts'
import type { Footing } from '../perform/objects.ts'
import { knownOfObject } from './ancestors.ts'
import { boundsOf, Brought, isFull } from './bounds.ts'
import type { Read } from './changed-meanwhile.ts'
import {
  isExchange,
  mentionedShares,
  readAway,
  readShares,
  standing,
  withShares,
  type KnownShares,
  type SharesOfObjects,
} from './entries.ts'
import { exchangeOf, isBaseLost, isNewTo, type Exchanged } from './exchange.ts'
import { readForgotten } from './forgotten.ts'
import { readHomeCopies } from './home-copies.ts'
import { readLimits } from './limits.ts'
import { readPurged } from './purged.ts'
import { readOutdated } from './refilled.ts'
import { foundIn, readRows } from './rows.ts'
import type { UserDoc } from './user-docs.ts'
import { baseId, copyId } from '../model/ids.ts'

export type Sources = Pick<
  Deps,
  | 'couch'
  | 'common'
  | 'users'
  | 'registry'
  | 'allowance'
  | 'limits'
  | 'userLimits'
  | 'checkpoints'
  | 'now'
  | 'updatedAt'
>

/** True for documents that may be shared. One that calls itself a share is none, whatever else it holds. */
const isObject = ({ id }: UserDoc): boolean => isObjectId(id)

const asksForMore = (doc: ObjectDoc): boolean => asksForShare(doc) || asksForSubscription(doc)

export interface Gathered {
  facts: ObjectFacts[]
  /** What the facts rest on of each object, by revisions: whether it was all there at one time is seen when it is read once more. */
  read: Read[]
  /** What the plan rests on, besides the facts. */
  footing: Footing
}

/** All that planObject asks about, for many documents of one owner in a few requests. */
export async function gatherObjects(
  sources: Sources,
  owner: string,
  docs: readonly UserDoc[],
): Promise<Gathered> {
  const { couch, users } = sources
  const objects = docs
    .filter(isObject)
    .map((one) => (one.doc && asksForMore(one.doc) ? { ...one, doc: null } : one))
  if (objects.length === 0) return { facts: [], read: [], footing: { looks: [], found: new Map() } }
  const outbox = couch.database(users.outbox(owner))
  const database = users.database(owner)
  // Bases before copies: beside a base that is newer, an old value of a copy would look like an edit.
  const known = await readKnown(sources, owner, objects, outbox)
  const exchanged = await readExchanged(sources, objects, known, database)
  const purged = await readPurged(couch.database(database), objects, known.bases, exchanged.forgotten)
  const outdated = await readOutdatedOf(sources, database, objects, known.bases)
  const clock = { now: sources.now(), updatedAt: sources.updatedAt }
  const brought = new Brought(outbox)
  const facts: ObjectFacts[] = []
  // One after the other: what is new counts for those that come after it.
  for (const object of objects)
    facts.push(await factsOf(sources, object, { known, exchanged, purged, outdated, clock, brought }))

  const { concerned, rows } = known
  const read = docs.flatMap(({ id, doc }) =>
    (concerned.get(id) ?? []).length === 0
      ? []
      : [{ id, doc: doc?._rev ?? null, base: rows.get(baseId(id))?.rev ?? null }],
  )
  const { entries } = exchanged.shares
  return {
    facts,
    read,
    footing: {
      looks: facts.flatMap(({ object, exchanges: there }) =>
        [...there.keys()].map((share) => ({ object, share, closing: entries.get(share)?.closing })),
      ),
      found: foundIn(rows.values()),
    },
  }
}

/** What outbox and registry know of a page of objects. */
interface Known {
  rows: ReadonlyMap<string, Row>
  bases: ReadonlyMap<string, Base | null>
  concerned: SharesOfObjects
  shares: KnownShares
}

async function readKnown(
  sources: Sources,
  owner: string,
  objects: readonly UserDoc[],
  outbox: Database,
): Promise<Known> {
  const mentioned = new Map(objects.map((object) => [object.id, mentionedShares(object)]))
  const asked = new Set([...mentioned.values()].flat())
  const [rows, shares] = await Promise.all([
    readRows(outbox, [
      ...objects.map(({ id }) => baseId(id)),
      ...objects.flatMap(({ id }) => (mentioned.get(id) ?? []).map((share) => copyId(share, id))),
    ]),
    readShares(sources, owner, [...asked]),
  ])
  // One that was there and is not any more is no empty one: its user's turn begins anew.
  if (rows.size === 0 && (await sources.checkpoints.read([outbox.name])).has(outbox.name))
    throw new CouchFault('not_found', outbox.name, 'the outbox is gone', 404)

  // A base may know of shares that the object does not name any more.
  const bases = new Map(objects.map(({ id }) => [id, parseBase(rows.get(baseId(id))?.doc ?? null)]))
  const concerned = new Map(
    objects.map(({ id }) => [id, [...new Set([...(mentioned.get(id) ?? []), ...sharesOf(bases.get(id))])]]),
  )
  const left = [...concerned].flatMap(([id, all]) =>
    all.filter((share) => !mentioned.get(id)?.includes(share)).map((share) => ({ id, share })),
  )
  if (left.length === 0) return { rows, bases, concerned, shares }
  const copies = await readRows(
    outbox,
    left.map(({ id, share }) => copyId(share, id)),
  )
  const unknown = [...new Set(left.map(({ share }) => share))].filter((share) => !asked.has(share))
  return {
    ...{ bases, concerned },
    rows: new Map([...rows, ...copies]),
    shares: withShares(shares, await readShares(sources, owner, unknown)),
  }
}

/** What the shares hold of the objects, and their owners' bases say of that. */
async function readExchanged(
  sources: Sources,
  objects: readonly UserDoc[],
  { bases, concerned, shares: before }: Known,
  database: string,
): Promise<Exchanged> {
  const { couch } = sources
  const pushed = new Map(objects.map((one) => [one.id, one.pushed]))
  const homes = await readHomeCopies(sources, { database, concerned, pushed, bases }, before)
  const { away, entries } = await readAway(sources, database, { concerned, homes }, before)
  const shares = withShares(before, { entries })
  const limits = await readLimits(sources, database, concerned, shares)
  const lost = objects.flatMap((object) =>
    (concerned.get(object.id) ?? []).flatMap((share) => {
      const home = homes.get(copyId(share, object.id))
      return isBaseLost(bases.get(object.id), share, shares, database) && home
        ? [{ object, share, home }]
        : []
    }),
  )
  const forgotten = await readForgotten(
    couch.database(database),
    (share) => couch.database(shareDatabase(share)),
    lost,
  )
  return { database, shares, bases, homes, away, limits, forgotten }
}

/** Only in a user database that was made again not long ago. */
async function readOutdatedOf(
  { couch, checkpoints }: Sources,
  database: string,
  objects: readonly UserDoc[],
  bases: Known['bases'],
): Promise<ReadonlyMap<string, Held>> {
  const isRefilled = (await checkpoints.read([database])).get(database)?.recreatedAt !== undefined
  return isRefilled ? readOutdated(couch.database(database), objects, bases) : new Map()
}

interface ReadOfPage {
  known: Known
  exchanged: Exchanged
  purged: ReadonlySet<string>
  outdated: ReadonlyMap<string, Held>
  clock: Clock
  brought: Brought
}

async function factsOf(
  sources: Sources,
  { id, doc, rivals: read, line = [], isMissing = false }: UserDoc,
  { known: { rows, bases, concerned }, exchanged, purged, outdated, clock, brought }: ReadOfPage,
): Promise<ObjectFacts> {
  const { database, shares } = exchanged
  const base = bases.get(id) ?? null
  const ground = outdated.get(id)
  const exchanges = new Map<string, ExchangeFacts>()
  const oneWay: string[] = []
  for (const share of concerned.get(id) ?? [])
    if (isExchange(shares.entries.get(share), shares.subscriptions.get(share), database))
      exchanges.set(share, await boundedExchange(sources, exchanged, { share, id }, brought))
    else oneWay.push(share)
  return {
    object: id,
    ...{ doc, line, isMissing, base, exchanges, clock },
    mostBytes: sources.userLimits.mostBytes,
    rivals: read.map((rival) => ({ ...rival, known: knownOfObject(base, doc, line, rival) })),
    ...(purged.has(id) ? { isPurged: true as const } : {}),
    ...(ground ? { ground } : {}),
    standings: new Map(oneWay.map((share) => [share, standing(shares.entries.get(share), database)])),
    copies: new Map(oneWay.map((share) => [share, rows.get(copyId(share, id))?.doc ?? null])),
  }
}

/** An exchange, with how much may be written into it. */
async function boundedExchange(
  sources: Sources,
  exchanged: Exchanged,
  { share, id }: { share: string; id: string },
  brought: Brought,
): Promise<ExchangeFacts> {
  const { bases, shares, database } = exchanged
  const exchange = exchangeOf(exchanged, share, id)
  const entry = shares.entries.get(share)
  const isNew = isNewTo(share, bases.get(id) ?? null)
  const bounds = await boundsOf(sources, entry, shares.subscriptions.get(share), brought, isNew)
  const isLive = exchange.home.kind === 'live'
  const isFullNow = isNew && isLive && (await isFull(sources, share, entry, database, brought))
  const { mostBytes } = sources.userLimits
  return { ...exchange, bounds, mostBytes, ...(isFullNow ? { isFull: true as const } : {}) }
}
