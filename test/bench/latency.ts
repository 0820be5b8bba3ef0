// How long after a write was acknowledged the copy is readable, against CouchDB's own warm continuous replication.
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import { toRow, type Findings } from './report.ts'
import {
  arrivalsOf,
  closeWays,
  openReplication,
  openShare,
  send,
  sendPair,
  sendPairs,
  sendSome,
  type SentPair,
  type Way,
} from './way.ts'

const AGAINST = 'warm continuous replication'
/** Longer than the daemon listens to a database directly after its last change (src/engine/hot-feeds.ts). */
const COLD_AFTER_MS = 33_000
/** `_db_updates` is met at any point of its half a second. */
const longPause = (): Promise<void> => delay(600 + Math.random() * 800)

const FULL = { warm: 120, cold: 40 }
const QUICK = { warm: 6, cold: 3 }

export async function benchLatency(ground: Ground, { quick, profile }: BenchOptions): Promise<Findings> {
  const samples = quick ? QUICK : FULL
  let daemon = await DaemonProcess.start(ground, { profile })
  const ways: Way[] = []
  try {
    const baseline = await openReplication(ground, 'baseline')
    const subject = await openShare(ground, 'warm')
    ways.push(baseline, subject)
    for (let at = 0; at < samples.cold; at += 1) ways.push(await openShare(ground, `cold${at}`))
    const cold = ways.slice(2)

    const created = await sendPairs(ground, { subject, baseline }, samples.warm, (at) => `created${at}`)
    await send(ground, subject, 'edited')
    await send(ground, baseline, 'edited')
    const edited = await sendPairs(ground, { subject, baseline }, samples.warm, () => 'edited')
    const profiles = profile ? [await daemon.profileOf(ground, ...sendSome(ground, subject, 'latency'))] : []

    if (quick) {
      // A daemon that has just started listens to no database yet: that is as cold, and takes a second.
      await daemon.stop()
      daemon = await DaemonProcess.start(ground)
      await send(ground, subject, 'compiled')
    } else {
      ground.say(`latency: waiting ${COLD_AFTER_MS / 1000} s until the databases are cold`)
      await keepWarm(ground, baseline, COLD_AFTER_MS)
    }
    const chilled: SentPair[] = []
    for (const [at, way] of cold.entries()) {
      await longPause()
      chilled.push(await sendPair(ground, { subject: way, baseline }, `cold${at}`, at))
    }
    const warm = { median: 0.25, tail: 0.5 }
    return {
      rows: [
        toRow('latency, new object, warm', 'ms', AGAINST, arrivalsOf(created), warm),
        toRow('latency, edited object, warm', 'ms', AGAINST, arrivalsOf(edited), warm),
        toRow('latency, new object, cold', 'ms', AGAINST, arrivalsOf(chilled), { median: 1 }),
      ],
      profiles,
    }
  } finally {
    closeWays(ways)
    await daemon.stop()
  }
}

async function keepWarm(ground: Ground, way: Way, ms: number): Promise<void> {
  const deadline = performance.now() + ms
  for (let at = 0; performance.now() < deadline; at += 1) {
    await delay(3_000)
    await send(ground, way, `warmth${at}`)
  }
}
