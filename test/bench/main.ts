// `npm run bench`: the daemon against CouchDB's own replicator, on the server in COUCHDB_URL.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildDaemon, stopDaemons } from './daemon.ts'
import { Ground, readServer, type Server } from './ground.ts'
import { benchGateway } from './gateway.ts'
import { benchHostile } from './hostile.ts'
import { benchIdle } from './idle.ts'
import { benchLatency } from './latency.ts'
import { benchPlan } from './plan.ts'
import { benchProvisioning } from './provisioning.ts'
import { toJson, toTable, type Findings } from './report.ts'
import { benchRequests } from './requests.ts'
import { benchRollout } from './rollout.ts'
import { benchThroughput } from './throughput.ts'

const USAGE = `COUCHDB_URL=http://admin:secret@127.0.0.1:5984 npm run bench -- [options]

  --only NAME   latency, throughput, rollout, provisioning, idle, hostile, requests, plan or gateway; the last two ask no server
  --quick       small sizes, for a first impression
  --profile     requests of the daemon by endpoint
  --json        JSON to stdout in place of the table
  --out FILE    JSON to a file as well
`

interface Options {
  only: string | null
  quick: boolean
  profile: boolean
  json: boolean
  out: string | null
}

const BENCHES: Record<string, (ground: Ground, options: Options) => Promise<Findings>> = {
  latency: benchLatency,
  throughput: benchThroughput,
  rollout: benchRollout,
  provisioning: benchProvisioning,
  idle: benchIdle,
  hostile: benchHostile,
  requests: benchRequests,
}

/** These ask no server. */
const SERVERLESS: Record<string, (options: Options) => Findings | Promise<Findings>> = {
  plan: benchPlan,
  gateway: benchGateway,
}

const NAMES = [...Object.keys(BENCHES), ...Object.keys(SERVERLESS)]

/** What is wrong with the command; the program ends with 2. */
class UsageError extends Error {}

function readOptions(): Options {
  const { only, out, ...flags } = parse()
  if (only !== undefined && !NAMES.includes(only))
    throw new UsageError(`Expected \`--only\` to be one of ${NAMES.join(', ')}, got ${only}`)
  return {
    only: only ?? null,
    out: out ?? null,
    quick: flags.quick === true,
    profile: flags.profile === true,
    json: flags.json === true,
  }
}

function parse() {
  try {
    const flag = { type: 'boolean' } as const
    const name = { type: 'string' } as const
    return parseArgs({ options: { only: name, quick: flag, profile: flag, json: flag, out: name } }).values
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\n${USAGE}`)
  }
}

function server(): Server {
  const found = readServer(process.env['COUCHDB_URL'])
  if (typeof found === 'string') throw new UsageError(found)
  return found
}

/** Runs what was asked for. What was made on the server goes, also where a benchmark fails or is interrupted. */
async function run(options: Options, ground: Ground, interrupted: Promise<never>): Promise<void> {
  try {
    const { version } = await ground.couch.server()
    await Promise.race([measure(options, ground, { couchdb: version, quick: options.quick }), interrupted])
  } finally {
    ground.say('clearing away')
    await stopDaemons()
    await ground.clear()
    await ground.couch.close()
  }
}

async function measure(options: Options, ground: Ground, about: object): Promise<void> {
  buildDaemon()
  const findings: Findings = { rows: [], profiles: [] }
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (options.only !== null && options.only !== name) continue
    ground.say(name)
    add(findings, await bench(ground, options))
  }
  await measureServerless(options, findings)
  tell(options, findings, about)
}

async function measureServerless(options: Options, findings: Findings): Promise<void> {
  for (const [name, bench] of Object.entries(SERVERLESS)) {
    if (options.only !== null && options.only !== name) continue
    say(name)
    add(findings, await bench(options))
  }
}

function add(findings: Findings, { rows, profiles }: Findings): void {
  findings.rows.push(...rows)
  findings.profiles.push(...profiles)
}

function tell(options: Options, findings: Findings, about: object): void {
  process.stdout.write(options.json ? toJson(findings, about) : toTable(findings))
  if (options.out !== null) writeFileSync(options.out, toJson(findings, about))
}

const say = (line: string): void => void process.stderr.write(`· ${line}\n`)

const interruption = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`interrupted by ${signal}`)))
  })

try {
  const options = readOptions()
  if (options.only !== null && Object.hasOwn(SERVERLESS, options.only)) {
    const findings: Findings = { rows: [], profiles: [] }
    await measureServerless(options, findings)
    tell(options, findings, { quick: options.quick })
  } else await run(options, new Ground(server(), say), interruption())
  process.exit(0)
} catch (error) {
  const isUsage = error instanceof UsageError
  process.stderr.write(`${isUsage ? error.message : String((error as Error).stack ?? error)}\n`)
  process.exit(isUsage ? 2 : 1)
}
