// Learns where the documents of a gateway go: has the function judge what changed, writes down what it says, and tells whom it
// concerns. What is written down knows what was before until all of them have been told.
import { setImmediate as nextTurn } from 'node:timers/promises'
import chunk from 'lodash/chunk.js'
import isEqual from 'lodash/isEqual.js'
import omit from 'lodash/omit.js'
import partition from 'lodash/partition.js'
import PQueue from 'p-queue'
import type { Database } from '../couch/database.ts'
import type { Row, StoredDoc } from '../couch/document.ts'
import { CouchFault } from '../couch/fault.ts'
import { LIMITS } from './function/comparison.ts'
import { ALL_DOCUMENTS, EVERYBODY } from './function/grants.ts'
import { BATCH_DOCUMENTS, routeEach, SLICE_MS } from './function/route.ts'
import type { SyncFunction, Verdict } from './function/sync-function.ts'
import type { Logger } from '../log.ts'
import type { Evaluation, Route } from './model.ts'
import { isObjectId } from '../documents/names.ts'
import { channelsOf, grantedAnew, routeAfter } from './plan-route.ts'
import type { GatewayWork } from './work.ts'
import type { Routes } from './routes.ts'
import { Backlog } from '../engine/backlog.ts'

type Mark = (name: string, work: GatewayWork) => void

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

/** As a function sees it: without what only some requests show. */
export const judgeable = (doc: object): object =>
  omit(doc, ['_revisions', '_conflicts', '_deleted_conflicts'])

/** Why a document goes nowhere though the function says where. */
const TOO_MUCH = 'The document has more channels and grants than can be stored of one.'

/** Judges the documents of one gateway. */
export class Router {
  readonly #options: RouterOptions
  /** One at a time: what is judged is compared with what is written down. */
  readonly #queue = new PQueue({ concurrency: 1 })
  /** The documents that were told of, until whoever was told has done what that asks for. */
  readonly #told = new Backlog<ReadonlySet<string>>((one, later) => new Set([...one, ...later]))
  #settling: Promise<void> | null = null
  #isBegun = false

