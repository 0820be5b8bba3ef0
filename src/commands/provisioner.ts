// A user's turns without a daemon: for whoever asks once, beside one or without.
import { setTimeout as delay } from 'node:timers/promises'
import { isFault } from '../couch/fault.ts'
import { pagesOf } from '../couch/pages.ts'
import { Replicator } from '../couch/replicator.ts'
import { Checkpoints } from '../engine/checkpoints.ts'
import { Masters } from '../provisioning/masters.ts'
import { install } from '../skeletons/install.ts'
import type { ProvisionedUser } from '../provisioning/provisioned-user.ts'
import { nameOfUserDocument, USER_DOCUMENT_RANGE, userDocumentId } from '../users/user-document.ts'
import { reconcileProvisionedUser, type ProvisioningDeps } from '../provisioning/reconciler.ts'
import type { ProvisioningWork } from '../provisioning/work.ts'
import { DatabaseCreator } from '../skeletons/create-database.ts'
import { BorrowedLeases } from '../provisioning/borrowed-leases.ts'
import { OwnWrites } from '../engine/own-writes.ts'
import { ProvisionedUsers } from '../provisioning/provisioned-users.ts'
import { provisioningSettings } from '../provisioning/settings.ts'
import { PersonalLeases } from '../provisioning/leases.ts'
import { Removals } from '../mirror/removals.ts'
import { Skeletons } from '../skeletons/wanted.ts'
import type { Connection } from './connection.ts'

/** A daemon that works for the same user is met at every write, and once more is enough mostly. */
const TRIES = 6
const FIRST_PAUSE_MS = 100
const PAGE = 1_000

/** Does for one user after the other what the daemon does, without following anything. */
export class Provisioner {
  readonly #deps: Omit<ProvisioningDeps, 'leases' | 'leaseState'>
  readonly #leases: PersonalLeases

  private constructor(deps: Omit<ProvisioningDeps, 'leases' | 'leaseState'>, leases: PersonalLeases) {
    this.#deps = deps
    this.#leases = leases
  }

  /** Has all in place that a first start of the daemon would make. */
  static async prepare(connection: Connection): Promise<Provisioner> {
    const { couch, config, kinds, skeleton, log, isEmbedded } = connection
    await insist(() => install(couch, skeleton, log, kinds))
    const skeletons = new Skeletons({ ...kinds, couch, log })
    await skeletons.load()
    const creator = new DatabaseCreator(couch, skeletons, { kinds })
    for (const { database, kind } of kinds.masters) await insist(() => creator.refresh(database, kind))
    const masters = new Masters({ couch, kinds, skeletons, log })
    masters.load()
    const ownWrites = new OwnWrites()
    const leases = new PersonalLeases({
      replicator: new Replicator(couch, { hasScheduler: !isEmbedded, sleep: (ms) => delay(ms) }),
      server: { url: config.replicationServer ?? couch.url, ...config.admin },
      now: Date.now,
      idleTimeoutMs: config.replicationIdleTimeoutMs,
    })
    const deps = {
      ...provisioningSettings(config),
      ...{ couch, creator, ownWrites, log, now: Date.now },
      provisionedUsers: new ProvisionedUsers(couch, ownWrites, Date.now),
      updatedAt: config.updatedAt,
      removals: new Removals({ couch, ownWrites, canPurge: !isEmbedded }),
      // Never flushed: the daemon's own say what the daemon has seen.
      checkpoints: new Checkpoints(couch),
      configured: masters.configured,
      masters: () => masters.all(),
      resumed: new Set<string>(),
    }
    return new Provisioner(deps, leases)
  }

  get masters(): readonly string[] {
    return this.#deps.configured
  }

  /** The names of all users of `_users`, a page at a time. @throws {CouchFault} */
  async *names(): AsyncGenerator<string[]> {
    const users = this.#deps.couch.database('_users')
    for await (const rows of pagesOf(users, { ...USER_DOCUMENT_RANGE, limit: PAGE }))
      yield rows.flatMap(({ id }) => nameOfUserDocument(id) ?? [])
  }

  /** True for a user of `_users`. @throws {CouchFault} */
  async isThere(name: string): Promise<boolean> {
    const id = userDocumentId(name)
    if (nameOfUserDocument(id) === null) return false
    const doc = await this.#deps.couch.database('_users').get(id)
    return doc !== null && doc['name'] === name
  }

  /** @returns how everything stands then @throws {CouchFault} */
  async run(name: string): Promise<ProvisionedUser | null> {
    return insist(() => this.#takeTurns(name))
  }

  async #takeTurns(name: string): Promise<ProvisionedUser | null> {
    const { provisionedUsers, configured } = this.#deps
    const leases = new BorrowedLeases(this.#leases)
    const database = (await provisionedUsers.entry(name))?.database ?? null
    if (database !== null) await leases.look(name, database, configured)
    const deps: ProvisioningDeps = {
      ...this.#deps,
      leases,
      leaseState: (master, of) => leases.state(master, of),
    }
    let work: ProvisioningWork | null = { user: true, all: true, personal: true }
    while (work !== null) work = (await reconcileProvisionedUser(deps, name, work)).next
    return provisionedUsers.entry(name)
  }
}

/** Does it again where somebody else was faster, or CouchDB could not just now. */
async function insist<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries += 1)
    try {
      return await work()
    } catch (error) {
      if (tries === TRIES || !isWorthAnotherTry(error)) throw error
      await delay(FIRST_PAUSE_MS * 2 ** (tries - 1))
    }
}

const isWorthAnotherTry = (error: unknown): boolean =>
  isFault(error) && (error.code === 'conflict' || (error.retryable && error.code !== 'unreachable'))
