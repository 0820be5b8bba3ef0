// Gathers what planObject asks about: what the daemon made of a user's objects, and what the shares hold of them.
import { forgedIn, withoutForged } from './forged-attachments.ts'
import groupBy from 'lodash/groupBy.js'
import { parseBase, type Agreed, type Base } from '../model/base.ts'
import { isHomeShare, isToBeThere, writersOf, type ShareEntry } from '../model/entry.ts'
import { decodeHistories, heldBy, newestKnown, OBJECT, type Held } from '../model/history.ts'
import {
  baseId,
  copyId,
  isObjectId,
  isShareId,
  objectOfBase,
  parseCopyId,
  shareDatabase,
} from '../../documents/names.ts'
import { parseConsents, type ObjectDoc, type Selection } from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import { asksForShare } from '../model/share.ts'
import { asksForSubscription, rightOf, type SubscriptionEntry } from '../model/subscription.ts'
import type { Bounds, ExchangeFacts, Forgotten, HomeCopy } from '../plan/exchange-facts.ts'
import type { ObjectFacts, Standing } from '../plan/object.ts'
import { pagesOf } from '../../couch/pages.ts'
import type { Database } from '../../couch/database.ts'
import type { Row } from '../../couch/document.ts'
import { CouchFault } from '../../couch/fault.ts'
import type { Deps } from '../deps.ts'
import type { Found } from '../perform/new-documents.ts'
import type { Footing } from '../perform/objects.ts'
import { changedMeanwhile } from './changed-meanwhile.ts'
import { commonRevisions } from '../../documents/revisions.ts'
import { groundOfBoth } from '../plan/refilled.ts'
import { readForgotten } from './forgotten.ts'
import { readOutdated } from './refilled.ts'
import { readReadable, readTombstones } from './tombstones.ts'
import { withRivals, type ReadRival, type UserDoc } from './user-docs.ts'

export type Sources = Pick<
  Deps,
  'couch' | 'users' | 'registry' | 'allowance' | 'limits' | 'checkpoints' | 'now' | 'updatedAt'
>

/** What is known of the shares that a page of objects has to do with. */
interface Shares {
  entries: Map<string, ShareEntry>
  /** The author's part in those that are somebody else's. */
  subscriptions: Map<string, SubscriptionEntry>
}

/** True for documents that may be shared. One that calls itself a share is none, whatever else it holds. */
const isObject = ({ id }: UserDoc): boolean => isObjectId(id)

const asksForMore = (doc: ObjectDoc): boolean => asksForShare(doc) || asksForSubscription(doc)

export interface Gathered {
  facts: ObjectFacts[]
  /** Objects of which something was written while they were read: nothing is said of them, they are to be read again. */
  changed: Set<string>
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
  if (objects.length === 0) return { facts: [], changed: new Set(), footing: { looks: [], found: new Map() } }
  const outbox = couch.database(users.outbox(owner))
  const mentioned = new Map(objects.map((object) => [object.id, mentionedShares(object)]))
  const [rows, shares] = await Promise.all([
    readRows(outbox, [
      ...objects.map(({ id }) => baseId(id)),
      ...objects.flatMap(({ id }) => (mentioned.get(id) ?? []).map((share) => copyId(share, id))),
    ]),
    readShares(sources, owner, [...new Set([...mentioned.values()].flat())]),
  ])
  // One that was there and is not any more is no empty one: its user's turn begins anew.
  if (rows.size === 0 && (await sources.checkpoints.read([outbox.name])).has(outbox.name))
    throw new CouchFault('not_found', outbox.name, 'the outbox is gone', 404)

  // A base may know of shares that the object does not name any more.
  const bases = new Map(objects.map(({ id }) => [id, parseBase(rows.get(baseId(id))?.doc ?? null)]))
  const concerned = new Map(
    objects.map(({ id }) => [id, [...new Set([...(mentioned.get(id) ?? []), ...sharesOf(bases.get(id))])]]),
  )
  await readLeft(sources, owner, { outbox, mentioned, concerned, rows, shares })

