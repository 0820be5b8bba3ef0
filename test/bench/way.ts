// A way that documents take, from where they are written to where they become readable: by the daemon, or by CouchDB itself.
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../src/couch/database.ts'
import { copyId } from '../../src/shares/model/ids.ts'
import { Arrivals } from './arrivals.ts'
import { inParallel, todo, type Ground } from './ground.ts'
import type { Participant } from './participants.ts'
import type { Pair } from './report.ts'

/** A way that is slow is measured all the same. */
const PATIENCE_MS = 60_000
const PATIENCE_A_TARGET_MS = 5_000

/** Where documents are written, and where and as what they arrive. */
export interface Way {
  from: Database
  /** One for each database in which they arrive. */
  arrivals: readonly Arrivals[]
  /** The id of the arriving document. */
  arrivesAs: (id: string) => string
  share: string | null
  revisions: Map<string, string>
  /** How long a document may take before it counts as lost. */
  patienceMs: number
}

/** How long one document took, in milliseconds. */
export interface Sent {
  /** Until CouchDB acknowledged the write. */
  writtenMs: number
  /** From the acknowledgement to the last arrival. */
  arrivedMs: number
  /** … to each of them. */
  eachMs: number[]
}

/** From an owner's database into a share; the daemon has to run. One document has gone there already. */
export async function openShare(ground: Ground, owner: string): Promise<Way> {
  const share = await ground.userWithShare(owner)
  const arrivesAs = (id: string): string => copyId(share, id)
  return open(ground, ground.user(owner), [ground.share(share)], { share, arrivesAs })
}

/** From a participant's database, by way of a share, into those of others who take part. One document has gone there already. */
export const openExchange = (
  ground: Ground,
  share: string,
  writer: Database,
  readers: readonly Participant[],
): Promise<Way> =>
  open(
    ground,
    writer,
    readers.map(({ database }) => database),
    { share, arrivesAs: (id) => id },
  )

/** By continuous replications in a row, as CouchDB has them by itself. One document has gone there already. */
export async function openReplication(ground: Ground, name: string, hops = 1): Promise<Way> {
  const databases = Array.from({ length: hops + 1 }, (_, at) => ground.plain(`${name}/${at}`))
  for (const [at, database] of databases.entries()) {
    await database.create(at === 0 ? undefined : 1)
    const before = databases[at - 1]
    if (before) await ground.replicate(`${name}-${at}`, before, database)
  }
  return open(ground, databases[0] as Database, [databases.at(-1) as Database])
}

/** By continuous replications side by side, from one database into many. One document has gone there already. */
export async function openReplications(ground: Ground, name: string, count: number): Promise<Way> {
  const from = ground.plain(`${name}/source`)
  await from.create()
  const targets = Array.from({ length: count }, (_, at) => ground.plain(`${name}/${at}`))
  await inParallel(targets, async (target) => {
    await target.create(1)
    await ground.replicate(target.name.slice(ground.prefix.length), from, target)
  })
  return open(ground, from, targets)
}

async function open(
  ground: Ground,
  from: Database,
  targets: readonly Database[],
  { share = null, arrivesAs = (id) => id }: Partial<Pick<Way, 'share' | 'arrivesAs'>> = {},
): Promise<Way> {
  const arrivals = await Promise.all(targets.map((target) => Arrivals.open(ground.couch, target)))
  const patienceMs = PATIENCE_MS + PATIENCE_A_TARGET_MS * targets.length
  const way: Way = { from, arrivals, arrivesAs, share, revisions: new Map(), patienceMs }
  await send(ground, way, 'first')
  return way
}

/** Nobody listens at the ends of these any more. */
export function closeWays(ways: readonly Way[]): void {
  for (const { arrivals } of ways) for (const one of arrivals) one.close()
}

/** Writes a document, new or over its last revision, and waits until it has arrived. */
export async function send(ground: Ground, way: Way, name: string): Promise<Sent> {
  const consent = way.share === null ? {} : { $shares: { [way.share]: true } }
  const rev = way.revisions.get(name)
  const doc = todo(name, {
    ...consent,
    edited: way.revisions.size,
    at: Date.now(),
    ...(rev ? { _rev: rev } : {}),
  })
  const arriving = Promise.all(way.arrivals.map((one) => one.all([way.arrivesAs(doc._id)], way.patienceMs)))
  // Whoever writes may fail before the arrival is awaited.
  arriving.catch(() => undefined)
  const begun = performance.now()
  way.revisions.set(name, await ground.put(way.from, doc))
  const acknowledged = performance.now()
  const eachMs = (await arriving).map((at) => at - acknowledged)
  return { writtenMs: acknowledged - begun, arrivedMs: Math.max(...eachMs), eachMs }
}

/** What was sent by the daemon, and what by CouchDB beside it. */
export interface SentPair {
  subject: Sent
  baseline: Sent
}

export interface Comparison {
  subject: Way
  baseline: Way
}

/** Between two samples, so that neither the feeds nor `_db_updates` are met in step. */
const pause = (): Promise<void> => delay(50 + Math.random() * 200)

/** Documents on both ways, one after the other; who is first changes from pair to pair. */
export async function sendPairs(
  ground: Ground,
  ways: Comparison,
  samples: number,
  name: (at: number) => string,
): Promise<SentPair[]> {
  const pairs: SentPair[] = []
  for (let at = 0; at < samples; at += 1) pairs.push(await sendPair(ground, ways, name(at), at))
  return pairs
}

/** One of them. */
export async function sendPair(
  ground: Ground,
  { subject, baseline }: Comparison,
  name: string,
  at: number,
): Promise<SentPair> {
  const sent = new Map<Way, Sent>()
  for (const way of at % 2 === 0 ? [subject, baseline] : [baseline, subject]) {
    await pause()
    sent.set(way, await send(ground, way, name))
  }
  return { subject: sent.get(subject) as Sent, baseline: sent.get(baseline) as Sent }
}

const PROFILED = 20

/** Some edits on one way alone, and what they are called: what a profile is taken of. */
export function sendSome(ground: Ground, way: Way, name: string): [string, () => Promise<void>] {
  const sendAll = async (): Promise<void> => {
    for (let at = 0; at < PROFILED; at += 1) {
      await pause()
      await send(ground, way, 'edited')
    }
  }
  return [`${name}: ${PROFILED} edits`, sendAll]
}

/** Until the last arrival. */
export const arrivalsOf = (pairs: readonly SentPair[]): Pair[] =>
  pairs.map(({ subject, baseline }) => ({ subject: subject.arrivedMs, baseline: baseline.arrivedMs }))
