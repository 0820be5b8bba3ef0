// The parts of the daemon, and which of them is given which others.
import type PQueue from 'p-queue'
import type { Aside, Couch, Databases } from '../couch/client.ts'
import { JoinedCouch } from '../couch/joined-database.ts'
import type { Waiting } from '../couch/outage.ts'
import { Replicator } from '../couch/replicator.ts'
import { Checkpoints } from '../engine/checkpoints.ts'
import type { Controller } from '../engine/controller.ts'
import { Gateways } from '../gateways/all.ts'
import type { HostCalls } from '../engine/host.ts'
import type { Meter } from '../engine/meter.ts'
import type { Portion } from '../engine/portion.ts'
import type { Pulse } from '../engine/pulse.ts'
import { ownershipOf } from './ownership.ts'
import { Provisioning } from '../provisioning/controller.ts'
import { Shares, type SharesOptions } from '../shares/controller.ts'
import { Upkeep, type UpkeepOptions } from '../skeletons/controller.ts'
import type { Gateway } from '../gateways/gateway.ts'
import { kindsOf, type Kinds } from '../skeletons/kinds.ts'
import { AccountIndex } from '../users/account-index.ts'
import { RateLimiter } from '../shares/rate-limiter.ts'
import { DatabaseCreator } from '../skeletons/create-database.ts'
import { Ceilings } from '../shares/ceilings.ts'
import type { Deps } from '../shares/deps.ts'
import { ShareLocks } from '../shares/share-locks.ts'
import { Histories } from '../engine/histories.ts'
import { ShareLeases } from '../shares/leases.ts'
import { OwnWrites } from '../engine/own-writes.ts'
import { ProvisionedUsers } from '../provisioning/provisioned-users.ts'
import { PROVISIONING, REGISTRY, SHARE_PREFIX } from '../documents/names.ts'
import { provisioningSettings } from '../provisioning/settings.ts'
import { PersonalLeases } from '../provisioning/leases.ts'
import { Registry } from '../shares/registry.ts'
import { Removals } from '../mirror/removals.ts'
import { Skeletons } from '../skeletons/wanted.ts'
import { Warmer } from '../skeletons/index-warmer.ts'
import type { DaemonConfig } from '../config/config.ts'

/** What the turns of all users have something in. */
const COMMON: readonly string[] = ['_users', REGISTRY, PROVISIONING]

/** Guesses at a password a minute, by one user at one share. */
const MOST_TRIES = 5

/** What the daemon itself has, on one server. */
export interface Base extends Waiting {
  config: DaemonConfig
  /** Whom the daemon works for. */
  portion: Portion
  couch: Couch
  /** Of all lanes. */
  queue: PQueue
  /** Of all lanes. */
  pulse: Pulse
  /** Of all parts. */
  meter: Meter
  /** What turns do that wait for long. */
  aside: Aside
  now: () => number
}

/** What its controllers have in common. */
export interface Parts extends Base {
  accounts: AccountIndex
  registry: Registry
  provisionedUsers: ProvisionedUsers
  creator: DatabaseCreator
  kinds: Kinds
  skeletons: Skeletons
  warmer: Warmer
  checkpoints: Checkpoints
  ownWrites: OwnWrites
  /** The server as they see it: what several ask of databases that they all work with is asked together. */
  common: Databases
}

export interface PartsOptions extends Base {
  /** What has sync functions. */
  gateways: readonly Gateway[]
  /** The skeletons on the server have changed, or are known now. */
  onSkeletons: () => void
}

/** Nothing is asked of the server yet. */
export function makeParts({ gateways, onSkeletons, ...base }: PartsOptions): Parts {
  const { config, couch, log, signal, sleep, now } = base
  const ownWrites = new OwnWrites()
  const names = gateways.map(({ name }) => name)
  const kinds = kindsOf(config.databases, config.userDatabases, config.masters, names)
  const skeletons = new Skeletons({ ...kinds, couch, log, onChanged: onSkeletons })
  const isCommon = (name: string): boolean =>
    COMMON.includes(name) ||
    kinds.isMaster(name) ||
    name.startsWith(SHARE_PREFIX) ||
    config.userDatabases.ownerOfOutbox(name) !== null
  const common = new JoinedCouch(couch, isCommon, base.aside)
  return {
    ...base,
    ...{ ownWrites, common },
    accounts: new AccountIndex(couch),
    registry: new Registry(common, ownWrites, now),
    provisionedUsers: new ProvisionedUsers(common, ownWrites, now),
    creator: new DatabaseCreator(couch, skeletons, {
      kinds,
      aside: base.aside,
      isExpecting: !config.skeletonWarm,
    }),
    kinds,
    skeletons,
    warmer: new Warmer({ log, signal, sleep }),
    checkpoints: new Checkpoints(couch),
  }
}

