// One gateway: follows `_users`, its database and those of its users, and has each user's lane do what there is to do.
import type { Couch } from '../couch/client.ts'
import type { Database } from '../couch/database.ts'
import type { Change, Row } from '../couch/document.ts'
import { pagesOf } from '../couch/pages.ts'
import type { Gateway } from './gateway.ts'
import type { Logger } from '../log.ts'
import { counted } from '../documents/counted.ts'
import { missedBy } from './missed.ts'
import type { GatewayUser } from './model.ts'
import {
  isObjectId,
  parseGatewayUserDatabase,
  routesDatabase,
  type UserDatabases,
} from '../documents/names.ts'
import { isAccountName } from '../documents/account-name.ts'
import { nameOfUserDocument, USER_DOCUMENT_RANGE } from '../users/user-document.ts'
import type { Clock } from '../documents/time.ts'
import { reconcileGatewayUser, type GatewayTurnDeps } from './reconciler.ts'
import { mergeGatewayWork, type GatewayWork } from './work.ts'
import type { AccountIndex } from '../users/account-index.ts'
import { ownersOfUsers, userOfOwner } from '../users/directory.ts'
import type { OwnWrites } from '../engine/own-writes.ts'
import type { Removals } from '../mirror/removals.ts'
import { Routes } from './routes.ts'
import { concernedBy } from '../users/account-changes.ts'
import type { Checkpoints } from '../engine/checkpoints.ts'
import { beginEvaluation, evaluateAll } from './evaluation.ts'
import { inBatches } from '../engine/batches.ts'
import { Follower } from '../engine/follower.ts'
import { health, readinessOf, type Controller, type ProbeResult } from '../engine/controller.ts'
import type { Standing } from '../engine/meter.ts'
import type { Host } from '../engine/host.ts'
import { resync } from '../engine/resync.ts'
import { WorkQueue } from '../engine/work-queue.ts'
import { Router } from './router.ts'
import type { Update } from '../engine/db-updates.ts'
import type { RunErrand } from '../engine/errands.ts'

const USERS = '_users'

/** Changes of the gateway that are looked at at once. */
const PAGE = 200

/** Users' databases that one batch of a sweep asks about. */
const BATCH = 100

/** Documents that are past their time are looked for so often. */
const EXPIRY_MS = 30_000

export interface GatewayOptions extends Host {
  gateway: Gateway
  couch: Couch
  accounts: AccountIndex
  users: UserDatabases
  checkpoints: Checkpoints
  ownWrites: OwnWrites
  removals: Removals
  graceMs: number
  updatedAt: Clock['updatedAt']
  /** Documents that an evaluation judges at once; for tests. */
  pageDocuments?: number
  log: Logger
  now: () => number
}

/** The controller of one gateway. */
export class GatewayFeed implements Controller {
  readonly part = 'gateways'
  readonly #options: GatewayOptions
  readonly #deps: GatewayTurnDeps
  readonly #database: Database
  readonly #routes: Routes
  readonly #router: Router
  readonly #queue: WorkQueue<GatewayWork>
  /** `instance_start_time` of the index that is followed for. */
  #index: string | null = null
  /** Null until the first sweep. */
  #followers: Followers | null = null
  #opening: Promise<Followers | null> | null = null
  #evaluating: Promise<void> | null = null
  /** Databases of users, as the last sweep found them. */
  databases = 0

