// Learns where the documents of a gateway go: has the function judge what changed, writes down what it says, and tells whom it
// concerns. What is written down knows what was before until all of them have been told.
import chunk from 'lodash/chunk.js'
import PQueue from 'p-queue'
import type { Database } from '../couch/database.ts'
import type { Row } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { isObjectId } from '../documents/names.ts'
import type { Logger } from '../log.ts'
import type { SyncFunction } from './function/sync-function.ts'
import { judgeDocuments, readAnew } from './judge-documents.ts'
import type { JudgedPage } from './judged-pages.ts'
import type { Evaluation, Route } from './model.ts'
import { Notices, type Mark } from './notices.ts'
import { putRoutes } from './perform-routes.ts'
import { crossings, planCrossings } from './plan-crossings.ts'
import { changedRoutes, isStale, readingChannels, warningsOf } from './plan-routes.ts'
import type { Routes } from './routes.ts'

export interface RouterOptions {
  gateway: Database
  routes: Routes
  sync: SyncFunction
  /** Says that documents go by this function from now on; null where there is no database. */
  begin: () => Promise<Evaluation | null>
  mark: Mark
  isBusy: (name: string) => boolean
  log: Logger
  now: () => number
}

export interface RouteOptions {
  /** Judges again what was judged: by another function. */
  isAnew?: boolean
  /** Tells of all these documents: they may have changed without a change of their routes. Otherwise, of those that go elsewhere. */
  tellsAll?: boolean
  /** In place of the router's own. */
  mark?: Mark
}

/** What became of a page of documents that another function has judged. */
export interface CarriedPage {
  /** By document. */
  routes: Map<string, Route>
  /** Users who have come to a channel since it was seen that nobody had it: what is noted stays until they have done what they were told. */
  latecomers: Set<string>
}

/** Judges the documents of one gateway. */
export class Router {
  readonly #options: RouterOptions
  /** One at a time: what is judged is compared with what is written down. */
  readonly #queue = new PQueue({ concurrency: 1 })
  readonly #notices: Notices
  #acknowledging: Promise<void> | null = null
  #isBegun = false

  constructor(options: RouterOptions) {
    this.#options = options
    this.#notices = new Notices(options)
  }

  /**
   * Where these documents go, as they stand in the gateway's database. What was judged in that revision is not judged again.
   * @returns by document; without those that never had a route and are not there
   * @throws {CouchFault} `conflict` where somebody else writes the same routes
   */
  async route(rows: readonly Row[], options: RouteOptions = {}): Promise<Map<string, Route>> {
    const own = rows.filter(({ id }) => isObjectId(id))
    if (own.length === 0) return new Map()
    return this.#queue.add(() => this.#route(own, options))
  }

  /**
   * Writes the routes of a page that another function has judged, and tells whom they concern. Where somebody else has written a
   * route since, its document is judged once more.
   * @param held channels that stay noted
   * @param note writes down, before the routes, the channels that documents cross without their routes remembering it
   * @throws {CouchFault}
   */
  async carryOut(
    page: JudgedPage,
    held: ReadonlySet<string>,
    note: (channels: ReadonlySet<string>) => Promise<void>,
  ): Promise<CarriedPage> {
    return this.#queue.add(() => this.#carryOut(page, held, note))
  }

  /**
   * Has all documents compared for those who have one of these channels.
   * @returns their names
   * @throws {CouchFault}
   */
  async compareFor(channels: ReadonlySet<string>): Promise<Set<string>> {
    if (channels.size === 0) return new Set()
    const { routes, mark } = this.#options
    const readers = await routes.readersOf(channels)
    const names = new Set([...channels].flatMap((channel) => [...(readers.get(channel) ?? [])]))
    for (const name of names) mark(name, { user: true, all: true })
    return names
  }

  /** Nothing is to be forgotten by `acknowledge`, now or later. */
  get isAcknowledged(): boolean {
    return this.#notices.isEmpty
  }