  constructor(options: RouterOptions) {
    this.#options = options
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

  /** Nothing is to be forgotten by `settle`, now or later. */
  get isSettled(): boolean {
    return this.#told.isEmpty
  }

  /** Says that documents go by this function from now on, if that is not said. @returns how far all do @throws {CouchFault} */
  async begin(): Promise<Evaluation | null> {
    return this.#queue.add(() => this.#begin())
  }

  /** Forgets what routes were before whose users have all done what they had to; two calls at once are one. @throws {CouchFault} */
  async settle(): Promise<void> {
    this.#settling ??= this.#settle()
    try {
      await this.#settling
    } finally {
      this.#settling = null
    }
  }

  async #settle(): Promise<void> {
    const { isBusy, routes } = this.#options
    for (let documents; (documents = this.#told.next(isBusy)) !== null; this.#told.shift()) {
      const over = [...documents]
      // Not what was told anew while this waited for its turn.
      await this.#queue.add(() => routes.settle(over.filter((id) => !this.#told.later?.has(id))))
    }
  }

  /** Tells once more of what not everybody may have been told before the daemon stopped. @throws {CouchFault} */
  async resume(): Promise<void> {
    const { routes, mark } = this.#options
    await this.#queue.add(async () => {
      for (const ids of chunk(await routes.unsettled(), 500)) {
        const there = await routes.of(ids)
        await this.#tell([...there], mark)
      }
    })
  }

  async #begin(): Promise<Evaluation | null> {
    const evaluation = await this.#options.begin()
    this.#isBegun = evaluation !== null
    return evaluation
  }

  async #route(rows: readonly Row[], options: RouteOptions): Promise<Map<string, Route>> {
    const { routes, mark: own } = this.#options
    const { isAnew = false, tellsAll = false, mark = own } = options
    const there = await routes.of(rows.map(({ id }) => id))
    const isGone = ({ doc }: Row): boolean => doc === null
    const isStale = (row: Row): boolean => {
      const known = there.get(row.id)
      if (isGone(row)) return known !== undefined && known.rev !== null
      return isAnew || known?.rev !== row.rev
    }
    const stale = (await this.#asTheyAre(rows.filter(isStale))).filter(isStale)
    if (stale.length > 0 && !this.#isBegun) await this.#begin()
    const verdicts = await this.#judge(stale.flatMap(({ doc }) => doc ?? []))
    const changed = new Map<string, Route>()
    for (const row of stale) {
      const before = there.get(row.id) ?? null
      const rev = isGone(row) ? null : row.rev
      const after = routeAfter(before, row.id, rev, verdicts.get(row.id) ?? null)
      if (isEqual(before, after)) continue
      changed.set(row.id, after)
      this.#warn(row.id, before, after)
    }
    for (const [id, route] of await this.#put(there, changed)) changed.set(id, route)
    const all = new Map([...there, ...changed])
    const told = [...all].filter(([id]) => tellsAll || changed.has(id))
    await this.#tell(told, mark)
    return all
  }

  /** The rows as they are now: what is newer may have been judged since they were read, and nobody would judge it again. */
  async #asTheyAre(rows: readonly Row[]): Promise<Row[]> {
    const { gateway } = this.#options
    const now = await gateway.fetch(
      rows.map(({ id }) => id),
      { includeDocs: false },
    )
    const isSame = ({ rev, deleted, doc }: Row, at: number): boolean => {
      const there = now[at]
      if (doc === null) return there?.rev == null || there.deleted
      return !deleted && !there?.deleted && there?.rev === rev
    }
    const [same, others] = partition([...rows.entries()], ([at, row]) => isSame(row, at))
    const read = await gateway.fetch(others.map(([, { id }]) => id))
    return [...same.map(([, row]) => row), ...read]
  }

  async #judge(docs: readonly StoredDoc[]): Promise<Map<string, Verdict>> {
    const { sync, now } = this.#options
    const verdicts = new Map<string, Verdict>()
    for (let done = 0; done < docs.length;) {
      const batch = docs.slice(done, done + BATCH_DOCUMENTS)
      const found = routeEach(sync, batch.map(judgeable), now(), SLICE_MS)
      for (const [at, verdict] of found.entries()) verdicts.set(batch[at]?._id ?? '', verdict)
      done += found.length
      await nextTurn()
    }
    return verdicts
  }

  /**
   * Writes routes. A document that is in more channels, or grants more, than the index can hold of one is taken for one that
   * the function fails on: it goes nowhere, which is told, and all others go on.
   */
  async #put(
    there: ReadonlyMap<string, Route>,
    changed: ReadonlyMap<string, Route>,
  ): Promise<Map<string, Route>> {
    const written = new Map<string, Route>()
    const refused = new Map<string, Route>()
    const revs = await this.#options.routes.put([...changed.values()])
    for (const [at, [id, route]] of [...changed].entries()) {
      const _rev = revs[at]
      if (_rev != null) written.set(id, { ...route, _rev })
      else {
        const before = there.get(id) ?? null
        const bare = routeAfter(before, id, route.rev, { kind: 'failed', reason: TOO_MUCH })
        refused.set(id, bare)
        this.#warn(id, before, bare)
      }
    }
    if (refused.size === 0) return written
    const again = await this.#options.routes.put([...refused.values()])
    for (const [at, [id, route]] of [...refused].entries()) {
      const _rev = again[at]
      if (_rev == null) throw new CouchFault('server_error', id, 'no route of it can be stored')
      written.set(id, { ...route, _rev })
    }
    return written
  }

  async #tell(told: readonly [string, Route][], mark: Mark): Promise<void> {
    if (told.length === 0) return
    const { routes } = this.#options
    const byDocument = new Map(told.map(([id, route]) => [id, channelsOf(route)]))
    const readers = await routes.readersOf(new Set([...byDocument.values()].flatMap((all) => [...all])))
    const documents = new Map<string, Set<string>>()
    for (const [id, channels] of byDocument) {
      const names = channels.has(EVERYBODY)
        ? readers.get(EVERYBODY)
        : new Set([ALL_DOCUMENTS, ...channels].flatMap((channel) => [...(readers.get(channel) ?? [])]))
      for (const name of names ?? []) documents.set(name, (documents.get(name) ?? new Set()).add(id))
    }
    const { names, roles } = grantedAnew(told.map(([, route]) => route))
    const holders = new Set([...names, ...(await routes.holdersOf(roles))])
    const unsettled = told
      .filter(([, { before, rev }]) => before !== undefined || rev === null)
      .map(([id]) => id)
    if (unsettled.length > 0) this.#told.add(new Set(unsettled), new Set([...documents.keys(), ...holders]))
    for (const [name, ids] of documents) mark(name, { documents: ids })
    for (const name of holders) mark(name, { user: true })
  }

  /** What goes nowhere, and what is past the limits, once for each change; nothing of what a document says. */
  #warn(doc: string, before: Route | null, after: Route): void {
    const { gateway, log } = this.#options
    const db = gateway.name
    if (after.problem && after.problem.code !== before?.problem?.code)
      log.warn({ db, doc, code: after.problem.code }, 'document is in no channel')
    const channels = after.channels.length
    if (channels > LIMITS.channelsPerDocument && channels !== before?.channels.length)
      log.warn({ db, doc, channels, limit: LIMITS.channelsPerDocument }, 'document is in many channels')
    const grantsOf = (route: Route | null): number => (route ? route.access.length + route.roles.length : 0)
    const grants = grantsOf(after)
    if (grants > LIMITS.grantsPerDocument && grants !== grantsOf(before))
      log.warn({ db, doc, grants, limit: LIMITS.grantsPerDocument }, 'document grants much')
  }
}
