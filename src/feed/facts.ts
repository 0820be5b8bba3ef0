// Gathers what a plan needs to know: the documents of a user with their conflicts, and what the daemon made of them.
import type { Database } from '../couch/database.ts'
import type { StoredDoc } from '../couch/document.ts'
import type { Couch } from '../couch/client.ts'
import { parseBase } from '../model/base.ts'
import {
  baseId,
  copyId,
  isObjectId,
  isShareId,
  shareDatabase,
  shareDocumentId,
  shareOfDocument,
  type UserDatabases,
} from '../model/names.ts'
import { parseConsents, type ObjectDoc } from '../model/object.ts'
import type { ShareEntry } from '../model/entry.ts'
import { asksForShare } from '../model/share.ts'
import type { Rival } from '../plan/leaves.ts'
import type { CopyState, ObjectFacts, Standing } from '../plan/object.ts'
import type { ShareFacts } from '../plan/share.ts'
import type { Registry } from '../write/registry.ts'

/** A document of a user as it stands: the winning leaf, or null for none, and those that lost against it. */
export interface UserDoc {
  id: string
  doc: ObjectDoc | null
  rivals: Rival[]
  /** There is not even a tombstone: nobody has deleted it from this database. */
  isMissing?: boolean
  /** Shares that have a copy of it, as the outbox was seen to hold. */
  copiedTo?: readonly string[]
}

export interface Sources {
  couch: Couch
  users: UserDatabases
  registry: Registry
}

/** The documents with their conflicts, from rows or changes that were read with `conflicts=true`. */
export async function withRivals(
  database: Database,
  rows: readonly { id: string; rev?: string | null; doc?: StoredDoc | null }[],
): Promise<UserDoc[]> {
  const found: UserDoc[] = []
  for (const { id, rev, doc } of rows) {
    if (!doc || doc._deleted) found.push({ id, doc: null, rivals: [], isMissing: rev === null })
    else if (!doc._conflicts?.length) found.push({ id, doc: plain(doc), rivals: [] })
    else found.push(await readRivals(database, doc, doc._conflicts))
  }
  return found
}

async function readRivals(database: Database, doc: StoredDoc, conflicts: string[]): Promise<UserDoc> {
  const leaves = await database.leaves([doc._rev, ...conflicts].map((rev) => ({ id: doc._id, rev })))
  const winner = leaves.find(({ _rev }) => _rev === doc._rev)
  const rivals: Rival[] = []
  for (const leaf of leaves) {
    if (leaf._rev === doc._rev || leaf._deleted) continue
    const common = winner && newestCommon(winner, leaf)
    const [ancestor] = common === undefined ? [] : await database.leaves([{ id: doc._id, rev: common }])
    rivals.push({ leaf: plain(leaf), ancestor: ancestor ? plain(ancestor) : null })
  }
  return { id: doc._id, doc: plain(doc), rivals }
}

function newestCommon(one: StoredDoc, other: StoredDoc): string | undefined {
  const known = new Set(revisionsOf(other))
  return revisionsOf(one).find((rev) => known.has(rev))
}

const revisionsOf = ({ _revisions }: StoredDoc): string[] =>
  (_revisions?.ids ?? []).map((hash, age) => `${(_revisions?.start ?? 0) - age}-${hash}`)

const plain = ({ _conflicts, _revisions, ...doc }: StoredDoc): ObjectDoc => doc

/** True for documents that may be shared. One that calls itself a share is none, whatever else it holds. */
const isObject = ({ id }: UserDoc): boolean => isObjectId(id)