  constructor(options: GatewayOptions) {
    this.#options = options
    const { gateway, couch, queue, concurrency, pulse, log, now } = options
    this.#database = couch.database(gateway.name)
    this.#routes = new Routes(couch, gateway.name, now)
    const mark = (name: string, work: GatewayWork): void => this.#queue.mark(name, work)
    const isBusy = (name: string): boolean => this.#queue.isBusy(name)
    this.#router = new Router({
      ...{ mark, isBusy, log, now },
      gateway: this.#database,
      routes: this.#routes,
      sync: gateway.sync,
      begin: () => beginEvaluation({ gateway, database: this.#database, routes: this.#routes, now }),
    })
    this.#deps = {
      ...options,
      database: this.#database,
      routes: this.#routes,
      router: this.#router,
      catchUp: async () => (await this.#follow())?.documents.look(),
      onPage: () => pulse.beat(),
      resumed: new Set(),
      mark: (name) => this.#queue.mark(name, { user: true }),
    }
    this.#queue = new WorkQueue({
      concurrency,
      queue,
      pulse,
      merge: mergeGatewayWork,
      reconcile: (name, work) => reconcileGatewayUser(this.#deps, name, work),
      onTurn: (turn) => options.meter.turn('gateways', turn),
      onFailure: (_name, error, tries) => options.onFailure(gateway.name, error, tries),
      onIdle: options.onIdle,
    })
  }

  /** Once, whoever asks first. @returns null where the index is not there */
  async #follow(): Promise<Followers | null> {
    this.#opening ??= this.#newFollowers()
    try {
      this.#followers = await this.#opening
    } finally {
      if (this.#followers === null) this.#opening = null
    }
    return this.#followers
  }

  /** An index that was dropped, and made anew beside the running daemon, knows nothing. @throws {CouchFault} */
  async #findIndex(): Promise<void> {
    const index = await this.#routes.database.info()
    if (this.#index === null || index?.instance_start_time === this.#index) return
    this.#followers = this.#opening = null
  }

  /** What was read counts for an index that is there still: one that was made anew knows nothing, and all is read again. */
  async #newFollowers(): Promise<Followers | null> {
    const index = await this.#routes.database.info()
    if (index === null) return null
    this.#index = index.instance_start_time
    const { gateway, couch, accounts, checkpoints, users } = this.#options
    const following = {
      ...{ checkpoints, template: users.template },
      mark: (name: string, work: GatewayWork) => this.#queue.mark(name, work),
      isBusy: (name: string) => this.#queue.isBusy(name),
    }
    return {
      users: new Follower({
        ...following,
        database: couch.database(USERS),
        purpose: `gateway ${gateway.name} ${index.instance_start_time}`,
        onChanges: async (changes, mark) => {
          const { names } = await concernedBy({ couch, accounts, users }, changes)
          for (const name of names) if (!isAccountName(name)) mark(name, { user: true })
        },
      }),
      documents: new Follower({
        ...following,
        database: this.#database,
        purpose: `gateway ${index.instance_start_time}`,
        pageSize: PAGE,
        onChanges: async (changes, mark) => {
          const rows = changes.filter(({ id }) => isObjectId(id)).map(rowOf)
          await this.#router.route(rows, { tellsAll: true, mark })
        },
        onPurged: async (rows, mark) => void (await this.#router.route(rows, { tellsAll: true, mark })),
      }),
    }
  }

  /** Users that have something to do; an evaluation of all documents counts as one, and routes to be settled as one. */
  get busy(): number {
    return this.#queue.busy.length + (this.#evaluating ? 1 : 0) + (this.#router.isAcknowledged ? 0 : 1)
  }

  get standing(): Standing {
    return this.#queue.standing
  }

  /** Turns taken since the start. */
  get turns(): number {
    return this.#queue.turns
  }

  /**
   * Whether all users who had something to do at the start have what is theirs. Documents that another function is to evaluate go where
   * they went until then: nobody waits for that.
   */
  ready(): ProbeResult {
    const what = `of the gateway ${this.#options.gateway.name}`
    const say = (count: number): string => counted(count, `user ${what}`, `users ${what}`)
    return readinessOf(this.#queue, say)
  }

  healthy(): ProbeResult {
    return health(this.#queue.isStuck)
  }

  /** @returns true where the update is of no concern to anybody else */
  onUpdate({ db, type }: Update, run: RunErrand): boolean {
    const { gateway, users } = this.#options
    const followers = this.#followers
    if (db === USERS && followers) run(`${gateway.name}: users`, () => followers.users.look())
    if (db === gateway.name && followers) run(`${gateway.name}: documents`, () => followers.documents.look())
    if (db === gateway.name && type === 'created') this.#evaluate()
    if (db === routesDatabase(gateway.name)) return true
    const owner = users.ownerOf(db)
    if (owner !== null && type !== 'updated')
      run(`${gateway.name}: owner of ${db}`, () => this.#ownerChanged(owner, db))
    if (parseGatewayUserDatabase(users, db)?.gateway !== gateway.name) return false
    run(`${gateway.name}: user of ${db}`, () => this.#markUsersOf(db, { personal: true }))
    return true
  }

  /** Goes on until the signal is aborted. */
  async run(): Promise<void> {
    await this.#options.every(EXPIRY_MS, () => this.#expire())
  }

  /** Finds what was missed, and begins to evaluate all documents where the function is another one. @throws {CouchFault} */
  async sweep(rest: () => Promise<void>): Promise<void> {
    const { signal } = this.#options
    await this.#findIndex()
    await this.#router.resume()
    const followers = await this.#follow()
    await followers?.users.look()
    await followers?.documents.look()
    let databases = 0
    for await (const page of this.#routes.users()) {
      databases += page.length
      await inBatches(page, { size: BATCH, signal, rest }, (batch) => this.#compare(batch))
    }
    this.databases = databases
    await this.#findUsers(rest)
    await this.#expire()
    this.#queue.noteFound()
    this.#evaluate()
  }

  /** Moves the checkpoints over what nobody has anything left to do about. @throws {CouchFault} */
  async save(): Promise<void> {
    this.#followers?.users.save()
    this.#followers?.documents.save()
    await this.#router.acknowledge()
  }

  /** Lets the turns that are under way finish, and begins no other. */
  async stop(): Promise<void> {
    await this.#queue.stop()
    await this.#evaluating
  }

  /** A failure is told, and the next sweep begins it again. */
  #evaluate(): void {
    const { gateway, onFailure } = this.#options
    this.#evaluating ??= evaluateAll({
      ...this.#options,
      database: this.#database,
      routes: this.#routes,
      router: this.#router,
      isBusy: (name) => this.#queue.isBusy(name),
    })
      .catch((error: unknown) => onFailure(gateway.name, error, 1))
      .finally(() => (this.#evaluating = null))
  }

  /** What is past its time goes, where nobody has changed it since. */
  async #expire(): Promise<void> {
    const { now, log, gateway } = this.#options
    for (;;) {
      const due = await this.#routes.expired(Math.floor(now() / 1000))
      const written = await this.#database.bulk(
        due.map(({ document, rev }) => ({ _id: document, _rev: rev, _deleted: true })),
      )
      const documents = written.filter(({ ok }) => ok).length
      if (documents === 0) return
      log.info({ db: gateway.name, documents }, 'documents expired')
      // What they leave is routed before anybody asks again.
      await this.#followers?.documents.look()
    }
  }

  /** Whose user database came or went may have one for the gateway now, or not any more. */
  async #ownerChanged(owner: string, db: string): Promise<void> {
    const { gateway } = this.#options
    const name = await userOfOwner(this.#options, owner)
    if (name !== null) this.#queue.mark(name, { user: true })
    await this.#markUsersOf(`${db}/${gateway.name}`, { user: true })
  }

  async #markUsersOf(database: string, work: GatewayWork): Promise<void> {
    for (const name of await this.#routes.usersOf(database)) this.#queue.mark(name, work)
  }

  /** Users who should have a database, and of whom nothing is known. */
  async #findUsers(rest: () => Promise<void>): Promise<void> {
    const { couch, accounts, users, signal } = this.#options
    for await (const rows of pagesOf(couch.database(USERS), { ...USER_DOCUMENT_RANGE, limit: BATCH })) {
      if (signal.aborted) return
      const names = rows.flatMap(({ id }) => nameOfUserDocument(id) ?? [])
      const known = await this.#routes.usersNamed(names)
      const missing = names.filter((name) => !known.has(name))
      for (const name of (await ownersOfUsers({ couch, accounts, users }, missing)).keys())
        this.#queue.mark(name, { user: true })
      await rest()
    }
  }

  /** Users whose databases are not as their checkpoints have them, or who do not have what they should. */
  async #compare(entries: readonly GatewayUser[]): Promise<void> {
    const { hash } = this.#options.gateway.guard.couch_shares
    const names = entries.map(({ database }) => database)
    const found = await resync(this.#options, names)
    for (const entry of entries) {
      const work = missedBy(entry, found.get(entry.database), hash)
      if (work !== null) this.#queue.mark(entry.name, work)
    }
  }
}

/** What changes in `_users`, and in the gateway's database. */
interface Followers {
  users: Follower<GatewayWork>
  documents: Follower<GatewayWork>
}

const rowOf = ({ id, doc, deleted }: Change): Row => ({
  id,
  rev: doc?._rev ?? null,
  deleted: deleted === true,
  doc: deleted === true ? null : (doc ?? null),
})
