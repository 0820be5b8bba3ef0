// What idle user databases cost: sockets, memory, requests and processor time, with many of them against with few; and a restart.
import { setTimeout as delay } from 'node:timers/promises'
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import { clock, inParallel, type Ground } from './ground.ts'
import { toRow, type Findings, type Goal, type Pair, type Row } from './report.ts'
import { countRequests } from './server-statistics.ts'
import { median } from './statistics.ts'

const PATIENCE_MS = 7_200_000

interface Sizes {
  /** User databases; each is compared with the first. */
  databases: number[]
  /** After the last turn, until connections that nobody needs any more are closed: src/couch/client.ts keeps them 10 s. */
  quietMs: number
  windowMs: number
  lookMs: number
  /** User databases that change while no daemon runs. */
  changed: number
  restarts: number
}

const FULL: Sizes = {
  ...{ databases: [100, 1_000, 10_000], quietMs: 12_000, windowMs: 60_000, lookMs: 2_000 },
  ...{ changed: 100, restarts: 5 },
}
/** Sockets of the start are still open: it is the same for both sizes. */
const QUICK: Sizes = {
  ...{ databases: [10, 40], quietMs: 1_000, windowMs: 4_000, lookMs: 500 },
  ...{ changed: 10, restarts: 1 },
}

interface Cost {
  sockets: number
  memoryMb: number
  requestsPerMinute: number
  cpuPercent: number
}

export async function benchIdle(ground: Ground, { quick, profile, size }: BenchOptions): Promise<Findings> {
  const sizes = quick ? QUICK : FULL
  const [few = 0, ...others] = sizes.databases
  const more = size === null ? others : [size]
  const findings: Findings = { rows: [], profiles: [] }
  const little = await measure(ground, 0, few, sizes)
  let there = few
  for (const many of more) {
    const much = await measure(ground, there, many, sizes)
    findings.rows.push(...compare(few, little, many, much))
    const restarts = await measureRestarts(ground, many, sizes, profile)
    findings.rows.push(...restarts.rows)
    findings.profiles.push(...restarts.profiles)
    there = many
  }
  return findings
}

function compare(few: number, little: Cost, many: number, much: Cost): Row[] {
  const row = (name: string, unit: string, of: (cost: Cost) => number, goal?: Goal): Row =>
    toRow(
      `idle, ${many.toLocaleString('en')} users: ${name}`,
      unit,
      `${few} users`,
      [{ subject: of(much), baseline: of(little) }],
      goal,
    )
  return [
    row('sockets', '', ({ sockets }) => sockets, { median: 1 }),
    row('memory', 'MB', ({ memoryMb }) => memoryMb, { median: 1.5 }),
    // By chance one more or less is in the time that is looked at.
    row('requests', '/min', ({ requestsPerMinute }) => requestsPerMinute, { median: 1.1 }),
    row('processor', '%', ({ cpuPercent }) => cpuPercent),
  ]
}

async function measure(ground: Ground, from: number, to: number, sizes: Sizes): Promise<Cost> {
  ground.say(`idle: ${to} user databases`)
  const owners = Array.from({ length: to - from }, (_, at) => `idle${from + at}`)
  const creatingMs = await clock(() => inParallel(owners, (owner) => ground.user(owner).create()))
  const outboxesMs = await clock(async () => {
    const first = await DaemonProcess.start(ground)
    try {
      const areThere = async (): Promise<boolean> => (await countOutboxes(ground)) >= to
      await ground.until('all outboxes are there', areThere, { pollMs: 500, patienceMs: PATIENCE_MS })
    } finally {
      await first.stop()
    }
  })
  const seconds = [creatingMs, outboxesMs].map((ms) => (ms / 1000).toFixed(1))
  ground.say(`idle: made in ${seconds[0]} s, their outboxes in ${seconds[1]} s`)
  // Its sweep is the first that sees the new outboxes; from then on there is nothing new.
  await (await DaemonProcess.start(ground)).stop()

  // A new process: the memory that making outboxes took is no cost of idle databases.
  const daemon = await DaemonProcess.start(ground)
  try {
    await delay(sizes.quietMs)
    return await watch(ground, daemon, sizes)
  } finally {
    await daemon.stop()
  }
}

async function watch(ground: Ground, daemon: DaemonProcess, { windowMs, lookMs }: Sizes): Promise<Cost> {
  const sockets: number[] = []
  const memory: number[] = []
  const requests = await countRequests(ground)
  const cpu = daemon.cpuMs()
  const begun = performance.now()
  while (performance.now() - begun < windowMs) {
    await delay(lookMs)
    sockets.push(daemon.sockets())
    memory.push(daemon.memoryMb())
  }
  const ms = performance.now() - begun
  // The bench's own request between the two counts is the first one itself.
  const counted = (await countRequests(ground)) - requests - 1
  return {
    sockets: median(sockets),
    memoryMb: median(memory),
    requestsPerMinute: (counted / ms) * 60_000,
    cpuPercent: ((daemon.cpuMs() - cpu) / ms) * 100,
  }
}

/** From the start of the process until it is ready, where some user databases have changed since it was stopped. */
async function measureRestarts(
  ground: Ground,
  databases: number,
  { changed, restarts }: Sizes,
  profile: boolean,
): Promise<Findings> {
  const pairs: Pair[] = []
  const requests: Pair[] = []
  const profiles: Findings['profiles'] = []
  const name = `restart, ${databases.toLocaleString('en')} users, ${changed} changed`
  for (let round = 0; round < restarts; round += 1) {
    ground.say(`idle: restart ${round + 1} of ${restarts}`)
    for (let at = 0; at < Math.min(changed, databases); at += 1)
      await ground.put(ground.user(`idle${at}`), { _id: `note/${databases}-${round}`, type: 'note' })
    const own = ground.couch.requests
    const baseline = await clock(() => readInfos(ground))
    const baselineRequests = ground.couch.requests - own
    const isProfiled = profile && round === restarts - 1
    const before = await countRequests(ground)
    let daemon: DaemonProcess | null = null
    const subject = await clock(async () => {
      daemon = await DaemonProcess.start(ground, { profile: isProfiled })
    })
    pairs.push({ subject, baseline })
    requests.push({ subject: (await countRequests(ground)) - before - 1, baseline: baselineRequests })
    const started = daemon as DaemonProcess | null
    if (isProfiled && started) profiles.push({ name, ...(await started.profile(ground)) })
    await started?.stop()
  }
  const against = 'reading `_dbs_info` of all'
  return {
    rows: [
      toRow(name, 'ms', against, pairs, { median: 2 }),
      toRow(`${name}: requests`, '', against, requests),
    ],
    profiles,
  }
}

/** Of user databases and outboxes. */
async function readInfos({ couch, prefix }: Ground): Promise<void> {
  await couch.dbsInfo(await couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` }))
}

async function countOutboxes({ couch, prefix, users }: Ground): Promise<number> {
  const names = await couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` })
  return names.filter((name) => users.ownerOfOutbox(name) !== null).length
}
