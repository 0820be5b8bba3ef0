// Provisioning: follows `_users`, the masters and the personal databases, and has each user's lane do what there is to do.
import type { Change } from '../couch/document.ts'
import { CouchFault, orNull } from '../couch/fault.ts'
import { persist } from '../couch/outage.ts'
import type { Replicator } from '../couch/replicator.ts'
import type { Kinds } from '../skeletons/kinds.ts'
import { counted } from '../documents/counted.ts'
import { isObjectId, isPersonalName, REGISTRY, type UserDatabases } from '../documents/names.ts'
import {
  masterOfProvision,
  parseProvisionedUser,
  PROVISION_DOCUMENT_RANGE,
  type ProvisionedUser,
} from './provisioned-user.ts'
import { nameOfUserDocument } from '../users/user-document.ts'
import { databasesOf } from './plan-user.ts'
import { provisionDocument } from './plan-status.ts'
import { saysThat } from '../mirror/plan-status.ts'
import { reconcileProvisionedUser, type ProvisioningDeps, type ProvisioningResult } from './reconciler.ts'
import { mergeProvisioningWork, type ProvisioningWork } from './work.ts'
import type { AccountIndex } from '../users/account-index.ts'
import { userOfOwner } from '../users/directory.ts'
import { filterOf } from './filter.ts'
import type { PersonalLeases } from './leases.ts'
import { adoptPersonalReplications } from './adoption.ts'
import { PersonalWatch } from './lease-watch.ts'
import { missedBy } from './missed.ts'
import { RoleIndex, type DocumentRoles } from './role-index.ts'
import type { Skeletons } from '../skeletons/wanted.ts'
import { inBatches } from '../engine/batches.ts'
import { Follower, Followers, type FollowerOptions } from '../engine/follower.ts'
import { health, readinessOf, type Controller, type ProbeResult } from '../engine/controller.ts'
import type { Standing } from '../engine/meter.ts'
import type { Host } from '../engine/host.ts'
import type { Portion } from '../engine/portion.ts'
import { resync } from '../engine/resync.ts'
import { WorkQueue } from '../engine/work-queue.ts'
import { Masters } from './masters.ts'
import type { Update } from '../engine/db-updates.ts'
import type { RunErrand } from '../engine/errands.ts'

const USERS = '_users'

/** Changes of a master that are looked at at once. */
const MASTER_PAGE = 200

/** Documents by which a user asks that are read of a user database: there may be any number. */
const MOST_ASKING = 100

/** Personal databases that one batch of a sweep asks about. */
const BATCH = 100

export interface ProvisioningOptions
  extends
    Host,
    Omit<ProvisioningDeps, 'masters' | 'configured' | 'leaseState' | 'onPage' | 'resumed' | 'leases'> {
  users: UserDatabases
  /** Whose lanes are here, by names of `_users`. */
  portion: Portion
  accounts: AccountIndex
  leases: PersonalLeases
  kinds: Kinds
  skeletons: Skeletons
  replicator: Replicator
  checkIntervalMs: number
}

/** The controller of provisioning. */
export class Provisioning implements Controller {
  readonly part = 'provisioning'
  readonly #options: ProvisioningOptions
  readonly #deps: ProvisioningDeps
  readonly #queue: WorkQueue<ProvisioningWork>
  readonly #users: Followers<ProvisioningWork>
  /** The registry, where users may have their lanes elsewhere than their user databases do; else null. */
  readonly #calls: Followers<ProvisioningWork> | null
  /** By master. */
  readonly #followers: ReadonlyMap<string, Followers<ProvisioningWork>>
  readonly #index: RoleIndex
  readonly #watch: PersonalWatch
  readonly #masters: Masters

