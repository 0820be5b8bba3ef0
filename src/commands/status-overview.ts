// How everything stands: counted from the registry, the scheduler and the gateways, and asked of the daemon where it listens on this machine.
import { isFault } from '../couch/fault.ts'
import { Replicator, type ReplicationStatus } from '../couch/replicator.ts'
import { counted } from '../documents/counted.ts'
import type { ProvisionedUserState } from '../provisioning/provisioned-user.ts'
import { endsOfReplication } from '../provisioning/replication.ts'
import { PARTS } from '../engine/meter.ts'
import { parseDaemonStatus, type DaemonStatus } from '../ops/status.ts'
import { isOurs, type ShareState } from '../shares/model/entry.ts'
import type { SubscriptionState } from '../shares/model/subscription.ts'
import { scrub } from '../scrub.ts'
import { VERSION } from '../version.ts'
import { checkDuties } from './check-duties.ts'
import type { Connection } from './connection.ts'
import { SIGNS, type Finding } from './finding.ts'
import { statusOf, type GatewayStatus } from './gateway-status.ts'
import { opsUrl } from './ops-url.ts'
import { shown } from './shown.ts'

type Counts<State extends string> = Partial<Record<State, number>>

/** What `--json` prints. */
export interface Overview {
  /** Of this command. */
  version: string
  server: { url: string; version: string }
  /** Who works, as CouchDB has it. */
  worker: Finding
  /** Where the daemon of this machine was asked about itself; null: OPS_PORT names no port. */
  asked: string | null
  /** What it says; null where none answers. */
  daemon: DaemonStatus | null
  shares: Counts<ShareState>
  subscriptions: Counts<SubscriptionState>
  /** Of masters. */
  users: Counts<ProvisionedUserState>
  /** Shares, and users of masters, of which the registry says what keeps them from working. */
  troubled: { count: number; examples: Trouble[] }
  gateways: GatewayStatus[]
  replications: {
    count: number
    crashing: number
    failed: number
    examples: { id: string; reason: string }[]
  }
}

export interface Trouble {
  what: 'share' | 'user'
  name: string
  code: string
  reason: string
}

const MOST_EXAMPLES = 5
const ASK_MS = 3_000

/** @throws {CouchFault} */
export async function overview(connection: Connection): Promise<Overview> {
  const { couch, config, gateways, isEmbedded } = connection
  const { opsPort, opsHost } = config
  const asked = opsPort === null ? null : opsUrl({ port: String(opsPort), host: opsHost }, '/status')
  const found: Overview = {
    version: VERSION,
    server: { url: couch.url, version: (await couch.server()).version },
    worker: await checkDuties(connection),
    asked,
    daemon: asked === null ? null : await askDaemon(asked),
    ...{ shares: {}, subscriptions: {}, users: {} },
    ...{ troubled: { count: 0, examples: [] }, gateways: [] },
    replications: { count: 0, crashing: 0, failed: 0, examples: [] },
  }
  await unlessMissing(() => countEntries(connection, found))
  for (const gateway of gateways) found.gateways.push(await statusOf(couch, gateway))
  const replicator = new Replicator(couch, { hasScheduler: !isEmbedded, sleep: () => Promise.resolve() })
  await unlessMissing(async () => {
    for (const [id, status] of await replicator.statuses())
      if (isOwnReplication(connection, id)) countReplication(id, status, found)
  })
  return found
}

/** Before a daemon's first start there is nothing to count. @throws {CouchFault} */
async function unlessMissing(count: () => Promise<void>): Promise<void> {
  try {
    await count()
  } catch (error) {
    if (!isFault(error, 'not_found')) throw error
  }
}

/** Null where nobody answers, or somebody else. */
async function askDaemon(url: string): Promise<DaemonStatus | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ASK_MS), redirect: 'error' })
    return answer.ok ? parseDaemonStatus(await answer.json()) : null
  } catch {
    return null
  }
}

/** What is another template's is another daemon's. */
async function countEntries(
  { registry, provisionedUsers, users: ours }: Connection,
  found: Overview,
): Promise<void> {
  const { shares, subscriptions, users } = found
  for await (const page of registry.all())
    for (const [id, entry] of page) {
      if (!isOurs(entry, ours)) continue
      const { state, problem } = entry
      shares[state] = (shares[state] ?? 0) + 1
      if (problem && state !== 'ended') addTrouble(found, { what: 'share', name: id, ...problem })
    }
  for await (const page of registry.allSubscriptions())
    for (const { state, database } of page)
      if (ours.ownerOf(database) !== null) subscriptions[state] = (subscriptions[state] ?? 0) + 1
  for await (const page of provisionedUsers.all())
    for (const { state, name, problem } of page) {
      users[state] = (users[state] ?? 0) + 1
      if (problem) addTrouble(found, { what: 'user', name, ...problem })
    }
}

function addTrouble({ troubled }: Overview, { what, name, code, reason }: Trouble): void {
  troubled.count += 1
  if (troubled.examples.length < MOST_EXAMPLES) troubled.examples.push({ what, name, code, reason })
}

