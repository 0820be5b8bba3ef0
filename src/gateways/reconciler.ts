// A turn of one user of a gateway: what is granted, which documents come and go, what the user wrote; then how it stands.
import chunk from 'lodash/chunk.js'
import isEqual from 'lodash/isEqual.js'
import type { Database } from '../couch/database.ts'
import { countObjects, idsIn } from '../mirror/personal-documents.ts'
import { PersonalFeed } from '../mirror/personal-feed.ts'
import { gatherRouted } from './gather.ts'
import type { Router } from './router.ts'
import { ALL_DOCUMENTS, EVERYBODY, type Holdings } from './function/grants.ts'
import { gatewaySecurity, type GatewayUser } from './model.ts'
import { isObjectId } from '../documents/names.ts'
import type { Problem } from '../documents/problem.ts'
import type { Clock } from '../documents/time.ts'
import { gatewayDocument } from './plan-status.ts'
import { graceLeft } from '../documents/grace.ts'
import { rejectedAfter } from '../mirror/plan-status.ts'
import { keepSecurity } from '../engine/kept-security.ts'
import type { Result } from '../engine/work-queue.ts'
import { readHoldings } from './gather-user.ts'
import { reconcileAccount, type AccountDeps } from './reconcile-account.ts'
import { writeStatus } from '../mirror/status.ts'
import type { Removals } from '../mirror/removals.ts'
import type { GatewayWork } from './work.ts'
import { addProblems, Reconciliation } from '../mirror/reconcile.ts'

/** Documents that are looked at together. */
const PAGE = 200
/** Pages that are read in all before something is refused that one of them may grant. */
const MOST_PAGES = 10

export interface GatewayTurnDeps extends AccountDeps {
  /** The gateway's. */
  database: Database
  router: Router
  /** Resolves when all is routed that was written at the gateway before. @throws {CouchFault} */
  catchUp: () => Promise<void>
  removals: Removals
  /** Where documents say when they were written. */
  updatedAt: Clock['updatedAt']
  /** Told of each page of documents that was looked at. */
  onPage?: () => void
  /** Users of whom what was left halfway was looked after since the start. */
  resumed: Set<string>
}

/** What a turn leaves to do; where the user is gone, it is to be seen later whether for good. */
export type GatewayResult = Result<GatewayWork>

/** The user has something else than what the turn began with. */
class HoldingsChanged extends Error {}

const DONE: GatewayResult = { next: null }

/**
 * Does one page of work for a user.
 * @throws {CouchFault} where CouchDB fails, or somebody else was faster; nothing is lost, the turn is taken again
 */
export async function reconcileGatewayUser(
  deps: GatewayTurnDeps,
  name: string,
  work: GatewayWork,
): Promise<GatewayResult> {
  const { routes, gateway } = deps
  const there = await routes.user(name)
  const mustReconcile =
    work.user === true ||
    work.all === true ||
    there === null ||
    there.state !== 'active' ||
    there.due === true ||
    there.function !== gateway.guard.couch_shares.hash
  const { entry, holdings } = mustReconcile
    ? await reconcileAccount(deps, name, there)
    : { entry: there, holdings: there }
  if (entry === null) return DONE
  if (holdings === null) {
    const ms = graceLeft(entry.leftAt, deps.graceMs, deps.now())
    return { ...DONE, after: [{ work: { user: true }, ms }] }
  }
  try {
    return await new GatewayTurn(deps, { entry, holdings }, work, mustReconcile).take()
  } catch (error) {
    // Something may have been left halfway.
    deps.resumed.delete(name)
    if (!(error instanceof HoldingsChanged)) throw error
    return { next: { ...work, user: true, personal: true } }
  }
}

