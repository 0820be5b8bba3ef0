// How long others wait while ten users do at once what hostile users do, against the same without them, in the same run.
import { setTimeout as delay } from 'node:timers/promises'
import type { Report } from './attacker-process.ts'
import { DaemonProcess } from './daemon.ts'
import type { Ground } from './ground.ts'
import { HostileGround } from './hostile-ground.ts'
import { quantile, toRow, type Findings, type Pair, type Row } from './report.ts'
import { openReplication, openShare, send, type Sent, type Way } from './way.ts'

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

export async function benchHostile(
  ground: Ground,
  { quick, profile }: { quick: boolean; profile: boolean },
): Promise<Findings> {
  const writes = quick ? 30 : 120
  const owners = quick ? ['ordinary1', 'ordinary2'] : ['ordinary1', 'ordinary2', 'ordinary3']
  const hostileGround = await HostileGround.open(ground)
  const daemon = await DaemonProcess.start(ground, { profile, env: hostileGround.env })
  const ways: Way[] = []
  try {
    ground.say('hostile: signing up')
    const hostile = await hostileGround.signUp()
    const replication = await openReplication(ground)
    ways.push(replication)
    for (const owner of owners) ways.push(await openShare(ground, owner))

    ground.say(`hostile: ${(writes * EVERY_MS) / 1000} s alone`)
    const alone = await measure(ground, daemon, ways, 'alone', writes)
    if (profile) await daemon.endpoints(ground)
    ground.say(`hostile: ${(writes * EVERY_MS) / 1000} s with ${hostile.length} hostile users`)
    const stop = await hostileGround.attack(hostile, writes * EVERY_MS + GRACE_MS)
    const attacked = await measure(ground, daemon, ways, 'attacked', writes)
    const profiles = profile ? [{ name: 'hostile users', endpoints: await daemon.endpoints(ground) }] : []
    for (const report of await stop()) tell(ground, report)
    return { rows: compare(alone, attacked), profiles }
  } finally {
    for (const { arrivals } of ways) arrivals.close()
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
      [...(replication ? [replication] : []), ...shares].map((way) => sendAll(ground, way, phase, writes)),
    )
    stop.abort()
    return { ordinary: each.flat(), replicated: replicated ?? [], ...(await watched) }
  } finally {
    stop.abort()
  }
}

/** New documents at a steady pace, that of a user whom nothing slows down: who waits long is counted as often as others are. */
async function sendAll(ground: Ground, way: Way, phase: string, writes: number): Promise<Sent[]> {
  const sent: Promise<Sent>[] = []
  const begun = performance.now()
  for (let at = 0; at < writes; at += 1) {
    await delay(begun + EVERY_MS * (at + Math.random()) - performance.now())
    sent.push(sendOrGiveUp(ground, way, `${phase}${at}`))
  }
  return Promise.all(sent)
}

/** What has not come for so long that nobody waits any more counts as long as it was waited for. */
async function sendOrGiveUp(ground: Ground, way: Way, name: string): Promise<Sent> {
  const begun = performance.now()
  try {
    return await send(ground, way, name)
  } catch (error) {
    ground.say(`hostile: ${(error as Error).message}`)
    const waited = performance.now() - begun
    return { writtenMs: waited, arrivedMs: waited }
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
  const both = (valuesOf: (measured: Measured) => number[]) => [valuesOf(attacked), valuesOf(alone)] as const
  return [
    ...rowsOf(
      'ten hostile users: copy readable',
      both(({ ordinary }) => ordinary.map(arrived)),
    ),
    ...rowsOf(
      '… by CouchDB’s own replication',
      both(({ replicated }) => replicated.map(arrived)),
    ),
    ...rowsOf(
      '… a write acknowledged by CouchDB',
      both(({ ordinary }) => ordinary.map(written)),
    ),
    ...rowsOf(
      '… the daemon’s answer at /healthz',
      both(({ answersMs }) => answersMs),
    ),
    toRow('… the daemon’s memory, at most', 'MB', AGAINST, [
      { subject: attacked.memoryMb, baseline: alone.memoryMb },
    ]),
  ]
}

/** All of them, the first against the first, and what 99 of 100 do not exceed. */
function rowsOf(name: string, [attacked, alone]: readonly [number[], number[]]): Row[] {
  const pairs = attacked.slice(0, alone.length).map((subject, at): Pair => ({
    subject,
    baseline: alone[at] ?? NaN,
  }))
  const p99: Pair = { subject: quantile(attacked, 0.99), baseline: quantile(alone, 0.99) }
  return [
    toRow(
      name,
      'ms',
      AGAINST,
      pairs.filter(({ baseline }) => !Number.isNaN(baseline)),
    ),
    toRow(`${name}, p99`, 'ms', AGAINST, [p99]),
  ]
}

function tell(ground: Ground, { attack, rounds, taken, refused, failed }: Report): void {
  const answers = `${taken} requests taken, ${refused} refused, ${failed} failed`
  ground.say(`hostile: ${attack}: ${rounds} rounds, ${answers}`)
}
