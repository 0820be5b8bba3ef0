// What the daemon's first start writes on a server that is there already, for whoever has many user databases to know it before.
import chunk from 'lodash/chunk.js'
import { isFault } from '../couch/fault.ts'
import { pagesOfNamesUnder } from '../couch/pages.ts'
import { sideBySide } from '../engine/for-each.ts'
import { installations, keptDatabases } from '../skeletons/install.ts'
import { counted } from '../documents/counted.ts'
import { CHECKPOINTS } from '../documents/names.ts'
import { planSkeleton } from '../skeletons/plan.ts'
import { inspect } from '../skeletons/apply.ts'
import type { Connection } from './connection.ts'
import { designsToWrite, documentsOf, planInstallation, wantedAfterInstall } from './installed-skeleton.ts'

/** So many outboxes make a server slow to list, to back up and to replicate: who is about to get them may want fewer. */
export const MANY_OUTBOXES = 50
/** Databases whose checkpoints are read together. */
const AT_ONCE = 500

/** What is still to be made; all of it 0 where the daemon has been at work already. */
export interface Adoption {
  /** User databases that the daemon has not met yet. */
  users: number
  outboxes: number
  /** Databases of the daemon's own, and of CouchDB's that it needs. */
  own: string[]
  designs: { users: number; own: number }
  /** What also comes about, and is not counted, for it depends on each account, or on what each database has. */
  besides: string[]
}

/** @throws {CouchFault} */
export async function planAdoption(connection: Connection): Promise<Adoption> {
  const { couch, config, users } = connection
  const owners = new Set<string>()
  const outboxes = new Set<string>()
  for await (const names of pagesOfNamesUnder(couch, users.prefix))
    for (const name of names) {
      const [owner, outboxOwner] = [users.ownerOf(name), users.ownerOfOutbox(name)]
      if (owner !== null) owners.add(owner)
      if (outboxOwner !== null) outboxes.add(outboxOwner)
    }
  const unmet = await ownersUnmet(connection, [...owners])
  return {
    users: unmet.length,
    outboxes: config.outbox === 'always' ? unmet.filter((owner) => !outboxes.has(owner)).length : 0,
    own: await missingOwn(connection),
    designs: { users: await designsOfUsers(connection, unmet), own: await designsOfOwn(connection) },
    besides: notCounted(connection, owners.size > unmet.length),
  }
}

/** @param isKnown the daemon has met user databases before */
const notCounted = ({ kinds }: Connection, isKnown: boolean): string[] => [
  ...(kinds.masters.length > 0 ? ['a personal database for each account'] : []),
  ...kinds.gateways.map((name) => `a database of ${name} for each account that has a user database`),
  ...(isKnown ? ['what a changed skeleton puts into the databases that the daemon knows'] : []),
]

/** What that comes to, in sentences; none where nothing is to be made. */
export function adoptionTexts({ users, outboxes, own, designs, besides }: Adoption): string[] {
  const databases = outboxes + own.length
  if (databases + designs.users + designs.own === 0) return []
  const made = [
    ...(outboxes > 0 ? [`${counted(outboxes, 'outbox', 'outboxes')} (<user database>/$shares)`] : []),
    ...(own.length > 0 ? [`${own.length} for the daemon itself (${own.join(', ')})`] : []),
  ]
  const written = [
    ...(designs.users > 0 ? [`${designs.users} in ${counted(users, 'user database')}`] : []),
    ...(designs.own > 0 ? [`${designs.own} in databases of the daemon and of CouchDB`] : []),
  ]
  return [
    `the daemon's next start makes ${counted(databases, 'database')}${list(made)}, and writes ${counted(designs.users + designs.own, 'design document')}${list(written)}${besides.length === 0 ? '' : `; not counted: ${besides.join(', ')}`}`,
    ...(outboxes >= MANY_OUTBOXES
      ? [
          `with OUTBOX=first-share, an outbox is made when its user shares something for the first time: ${outboxes} databases fewer at that start`,
        ]
      : []),
  ]
}

const list = (parts: readonly string[]): string => (parts.length === 0 ? '' : `: ${parts.join(', ')}`)

/** Those whose databases have no checkpoint: the daemon meets each of them once. */
async function ownersUnmet({ couch, users }: Connection, owners: readonly string[]): Promise<string[]> {
  const unmet: string[] = []
  for (const some of chunk(owners, AT_ONCE)) {
    const rows = await couch.database(CHECKPOINTS).fetchIfThere(some.map((owner) => users.database(owner)))
    const met = new Set(rows.flatMap(({ id, doc }) => (doc === null ? [] : id)))
    unmet.push(...some.filter((owner) => !met.has(users.database(owner))))
  }
  return unmet
}

async function missingOwn({ couch, kinds, skeleton }: Connection): Promise<string[]> {
  const userKinds = kinds.userKinds.filter((kind) => skeleton.has(kind))
  const sources = [...kinds.masters.map(({ database }) => database), ...kinds.gateways]
  const names = [...keptDatabases({ ...kinds, userKinds }), ...sources]
  const there = await couch.dbsInfo(names)
  return names.filter((name) => !there.has(name)).sort()
}

async function designsOfUsers(connection: Connection, owners: readonly string[]): Promise<number> {
  const { couch, config, users } = connection
  const wanted = await wantedAfterInstall(connection, 'user')
  if (typeof wanted === 'string') return 0
  let count = 0
  await sideBySide(owners, config.concurrency, async (owner) => {
    try {
      const there = await inspect(couch.database(users.database(owner)), wanted)
      count += designsToWrite(planSkeleton(wanted, there))
    } catch (error) {
      // Dropped meanwhile.
      if (!isFault(error, 'not_found')) throw error
    }
    return true
  })
  return count
}

async function designsOfOwn({ couch, skeleton, kinds }: Connection): Promise<number> {
  let count = 0
  for (const installation of installations(skeleton, kinds)) {
    const docs = await documentsOf(couch.database(installation.db))
    count += designsToWrite(planInstallation(installation, docs))
  }
  return count
}