  const database = users.database(owner)
  const pushed = new Map(objects.map((one) => [one.id, one.pushed]))
  const homes = await readHomes(sources, owner, { concerned, pushed }, shares, bases)
  const away = await readAway(sources, database, { concerned, homes }, shares)
  const limits = await readLimits(sources, database, concerned, shares)
  const brought = new Brought(outbox)
  const isForgotten = (share: string, id: string): boolean => isLost(bases.get(id), share, shares, database)
  const forgotten = await readForgotten(
    couch.database(database),
    (share) => couch.database(shareDatabase(share)),
    objects.flatMap((object) =>
      (concerned.get(object.id) ?? []).flatMap((share) => {
        const home = homes.get(copyId(share, object.id))
        return isForgotten(share, object.id) && home ? [{ object, share, home }] : []
      }),
    ),
  )
  const purged = await readPurged(couch.database(database), objects, bases, forgotten)
  const isRefilled = (await sources.checkpoints.read([database])).get(database)?.recreatedAt !== undefined
  const outdated = isRefilled
    ? await readOutdated(couch.database(database), objects, bases)
    : new Map<string, Held>()
  const clock = { now: sources.now(), updatedAt: sources.updatedAt }
  const facts: ObjectFacts[] = []
  for (const { id, doc, rivals: read, line = [], isMissing = false } of objects) {
    const base = bases.get(id) ?? null
    const ground = outdated.get(id)
    const rivals = read.map((rival) => ({ ...rival, known: knownOfObject(base, doc, line, rival) }))
    const exchanges = new Map<string, ExchangeFacts>()
    const oneWay: string[] = []
    for (const share of concerned.get(id) ?? []) {
      const entry = shares.entries.get(share)
      const subscription = shares.subscriptions.get(share)
      if (!isExchange(entry, subscription, database)) oneWay.push(share)
      else {
        const home = homes.get(copyId(share, id)) ?? { kind: 'none' }
        const { limit, isUnshared, isOwners }: Limit =
          entry?.database === database
            ? { limit: own(base?.shares, share) ?? (forgotten.has(copyId(share, id)) ? true : null) }
            : (limits.get(copyId(share, id)) ?? { limit: null })
        exchanges.set(share, {
          ...{ share, home, limit, owner: entry?.owner ?? '' },
          ...(isUnshared ? { isUnshared } : {}),
          ...(entry?.losses ? { losses: entry.losses } : {}),
          ...(away.has(share) ? { isAway: true as const } : {}),
          ...forgottenOf(forgotten.get(copyId(share, id))),
          ...(home.kind === 'none' && homes.has(copyId(share, id)) && isOwners
            ? { isToCome: true as const }
            : {}),
          ...partOf(entry, subscription, database, {
            isThere: homes.has(copyId(share, id)),
            isLost: !isUnshared && isCopyLost(base, share, home, entry),
          }),
          bounds: await boundsOf(sources, entry, subscription, brought, isNewTo(share, base)),
          ...(isNewTo(share, base) &&
          home.kind === 'live' &&
          (await isFull(sources, share, entry, database, brought))
            ? { isFull: true as const }
            : {}),
          rejected:
            (entry?.database === database ? entry : subscription)?.rejected?.find(
              ({ document }) => document === id,
            )?.code ?? null,
        })
      }
    }
    facts.push({
      object: id,
      ...{ doc, rivals, line, isMissing, base, exchanges, clock },
      ...(purged.has(id) ? { isPurged: true as const } : {}),
      ...(ground ? { ground } : {}),
      standings: new Map(oneWay.map((share) => [share, standing(shares.entries.get(share), database)])),
      copies: new Map(oneWay.map((share) => [share, rows.get(copyId(share, id))?.doc ?? null])),
    })
  }
  const followed = docs.filter(({ id }) => (concerned.get(id) ?? []).length > 0)
  const read = followed.map(({ id, doc }) => ({
    ...{ id, doc: doc?._rev ?? null },
    base: rows.get(baseId(id))?.rev ?? null,
  }))
  const changed = await changedMeanwhile(couch.database(database), outbox, read)
  return {
    facts: facts.filter(({ object }) => !changed.has(object)),
    changed,
    footing: {
      looks: facts.flatMap(({ object, exchanges: there }) =>
        [...there.keys()].map((share) => ({ object, share, closing: shares.entries.get(share)?.closing })),
      ),
      found: foundIn(rows.values()),
    },
  }
}

