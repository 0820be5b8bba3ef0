// What idle user databases cost: sockets, memory, requests and processor time, with many of them against with few.
import { setTimeout as delay } from 'node:timers/promises'
import { DaemonProcess } from './daemon.ts'
import { inParallel, type Ground } from './ground.ts'
import { median, toRow, type Findings } from './report.ts'

/** After the last turn, until connections that nobody needs any more are closed (src/couch/client.ts keeps them 10 s). */
const QUIET_MS = 12_000
const LOOK_EVERY_MS = 2_000

interface Cost {
  sockets: number
  memoryMb: number
  requestsPerMinute: number
  cpuPercent: number
  /** Of a start on databases that are all known already, with its sweep. */
  startMs: number
  startRequests: number
}

export async function benchIdle(ground: Ground, { quick }: { quick: boolean }): Promise<Findings> {
  const [few, many] = quick ? [20, 100] : [100, 1_000]
  const windowMs = quick ? 20_000 : 60_000
  const little = await measure(ground, 0, few, windowMs)
  const much = await measure(ground, few, many, windowMs)
  const row = (name: string, unit: string, of: (cost: Cost) => number) =>
    toRow(`idle, ${many.toLocaleString('en')} users: ${name}`, unit, `${few} users`, [
      { subject: of(much), baseline: of(little) },
    ])
  return {
    rows: [
      row('sockets', '', ({ sockets }) => sockets),
      row('memory', 'MB', ({ memoryMb }) => memoryMb),
      row('requests', '/min', ({ requestsPerMinute }) => requestsPerMinute),
      row('processor', '%', ({ cpuPercent }) => cpuPercent),
      row('a restart', 'ms', ({ startMs }) => startMs),
      row('a restart', 'requests', ({ startRequests }) => startRequests),
    ],
    profiles: [],
  }
}

async function measure(ground: Ground, from: number, to: number, windowMs: number): Promise<Cost> {
  ground.say(`idle: ${to} user databases`)
  const owners = Array.from({ length: to - from }, (_, at) => `idle${from + at}`)
  await inParallel(owners, (owner) => ground.user(owner).create())
  const first = await DaemonProcess.start(ground)
  try {
    await ground.until('all outboxes are there', async () => (await countOutboxes(ground)) >= to, 500)
  } finally {
    await first.stop()
  }
  // Its sweep is the first that sees the new outboxes; from then on there is nothing new.
  await (await DaemonProcess.start(ground)).stop()

  // A new process: the memory that making outboxes took is no cost of idle databases.
  const before = await countRequests(ground)
  const begun = performance.now()
  const daemon = await DaemonProcess.start(ground)
  try {
    const startMs = performance.now() - begun
    const startRequests = (await countRequests(ground)) - before - 1
    await delay(QUIET_MS)
    return { ...(await watch(ground, daemon, windowMs)), startMs, startRequests }
  } finally {
    await daemon.stop()
  }
}

async function watch(
  ground: Ground,
  daemon: DaemonProcess,
  windowMs: number,
): Promise<Omit<Cost, 'startMs' | 'startRequests'>> {
  const sockets: number[] = []
  const memory: number[] = []
  const requests = await countRequests(ground)
  const cpu = daemon.cpuMs()
  const begun = performance.now()
  while (performance.now() - begun < windowMs) {
    await delay(LOOK_EVERY_MS)
    sockets.push(daemon.sockets())
    memory.push(daemon.memoryMb())
  }
  const ms = performance.now() - begun
  // The bench's own request between the two counts is the first one itself.
  const counted = (await countRequests(ground)) - requests - 1
  return {
    sockets: Math.max(...sockets),
    memoryMb: median(memory),
    requestsPerMinute: (counted / ms) * 60_000,
    cpuPercent: ((daemon.cpuMs() - cpu) / ms) * 100,
  }
}

async function countOutboxes({ couch, prefix, users }: Ground): Promise<number> {
  const names = await couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` })
  return names.filter((name) => users.ownerOfOutbox(name) !== null).length
}

/**
 * Requests that the server has answered since its start, counted by the server itself: exact as long as nobody else uses
 * it. Feeds count when they end. https://docs.couchdb.org/en/stable/api/server/common.html#node-node-name-stats
 */
async function countRequests({ couch }: Ground): Promise<number> {
  const { value } = await couch.request<{ value: number }>({
    path: ['_node', '_local', '_stats', 'couchdb', 'httpd', 'requests'],
  })
  return value
}