  /** Says that documents go by this function from now on, if that is not said. @returns how far all do @throws {CouchFault} */
  async begin(): Promise<Evaluation | null> {
    return this.#queue.add(() => this.#begin())
  }

  /** Forgets what routes were before whose users have all done what they had to; two calls at once are one. @throws {CouchFault} */
  async acknowledge(): Promise<void> {
    this.#acknowledging ??= this.#notices.acknowledge((write) => this.#queue.add(write))
    try {
      await this.#acknowledging
    } finally {
      this.#acknowledging = null
    }
  }

  /** Tells once more of what not everybody may have been told before the daemon stopped. @throws {CouchFault} */
  async resume(): Promise<void> {
    const { routes, mark } = this.#options
    await this.#queue.add(async () => {
      for (const ids of chunk(await routes.unsettled(), 500)) {
        await this.#notices.notify(await routes.of(ids), mark)
      }
    })
  }

  async #begin(): Promise<Evaluation | null> {
    const evaluation = await this.#options.begin()
    this.#isBegun = evaluation !== null
    return evaluation
  }

  async #route(rows: readonly Row[], options: RouteOptions): Promise<Map<string, Route>> {
    const { gateway, routes, sync, now, mark: own } = this.#options
    const { isAnew = false, tellsAll = false, mark = own } = options
    const there = await routes.of(rows.map(({ id }) => id))
    const isToJudge = (row: Row): boolean => isStale(row, there.get(row.id), isAnew)
    const stale = (await readAnew(gateway, rows.filter(isToJudge))).filter(isToJudge)
    if (stale.length > 0 && !this.#isBegun) await this.#begin()
    const docs = stale.flatMap(({ doc }) => doc ?? [])
    const changed = changedRoutes(there, stale, await judgeDocuments(sync, docs, now))
    this.#warn(there, changed)
    const { written, refused, conflicts } = await putRoutes(routes, there, changed)
    this.#warn(there, refused)
    const all = new Map([...there, ...written])
    await this.#notices.notify(tellsAll ? all : written, mark)
    if (conflicts.length > 0)
      throw new CouchFault('conflict', routes.database.name, 'somebody else was faster with a route')
    return all
  }

  async #carryOut(
    { rows, there, changed }: JudgedPage,
    held: ReadonlySet<string>,
    note: (channels: ReadonlySet<string>) => Promise<void>,
  ): Promise<CarriedPage> {
    const { routes, mark } = this.#options
    const { all: crossed, asked } = crossings(there, changed)
    const readers = asked.size > 0 ? await routes.readersOf(asked) : new Map<string, Set<string>>()
    const plan = planCrossings(there, changed, crossed, readers, held)
    this.#warn(there, changed)
    await note(plan.noted)
    const { written, refused, conflicts } = await putRoutes(routes, there, plan.routes)
    this.#warn(there, refused)
    const channels = new Map([...written.keys()].map((id) => [id, crossed.get(id) ?? new Set<string>()]))
    for (const [id, all] of readingChannels(refused)) channels.set(id, all)
    const told = await this.#notices.notify(written, mark, channels)
    const isLate = (ids: ReadonlySet<string>): boolean => [...ids].some((id) => plan.quiet.has(id))
    const latecomers = new Set([...told].filter(([, ids]) => isLate(ids)).map(([name]) => name))
    const all = new Map([...there, ...written])
    if (conflicts.length === 0) return { routes: all, latecomers }
    const others = new Set(conflicts)
    const again = await this.#route(
      rows.filter(({ id }) => others.has(id)),
      { isAnew: true },
    )
    return { routes: new Map([...all, ...again]), latecomers }
  }

  #warn(there: ReadonlyMap<string, Route>, changed: ReadonlyMap<string, Route>): void {
    const { gateway, log } = this.#options
    for (const [id, route] of changed)
      for (const { about, message } of warningsOf(id, there.get(id) ?? null, route))
        log.warn({ db: gateway.name, ...about }, message)
  }
}