/** True where a base that is not there went with a lost outbox, or may have. */
function isLost(
  base: Base | null | undefined,
  share: string,
  { entries, subscriptions }: Shares,
  database: string,
): boolean {
  if (own(base?.agreed, share) !== undefined) return false
  const entry = entries.get(share)
  return (entry?.database === database ? entry : subscriptions.get(share))?.forgotten === true
}

const forgottenOf = (forgotten: Forgotten | undefined): Pick<ExchangeFacts, 'forgotten'> =>
  forgotten ? { forgotten } : {}

/** Those of the objects that are missing although a base knows of them, or did, and that an admin has purged. */
async function readPurged(
  database: Database,
  objects: readonly UserDoc[],
  bases: ReadonlyMap<string, Base | null>,
  forgotten: ReadonlyMap<string, Forgotten>,
): Promise<Set<string>> {
  const recalled = new Set([...forgotten.keys()].map((copy) => parseCopyId(copy)?.object))
  const missing = objects.filter(
    ({ id, isMissing }) => isMissing && (sharesOf(bases.get(id)).length > 0 || recalled.has(id)),
  )
  if (missing.length === 0) return new Set()
  const purged = await database.purged()
  return new Set(missing.flatMap(({ id }) => (purged.has(id) ? id : [])))
}

/** What the base remembers of the newest revision that both leaves come from. */
function knownOf(
  base: Base | null,
  place: string,
  winner: readonly string[],
  { line, ancestor }: ReadRival,
): Held | null {
  if (ancestor) return heldBy(ancestor)
  const history = decodeHistories(base?.history)
  return newestKnown(own(history, place), commonRevisions(winner, line))
}

/** What both sides had, and what the share has not even a tombstone of, is being put back by its owner's lane. */
const isCopyLost = (
  base: Base | null,
  share: string,
  home: HomeCopy,
  entry: ShareEntry | undefined,
): boolean => {
  const agreed = own(base?.agreed, share)
  // After a loss it may be this participant's to put back.
  if ((agreed?.losses ?? 0) !== (entry?.losses ?? 0)) return false
  return home.kind === 'none' && (agreed?.state === 'both' || (agreed?.state === 'coming' && !agreed.mine))
}

/** The same for leaves of a user's object. */
function knownOfObject(
  base: Base | null,
  winner: ObjectDoc | null,
  line: readonly string[],
  rival: ReadRival,
): Held | null {
  if (winner === null || commonRevisions(line, rival.line).length > 0)
    return knownOf(base, OBJECT, line, rival)
  const history = own(decodeHistories(base?.history), OBJECT)
  return groundOfBoth(history, { line, held: heldBy(winner) }, { line: rival.line, held: heldBy(rival.leaf) })
}

const isNewTo = (share: string, base: Base | null): boolean =>
  ['unrelated', 'parted', undefined].includes(own(base?.agreed, share)?.state)

const sharesOf = (base: Base | null | undefined): string[] => [
  ...Object.keys(base?.shares ?? {}),
  ...Object.keys(base?.agreed ?? {}),
]

/** Every share id in `$shares`, of any leaf, that can be one, and those of copies that were found. */
function mentionedShares({ doc, rivals, copiedTo = [] }: UserDoc): string[] {
  const leaves = doc === null ? [] : [doc, ...rivals.map(({ leaf }) => leaf)]
  const named = leaves.flatMap((leaf) => {
    const consents = parseConsents(leaf['$shares'])
    return consents.kind === 'keys' ? [...consents.keys.keys()] : []
  })
  return [...new Set([...named, ...copiedTo])].filter(isShareId)
}

