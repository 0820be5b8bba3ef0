// What provisioning costs: many users at first, one role change among them, and a replication by either kind of filter.
import { setTimeout as delay } from 'node:timers/promises'
import { compareFilters } from './master-filters.ts'
import type { BenchOptions } from './options.ts'
import { DaemonProcess } from './daemon.ts'
import { clock, inParallel, type Ground } from './ground.ts'
import { plainNames, provisionPlainly, readProvisioningSkeleton, type Skeleton } from './domains.ts'
import { Provisioned } from './provisioning-ground.ts'
import { toRow, type Findings, type Pair, type Row } from './report.ts'
import { changeRoles, type World } from './role-changes.ts'
import { serverCostOf } from './server-statistics.ts'
import type { StageProfile } from './stage-profile.ts'
import { median } from './statistics.ts'

const AGAINST = 'the plain requests that each user needs'

interface Sizes {
  users: number
  rounds: number
  roleChanges: number
  writers: number
  documents: number
  filterRounds: number
  /** After the last write of a daemon, until what it has to write down is written. */
  quietMs: number
}

const FULL: Sizes = {
  users: 1_000,
  rounds: 3,
  roleChanges: 10,
  writers: 20,
  documents: 10_000,
  filterRounds: 5,
  quietMs: 3_000,
}
const QUICK: Sizes = {
  users: 30,
  rounds: 1,
  roleChanges: 1,
  writers: 3,
  documents: 500,
  filterRounds: 1,
  quietMs: 1_000,
}

/** What a user costs where nothing but the plain requests is done, and what it may cost the daemon. */
const GOAL_REQUESTS = 12

export async function benchProvisioning(
  ground: Ground,
  { quick, profile, size }: BenchOptions,
): Promise<Findings> {
  const given = quick ? QUICK : FULL
  const sizes = { ...given, users: size ?? given.users }
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
    const requests: Pair[] = []
    for (let round = 0; round < sizes.rounds; round += 1) {
      ground.say(`provisioning: ${sizes.users} users, round ${round + 1} of ${sizes.rounds}`)
      await daemon?.stop()
      await provisioned.clear()
      const isLast = round === sizes.rounds - 1
      const run = await provisionAll(ground, provisioned, skeleton, { round, profile, ...sizes })
      daemon = run.daemon
      pairs.push(run.pair)
      requests.push(run.requests)
      if (run.profile && isLast) findings.profiles.push(run.profile)
    }
    const many = sizes.users.toLocaleString('en')
    findings.rows.push(
      toRow(`${many} users provisioned`, 'ms', AGAINST, pairs, { median: 1.3 }),
      toRow(`${many} users provisioned: requests a user`, '', AGAINST, requests, {
        median: GOAL_REQUESTS / median(requests.map(({ baseline }) => baseline)),
      }),
    )
    if (daemon === null) return findings
    await delay(sizes.quietMs)
    const world = { ground, provisioned, skeleton, daemon, quietMs: sizes.quietMs }
    const changes = await changeRoles(world, { ...sizes, profile })
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

interface Run {
  /** It goes on running. */
  daemon: DaemonProcess
  pair: Pair
  /** A user. */
  requests: Pair
  profile: StageProfile | null
}

/** Both in turn; who is first changes from round to round. */
async function provisionAll(
  ground: Ground,
  provisioned: Provisioned,
  skeleton: Skeleton,
  { round, users, profile }: { round: number; users: number; profile: boolean },
): Promise<Run> {
  const names = plainNames(ground, users)
  const baseline = async (): Promise<{ ms: number; requests: number }> => {
    const own = ground.couch.requests
    const ms = await clock(() => provisionPlainly(ground, names, skeleton))
    const requests = ground.couch.requests - own
    await inParallel(names, (name) => ground.couch.database(name).drop())
    return { ms, requests }
  }
  const first = round % 2 === 1 ? await baseline() : null
  await provisioned.signUp(round, users)
  let daemon: DaemonProcess | null = null
  const subject = await serverCostOf(ground, () =>
    clock(async () => {
      daemon = await DaemonProcess.start(ground, { profile, env: provisioned.env })
      await provisioned.allReady(users)
    }),
  )
  const started = daemon as DaemonProcess | null
  if (started === null) throw new Error('Expected a daemon to run')
  const name = `${users} users provisioned`
  const profiled = profile ? { name, ...(await started.profile(ground)) } : null
  const plain = first ?? (await baseline())
  return {
    daemon: started,
    profile: profiled,
    pair: { subject: subject.ms, baseline: plain.ms },
    requests: { subject: subject.requests / users, baseline: plain.requests / users },
  }
}

/** Some write; the others' databases rest. */
async function countJobs({ ground, provisioned, quietMs }: World, { users, writers }: Sizes): Promise<Row> {
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
    { pollMs: 250 },
  )
  let jobs = -1
  await ground.until(
    'no more replications are started',
    async () => {
      const before = jobs
      jobs = (await provisioned.jobs()).length
      return jobs === before
    },
    { pollMs: 2 * quietMs },
  )
  return toRow(`${writers} of ${users.toLocaleString('en')} write: replications`, '', 'one for each user', [
    { subject: jobs, baseline: users },
  ])
}
