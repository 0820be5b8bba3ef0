// `npm run bench`: the daemon against what CouchDB does by itself, on the server in COUCHDB_URL.
import { readFileSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import isEqual from 'lodash/isEqual.js'
import pick from 'lodash/pick.js'
import { BENCHES, isChosen, NAMES, SERVERLESS } from './benches.ts'
import { toSvg } from './chart.ts'
import { buildDaemon, stopDaemons } from './daemon.ts'
import { Ground } from './ground.ts'
import { readOptions, UsageError, type Options } from './options.ts'
import { toJson, type Findings } from './report.ts'
import { readServer, type Server } from './server.ts'
import { toTable } from './table.ts'

/** What the figures were measured on. */
interface About {
  quick: boolean
  node: string
  cores: number
  couchdb?: string
}

const MACHINE = ['couchdb', 'node', 'cores'] as const

const say = (line: string): void => void process.stderr.write(`· ${line}\n`)

function server(): Server {
  const found = readServer(process.env['COUCHDB_URL'])
  if (typeof found === 'string') throw new UsageError(found)
  return found
}

async function run(options: Options): Promise<void> {
  if (options.from.length > 0) return tellEarlier(options)
  const findings: Findings = { rows: [], profiles: [] }
  const about: About = { quick: options.quick, node: process.version, cores: cpus().length }
  const chosen = Object.entries(BENCHES).filter(([name]) => isChosen(name, options.only))
  const interrupted = interruption()
  if (chosen.length > 0) buildDaemon()
  for (const [name, bench] of chosen) {
    say(name)
    const ground = new Ground(server(), say)
    add(findings, await onGround(ground, Promise.race([measure(ground), interrupted])))
    async function measure(ground: Ground): Promise<Findings> {
      about.couchdb ??= (await ground.couch.server()).version
      return bench(ground, options)
    }
  }
  for (const [name, bench] of Object.entries(SERVERLESS)) {
    if (!isChosen(name, options.only)) continue
    say(name)
    add(findings, await bench(options))
  }
  tell(options, findings, about)
}

/** What several runs found, as if it had been one: what they were measured on is said of the first. */
function tellEarlier(options: Options): void {
  const runs = options.from.map((file) => JSON.parse(readFileSync(file, 'utf8')) as About & Findings)
  const [first, ...others] = runs
  if (!first) return
  const isAlike = (one: About): boolean => isEqual(pick(one, MACHINE), pick(first, MACHINE))
  if (!others.every(isAlike))
    throw new UsageError('Expected runs with one CouchDB, Node.js and number of cores')
  const findings: Findings = { rows: [], profiles: [] }
  for (const one of runs) add(findings, one)
  tell(options, findings, pick(first, ['quick', ...MACHINE]))
}

/** What was made on the server goes, also where a benchmark fails or is interrupted. */
async function onGround(ground: Ground, measured: Promise<Findings>): Promise<Findings> {
  try {
    return await measured
  } finally {
    await stopDaemons()
    await ground.clear()
    await ground.couch.close()
  }
}

function add(findings: Findings, { rows, profiles }: Findings): void {
  findings.rows.push(...rows)
  findings.profiles.push(...profiles)
}

function tell({ json, out, svg }: Options, findings: Findings, about: About): void {
  process.stdout.write(json ? toJson(findings, about) : toTable(findings))
  if (out !== null) writeFileSync(out, toJson(findings, about))
  if (svg !== null) writeFileSync(svg, toSvg(findings.rows, { title: TITLE, note: noteOn(about) }))
}

const TITLE = 'couch-shares: time and cost as a ratio to CouchDB’s own'

const noteOn = ({ quick, couchdb, node, cores }: About): string =>
  [
    ...(couchdb === undefined ? [] : [`CouchDB ${couchdb}`]),
    ...[`Node.js ${node}`, `${cores} cores`],
    ...(quick ? ['small sizes (--quick)'] : []),
    'medians; thin line: quartiles; mark: goal',
  ].join(' · ')

const interruption = (): Promise<never> =>
  new Promise((_resolve, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.once(signal, () => reject(new Error(`interrupted by ${signal}`)))
  })

try {
  await run(readOptions(process.argv.slice(2), NAMES))
  process.exit(0)
} catch (error) {
  const isUsage = error instanceof UsageError
  process.stderr.write(`${isUsage ? error.message : String((error as Error).stack ?? error)}\n`)
  process.exit(isUsage ? 2 : 1)
}
