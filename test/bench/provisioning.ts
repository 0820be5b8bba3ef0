// What provisioning costs: many users at first, one role change among them, and a replication by either kind of filter.
import { setTimeout as delay } from 'node:timers/promises'
import type { ProvisionedUser } from '../../src/provisioning/provisioned-user.ts'
import type { MasterFilter } from '../../src/provisioning/replication.ts'
import { filterOf } from '../../src/provisioning/filter.ts'
import { Arrivals } from './arrivals.ts'
import { DaemonProcess } from './daemon.ts'
import { inParallel, type Ground } from './ground.ts'
import {
  documentsOf,
  DOMAINS,
  plainNames,
  Provisioned,
  provisionPlainly,
  readProvisioningSkeleton,
  replicateOnce,
  roleOf,
  type Skeleton,
} from './provisioning-ground.ts'
import { toRow, type Findings, type Pair, type Profile, type Row } from './report.ts'

interface Sizes {
  users: number
  rounds: number
  roleChanges: number
  writers: number
  documents: number
  filterRounds: number
}

const FULL: Sizes = {
  users: 1_000,
  rounds: 3,
  roleChanges: 10,
  writers: 20,
  documents: 10_000,
  filterRounds: 5,
}
const QUICK: Sizes = { users: 100, rounds: 1, roleChanges: 4, writers: 5, documents: 1_000, filterRounds: 3 }

/** After the last write of a daemon: what it has to write down is written. */
const QUIET_MS = 3_000

interface Options {
  quick: boolean
  profile: boolean
}

export async function benchProvisioning(ground: Ground, { quick, profile }: Options): Promise<Findings> {
  const sizes = quick ? QUICK : FULL
  const skeleton = await readProvisioningSkeleton()
  const provisioned = new Provisioned(ground)
  const findings: Findings = { rows: [], profiles: [] }
  // Without users: from here on, nothing is installed any more.
  await provisioned.assertAlone()
  await provisioned.fillMaster()
  await (await DaemonProcess.start(ground, { env: provisioned.env })).stop()
  let daemon: DaemonProcess | null = null
  try {
    const pairs: Pair[] = []
    for (let round = 0; round < sizes.rounds; round += 1) {
      ground.say(`provisioning: ${sizes.users} users, round ${round + 1} of ${sizes.rounds}`)
      await daemon?.stop()
      await provisioned.clear()
      const run = await provisionAll(ground, provisioned, skeleton, { round, profile, ...sizes })
      daemon = run.daemon
      pairs.push(run.pair)
      if (profile && round === sizes.rounds - 1)
        findings.profiles.push({
          name: `${sizes.users} users provisioned (daemon's CPU ${run.cpuPercent}%)`,
          endpoints: await daemon.endpoints(ground),
        })
    }
    const many = sizes.users.toLocaleString('en')
    findings.rows.push(
      toRow(`${many} users provisioned`, 'ms', 'the plain requests that each user needs', pairs),
    )
    if (daemon === null) return findings
    await quiet()
    const world = { ground, provisioned, skeleton, daemon }
    const changes = await changeRoles(world, sizes, profile)
    findings.rows.push(...changes.rows)
    findings.profiles.push(...changes.profiles)
    findings.rows.push(await countJobs(world, sizes))
  } finally {
    await daemon?.stop()
    await provisioned.clear()
    await provisioned.forgetMaster()
  }
  findings.rows.push(await compareFilters(ground, skeleton, sizes))
  return findings
}

const quiet = (): Promise<void> => delay(QUIET_MS)

async function clock(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await work()
  return performance.now() - begun
}

/** Both in turn; who is first changes from round to round. The daemon goes on running. */
async function provisionAll(
  ground: Ground,
  provisioned: Provisioned,
  skeleton: Skeleton,
  { round, users, profile }: { round: number; users: number; profile: boolean },
): Promise<{ daemon: DaemonProcess; pair: Pair; cpuPercent: number }> {
  const names = plainNames(ground, users)
  const baseline = async (): Promise<number> => {
    const took = await clock(() => provisionPlainly(ground, names, skeleton))
    await inParallel(names, (name) => ground.couch.database(name).drop())
    return took
  }
  const first = round % 2 === 1 ? await baseline() : null
  await provisioned.signUp(round, users)
  const begun = performance.now()
  const daemon = await DaemonProcess.start(ground, { profile, env: provisioned.env })
  await provisioned.allReady(users)
  const subject = performance.now() - begun
  const cpuPercent = Math.round((daemon.cpuMs() / subject) * 100)
  return { daemon, pair: { subject, baseline: first ?? (await baseline()) }, cpuPercent }
}