  constructor(options: ProvisioningOptions) {
    this.#options = options
    const { couch, checkpoints, users, portion, queue, concurrency, pulse } = options
    this.#index = new RoleIndex(couch)
    this.#masters = new Masters(options)
    this.#deps = {
      ...options,
      configured: this.#masters.configured,
      masters: () => this.#masters.all(),
      leaseState: (master, database) => this.#watch.state(master, database),
      onPage: () => pulse.beat(),
      resumed: new Set(),
    }
    this.#queue = new WorkQueue({
      concurrency,
      queue,
      pulse,
      merge: mergeProvisioningWork,
      reconcile: (name, work) => this.#reconcile(name, work),
      onTurn: (turn) => options.meter.turn('provisioning', turn),
      onFailure: (_name, error, tries) => options.onFailure(USERS, error, tries),
      onIdle: options.onIdle,
    })
    const follow = (
      name: string,
      purpose: string,
      how: (part: Portion) => Pick<FollowerOptions<ProvisioningWork>, 'onChanges' | 'onPurged' | 'pageSize'>,
    ): Followers<ProvisioningWork> =>
      new Followers(
        portion,
        (part) =>
          new Follower({
            ...{ checkpoints, purpose, portion: part },
            template: users.template,
            database: couch.database(name),
            mark: (user, work) => this.#queue.mark(user, work),
            isBusy: (user) => this.#queue.isBusy(user),
            ...how(part),
          }),
      )
    this.#users = follow(USERS, 'people', () => ({
      onChanges: (changes, mark) => Promise.resolve(this.#usersChanged(changes, mark)),
    }))
    this.#calls = portion.isWhole
      ? null
      : follow(REGISTRY, 'people', (part) => ({
          onChanges: (changes, mark) => this.#hearCalls(part, changes, mark),
        }))
    this.#followers = new Map(
      this.#deps.configured.map((master) => [
        master,
        follow(master, 'master', () => ({
          pageSize: MASTER_PAGE,
          onChanges: (changes, mark) => this.#masterChanged(master, changes, mark),
          onPurged: (rows, mark) => this.#notify(master, rows.map(withoutRoles), mark),
        })),
      ]),
    )
    this.#watch = new PersonalWatch({
      ...options,
      onChanged: ({ name }) => this.#queue.mark(name, {}),
      onIdle: ({ name, master }) => this.#queue.mark(name, { idle: new Set([master]) }),
    })
  }

  /** Users that have something to do. */
  get busy(): number {
    return this.#queue.busy.length
  }

  get standing(): Standing {
    return this.#queue.standing
  }

  /** Turns taken since the start. */
  get turns(): number {
    return this.#queue.turns
  }

  /** Whether all users who had something to do at the start have what is theirs. */
  ready(): ProbeResult {
    const say = (count: number): string => counted(count, 'user of masters', 'users of masters')
    return readinessOf(this.#queue, say)
  }

  healthy(): ProbeResult {
    return health(this.#queue.isStuck)
  }

  /** The functions of the masters are read as they are now; who has been compared by others is compared again. */
  onSkeletons(run: RunErrand): void {
    this.#masters.load()
    if (this.#queue.left !== null) run('provisioning: all', () => this.sweep(() => Promise.resolve()))
  }

  /** @returns true where the update is of no concern to anybody else */
  onUpdate({ db, type }: Update, run: RunErrand): boolean {
    if (db === USERS) run('provisioning: users', () => this.#users.look())
    const calls = this.#calls
    if (db === REGISTRY && calls) run('provisioning: registry', () => calls.look())
    if (this.#followers.has(db)) run(`provisioning: ${db}`, () => this.#lookAt(db))
    if (!isPersonalName(db)) return false
    run(`provisioning: ${db} ${type}`, () => this.#personalChanged(db, type))
    return true
  }

  /** The user whose database that is asks in it, by a document `$provision/<master>`. @throws {CouchFault} */
  async onUserDocs(owner: string, docs: readonly { _id: string }[]): Promise<void> {
    const { provisionedUsers, users, portion } = this.#options
    const asking = askingIn(docs)
    if (asking.length === 0) return
    const name = await userOfOwner(this.#options, owner)
    if (name === null) return
    const entry = await provisionedUsers.entry(name)
    const isHere = portion.has(name)
    // There is one when `_users` was read where the user's lane is.
    if (entry === null && !isHere)
      throw new CouchFault('conflict', REGISTRY, 'the user who asks is not provisioned yet')
    const wakes = wokenBy(asking, entry)
    if (wakes.size === 0) return
    const database = users.database(owner)
    // What is only known here would be lost with a crash; the page that it was read in is not read again.
    if (entry)
      await provisionedUsers.change(
        name,
        {
          asked: [...new Set([...(entry.asked ?? []), database])],
          ...(entry.due ? {} : { due: true, again: true }),
        },
        { always: !isHere },
      )
    if (isHere) this.#queue.mark(name, { all: true, asked: new Set([database]), wakes })
  }

  /** Users who have asked in user databases whose lanes are elsewhere. */
  async #hearCalls(
    part: Portion,
    changes: readonly Change[],
    mark: (name: string, work: ProvisioningWork) => void,
  ): Promise<void> {
    const { couch, ownWrites } = this.#options
    for (const { id, doc, changes: leaves } of ownWrites.foreign(REGISTRY, changes)) {
      const entry = parseProvisionedUser(doc ?? null)
      if (entry === null || !part.has(entry.name) || !entry.due || !entry.asked?.length) continue
      const range = { ...PROVISION_DOCUMENT_RANGE, limit: MOST_ASKING, includeDocs: true }
      const read = await Promise.all(entry.asked.map((db) => orNull(couch.database(db).range(range))))
      const docs = read.flatMap((rows) => (rows ?? []).flatMap((row) => row.doc ?? []))
      const wakes = wokenBy(askingIn(docs), entry)
      mark(entry.name, { all: true, asked: new Set(entry.asked), wakes })
      for (const { rev } of leaves) ownWrites.add(REGISTRY, id, rev)
    }
  }

  /** Takes over the replications that are there, then watches all of them, and ends those that are idle, until the signal is aborted. */
  async run(): Promise<void> {
    await persist(() => this.#adopt(), this.#options)
    await this.#watch.run()
  }

  async #adopt(): Promise<void> {
    await adoptPersonalReplications({
      ...this.#options,
      masters: new Set(this.#deps.configured),
      isHere: this.#options.portion.has,
      filterOf: (entry, master) => {
        const policy = this.#masters.policyOf(master)
        return policy && policy.fields === null ? filterOf(policy, entry) : null
      },
    })
  }

  /** Finds what was missed. @throws {CouchFault} */
  async sweep(rest: () => Promise<void>): Promise<void> {
    const { provisionedUsers, signal } = this.#options
    await this.#refreshMasters()
    await this.#users.look()
    await this.#calls?.look()
    for (const name of this.#followers.keys()) await this.#lookAt(name)
    for await (const page of provisionedUsers.all())
      await inBatches(page, { size: BATCH, signal, rest }, (batch) => this.#compare(batch))
    this.#queue.noteFound()
  }

  /** A rollout brings their design documents, too; nobody can be compared without. One that is not there keeps nobody waiting. */
  async #refreshMasters(): Promise<void> {
    const { kinds, creator, skeletons } = this.#options
    for (const { database, kind } of kinds.masters)
      if (skeletons.of(kind) !== null) await orNull(creator.refresh(database, kind))
  }

  /** Of one whose skeleton cannot be used, nobody can be told; what changes there is read when it can. @throws {CouchFault} */
  async #lookAt(master: string): Promise<void> {
    if (this.#masters.policyOf(master) !== undefined) await this.#followers.get(master)?.look()
  }

  /** Moves the checkpoints over what nobody has anything left to do about. */
  save(): Promise<void> {
    for (const follower of [this.#users, this.#calls, ...this.#followers.values()]) follower?.save()
    return Promise.resolve()
  }

  /** Lets the turns that are under way finish, and begins no other. */
  async stop(): Promise<void> {
    await this.#queue.stop()
  }

  async #reconcile(name: string, work: ProvisioningWork): Promise<ProvisioningResult> {
    const outcome = await reconcileProvisionedUser(this.#deps, name, work)
    if (outcome.isStarting) this.#watch.expect()
    return outcome
  }

  #usersChanged(changes: readonly Change[], mark: (name: string, work: ProvisioningWork) => void): void {
    for (const { id } of this.#options.ownWrites.foreign(USERS, changes)) {
      const name = nameOfUserDocument(id)
      if (name !== null) mark(name, { user: true })
    }
  }

  /** Those who may have the documents now, or had them before. */
  async #masterChanged(
    master: string,
    changes: readonly Change[],
    mark: (name: string, work: ProvisioningWork) => void,
  ): Promise<void> {
    const policy = this.#masters.policyOf(master)
    if (policy === undefined) throw new CouchFault('server_error', master, 'its skeleton cannot be used')
    const documents = changes
      .filter(({ id }) => isObjectId(id))
      .map(({ id, doc, deleted }) =>
        doc && !deleted ? { id, roles: policy.rolesOf(doc), rev: doc._rev } : { id, roles: [] },
      )
    await this.#notify(master, documents, mark)
  }

  /** Whoever may have these documents of a master, or ever could. */
  async #notify(
    master: string,
    documents: readonly DocumentRoles[],
    mark: (name: string, work: ProvisioningWork) => void,
  ): Promise<void> {
    const roles = await this.#index.note(master, documents)
    const names = await this.#options.provisionedUsers.byRole([...new Set([...roles.values()].flat())])
    const concerned = new Map<string, Set<string>>()
    for (const [id, all] of roles)
      for (const name of all.flatMap((role) => names.get(role) ?? [])) {
        const ids = concerned.get(name) ?? new Set()
        concerned.set(name, ids.add(id))
      }
    for (const [name, ids] of concerned) mark(name, { documents: new Map([[master, ids]]) })
  }

  async #personalChanged(db: string, type: Update['type']): Promise<void> {
    const claim = (await this.#options.provisionedUsers.claims([db])).get(db)
    if (claim === undefined || claim.ended || !this.#options.portion.has(claim.name)) return
    if (claim.attribute === 'database') this.#queue.mark(claim.name, { personal: true })
    // A database that another attribute names is made by somebody else, and opened to its user then.
    else if (type === 'created') this.#queue.mark(claim.name, { user: true })
  }

  /** Users whose databases are not as their checkpoints have them, or who are not provisioned as they should be. */
  async #compare(entries: readonly ProvisionedUser[]): Promise<void> {
    const active = entries.filter(
      ({ name, state }) =>
        ['active', 'refused', 'leaving'].includes(state) && this.#options.portion.has(name),
    )
    const found = await resync(this.#options, [...active.flatMap(databasesOf), ...this.#deps.configured])
    const [masters, { configured }] = [this.#deps.masters(), this.#deps]
    for (const entry of active) {
      const work = missedBy(entry, { found, databases: databasesOf(entry), masters, configured })
      if (work !== null) this.#queue.mark(entry.name, work)
    }
  }
}

/** Documents by which a user asks for those of a master. */
interface Asking {
  doc: { _id: string }
  master: string
}

const askingIn = (docs: readonly { _id: string }[]): Asking[] =>
  docs.flatMap((doc) => {
    const master = masterOfProvision(doc._id)
    return master === null ? [] : [{ doc, master }]
  })

/** The masters of which something else is said than how the user stands: that asks. */
const wokenBy = (asking: readonly Asking[], entry: ProvisionedUser | null): Set<string> =>
  new Set(
    asking
      .filter(({ doc, master }) => entry === null || !saysThat(doc, provisionDocument(entry, master)))
      .map(({ master }) => master),
  )

const withoutRoles = ({ id }: { id: string }): DocumentRoles => ({ id, roles: [] })
