// What it costs that one of many users is given a role, or loses it, against a replication of what it is about.
import { setTimeout as delay } from 'node:timers/promises'
import { filterOf } from '../../src/provisioning/filter.ts'
import type { ProvisionedUser } from '../../src/provisioning/provisioned-user.ts'
import { Arrivals } from './arrivals.ts'
import type { DaemonProcess } from './daemon.ts'
import { clock, type Ground } from './ground.ts'
import { documentsOf, DOMAINS, howOf, roleOf, type Skeleton } from './domains.ts'
import type { Provisioned } from './provisioning-ground.ts'
import { toRow, type Findings, type Row } from './report.ts'
import { serverCostOf, type ServerCost } from './server-statistics.ts'
import type { StageProfile } from './stage-profile.ts'

export interface World {
  ground: Ground
  provisioned: Provisioned
  skeleton: Skeleton
  daemon: DaemonProcess
  /** After the last write of a daemon, until what it has to write down is written. */
  quietMs: number
}

type Change = 'gained' | 'lost'

/** One user after the other is given a second domain, and then loses it. */
export async function changeRoles(
  world: World,
  { roleChanges, users, profile }: { roleChanges: number; users: number; profile: boolean },
): Promise<Findings> {
  const { ground, provisioned, daemon } = world
  const measured: Record<Change, { subject: ServerCost; baseline: ServerCost }[]> = { gained: [], lost: [] }
  const profiles: StageProfile[] = []
  const entries = (await provisioned.entries()).slice(0, roleChanges)
  ground.say(`provisioning: ${roleChanges} role changes among ${users} users`)
  const own = entries.map((entry) => domainOf(entry))
  for (const change of ['gained', 'lost'] as const) {
    if (profile) await daemon.profile(ground)
    for (const [at, entry] of entries.entries()) {
      const subject = (): Promise<ServerCost> => changeRole(world, entry, own[at] ?? 0, change)
      const baseline = (): Promise<ServerCost> =>
        replicateDomain(world, `${change}-${at}`, otherThan(own[at] ?? 0))
      const first = at % 2 === 1 ? await baseline() : null
      const cost = await subject()
      measured[change].push({ subject: cost, baseline: first ?? (await baseline()) })
    }
    if (profile)
      profiles.push({
        name: `${roleChanges} times a role ${change}, replications of the baseline left out`,
        ...(await daemon.profile(ground)),
      })
  }
  const row = (change: Change, what: string, unit: string, key: keyof ServerCost): Row =>
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
  { ground, provisioned, quietMs }: World,
  { name, database }: ProvisionedUser,
  own: number,
  change: Change,
): Promise<ServerCost> {
  const other = otherThan(own)
  const personal = ground.couch.database(database ?? '')
  const ids = documentsOf(other).map(({ _id }) => _id)
  const arrivals = await Arrivals.open(ground.couch, personal)
  try {
    return await serverCostOf(ground, async () => {
      const all = Promise.all(ids.map((id) => arrivals.next(id)))
      await provisioned.setRoles(name, change === 'gained' ? [own, other] : [own])
      const begun = performance.now()
      const last = Math.max(...(await all))
      await assertThere(ground, personal.name, ids, change === 'gained')
      await delay(quietMs)
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
  { ground, provisioned, skeleton, quietMs }: World,
  name: string,
  domain: number,
): Promise<ServerCost> {
  const target = ground.plain(`target-${name}`)
  await target.create(1)
  const filter = filterOf(skeleton.access, { name, roles: [roleOf(domain)] })
  const cost = await serverCostOf(ground, async () => {
    const took = await clock(() => ground.replicateOnce(provisioned.master, target, howOf(filter)))
    await delay(quietMs)
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
