// How long others wait while one user shares very many objects at once, against the same without, in the same run.
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import { todo, type Ground } from './ground.ts'
import { rowOf, type Findings, type Row } from './report.ts'
import { sendSteadily } from './steady.ts'
import { closeWays, openReplication, openShare, type Sent, type Way } from './way.ts'

const AGAINST = 'the same, nobody busy'
const EVERY_MS = 400
/** Written in one request by who is busy. */
const PART = 500
const PATIENCE_MS = 3_600_000

interface Measured {
  others: Sent[]
  replicated: Sent[]
}

export async function benchNeighbour(
  ground: Ground,
  { quick, profile, size }: BenchOptions,
): Promise<Findings> {
  const objects = size ?? (quick ? 1_000 : 100_000)
  const writes = quick ? 8 : 200
  const ways: Way[] = []
  const daemon = await DaemonProcess.start(ground, { profile })
  try {
    ways.push(await openReplication(ground, 'baseline'))
    for (const owner of ['other1', 'other2']) ways.push(await openShare(ground, owner))
    const busy = await openShare(ground, 'busy')

    ground.say(`neighbour: ${(writes * EVERY_MS) / 1000} s alone`)
    const alone = await measure(ground, ways, 'alone', writes)
    ground.say(`neighbour: beside ${objects} changes`)
    if (profile) await daemon.profile(ground)
    const over = new AbortController()
    const shared = shareMany(ground, busy, objects).finally(() => over.abort())
    // Nobody waits for it once the others were measured, and all its databases go.
    shared.catch(() => undefined)
    const beside = await measure(ground, ways, 'beside', writes, over.signal)
    const profiles = profile ? [{ name: `beside ${objects} changes`, ...(await daemon.profile(ground)) }] : []
    closeWays([busy])
    return { rows: compare(objects, alone, beside), profiles }
  } finally {
    closeWays(ways)
    await daemon.stop()
  }
}

/** All write side by side; the first way is CouchDB's own. */
async function measure(
  ground: Ground,
  ways: readonly Way[],
  phase: string,
  writes: number,
  signal?: AbortSignal,
): Promise<Measured> {
  const pace = { writes, everyMs: EVERY_MS, ...(signal ? { signal } : {}) }
  const [replicated = [], ...others] = await Promise.all(
    ways.map((way) => sendSteadily(ground, way, phase, pace)),
  )
  return { others: others.flat(), replicated }
}

/** As fast as CouchDB takes them; done when all are in the share. */
async function shareMany(
  ground: Ground,
  { from, share, arrivals, arrivesAs }: Way,
  count: number,
): Promise<void> {
  const docs = Array.from({ length: count }, (_, at) =>
    todo(`many${String(at).padStart(6, '0')}`, { $shares: { [share ?? '']: true } }),
  )
  const all = Promise.all(
    arrivals.map((one) =>
      one.all(
        docs.map(({ _id }) => arrivesAs(_id)),
        PATIENCE_MS,
      ),
    ),
  )
  all.catch(() => undefined)
  for (let at = 0; at < docs.length; at += PART) await ground.putAll(from, docs.slice(at, at + PART))
  await all
}

function compare(objects: number, alone: Measured, beside: Measured): Row[] {
  const row = (name: string, valuesOf: (measured: Measured) => number[], goal = {}): Row =>
    rowOf({
      ...{ name, unit: 'ms', against: AGAINST, goal },
      subjects: valuesOf(beside),
      baselines: valuesOf(alone),
    })
  const arrived = ({ arrivedMs }: Sent): number => arrivedMs
  const written = ({ writtenMs }: Sent): number => writtenMs
  const many = objects.toLocaleString('en')
  return [
    row(`others beside ${many} changes of one: copy readable`, ({ others }) => others.map(arrived), {
      tail: 3,
    }),
    row('… by CouchDB’s own replication', ({ replicated }) => replicated.map(arrived)),
    row('… a write acknowledged by CouchDB', ({ others }) => others.map(written)),
  ]
}
