// Finds every place where something of one document is, or ever was: for whoever has to take it out everywhere.
import { isOurs } from '../shares/model/entry.ts'
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import { parseBase, sharesOf, type Base } from '../shares/model/base.ts'
import { PROVISIONING, routesDatabase, shareDatabase, type UserDatabases } from '../documents/names.ts'
import { idsIn, parseConsents } from '../documents/content.ts'
import { isForgotten } from '../documents/tombstone.ts'
import { isRelated, lineOf, type Leaf } from '../documents/revisions.ts'
import type { ProvisionedUsers } from '../provisioning/provisioned-users.ts'
import { roleEntryId } from '../provisioning/role-index.ts'
import type { Registry } from '../shares/registry.ts'
import { Routes } from '../gateways/routes.ts'
import { readPurges } from '../engine/purges.ts'
import { baseId, copyId } from '../shares/model/ids.ts'

/**
 * `document`: at its source, or a user's · `copy`: in an outbox or a share · `note`: what the daemon remembers of it,
 * in databases of admins.
 */
export type TraceKind = 'document' | 'copy' | 'note'

export interface Trace {
  kind: TraceKind
  database: string
  id: string
  /** Null for what has been forgotten already: a tombstone that says nothing. */
  leaves: Leaf[]
}

export interface Traces {
  /** In the order in which they are to be taken out. */
  found: Trace[]
  /** Databases with another document by the same `_id`, as far as can be told: nothing is done there. */
  others: string[]
  /** By outbox, the shares of its owner that the object is kept out of from now on. */
  marks: Map<string, string[]>
}

export interface TracesOptions {
  couch: Couch
  users: UserDatabases
  registry: Registry
  provisionedUsers: ProvisionedUsers
}

const leavesOf = async (database: Database, id: string): Promise<Leaf[]> =>
  (await orNull(database.leaves([{ id }]))) ?? []

/** Traces of an object of a user: there, in the shares that it is or was in, and with everybody who has it from those. */
export async function tracesOfObject(
  { couch, users, registry }: TracesOptions,
  owner: string,
  object: string,
): Promise<Traces> {
  const traces: Traces = { found: [], others: [], marks: new Map() }
  const add = (kind: TraceKind, database: string, id: string, leaves: Leaf[]): void => {
    if (leaves.some((leaf) => !isForgotten(leaf))) traces.found.push({ kind, database, id, leaves })
  }
  const waiting = [owner]
  const seen = new Set(waiting)
  const shares = new Set<string>()
  for (let one: string | undefined; (one = waiting.shift()) !== undefined;) {
    const [user, outbox] = [couch.database(users.database(one)), couch.database(users.outbox(one))]
    const leaves = await leavesOf(user, object)
    add('document', user.name, object, leaves)
    const bases = await leavesOf(outbox, baseId(object))
    const base = parseBase(bases.find(({ _deleted }) => !_deleted) ?? null)
    if (bases.length > 0 && !isMark(base)) add('note', outbox.name, baseId(object), bases)
    const own = await registry.sharesOf(user.name)
    const named = sharesNamed(base, leaves)
    for (const share of own) {
      const copies = await leavesOf(outbox, copyId(share, object))
      add('copy', outbox.name, copyId(share, object), copies)
      if (copies.length > 0) named.add(share)
    }
    for (const share of named) {
      if (shares.has(share)) continue
      const entry = await registry.entry(share)
      if (entry === null || !isOurs(entry, users)) continue
      shares.add(share)
      const home = couch.database(shareDatabase(share))
      add('copy', home.name, copyId(share, object), await leavesOf(home, copyId(share, object)))
      const outboxOfOwner = users.outbox(entry.owner)
      if (entry.home === 'share' && entry.state !== 'ended')
        traces.marks.set(outboxOfOwner, [...(traces.marks.get(outboxOfOwner) ?? []), share])
      const participants = (await registry.participants(share)).map(({ subscriber }) => subscriber)
      for (const other of [entry.owner, ...participants]) {
        if (seen.has(other)) continue
        const standing = await standsIn({ couch, users }, other, object, share)
        if (standing === 'in') {
          seen.add(other)
          waiting.push(other)
        } else if (standing === 'other') traces.others.push(users.database(other))
      }
    }
  }
  traces.others = [...new Set(traces.others)].filter((db) => !traces.found.some((one) => one.database === db))
  return traces
}