async function readShares({ registry, users }: Sources, owner: string, shares: string[]): Promise<Shares> {
  const entries = await registry.entries(shares)
  const database = users.database(owner)
  const foreign = shares.filter((share) => entries.get(share)?.database !== database)
  return { entries, subscriptions: await registry.subscriptions(foreign, owner) }
}

/** Copies and shares that only the bases name. */
async function readLeft(
  sources: Sources,
  owner: string,
  {
    outbox,
    mentioned,
    concerned,
    rows,
    shares,
  }: {
    outbox: Database
    mentioned: Map<string, string[]>
    concerned: Map<string, string[]>
    rows: Map<string, Row>
    shares: Shares
  },
): Promise<void> {
  const left = [...concerned].flatMap(([id, all]) =>
    all.filter((share) => !mentioned.get(id)?.includes(share)).map((share) => ({ id, share })),
  )
  if (left.length === 0) return
  const more = await readRows(
    outbox,
    left.map(({ id, share }) => copyId(share, id)),
  )
  for (const [id, row] of more) rows.set(id, row)
  const asked = new Set([...mentioned.values()].flat())
  const unknown = [...new Set(left.map(({ share }) => share))].filter((share) => !asked.has(share))
  const { entries, subscriptions } = await readShares(sources, owner, unknown)
  for (const [share, entry] of entries) shares.entries.set(share, entry)
  for (const [share, entry] of subscriptions) shares.subscriptions.set(share, entry)
}

/** True where changes go in both directions, or come from somebody else's share. */
function isExchange(
  entry: ShareEntry | undefined,
  subscription: SubscriptionEntry | undefined,
  database: string,
): boolean {
  if (entry?.database === database) return isHomeShare(entry) && entry.state !== 'ended'
  return subscription?.state === 'active' || subscription?.state === 'ending'
}

function partOf(
  entry: ShareEntry | undefined,
  subscription: SubscriptionEntry | undefined,
  database: string,
  { isThere, isLost }: { isThere: boolean; isLost: boolean },
): Pick<ExchangeFacts, 'role' | 'phase' | 'onEnd' | 'isToCome'> {
  const onEnd = subscription?.onEnd ?? 'remove'
  if (entry?.database === database) {
    const phase =
      entry.state === 'ending' ? 'closing' : entry.state === 'active' && isThere ? 'active' : 'waiting'
    return { role: 'owner', phase, onEnd }
  }
  const right = rightOf(entry ?? null, subscription ?? null)
  const role = right === 'write' ? 'writer' : 'reader'
  if (subscription?.state === 'ending') return { role, phase: 'ending', onEnd }
  const isSuspended = subscription?.order === 'suspend'
  const isInPlace = isThere && !isSuspended && right !== null && entry?.state === 'active' && !entry.rotate
  if (isInPlace && isLost) return { role, phase: 'waiting', onEnd, isToCome: true }
  return { role, phase: isInPlace ? 'active' : 'waiting', onEnd }
}