interface World {
  ground: Ground
  provisioned: Provisioned
  skeleton: Skeleton
  daemon: DaemonProcess
}

/** What a piece of work costs the server. */
interface Cost {
  ms: number
  requests: number
  writes: number
}

type Change = 'gained' | 'lost'

/** One user after the other is given a second domain, and then loses it. */
async function changeRoles(
  world: World,
  { roleChanges, users }: Sizes,
  profile: boolean,
): Promise<{ rows: Row[]; profiles: Profile[] }> {
  const { ground, provisioned, daemon } = world
  const measured: Record<Change, { subject: Cost; baseline: Cost }[]> = { gained: [], lost: [] }
  const profiles: Profile[] = []
  const entries = (await provisioned.entries()).slice(0, roleChanges)
  ground.say(`provisioning: ${roleChanges} role changes among ${users} users`)
  const own = entries.map((entry) => domainOf(entry))
  for (const change of ['gained', 'lost'] as const) {
    if (profile) await daemon.endpoints(ground)
    for (const [at, entry] of entries.entries()) {
      const subject = (): Promise<Cost> => changeRole(world, entry, own[at] ?? 0, change)
      const baseline = (): Promise<Cost> => replicateDomain(world, `${change}-${at}`, otherThan(own[at] ?? 0))
      const first = at % 2 === 1 ? await baseline() : null
      const cost = await subject()
      measured[change].push({ subject: cost, baseline: first ?? (await baseline()) })
    }
    if (profile)
      profiles.push({
        name: `${roleChanges} times a role ${change}, replications of the baseline left out`,
        endpoints: await daemon.endpoints(ground),
      })
  }
  const row = (change: Change, what: string, unit: string, key: keyof Cost): Row =>
    toRow(
      `a role ${change} by one of ${users.toLocaleString('en')}${what}`,
      unit,
      'one-shot _replicate by selector, into an empty database',
      measured[change].map(({ subject, baseline }) => ({ subject: subject[key], baseline: baseline[key] })),
    )
  const rows = (['gained', 'lost'] as const).flatMap((change) => [
    row(change, '', 'ms', 'ms'),
    row(change, ': requests', '', 'requests'),
    row(change, ': documents written', '', 'writes'),
  ])
  return { rows, profiles }
}

const otherThan = (domain: number): number => (domain + DOMAINS / 2) % DOMAINS

const domainOf = ({ roles }: ProvisionedUser): number => Number(/:d(\d+)\./.exec(roles[0] ?? '')?.[1])

/** From the write being acknowledged until the last of the domain's documents has come, or gone. */
async function changeRole(
  { ground, provisioned }: World,
  { name, database }: ProvisionedUser,
  own: number,
  change: Change,
): Promise<Cost> {
  const other = otherThan(own)
  const personal = ground.couch.database(database ?? '')
  const ids = documentsOf(other).map(({ _id }) => _id)
  const arrivals = await Arrivals.open(ground.couch, personal)
  try {
    return await costOf(ground, async () => {
      const all = Promise.all(ids.map((id) => arrivals.next(id)))
      await provisioned.setRoles(name, change === 'gained' ? [own, other] : [own])
      const begun = performance.now()
      const last = Math.max(...(await all))
      await assertThere(ground, personal.name, ids, change === 'gained')
      await quiet()
      return last - begun
    })
  } finally {
    arrivals.close()
  }
}

async function assertThere(
  ground: Ground,
  database: string,
  ids: string[],
  isExpected: boolean,
): Promise<void> {
  const rows = await ground.couch.database(database).fetch(ids)
  if (rows.some(({ doc }) => (doc !== null) !== isExpected))
    throw new Error(`Expected all of ${ids.length} documents to be ${isExpected ? 'there' : 'gone'}`)
}