/** How somebody's document of that `_id` stands to a share: it is the shared one, another one, or there is none. */
async function standsIn(
  { couch, users }: Pick<TracesOptions, 'couch' | 'users'>,
  owner: string,
  object: string,
  share: string,
): Promise<'in' | 'other' | 'none'> {
  const leaves = await leavesOf(couch.database(users.database(owner)), object)
  const bases = await leavesOf(couch.database(users.outbox(owner)), baseId(object))
  const parsed = parseBase(bases.find(({ _deleted }) => !_deleted) ?? null)
  const agreed = parsed && Object.hasOwn(parsed.agreed, share) ? parsed.agreed[share] : undefined
  if (agreed?.state === 'unrelated') return leaves.length > 0 ? 'other' : 'none'
  if (agreed || (parsed && Object.hasOwn(parsed.shares, share))) return 'in'
  if (sharesNamed(null, leaves).has(share)) return 'in'
  if (leaves.some((leaf) => !isForgotten(leaf))) return 'other'
  // What a base said once can be asked for until it is purged.
  return bases.length > 0 ? 'in' : 'none'
}

/** True for a base that says nothing but that the object stays out of shares. */
export const isMark = (base: Base | null): base is Base =>
  base !== null &&
  Object.keys(base.shares).length === 0 &&
  Object.values(base.agreed).every(
    ({ state, purged, attributes, attachments }) =>
      state === 'unshared' &&
      purged === true &&
      Object.keys(attributes).length + Object.keys(attachments).length === 0,
  )

const sharesNamed = (base: Base | null, leaves: readonly Leaf[]): Set<string> =>
  new Set([...sharesOf(base), ...leaves.flatMap((leaf) => idsIn(parseConsents(leaf['$shares'])))])

/** Traces of a document of a master or a gateway: there, and in the databases of its users. */
export async function tracesOfSource(
  { couch, provisionedUsers }: TracesOptions,
  source: { name: string; kind: 'master' | 'gateway'; isProjected: boolean },
  id: string,
): Promise<Traces> {
  const traces: Traces = { found: [], others: [], marks: new Map() }
  const database = couch.database(source.name)
  if ((await database.info()) === null) throw new CouchFault('not_found', source.name, 'there is no database')
  const master = await leavesOf(database, id)
  if (master.some((leaf) => !isForgotten(leaf)))
    traces.found.push({ kind: 'document', database: source.name, id, leaves: master })
  const purged = new Set((await readPurges(database)).get(id) ?? [])
  const isOfSource = (leaf: Leaf): boolean =>
    source.isProjected ||
    master.some((one) => isRelated(one, leaf)) ||
    lineOf(leaf).some((rev) => purged.has(rev))
  const databases = source.kind === 'master' ? personalOf(provisionedUsers) : usersOf(couch, source.name)
  for await (const name of databases) {
    const leaves = await leavesOf(couch.database(name), id)
    if (leaves.every(isForgotten)) continue
    if (leaves.some(isOfSource)) traces.found.push({ kind: 'document', database: name, id, leaves })
    else traces.others.push(name)
  }
  const note = source.kind === 'master' ? { database: PROVISIONING, id: roleEntryId(source.name, id) } : null
  const notes = note ? await leavesOf(couch.database(note.database), note.id) : []
  if (note && notes.length > 0) traces.found.push({ kind: 'note', ...note, leaves: notes })
  return traces
}

async function* personalOf(provisionedUsers: ProvisionedUsers): AsyncGenerator<string> {
  for await (const page of provisionedUsers.all())
    for (const { database } of page) if (database) yield database
}

async function* usersOf(couch: Couch, gateway: string): AsyncGenerator<string> {
  if ((await couch.database(routesDatabase(gateway)).info()) === null) return
  for await (const page of new Routes(couch, gateway, Date.now).users())
    for (const { database } of page) yield database
}