/** The copies as the shares have them; without a database there are none. */
async function readHomes(
  { couch, users, limits: { mostBytes } }: Sources,
  owner: string,
  { concerned, pushed }: { concerned: Map<string, string[]>; pushed: ReadonlyMap<string, UserDoc['pushed']> },
  { entries, subscriptions }: Shares,
  bases: ReadonlyMap<string, Base | null>,
): Promise<Map<string, HomeCopy>> {
  const database = users.database(owner)
  const pairs = [...concerned].flatMap(([id, shares]) => shares.map((share) => ({ id, share })))
  const homes = new Map<string, HomeCopy>()
  for (const [share, objects] of Object.entries(groupBy(pairs, 'share'))) {
    const entry = entries.get(share)
    if (!isExchange(entry, subscriptions.get(share), database)) continue
    const home = couch.database(shareDatabase(share))
    const ids = objects.map(({ id }) => copyId(share, id))
    const doubtful: string[] = []
    for (const row of await home.fetchIfThere(ids, { conflicts: true })) {
      const { id, rev, deleted, doc } = row
      const object = parseCopyId(id)?.object ?? ''
      const leaves = pushed.get(object)
      // What there is beside what clients see is its owner's lane's to look at, when it was pushed.
      const tombstones =
        entry?.database === database && leaves?.share === share
          ? await readTombstones(
              home,
              row,
              leaves.revs,
              own(decodeHistories(bases.get(object)?.history), share),
            )
          : []
      if (doc === null) {
        const isDeleted = rev !== null && deleted
        homes.set(id, isDeleted ? { kind: 'deleted', rev, tombstones } : { kind: 'none' })
        const agreed = own(bases.get(object)?.agreed, share)
        if (isDeleted && entry?.database === database && !entry.rotate && isUnknown(agreed, leaves, share))
          doubtful.push(id)
      } else {
        const { _conflicts: _, ...leaf } = doc
        // The owner's lane alone merges them.
        const [found] = entry?.database === database ? await withRivals(home, [{ id, doc }]) : []
        const rivals = (found?.rivals ?? []).map((rival) => rival.leaf)
        const isPublic = entry?.access?.write === true
        const forged = isPublic ? await forgedIn(home, [leaf, ...rivals]) : new Map<string, Set<string>>()
        homes.set(id, {
          kind: 'live',
          ...{ leaf: withoutForged(leaf, forged), tombstones },
          ...(isPublic ? { mostBytes } : {}),
          rivals: rivals.map((rival) => withoutForged(rival, forged)),
          ancestors: (found?.rivals ?? []).map((rival) =>
            knownOf(bases.get(object) ?? null, share, found?.line ?? [], rival),
          ),
        })
      }
    }
    for (const id of await readReadable(home, doubtful)) {
      const copy = homes.get(id)
      if (copy?.kind === 'deleted') homes.set(id, { ...copy, isReadable: true })
    }
  }
  return homes
}

/**
 * The shares of others that this user is leaving, and whose databases are away without a word of that. What was noted before one
 * went is read after it was seen to be away.
 */
async function readAway(
  { registry }: Sources,
  database: string,
  { concerned, homes }: { concerned: Map<string, string[]>; homes: ReadonlyMap<string, HomeCopy> },
  { entries, subscriptions }: Shares,
): Promise<Set<string>> {
  const left = [...concerned].flatMap(([id, shares]) =>
    shares.filter(
      (share) =>
        subscriptions.get(share)?.state === 'ending' &&
        entries.get(share)?.database !== database &&
        !homes.has(copyId(share, id)),
    ),
  )
  if (left.length === 0) return new Set()
  const now = await registry.entries([...new Set(left)])
  for (const [share, entry] of now) entries.set(share, entry)
  return new Set([...now].flatMap(([share, entry]) => (isToBeThere(entry) ? share : [])))
}

/** Of what was there before, the owner's lane has agreed on nothing, and so has not taken it out either. */
const isUnknown = (agreed: Agreed | undefined, pushed: UserDoc['pushed'], share: string): boolean =>
  agreed === undefined ||
  agreed.state === 'unrelated' ||
  (agreed.state === 'unshared' && pushed?.share === share)

interface Limit {
  limit: ExchangeFacts['limit']
  /** The owner took the object out. */
  isUnshared?: true
  /** The owner has it, as far as his lane knows. */
  isOwners?: true
}

