// How long after a write was acknowledged the copy is readable, against CouchDB's own warm continuous replication.
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../src/couch/database.ts'
import { copyId } from '../../src/model/names.ts'
import { Arrivals } from './arrivals.ts'
import { DaemonProcess } from './daemon.ts'
import { todo, type Ground } from './ground.ts'
import { toRow, type Findings, type Pair, type Row } from './report.ts'

const AGAINST = 'warm continuous replication'
/** Longer than the daemon listens to a database directly after its last change (src/feed/warm-feeds.ts). */
const COLD_AFTER_MS = 33_000
/** Between two samples, so that neither the feeds nor `_db_updates` are met in step. */
const pause = (): Promise<void> => delay(50 + Math.random() * 200)
const longPause = (): Promise<void> => delay(600 + Math.random() * 800)

/** A way that documents take: where they are written, and where and as what they arrive. */
interface Way {
  from: Database
  arrivals: Arrivals
  /** The id of the arriving document. */
  arrivesAs: (id: string) => string
  share: string | null
  revisions: Map<string, string>
}

export async function benchLatency(
  ground: Ground,
  { quick, profile }: { quick: boolean; profile: boolean },
): Promise<Findings> {
  const samples = quick ? 10 : 60
  const daemon = await DaemonProcess.start(ground, { profile })
  const ways: Way[] = []
  try {
    const own = await openBaseline(ground)
    const warm = await openShare(ground, 'warm')
    const cold: Way[] = []
    for (let at = 0; at < (quick ? 3 : 8); at += 1) cold.push(await openShare(ground, `cold${at}`))
    ways.push(own, warm, ...cold)

    const created = await comparePairs(ground, warm, own, samples, (at) => `created${at}`)
    await send(ground, warm, 'edited')
    await send(ground, own, 'edited')
    if (profile) await daemon.endpoints(ground)
    const edited = await comparePairs(ground, warm, own, samples, () => 'edited')
    const profiles = profile ? [{ name: 'latency, edits', endpoints: await daemon.endpoints(ground) }] : []

    ground.say(`latency: waiting ${COLD_AFTER_MS / 1000} s until the databases are cold`)
    await keepWarm(ground, own, COLD_AFTER_MS)
    const chilled: Pair[] = []
    for (const way of cold) {
      await longPause()
      chilled.push(await pair(ground, way, own, `cold${chilled.length}`, chilled.length))
    }
    const rows: Row[] = [
      toRow('latency, new object, warm', 'ms', AGAINST, created),
      toRow('latency, edited object, warm', 'ms', AGAINST, edited),
      toRow('latency, new object, cold', 'ms', AGAINST, chilled),
    ]
    return { rows, profiles }
  } finally {
    for (const { arrivals } of ways) arrivals.close()
    await daemon.stop()
  }
}

async function openShare(ground: Ground, owner: string): Promise<Way> {
  const share = await ground.userWithShare(owner)
  const way: Way = {
    from: ground.user(owner),
    arrivals: await Arrivals.open(ground.couch, ground.share(share)),
    arrivesAs: (id) => copyId(share, id),
    share,
    revisions: new Map(),
  }
  await send(ground, way, 'first')
  return way
}

async function openBaseline(ground: Ground): Promise<Way> {
  const from = ground.plain('source')
  const target = ground.plain('target')
  await from.create()
  await target.create(1)
  await ground.replicate('baseline', from, target)
  const way: Way = {
    from,
    arrivals: await Arrivals.open(ground.couch, target),
    arrivesAs: (id) => id,
    share: null,
    revisions: new Map(),
  }
  await send(ground, way, 'first')
  return way
}

async function comparePairs(
  ground: Ground,
  subject: Way,
  baseline: Way,
  samples: number,
  name: (at: number) => string,
): Promise<Pair[]> {
  const pairs: Pair[] = []
  for (let at = 0; at < samples; at += 1) pairs.push(await pair(ground, subject, baseline, name(at), at))
  return pairs
}

/** Both, one after the other; who is first changes from pair to pair. */
async function pair(ground: Ground, subject: Way, baseline: Way, name: string, at: number): Promise<Pair> {
  const took = new Map<Way, number>()
  for (const way of at % 2 === 0 ? [subject, baseline] : [baseline, subject]) {
    await pause()
    took.set(way, await send(ground, way, name))
  }
  return { subject: took.get(subject) ?? NaN, baseline: took.get(baseline) ?? NaN }
}

/** Writes a document, new or over its last revision. @returns milliseconds from the acknowledgement to the arrival */
async function send(ground: Ground, way: Way, name: string): Promise<number> {
  const consent = way.share === null ? {} : { $shares: { [way.share]: true } }
  const rev = way.revisions.get(name)
  const doc = todo(name, {
    ...consent,
    edited: way.revisions.size,
    at: Date.now(),
    ...(rev ? { _rev: rev } : {}),
  })
  const arrival = way.arrivals.next(way.arrivesAs(doc._id))
  // Whoever writes may fail before the arrival is awaited.
  arrival.catch(() => undefined)
  way.revisions.set(name, await ground.put(way.from, doc))
  const acknowledged = performance.now()
  return (await arrival) - acknowledged
}

async function keepWarm(ground: Ground, way: Way, ms: number): Promise<void> {
  const deadline = performance.now() + ms
  for (let at = 0; performance.now() < deadline; at += 1) {
    await delay(3_000)
    await send(ground, way, `warmth${at}`)
  }
}