/** Others may keep documents in `_replicator`, too, and so may a daemon with another template. */
function isOwnReplication({ users, kinds }: Connection, id: string): boolean {
  const ends = endsOfReplication(id)
  if (ends === null) return false
  const isOfShare = [ends.source, ends.target].some((name) => users.ownerOfOutbox(name) !== null)
  return isOfShare || kinds.masters.some(({ database }) => database === ends.source)
}

function countReplication(id: string, status: ReplicationStatus, { replications }: Overview): void {
  replications.count += 1
  if (status.kind !== 'crashing' && status.kind !== 'failed') return
  replications[status.kind] += 1
  if (replications.examples.length < MOST_EXAMPLES)
    replications.examples.push({ id, reason: scrub(status.reason) })
}

/** Whether there is nothing that whoever runs it has to look after. What users did wrong is theirs to put right. */
export function isFine({ worker, daemon, gateways, replications }: Overview): boolean {
  const fails = Object.values(daemon?.parts ?? {}).some(({ failing }) => failing > 0)
  return (
    worker.level === 'ok' &&
    (daemon === null || (daemon.healthy && (daemon.ready || !daemon.atWork))) &&
    !fails &&
    replications.crashing + replications.failed === 0 &&
    gateways.every(({ evaluation, failed }) => evaluation.state === 'done' && failed.count === 0)
  )
}

export function overviewText(found: Overview): string {
  const { server, worker, shares, subscriptions, users, troubled, gateways, replications } = found
  const lines: [string, string][] = [
    ['server', `${server.url}, CouchDB ${server.version}`],
    ['worker', `${SIGNS[worker.level]} ${worker.text}`],
    ...daemonLines(found),
    ['shares', countsText(shares, 'none')],
    ['subscriptions', countsText(subscriptions, 'none')],
    ...(Object.keys(users).length > 0
      ? [['users of masters', countsText(users, '')] as [string, string]]
      : []),
    ...troubled.examples.map(({ what, name, code, reason }, at): [string, string] => [
      at === 0 ? 'told to users' : '',
      `${what} ${shown(name)}: ${code}, ${shown(reason)}`,
    ]),
    ...(troubled.count > MOST_EXAMPLES
      ? [['', `and ${troubled.count - MOST_EXAMPLES} more`] as [string, string]]
      : []),
    ['replications', replicationsText(replications)],
    ...replications.examples.map(({ id, reason }): [string, string] => [
      '',
      `✗ ${shown(id)}: ${shown(reason)}`,
    ]),
    ...gateways.map(({ database, evaluation: { state, documents, of }, failed }): [string, string] => [
      'gateway',
      `${shown(database)}: ${state}, ${documents} of ${counted(of, 'document')}${failed.count > 0 ? `, ✗ ${failed.count} in no channel` : ''}`,
    ]),
  ]
  return lines.map(([name, text]) => `${name.padEnd(18)}${text}\n`).join('')
}

function daemonLines({ asked, daemon }: Overview): [string, string][] {
  if (asked === null) return []
  if (daemon === null) return [['daemon', `· none answers at ${asked}`]]
  const { version, startedAt, ready, healthy, reason, parts } = daemon
  const state = !healthy ? '✗ not well' : ready ? '✓ ready' : '· not ready'
  const lines: [string, string][] = [
    [
      'daemon',
      `${state}${reason === undefined ? '' : `: ${shown(reason)}`}; version ${version}, since ${startedAt}`,
    ],
  ]
  for (const part of PARTS) {
    const standing = parts[part]
    if (standing === undefined) continue
    const { busy, failing, oldestChangeSeconds, failures } = standing
    const waits = oldestChangeSeconds > 0 ? `, the oldest change waits for ${oldestChangeSeconds} s` : ''
    lines.push([
      `  ${part}`,
      busy === 0 ? 'nothing to do' : `${counted(busy, 'lane')} with something to do${waits}`,
    ])
    for (const { key, since, tries, reason: why } of failures.slice(0, MOST_EXAMPLES))
      lines.push([
        '',
        `✗ ${shown(key)} fails since ${since}, ${counted(tries, 'try', 'tries')}: ${shown(why)}`,
      ])
    if (failing > MOST_EXAMPLES) lines.push(['', `✗ and ${failing - MOST_EXAMPLES} more fail`])
  }
  return lines
}

const replicationsText = ({ count, crashing, failed }: Overview['replications']): string =>
  `${count}${crashing > 0 ? `, ✗ ${crashing} crashing` : ''}${failed > 0 ? `, ✗ ${failed} given up` : ''}`

/** States with the most first. */
function countsText(counts: Readonly<Record<string, number>>, none: string): string {
  const entries = Object.entries(counts).sort(([, one], [, other]) => other - one)
  return entries.length === 0 ? none : entries.map(([state, count]) => `${count} ${state}`).join(', ')
}