/** The same documents, by what CouchDB has for it: of a whole master into an empty database. */
async function replicateDomain(
  { ground, provisioned, skeleton }: World,
  name: string,
  domain: number,
): Promise<Cost> {
  const target = ground.plain(`target-${name}`)
  await target.create(1)
  const filter = filterOf(skeleton.access, { name, roles: [roleOf(domain)] })
  const cost = await costOf(ground, async () => {
    const took = await clock(() => replicateOnce(ground, provisioned.master, target, filter))
    await quiet()
    return took
  })
  await assertThere(
    ground,
    target.name,
    documentsOf(domain).map(({ _id }) => _id),
    true,
  )
  await target.drop()
  return cost
}

/** By the server's own statistics, without the benchmark's requests. */
async function costOf(ground: Ground, work: () => Promise<number>): Promise<Cost> {
  const before = await statistics(ground)
  const own = ground.couch.requests
  const ms = await work()
  const mine = ground.couch.requests - own
  const after = await statistics(ground)
  return {
    ms,
    // The first question counts itself.
    requests: after.requests - before.requests - mine - 1,
    writes: after.writes - before.writes,
  }
}

/** https://docs.couchdb.org/en/stable/api/server/common.html#node-node-name-stats */
async function statistics({ couch }: Ground): Promise<{ requests: number; writes: number }> {
  const stats = await couch.request<{
    httpd: { requests: { value: number } }
    document_writes: { value: number }
  }>({ path: ['_node', '_local', '_stats', 'couchdb'] })
  return { requests: stats.httpd.requests.value, writes: stats.document_writes.value }
}

/** Some write; the others' databases rest. */
async function countJobs({ ground, provisioned }: World, { users, writers }: Sizes): Promise<Row> {
  ground.say(`provisioning: ${writers} of ${users} users write`)
  const before = (await provisioned.jobs()).length
  if (before !== 0) throw new Error(`Expected no replication before anybody writes, found ${before}`)
  const entries = (await provisioned.entries()).slice(-writers)
  for (const { name, database } of entries) {
    const personal = ground.couch.database(database ?? '')
    const [row] = await personal.range({
      startKey: 'number:',
      endKey: 'number;',
      limit: 1,
      includeDocs: true,
    })
    if (row?.doc) await ground.put(personal, { ...row.doc, updated_by: name, notes: 'changed by its user' })
  }
  await ground.until(
    'everybody who writes has a replication',
    async () => (await provisioned.jobs()).length >= writers,
    250,
  )
  let jobs = -1
  await ground.until(
    'no more replications are started',
    async () => {
      const before = jobs
      jobs = (await provisioned.jobs()).length
      return jobs === before
    },
    2 * QUIET_MS,
  )
  return toRow(`${writers} of ${users.toLocaleString('en')} write: replications`, '', 'one for each user', [
    { subject: jobs, baseline: users },
  ])
}

/** What decides which of the two the leases use. */
async function compareFilters(
  ground: Ground,
  { access, master }: Skeleton,
  { documents, filterRounds }: Sizes,
): Promise<Row> {
  ground.say(`provisioning: ${documents} documents by function and by selector`)
  const source = ground.plain('filtered')
  await source.create()
  await source.bulk([...master])
  const each = documents / DOMAINS
  for (let domain = 0; domain < DOMAINS; domain += 1) await ground.putAll(source, documentsOf(domain, each))
  const name = 'joe'
  const roles = [roleOf(7)]
  const selector = filterOf(access, { name, roles })
  if (selector.kind !== 'selector') throw new Error('Expected the skeleton to have a selector')
  const byFunction: MasterFilter = { kind: 'function', filter: `${access.design}/from`, roles, name }
  let runs = 0
  const run = async (filter: MasterFilter): Promise<number> => {
    const target = ground.plain(`filtered-${(runs += 1)}`)
    await target.create(1)
    const took = await clock(() => replicateOnce(ground, source, target, filter))
    const { doc_count: count = 0 } = (await target.info()) ?? {}
    if (count !== each) throw new Error(`Expected ${each} documents, got ${count}`)
    await target.drop()
    return took
  }
  const pairs: Pair[] = []
  await run(byFunction)
  await run(selector)
  for (let round = 0; round < filterRounds; round += 1) {
    const first = round % 2 === 1 ? await run(selector) : null
    const subject = await run(byFunction)
    pairs.push({ subject, baseline: first ?? (await run(selector)) })
  }
  const many = documents.toLocaleString('en')
  return toRow(`a master of ${many} replicated by its function`, 'ms', 'the same by its selector', pairs)
}
