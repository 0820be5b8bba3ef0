// How long others wait while ten users do at once what hostile users do, against the same without them, in the same run.
import { setTimeout as delay } from 'node:timers/promises'
import type { Report } from './attacker-process.ts'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import { HostileGround } from './hostile-ground.ts'
import type { BenchOptions } from './options.ts'
import { rowOf, toRow, type Findings, type Row } from './report.ts'
import { sendSteadily } from './steady.ts'
import { closeWays, openReplication, openShare, type Sent, type Way } from './way.ts'

const AGAINST = 'the same, nobody hostile'
/** Each ordinary user writes so often, whether or not what was written before has arrived. */
const EVERY_MS = 500
/** How often the daemon is looked at. */
const LOOK_MS = 100
/** What the attack takes beside the measuring, at most. */
const GRACE_MS = 30_000

interface Measured {
  ordinary: Sent[]
  replicated: Sent[]
  /** How long the daemon took to answer. */
  answersMs: number[]
  /** The most memory that the daemon was seen with. */
  memoryMb: number
}

export async function benchHostile(ground: Ground, { quick, profile }: BenchOptions): Promise<Findings> {
  const writes = quick ? 30 : 120
  const owners = quick ? ['ordinary1', 'ordinary2'] : ['ordinary1', 'ordinary2', 'ordinary3']
  const hostileGround = await HostileGround.open(ground)
  const daemon = await DaemonProcess.start(ground, { profile, env: hostileGround.env })
  const ways: Way[] = []
  try {
    ground.say('hostile: signing up')
    const hostile = await hostileGround.signUp()
    const replication = await openReplication(ground, 'baseline')
    ways.push(replication)
    for (const owner of owners) ways.push(await openShare(ground, owner))

    ground.say(`hostile: ${(writes * EVERY_MS) / 1000} s alone`)
    const alone = await measure(ground, daemon, ways, 'alone', writes)
    if (profile) await daemon.profile(ground)
    ground.say(`hostile: ${(writes * EVERY_MS) / 1000} s with ${hostile.length} hostile users`)
    const stop = await hostileGround.attack(hostile, writes * EVERY_MS + GRACE_MS)
    const attacked = await measure(ground, daemon, ways, 'attacked', writes)
    const profiles = profile ? [{ name: 'hostile users', ...(await daemon.profile(ground)) }] : []
    for (const report of await stop()) tell(ground, report)
    return { rows: compare(alone, attacked), profiles }
  } finally {
    closeWays(ways)
    await daemon.stop()
  }
}

/** All write side by side; the first way is CouchDB's own. */
async function measure(
  ground: Ground,
  daemon: DaemonProcess,
  [replication, ...shares]: Way[],
  phase: string,
  writes: number,
): Promise<Measured> {
  const stop = new AbortController()
  const watched = watch(daemon, stop.signal)
  try {
    const [replicated, ...each] = await Promise.all(
      [...(replication ? [replication] : []), ...shares].map((way) =>
        sendSteadily(ground, way, phase, { writes, everyMs: EVERY_MS }),
      ),
    )
    stop.abort()
    return { ordinary: each.flat(), replicated: replicated ?? [], ...(await watched) }
  } finally {
    stop.abort()
  }
}

/** Asks at a steady pace, too. */
async function watch(
  daemon: DaemonProcess,
  signal: AbortSignal,
): Promise<Pick<Measured, 'answersMs' | 'memoryMb'>> {
  const answersMs: Promise<number>[] = []
  let memoryMb = 0
  while (!signal.aborted) {
    answersMs.push(daemon.answerMs().catch(() => NaN))
    memoryMb = Math.max(memoryMb, daemon.memoryMb())
    await delay(LOOK_MS)
  }
  const answered = await Promise.all(answersMs)
  return { answersMs: answered.filter((ms) => !Number.isNaN(ms)), memoryMb }
}

function compare(alone: Measured, attacked: Measured): Row[] {
  const arrived = ({ arrivedMs }: Sent): number => arrivedMs
  const written = ({ writtenMs }: Sent): number => writtenMs
  const row = (name: string, valuesOf: (measured: Measured) => number[]): Row =>
    rowOf({
      ...{ name, unit: 'ms', against: AGAINST },
      subjects: valuesOf(attacked),
      baselines: valuesOf(alone),
    })
  return [
    row('ten hostile users: copy readable', ({ ordinary }) => ordinary.map(arrived)),
    row('… by CouchDB’s own replication', ({ replicated }) => replicated.map(arrived)),
    row('… a write acknowledged by CouchDB', ({ ordinary }) => ordinary.map(written)),
    row('… the daemon’s answer at /healthz', ({ answersMs }) => answersMs),
    toRow('… the daemon’s memory, at most', 'MB', AGAINST, [
      { subject: attacked.memoryMb, baseline: alone.memoryMb },
    ]),
  ]
}

function tell(ground: Ground, { attack, rounds, taken, refused, failed }: Report): void {
  const answers = `${taken} requests taken, ${refused} refused, ${failed} failed`
  ground.say(`hostile: ${attack}: ${rounds} rounds, ${answers}`)
}
