// Loaded into the daemon by `--profile`: what each stage costs, in requests and processor time; written down at SIGUSR2.
import { subscribe } from 'node:diagnostics_channel'
import { writeFileSync } from 'node:fs'
import { Session, type Profiler } from 'node:inspector'
import { descendantsOf, listenerOn, processorMs, processorWithEndedMs } from './processes.ts'
import {
  endpointOf,
  isFeed,
  STAGES,
  stageOfRequest,
  stageOfStack,
  type DaemonProfile,
  type Endpoint,
  type Frame,
  type Stage,
  type StageCost,
} from './stage-profile.ts'

/** Between two looks at the stack. */
const STACK_US = 500
/** Between two looks at the processor time of CouchDB; Linux counts it by 10 ms. */
const LOOK_MS = 20
/** CouchDB starts a JavaScript process now and then. */
const CHILDREN_MS = 1_000

/** https://undici.nodejs.org/#/docs/api/DiagnosticsChannel */
interface Message {
  request: { method: string; path: string; body: unknown }
  chunk?: string | Uint8Array
}

interface UnderWay {
  stage: Stage
  endpoint: string
  begun: number
  isFeed: boolean
}

/** The server's process, where it is on this machine. */
const server = listenerOn(Number(process.env['BENCH_SERVER_PORT']))

const underWay = new Map<object, UnderWay>()
let costs = emptyCosts()
let endpoints = new Map<string, Endpoint>()
let begunAt = performance.now()
let spentBefore = process.cpuUsage()

function emptyCosts(): Map<Stage, StageCost> {
  const none = { requests: 0, sent: 0, received: 0, waitedMs: 0, daemonMs: 0 }
  const serverMs = server === null ? null : 0
  return new Map(STAGES.map((stage) => [stage, { stage, ...none, beamMs: serverMs, javascriptMs: serverMs }]))
}

const costOf = (stage: Stage): StageCost => costs.get(stage) as StageCost

subscribe('undici:request:create', (message) => {
  const { request } = message as Message
  const { method, path } = request
  const body = request.body instanceof Uint8Array ? request.body : null
  underWay.set(request, {
    stage: stageOfRequest({ method, path, body }),
    endpoint: endpointOf({ method, path }),
    begun: performance.now(),
    isFeed: isFeed(path),
  })
})
subscribe('undici:request:bodyChunkSent', (message) => {
  const { request, chunk = '' } = message as Message
  const asked = underWay.get(request)
  if (asked) costOf(asked.stage).sent += Buffer.byteLength(chunk)
})
subscribe('undici:request:bodyChunkReceived', (message) => {
  const { request, chunk = '' } = message as Message
  const asked = underWay.get(request)
  if (asked) costOf(asked.stage).received += Buffer.byteLength(chunk)
})
subscribe('undici:request:trailers', (message) => end(message as Message, true))
subscribe('undici:request:error', (message) => end(message as Message, false))

function end({ request }: Message, isAnswered: boolean): void {
  const asked = underWay.get(request)
  underWay.delete(request)
  if (!asked || !isAnswered) return
  const ms = performance.now() - asked.begun
  const cost = costOf(asked.stage)
  cost.requests += 1
  // How long nothing happened says nothing.
  cost.waitedMs += asked.isFeed ? 0 : ms
  const known = endpoints.get(asked.endpoint) ?? { endpoint: asked.endpoint, count: 0, ms: 0 }
  endpoints.set(asked.endpoint, { ...known, count: known.count + 1, ms: known.ms + ms })
}

/** CouchDB's processor time goes to what it is asked at that moment, in equal parts. */
function watchServer(pid: number): void {
  let children = descendantsOf(pid)
  const spent = (): [number, number] => [
    processorMs(pid),
    children.reduce((sum, child) => sum + processorWithEndedMs(child), 0),
  ]
  let [beam, javascript] = spent()
  setInterval(() => {
    const now = spent()
    const asked = [...underWay.values()].filter(({ isFeed }) => !isFeed)
    const stages: Stage[] = asked.length === 0 ? ['unasked'] : asked.map(({ stage }) => stage)
    for (const stage of stages) {
      const cost = costOf(stage)
      cost.beamMs = (cost.beamMs ?? 0) + Math.max(0, now[0] - beam) / stages.length
      cost.javascriptMs = (cost.javascriptMs ?? 0) + Math.max(0, now[1] - javascript) / stages.length
    }
    ;[beam, javascript] = now
  }, LOOK_MS).unref()
  setInterval(() => {
    children = descendantsOf(pid)
    // What one has spent that was not known is not of this moment.
    ;[beam, javascript] = spent()
  }, CHILDREN_MS).unref()
}

function spentMs(): number {
  const { user, system } = process.cpuUsage(spentBefore)
  return (user + system) / 1000
}

const session = new Session()
session.connect()
session.post('Profiler.enable')
session.post('Profiler.setSamplingInterval', { interval: STACK_US })
session.post('Profiler.start')

/**
 * Shares out the daemon's processor time among those who were at it whenever it was looked at. The profiler goes by the clock,
 * and counts as work also the time in which the machine has something else to do.
 */
function addDaemon({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile, processorMs: number): void {
  const parents = new Map<number, Profiler.ProfileNode>()
  for (const node of nodes) for (const child of node.children ?? []) parents.set(child, node)
  const stages = new Map<number, Stage | null>()
  for (const node of nodes) {
    const stack: Frame[] = []
    for (let one: Profiler.ProfileNode | undefined = node; one; one = parents.get(one.id))
      stack.push(one.callFrame)
    stages.set(node.id, stageOfStack(stack))
  }
  const seen = new Map<Stage, number>()
  for (const [at, sample] of samples.entries()) {
    const stage = stages.get(sample) ?? null
    if (stage !== null) seen.set(stage, (seen.get(stage) ?? 0) + Math.max(0, timeDeltas[at] ?? 0))
  }
  const all = [...seen.values()].reduce((sum, us) => sum + us, 0)
  for (const [stage, us] of seen) costOf(stage).daemonMs += (us / all) * processorMs
}

function writeDown(file: string): void {
  session.post('Profiler.stop', (_error, { profile }) => {
    addDaemon(profile, spentMs())
    const found: DaemonProfile = {
      ms: performance.now() - begunAt,
      stages: [...costs.values()],
      endpoints: [...endpoints.values()].sort((one, other) => other.ms - one.ms),
    }
    writeFileSync(file, JSON.stringify(found))
    costs = emptyCosts()
    endpoints = new Map()
    session.post('Profiler.start')
    begunAt = performance.now()
    spentBefore = process.cpuUsage()
  })
}

process.on('SIGUSR2', () => {
  const file = process.env['BENCH_PROFILE']
  if (file) writeDown(file)
})

if (server !== null) watchServer(server)