/** What the owners of other users' shares show of each object, by the copy's id. */
async function readLimits(
  { couch, users }: Sources,
  database: string,
  concerned: Map<string, string[]>,
  { entries, subscriptions }: Shares,
): Promise<Map<string, Limit>> {
  const limits = new Map<string, Limit>()
  const foreign = [...subscriptions.keys()].flatMap((share) => entries.get(share) ?? [])
  const owners = new Set(foreign.filter((entry) => entry.database !== database).map(({ owner }) => owner))
  for (const owner of owners) {
    const bases = await readRows(couch.database(users.outbox(owner)), [...concerned.keys()].map(baseId))
    for (const [id, { doc }] of bases) {
      const base = parseBase(doc)
      for (const share of sharesOf(base))
        if (entries.get(share)?.owner === owner)
          limits.set(
            copyId(share, objectOfBase(id) ?? ''),
            limitOf(own(base?.shares, share), own(base?.agreed, share)),
          )
    }
  }
  return limits
}

const limitOf = (shown: Selection | undefined, agreed: Agreed | undefined): Limit => ({
  limit: agreed?.limit ?? shown ?? null,
  ...(agreed?.state === 'unshared' ? { isUnshared: true as const } : {}),
  ...(agreed?.state === 'both' || agreed?.state === 'coming' ? { isOwners: true as const } : {}),
})

/** How many objects an author has brought into a share, counted when somebody asks. */
class Brought {
  readonly #outbox: Database
  readonly #counts = new Map<string, number>()

  constructor(outbox: Database) {
    this.#outbox = outbox
  }

  /**
   * The next one is counted in for whoever asks after it.
   * @param isMine those that the author brought, or those that others did
   */
  async count(share: string, isMine: boolean): Promise<number> {
    const counted = this.#counts.get(share) ?? (await this.#read(share, isMine))
    this.#counts.set(share, counted + 1)
    return counted
  }

  async #read(share: string, isMine: boolean): Promise<number> {
    let count = 0
    const range = { startKey: baseId(''), endKey: 'base0', limit: 500, includeDocs: true }
    for await (const rows of pagesOf(this.#outbox, range)) {
      const agreed = rows.flatMap(({ doc }) => own(parseBase(doc)?.agreed, share) ?? [])
      count += agreed.filter(({ state, mine }) => state === 'both' && (mine === true) === isMine).length
    }
    return count
  }
}

/** The limits of somebody who writes only because everybody may. */
async function boundsOf(
  { allowance, limits }: Sources,
  entry: ShareEntry | undefined,
  subscription: SubscriptionEntry | undefined,
  brought: Brought,
  isNew: boolean,
): Promise<Bounds | null> {
  if (!entry || !subscription || subscription.granted === 'write') return null
  if (rightOf(entry, subscription) !== 'write') return null
  const objects = isNew ? await brought.count(subscription.share, true) : 0
  return { ...limits, objects, isTooFast: allowance.left(subscription._id) < 1 }
}

/** Into a share that everybody may write into, its writers and guests bring so many objects, all together. */
async function isFull(
  { limits }: Sources,
  share: string,
  entry: ShareEntry | undefined,
  database: string,
  brought: Brought,
): Promise<boolean> {
  if (entry?.database !== database || entry.access?.write !== true) return false
  return (await brought.count(share, false)) >= limits.mostObjects * writersOf(entry)
}

function standing(entry: ShareEntry | undefined, database: string): Standing {
  if (!entry) return 'absent'
  if (entry.database !== database) return 'foreign'
  switch (entry.state) {
    case 'active':
      return 'open'
    case 'opening':
    case 'suspended':
      return 'opening'
    case 'ending':
      return 'ending'
    case 'ended':
      return 'absent'
    default:
      return entry.state satisfies never
  }
}

/** What stands under each id; an outbox that is not there yet holds nothing. */
async function readRows(database: Database, ids: string[]): Promise<Map<string, Row>> {
  const rows = await database.fetchIfThere(ids)
  return new Map(rows.map((row) => [row.id, row]))
}

const foundIn = (rows: Iterable<Row>): Found =>
  new Map(
    [...rows].flatMap(({ id, rev, deleted }) =>
      rev === null ? [] : [[id, deleted ? { tombstone: rev } : { live: rev }]],
    ),
  )
