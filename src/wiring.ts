// The parts of the daemon, and which of them is given which others.
import type PQueue from 'p-queue'
import type { Aside, Couch } from './couch/client.ts'
import { Replicator } from './couch/replicator.ts'
import type { Checkpoints } from './engine/checkpoints.ts'
import type { Controller } from './engine/controller.ts'
import { Gateways } from './gateways/all.ts'
import type { HostCalls } from './engine/host.ts'
import type { Pulse } from './engine/pulse.ts'
import { ownershipOf } from './ownership.ts'
import { Provisioning } from './provisioning/controller.ts'
import { Shares, type SharesOptions } from './shares/controller.ts'
import { Upkeep, type UpkeepOptions } from './skeletons/controller.ts'
import type { Gateway } from './gateways/gateway.ts'
import type { Logger } from './log.ts'
import type { Kinds } from './skeletons/kinds.ts'
import type { AccountIndex } from './users/account-index.ts'
import { Allowance } from './shares/rate-limit.ts'
import type { Births } from './skeletons/births.ts'
import { Ceilings } from './shares/ceilings.ts'
import type { Deps } from './shares/deps.ts'
import { Gates } from './shares/gates.ts'
import { Histories } from './engine/histories.ts'
import { ShareLeases } from './shares/leases.ts'
import type { OwnWrites } from './engine/own-writes.ts'
import type { People } from './provisioning/people.ts'
import { personSettings } from './provisioning/perform-person.ts'
import { PersonalLeases } from './provisioning/leases.ts'
import type { Registry } from './shares/registry.ts'
import { Removals } from './mirror/removals.ts'
import type { Skeletons } from './skeletons/wanted.ts'
import type { Warmer } from './skeletons/index-warmer.ts'
import type { DaemonConfig } from './config/config.ts'

/** Guesses at a password a minute, by one user at one share. */
const MOST_TRIES = 5

/** What the daemon has made of its settings, and what is known of the server. */
export interface Parts {
  config: DaemonConfig
  log: Logger
  isEmbedded: boolean
  couch: Couch
  accounts: AccountIndex
  registry: Registry
  people: People
  births: Births
  kinds: Kinds
  skeletons: Skeletons
  warmer: Warmer
  checkpoints: Checkpoints
  ownWrites: OwnWrites
  /** Of all lanes. */
  queue: PQueue
  /** Of all lanes. */
  pulse: Pulse
  /** What turns do that wait for long. */
  aside: Aside
  signal: AbortSignal
  sleep: (ms: number) => Promise<void>
  now: () => number
}

export interface WiringOptions {
  gateways: readonly Gateway[]
  calls: HostCalls
  onRenewed: SharesOptions['onRenewed']
}

/** All parts of the daemon, in the order in which they sweep. Of an update, the last of them hears first. */
export function wireControllers(
  parts: Parts,
  { gateways, calls, onRenewed }: WiringOptions,
): readonly Controller[] {
  const { kinds } = parts
  const shares = wireShares(parts, calls, onRenewed, {
    onVisited: (db, visited) => upkeep.onVisited(db, visited),
    hear: (owner, docs) => provisioning?.hear(owner, docs) ?? Promise.resolve(),
  })
  const upkeep = wireUpkeep(parts, {
    markOwner: (owner, work) => shares.mark(owner, work),
    onIdle: calls.onIdle,
    onFailure: (_db, error) => calls.onFault(error),
  })
  const provisioning = kinds.masters.length > 0 ? wireProvisioning(parts, shares.deps, calls) : null
  const routed = gateways.length > 0 ? wireGateways(parts, gateways, calls) : null
  return [shares, upkeep, ...(provisioning ? [provisioning] : []), ...(routed ? [routed] : [])]
}

function wireShares(
  parts: Parts,
  calls: HostCalls,
  onRenewed: SharesOptions['onRenewed'],
  others: Pick<Deps, 'onVisited' | 'hear'>,
): Shares {
  const { config } = parts
  return new Shares({
    ...parts,
    ...calls,
    onRenewed,
    depsOf: (own) => wireDeps(parts, { ...own, ...others }),
    concurrency: config.concurrency,
    outboxAlways: config.outbox === 'always',
    sweepIntervalMs: config.sweepIntervalMs,
    checkIntervalMs: config.replicationCheckIntervalMs,
  })
}

/** What a turn of an owner works with. */
function wireDeps(
  parts: Parts,
  more: Pick<Deps, 'rotations' | 'mark' | 'isUrgent' | 'onVisited' | 'hear'>,
): Deps {
  const { config, couch, now, isEmbedded } = parts
  const replicator = new Replicator(couch, { hasScheduler: !isEmbedded, sleep: parts.sleep })
  const leases = new ShareLeases({
    ...leasing(parts),
    replicator,
    users: config.userDatabases,
  })
  return {
    ...more,
    ...{ couch, replicator, leases, now },
    users: config.userDatabases,
    accounts: parts.accounts,
    registry: parts.registry,
    births: parts.births,
    kinds: parts.kinds,
    warmer: parts.warmer,
    checkpoints: parts.checkpoints,
    ownWrites: parts.ownWrites,
    gates: new Gates(parts.aside),
    ceilings: new Ceilings(),
    histories: new Histories(parts.log, { isEmbedded }),
    allowance: new Allowance({ most: config.publicLimits.mostChanges, now }),
    tries: new Allowance({ most: MOST_TRIES, now }),
    limits: config.publicLimits,
    updatedAt: config.updatedAt,
    canPurge: !isEmbedded,
    graceMs: config.deletionGraceMs,
    log: parts.log,
  }
}

function wireUpkeep(parts: Parts, more: Pick<UpkeepOptions, 'markOwner' | 'onFailure' | 'onIdle'>): Upkeep {
  const { config, isEmbedded } = parts
  return new Upkeep({
    ...parts,
    ...more,
    users: config.userDatabases,
    ownership: ownershipOf({ ...parts, users: config.userDatabases }),
    // PouchDB's indexes belong to one design document.
    isWarming: config.skeletonWarm && !isEmbedded,
    concurrency: config.concurrency,
  })
}

function wireProvisioning(parts: Parts, deps: Deps, calls: HostCalls): Provisioning {
  const { config, couch, ownWrites } = parts
  return new Provisioning({
    ...deps,
    ...calls,
    ...personSettings(config),
    people: parts.people,
    skeletons: parts.skeletons,
    leases: new PersonalLeases({ ...leasing(parts), replicator: deps.replicator }),
    removals: new Removals({ couch, ownWrites, canPurge: deps.canPurge }),
    queue: parts.queue,
    pulse: parts.pulse,
    concurrency: config.concurrency,
    checkIntervalMs: config.replicationCheckIntervalMs,
    signal: parts.signal,
    sleep: parts.sleep,
  })
}

function wireGateways(parts: Parts, gateways: readonly Gateway[], calls: HostCalls): Gateways {
  const { config, couch, ownWrites, isEmbedded } = parts
  return new Gateways({
    ...parts,
    ...calls,
    gateways,
    users: config.userDatabases,
    removals: new Removals({ couch, ownWrites, canPurge: !isEmbedded }),
    graceMs: config.deletionGraceMs,
    updatedAt: config.updatedAt,
    concurrency: config.concurrency,
  })
}

/** What leases of both kinds are made with. */
const leasing = ({ config, now }: Parts) => ({
  server: { url: config.replicationServer ?? config.url, ...config.admin },
  now,
  idleTimeoutMs: config.replicationIdleTimeoutMs,
})