class GatewayTurn {
  readonly #deps: GatewayTurnDeps
  readonly #work: GatewayWork
  readonly #holdings: Holdings
  readonly #personal: Database
  readonly #feed: PersonalFeed
  readonly #isOpened: boolean
  readonly #problems = new Map<string, Problem | null>()
  readonly #carried = new Set<string>()
  /** What is refused by what the user has: looked at once more when all is read that may grant what is missing. */
  readonly #held = new Set<string>()
  #entry: GatewayUser
  /** What is left to do when all is done that this turn found. */
  #next: GatewayWork | null = null
  /** False where there may be more or fewer documents than there were. */
  #isCounted = true

  /** @param isOpened `_security` of the database was just seen to be right */
  constructor(
    deps: GatewayTurnDeps,
    { entry, holdings: { roles, channels } }: { entry: GatewayUser; holdings: Holdings },
    work: GatewayWork,
    isOpened: boolean,
  ) {
    this.#deps = deps
    this.#isOpened = isOpened
    this.#work = work
    this.#entry = entry
    this.#holdings = { roles, channels }
    this.#personal = deps.couch.database(entry.database)
    this.#feed = new PersonalFeed(this.#personal, deps)
  }

  async take(): Promise<GatewayResult> {
    const { couch, database, removals, resumed, checkpoints, log } = this.#deps
    const infos = await couch.dbsInfo([database.name, this.#personal.name])
    // While the gateway is away users keep what they have.
    if (!infos.has(database.name)) return DONE
    const info = infos.get(this.#personal.name)
    // Somebody dropped it: made again, and filled again.
    if (info === undefined) {
      checkpoints.remove(this.#personal.name)
      return { next: { user: true, all: true, personal: true } }
    }
    if (!resumed.has(this.#entry.name)) {
      await removals.resume(this.#personal)
      this.#isCounted = false
    }
    resumed.add(this.#entry.name)
    const found = await this.#feed.checkInstance(info)
    const { instance_start_time: instance } = info
    const isAnother = (this.#entry.instance ?? instance) !== instance && this.#work.all !== true
    // Whoever made it anew has not let the user in.
    if (found === 'renewed' || isAnother) return { next: { user: true, all: true, personal: true } }
    if (!this.#isOpened)
      await keepSecurity(this.#personal, gatewaySecurity(this.#entry.name, this.#holdings), log)
    const isWhole = this.#work.all === true || this.#entry.due === true
    if (!(await (isWhole ? this.#compareAll() : this.#lookAt([...(this.#work.documents ?? [])]))))
      return { next: { ...this.#work, personal: true } }
    const isSettled = await this.#followPersonal()
    await this.#writeStatus(isWhole && isSettled ? instance : null)
    return { next: isSettled ? this.#next : { ...this.#work, personal: true } }
  }

  /** All that the user may have, and all that is there. @returns false where somebody keeps writing */
  async #compareAll(): Promise<boolean> {
    const { routes, database } = this.#deps
    const { channels } = this.#holdings
    await this.#writeDocument({ isComparing: true })
    const ids = await routes.documentsIn([...channels, EVERYBODY])
    const everywhere = channels.includes(ALL_DOCUMENTS) ? [database, this.#personal] : [this.#personal]
    for (const one of everywhere) for await (const page of idsIn(one)) for (const id of page) ids.add(id)
    this.#isCounted = false
    return this.#lookAt([...ids])
  }

  /**
   * @param isPatient what is refused is only held
   * @returns false where somebody keeps writing
   */
  async #lookAt(ids: readonly string[], isPatient = true): Promise<boolean> {
    const { gateway, database, router } = this.#deps
    const { name } = this.#entry
    const source = { source: { name: gateway.name, database }, router, sync: gateway.sync }
    const writer = { name, roles: this.#holdings.roles, channels: this.#channels, isAdmin: false }
    const gather = gatherRouted(source, { writer, database: this.#personal })
    let isSettled = true
    let changed: HoldingsChanged | null = null
    for (const part of chunk(ids.filter(isObjectId), PAGE)) {
      const deps = { ...this.#deps, confirm: () => this.#confirm(), onRefused: this.#onRefused, isPatient }
      const reconciliation = new Reconciliation(deps, this.#personal, gather)
      try {
        isSettled = (await reconciliation.run(part)) && isSettled
      } catch (error) {
        if (!(error instanceof HoldingsChanged)) throw error
        // Of the others it is to be seen all the same what was taken away.
        changed = error
      }
      this.#deps.onPage?.()
      for (const id of reconciliation.held) this.#held.add(id)
      for (const found of reconciliation.findings.values()) {
        addProblems(this.#problems, found)
        for (const id of found.carried) this.#carried.add(id)
        this.#isCounted &&= !found.isWritten
      }
    }
    if (changed === null) return isSettled
    // The next turn finds all of it in place, and would not know that it was carried.
    const rejected = rejectedAfter(this.#entry.rejected ?? [], this.#problems, this.#carried, this.#at)
    await this.#deps.routes.change(this.#entry, { rejected: rejected.length > 0 ? rejected : undefined })
    throw changed
  }

  /** Everybody has `!`, as in Sync Gateway. */
  get #channels(): string[] {
    return [...this.#holdings.channels, EVERYBODY]
  }

  /** What was lost is lost at once, and what was granted is granted: what the user writes then may be read before it is known. */
  async #confirm(): Promise<void> {
    await this.#deps.catchUp()
    const holdings = await readHoldings(this.#deps, this.#entry.name)
    if (!isEqual(holdings, this.#holdings)) throw new HoldingsChanged()
  }

  /** Written down first: after a crash nothing of it is left to see. */
  readonly #onRefused = async (problems: ReadonlyMap<string, Problem>): Promise<void> => {
    const rejected = rejectedAfter(this.#entry.rejected ?? [], problems, new Set(), this.#at)
    this.#entry = await this.#deps.routes.change(this.#entry, { rejected })
  }

  get #at(): string {
    return new Date(this.#deps.now()).toISOString()
  }

  /**
   * A page of what was written into the user's database. Where something of it is refused, more is read first: a list may come after
   * its tasks, also when they were sent together, and what is refused gives way for good.
   * @returns false where somebody keeps writing
   */
  async #followPersonal(): Promise<boolean> {
    let page = await this.#feed.page(PAGE)
    let isTampered = false
    for (let pages = 1; ; pages += 1) {
      this.#isCounted &&= page.changes.length === 0
      // Only an admin can have touched them.
      isTampered ||= page.changes.some(({ id }) => id.startsWith('_design/'))
      if (!(await this.#lookAt(page.changes.map(({ id }) => id)))) return false
      const isEnough = this.#held.size === 0 || pages === MOST_PAGES || (page.isLast && pages > 1)
      if (isEnough) break
      page = await this.#feed.page(PAGE, page.end)
    }
    if (!(await this.#lookAt([...this.#held], false))) return false
    const { updateSeq } = this.#work
    page.done(updateSeq)
    this.#next = page.isLast && !isTampered ? null : { personal: true, updateSeq, user: isTampered }
    return true
  }

  /** Writes down how everything stands, and tells the user. @param compared the database that all were compared for */
  async #writeStatus(compared: string | null): Promise<void> {
    const { routes, gateway } = this.#deps
    const documents = this.#isCounted ? this.#entry.documents : await countObjects(this.#personal)
    const rejected = rejectedAfter(this.#entry.rejected ?? [], this.#problems, this.#carried, this.#at)
    this.#entry = await routes.change(this.#entry, {
      ...(compared === null ? {} : { ...this.#holdings, due: undefined, instance: compared }),
      function: gateway.guard.couch_shares.hash,
      documents,
      readyAt: this.#entry.readyAt ?? this.#at,
      rejected: rejected.length > 0 ? rejected : undefined,
    })
    await this.#writeDocument({ isComparing: false })
  }

  async #writeDocument(now: { isComparing: boolean }): Promise<void> {
    const { gateway, ownWrites } = this.#deps
    const said = gatewayDocument(gateway.name, this.#entry, this.#holdings, now)
    await writeStatus(this.#personal, ownWrites, [said])
  }
}
