// How long it takes until all documents of a gateway go where a changed sync function says, against a replication of them.
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Database } from '../../src/couch/database.ts'
import { PROVISIONING, routesDatabase } from '../../src/documents/names.ts'
import { EVALUATION_ID, GATEWAY_USER_RANGE } from '../../src/gateways/model.ts'
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import { clock, todo, type Ground } from './ground.ts'
import { signUp } from './participants.ts'
import { toRow, type Findings, type Pair } from './report.ts'

const SKELETON = fileURLToPath(new URL('../../skeleton', import.meta.url))
const DOCUMENTS_A_USER = 100
const PATIENCE_MS = 3_600_000

/** Each version puts each document into another channel more, which nobody has: all routes change, and nobody's documents. */
const syncFunction = (version: number): string => `function (doc, oldDoc) {
  requireUser(oldDoc ? oldDoc.owner : doc.owner)
  if (doc._deleted) return
  channel('of:' + doc.owner, 'version:${version}')
  access(doc.owner, 'of:' + doc.owner)
}
`

export async function benchGatewayChange(
  ground: Ground,
  { quick, profile, size }: BenchOptions,
): Promise<Findings> {
  const documents = size ?? (quick ? 400 : 100_000)
  const users = Math.max(1, Math.ceil(documents / DOCUMENTS_A_USER))
  const rounds = quick ? 1 : 3
  const folder = await mkdtemp(join(tmpdir(), 'couch-shares-bench-'))
  const gateway = ground.couch.database(`${ground.prefix.slice(0, -1)}-gateway`)
  const world = { ground, gateway, folder, profile }
  try {
    await cp(SKELETON, folder, { recursive: true })
    await mkdir(join(folder, 'gateway', gateway.name), { recursive: true })
    await fill(ground, gateway, documents, users)
    await (await evaluate(world, 0)).daemon.stop()
    const name = `a changed function over ${documents.toLocaleString('en')} documents of ${users.toLocaleString('en')} users`
    const findings: Findings = { rows: [], profiles: [] }
    const pairs: Pair[] = []
    for (let round = 1; round <= rounds; round += 1) {
      ground.say(`gateway-change: round ${round} of ${rounds}`)
      const target = ground.plain(`evaluated/${round}`)
      await target.create(1)
      const baseline = (): Promise<number> => clock(() => ground.replicateOnce(gateway, target))
      const first = round % 2 === 0 ? await baseline() : null
      const { daemon, ms } = await evaluate(world, round)
      if (profile && round === rounds) findings.profiles.push({ name, ...(await daemon.profile(ground)) })
      await daemon.stop()
      pairs.push({ subject: ms, baseline: first ?? (await baseline()) })
    }
    findings.rows.push(toRow(name, 'ms', 'one-shot _replicate of them', pairs, { median: 2 }))
    return findings
  } finally {
    await rm(folder, { recursive: true, force: true })
    await forget(ground, gateway.name)
  }
}

async function fill(ground: Ground, gateway: Database, documents: number, users: number): Promise<void> {
  ground.say(`gateway-change: ${documents} documents of ${users} users`)
  const names = Array.from({ length: users }, (_, at) => `routed${at}`)
  const people = await signUp(ground, names)
  await gateway.create()
  await ground.putAll(
    gateway,
    Array.from({ length: documents }, (_, at) =>
      todo(String(at).padStart(6, '0'), { owner: people[at % users]?.name ?? '' }),
    ),
  )
}

interface World {
  ground: Ground
  gateway: Database
  folder: string
  profile: boolean
}

/** From the start of a daemon that finds another function until all documents, and all users' databases, go by it. */
async function evaluate(
  { ground, gateway, folder, profile }: World,
  version: number,
): Promise<{ daemon: DaemonProcess; ms: number }> {
  const file = join(folder, 'gateway', gateway.name, 'sync.js')
  await writeFile(file, syncFunction(version))
  const routes = ground.couch.database(routesDatabase(gateway.name))
  const before = await routes.get(EVALUATION_ID).catch(() => null)
  const guards = await guardsOf(routes)
  const begun = performance.now()
  const daemon = await DaemonProcess.start(ground, { profile, env: { SKELETON: folder } })
  const isDone = async (): Promise<boolean> => {
    const evaluation = await routes.get(EVALUATION_ID)
    return evaluation?.['state'] === 'done' && evaluation['hash'] !== before?.['hash']
  }
  await ground.until('all documents are evaluated', isDone, { pollMs: 50, patienceMs: PATIENCE_MS })
  const isGuarded = async (): Promise<boolean> =>
    (await guardsOf(routes)).every((guard) => !guards.includes(guard))
  const looking = { pollMs: 500, patienceMs: PATIENCE_MS }
  await ground.until('all users’ databases have the function', isGuarded, looking)
  return { daemon, ms: performance.now() - begun }
}

/** Which functions the users' databases were given. */
async function guardsOf(routes: Database): Promise<unknown[]> {
  const rows = await routes.range({ ...GATEWAY_USER_RANGE, includeDocs: true }).catch(() => [])
  return [...new Set(rows.map(({ doc }) => doc?.['function']))]
}

/** What provisioning remembers of a gateway's users. */
async function forget({ couch }: Ground, gateway: string): Promise<void> {
  const memory = couch.database(PROVISIONING)
  const rows = await memory.range({}).catch(() => [])
  await memory.bulk(
    rows
      .filter(({ id }) => id.includes(gateway))
      .map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })),
  )
}