export interface WiringOptions {
  /** What kind of server answers. */
  isEmbedded: boolean
  gateways: readonly Gateway[]
  calls: HostCalls
  /** What the daemon needs on the server is put back where it went. */
  inPlace: Pick<SharesOptions, 'onRenewed' | 'onChanges'>
}

/** The parts, once it is known what kind of server this is. */
type Wired = Parts & { isEmbedded: boolean }

/** All parts of the daemon, in the order in which they sweep. Of an update, the last of them hears first. */
export function wireControllers(
  base: Parts,
  { isEmbedded, gateways, calls, inPlace }: WiringOptions,
): readonly Controller[] {
  const parts = { ...base, isEmbedded }
  // A gateway is one thing: what routes were before is forgotten when all its users know, and only one memory can tell.
  const own = gateways.filter(({ name }) => base.portion.has(name))
  const { kinds } = parts
  const shares = wireShares(parts, calls, inPlace, {
    onRefreshed: (db, result) => upkeep.onRefreshed(db, result),
    onUserDocs: (owner, docs) => provisioning?.onUserDocs(owner, docs) ?? Promise.resolve(),
  })
  const upkeep = wireUpkeep(parts, {
    markOwner: (owner, work) => shares.mark(owner, work),
    onIdle: calls.onIdle,
    onFailure: (_db, error) => calls.onFault(error),
  })
  const provisioning = kinds.masters.length > 0 ? wireProvisioning(parts, shares.deps, calls) : null
  const routed = own.length > 0 ? wireGateways(parts, own, calls) : null
  return [shares, upkeep, ...(provisioning ? [provisioning] : []), ...(routed ? [routed] : [])]
}

function wireShares(
  parts: Wired,
  calls: HostCalls,
  inPlace: WiringOptions['inPlace'],
  others: Pick<Deps, 'onRefreshed' | 'onUserDocs'>,
): Shares {
  const { config } = parts
  return new Shares({
    ...parts,
    ...calls,
    ...inPlace,
    depsOf: (own) => wireDeps(parts, { ...own, ...others }),
    concurrency: config.concurrency,
    outboxAlways: config.outbox === 'always',
    sweepIntervalMs: config.sweepIntervalMs,
    checkIntervalMs: config.replicationCheckIntervalMs,
  })
}

/** What a turn of an owner works with. */
function wireDeps(
  parts: Wired,
  more: Pick<Deps, 'rotations' | 'mark' | 'isUrgent' | 'onRefreshed' | 'onUserDocs'>,
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
    ...{ couch, common: parts.common, replicator, leases, now },
    users: config.userDatabases,
    portion: parts.portion,
    accounts: parts.accounts,
    registry: parts.registry,
    creator: parts.creator,
    kinds: parts.kinds,
    warmer: parts.warmer,
    checkpoints: parts.checkpoints,
    ownWrites: parts.ownWrites,
    locks: new ShareLocks(parts.aside),
    ceilings: new Ceilings(),
    histories: new Histories(parts.log, { isEmbedded }),
    allowance: new RateLimiter({ most: config.publicLimits.mostChanges, now }),
    tries: new RateLimiter({ most: MOST_TRIES, now }),
    limits: config.publicLimits,
    userLimits: config.userLimits,
    updatedAt: config.updatedAt,
    canPurge: !isEmbedded,
    graceMs: config.deletionGraceMs,
    log: parts.log,
  }
}

function wireUpkeep(parts: Wired, more: Pick<UpkeepOptions, 'markOwner' | 'onFailure' | 'onIdle'>): Upkeep {
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

function wireProvisioning(parts: Wired, deps: Deps, calls: HostCalls): Provisioning {
  const { config, ownWrites, common: couch } = parts
  return new Provisioning({
    ...deps,
    ...calls,
    couch,
    ...provisioningSettings(config),
    provisionedUsers: parts.provisionedUsers,
    skeletons: parts.skeletons,
    leases: new PersonalLeases({ ...leasing(parts), replicator: deps.replicator }),
    removals: new Removals({ couch, ownWrites, canPurge: deps.canPurge }),
    queue: parts.queue,
    pulse: parts.pulse,
    meter: parts.meter,
    concurrency: config.concurrency,
    checkIntervalMs: config.replicationCheckIntervalMs,
    signal: parts.signal,
    sleep: parts.sleep,
  })
}

function wireGateways(parts: Wired, gateways: readonly Gateway[], calls: HostCalls): Gateways {
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
