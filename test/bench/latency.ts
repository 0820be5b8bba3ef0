// How long after a write was acknowledged the copy is readable, against CouchDB's own warm continuous replication.
import { setTimeout as delay } from 'node:timers/promises'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import { toRow, type Findings, type Pair, type Row } from './report.ts'
import { openReplication, openShare, send, type Way } from './way.ts'

const AGAINST = 'warm continuous replication'
/** Longer than the daemon listens to a database directly after its last change (src/engine/hot-feeds.ts). */
const COLD_AFTER_MS = 33_000
/** Between two samples, so that neither the feeds nor `_db_updates` are met in step. */
const pause = (): Promise<void> => delay(50 + Math.random() * 200)
const longPause = (): Promise<void> => delay(600 + Math.random() * 800)

export async function benchLatency(
  ground: Ground,
  { quick, profile }: { quick: boolean; profile: boolean },
): Promise<Findings> {
  const samples = quick ? 10 : 60
  const daemon = await DaemonProcess.start(ground, { profile })
  const ways: Way[] = []
  try {
    const own = await openReplication(ground)
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
    took.set(way, (await send(ground, way, name)).arrivedMs)
  }
  return { subject: took.get(subject) ?? NaN, baseline: took.get(baseline) ?? NaN }
}

async function keepWarm(ground: Ground, way: Way, ms: number): Promise<void> {
  const deadline = performance.now() + ms
  for (let at = 0; performance.now() < deadline; at += 1) {
    await delay(3_000)
    await send(ground, way, `warmth${at}`)
  }
}