/** All that planObject asks about, for many documents of one owner in a few requests. */
export async function gatherObjects(
  { couch, users, registry }: Sources,
  owner: string,
  docs: readonly UserDoc[],
): Promise<ObjectFacts[]> {
  const objects = docs
    .filter(isObject)
    .map((one) => (one.doc && asksForShare(one.doc) ? { ...one, doc: null } : one))
  if (objects.length === 0) return []
  const outbox = couch.database(users.outbox(owner))
  const mentioned = new Map(objects.map((object) => [object.id, mentionedShares(object)]))
  const entriesAsked = [...new Set([...mentioned.values()].flat())]
  const [rows, entries] = await Promise.all([
    fetchOrNothing(outbox, [
      ...objects.map(({ id }) => baseId(id)),
      ...objects.flatMap(({ id }) => (mentioned.get(id) ?? []).map((share) => copyId(share, id))),
    ]),
    registry.entries(entriesAsked),
  ])

  // A base may know of shares that the object does not name any more.
  const bases = new Map(objects.map(({ id }) => [id, parseBase(rows.get(baseId(id)) ?? null)]))
  const shares = (id: string): string[] => [
    ...new Set([...(mentioned.get(id) ?? []), ...Object.keys(bases.get(id)?.shares ?? {})]),
  ]
  const left = objects.flatMap(({ id }) =>
    shares(id)
      .filter((share) => !mentioned.get(id)?.includes(share))
      .map((share) => ({ id, share })),
  )
  if (left.length > 0) {
    const more = await fetchOrNothing(
      outbox,
      left.map(({ id, share }) => copyId(share, id)),
    )
    for (const [id, doc] of more) rows.set(id, doc)
    const unknown = [...new Set(left.map(({ share }) => share))].filter((share) => !entries.has(share))
    for (const [share, entry] of await registry.entries(unknown)) entries.set(share, entry)
  }

  return objects.map(({ id, doc, rivals }) => ({
    object: id,
    doc,
    rivals,
    base: bases.get(id) ?? null,
    standings: new Map(
      shares(id).map((share) => [share, standing(entries.get(share), users.database(owner))]),
    ),
    copies: new Map(shares(id).map((share) => [share, rows.get(copyId(share, id)) ?? null])),
  }))
}

/** Every share id in `$shares`, of any leaf, that can be one, and those of copies that were found. */
function mentionedShares({ doc, rivals, copiedTo = [] }: UserDoc): string[] {
  const leaves = doc === null ? [] : [doc, ...rivals.map(({ leaf }) => leaf)]
  const named = leaves.flatMap((leaf) => {
    const consents = parseConsents(leaf['$shares'])
    return consents.kind === 'keys' ? [...consents.keys.keys()] : []
  })
  return [...new Set([...named, ...copiedTo])].filter(isShareId)
}

function standing(entry: ShareEntry | undefined, database: string): Standing {
  if (!entry) return 'absent'
  if (entry.database !== database) return 'foreign'
  switch (entry.state) {
    case 'active':
      return 'open'
    case 'opening':
    case 'ending':
      return entry.state
    case 'ended':
      return 'absent'
    default:
      return entry.state satisfies never
  }
}

/** Live documents by id; an outbox that is not there yet holds none. */
async function fetchOrNothing(database: Database, ids: string[]): Promise<Map<string, CopyState>> {
  const rows = await database.fetchIfThere(ids)
  return new Map(rows.map(({ id, doc }) => [id, doc]))
}

/** All that planShare asks about one `$share`. */
export async function gatherShare(
  { couch, users, registry }: Sources,
  owner: string,
  found: UserDoc,
  { scanning, fromStart, isOrphan = false }: { scanning: boolean; fromStart: boolean; isOrphan?: boolean },
): Promise<ShareFacts> {
  // A document that only calls itself a share has no share, whatever its id.
  const share = shareOfDocument(found.id) ?? ''
  const known = isShareId(share)
  const database = users.database(owner)
  const [entry, info] = known
    ? await Promise.all([registry.entry(share), couch.database(shareDatabase(share)).info()])
    : [null, null]
  return {
    share,
    database,
    doc: found.doc,
    rivals: found.rivals,
    entry,
    databaseExists: info !== null,
    ownerExists: found.doc !== null || (await couch.database(database).info()) !== null,
    isMissing: found.isMissing === true && !isOrphan,
    scanning,
    fromStart,
  }
}

/** The `$share` documents of these shares; those that are not there have no `doc`. */
export async function readShareDocuments(database: Database, shares: string[]): Promise<UserDoc[]> {
  const rows = await database.fetchIfThere(shares.map(shareDocumentId), { conflicts: true })
  return withRivals(database, rows)
}
