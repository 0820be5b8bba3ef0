// A turn of one provisioned user: what `_users` says, what the roles say, what changed on either side; then how it stands.
import chunk from 'lodash/chunk.js'
import isEqual from 'lodash/isEqual.js'
import sum from 'lodash/sum.js'
import type { Database } from '../couch/database.ts'
import type { DatabaseInfo } from '../couch/document.ts'
import { isFault, type CouchFault } from '../couch/fault.ts'
import type { User } from './master-policy.ts'
import { gatherFrom, type Master } from './gather.ts'
import type { Gather } from '../mirror/gather.ts'
import { countDocuments, idsIn } from '../mirror/personal-documents.ts'
import { PersonalFeed } from '../mirror/personal-feed.ts'
import { isSameAccount } from '../users/account.ts'
import { isObjectId } from '../documents/names.ts'
import {
  isRenewed,
  masterOfProvision,
  personalSecurity,
  type MasterStatus,
  type ProvisionedUser,
} from './provisioned-user.ts'
import { problem, type Problem } from '../documents/problem.ts'
import type { Clock } from '../documents/time.ts'
import { canceled, sortedRoles } from './plan-user.ts'
import { graceLeft } from '../documents/grace.ts'
import { provisionDocument, statusAfter, type LeaseState } from './plan-status.ts'
import { rejectedAfter, saysThat } from '../mirror/plan-status.ts'
import { isSameJson } from '../documents/same-json.ts'
import { keepSecurity } from '../engine/kept-security.ts'
import type { Result } from '../engine/work-queue.ts'
import { openPersonal } from './perform-user.ts'
import { reconcileAccount, type AccountDeps } from './reconcile-account.ts'
import { readKnownUser } from '../users/known-user.ts'
import { filterOf } from './filter.ts'
import type { TurnLeases } from './leases.ts'
import { RoleIndex } from './role-index.ts'
import type { Removals } from '../mirror/removals.ts'
import { writeMasterStatus } from './status.ts'
import { addProblems, Reconciliation } from '../mirror/reconcile.ts'
import { isOnlyPersonal, type ProvisioningWork } from './work.ts'
import { START } from '../engine/checkpoint.ts'

/** Changes a page of a personal database, with their documents. */
const PAGE = 200

export interface ProvisioningDeps extends AccountDeps {
  leases: TurnLeases
  removals: Removals
  /** Those of the masters that are configured that can be used, in the same order. */
  masters: () => readonly Master[]
  leaseState: (master: string, database: string) => LeaseState
  /** Told of each page of documents that was looked at. */
  onPage?: () => void
  /** Users whose removals were looked after since the start. */
  resumed: Set<string>
  /** Where documents say when they were written. */
  updatedAt: Clock['updatedAt']
}

/** What a turn leaves to do; where the user is gone, it is to be seen later whether for good. */
export interface ProvisioningResult extends Result<ProvisioningWork> {
  /** The user's replications that have just been started. */
  isStarting: boolean
}

/** `_users` says something else than what the turn began with. */
class RolesChanged extends Error {}

const DONE: ProvisioningResult = { next: null, isStarting: false }
/** All is to be compared, as far as it has come. */
const AGAIN: ProvisioningResult = { next: { all: true, personal: true }, isStarting: false }

/**
 * Does one page of work for a user.
 * @throws {CouchFault} where CouchDB fails, or somebody else was faster; nothing is lost, the turn is taken again
 */
export async function reconcileProvisionedUser(
  deps: ProvisioningDeps,
  name: string,
  work: ProvisioningWork,
): Promise<ProvisioningResult> {
  const there = await deps.provisionedUsers.entry(name)
  const mustLook = work.user === true || work.all === true || there === null || there.due === true
  const settled = mustLook ? await reconcileAccount(deps, name, there) : null
  for (const [database, updateSeq] of settled === null ? [] : (work.others ?? []))
    deps.checkpoints.set(database, { ...START, updateSeq })
  let entry = settled ? settled.entry : there
  if (entry === null) return DONE
  if (work.asked?.size)
    entry = await deps.provisionedUsers.change(
      name,
      { asked: [...new Set([...(entry.asked ?? []), ...work.asked])] },
      { known: entry },
    )
  if (entry.state !== 'active' || entry.database === null) {
    await writeMasterStatus(deps, entry, work.wakes)
    if (entry.state !== 'leaving') return DONE
    return {
      ...DONE,
      after: [{ work: { user: true }, ms: graceLeft(entry.leftAt, deps.graceMs, deps.now()) }],
    }
  }
  try {
    return await new UserTurn(
      deps,
      entry,
      { name, roles: settled?.roles ?? entry.roles },
      work,
      settled === null ? 'unseen' : settled.isNew ? 'new' : 'opened',
    ).take()
  } catch (error) {
    // Something may have been left halfway.
    deps.resumed.delete(name)
    if (!(error instanceof RolesChanged)) throw error
    return { next: { ...work, user: true, all: true, personal: true }, isStarting: false }
  }
}

/** What was found out about a master in this turn. */
interface Findings {
  problems: Map<string, Problem | null>
  carried: Set<string>
  /** By how many live documents there are more now. */
  more: number
}

/**
 * What this turn knows of the personal database when it begins. `opened`: it was just seen to be there, with all that it needs; `new`: it
 * was just created, too, and nothing else is in it.
 */
type Opening = 'unseen' | 'opened' | 'new'

class UserTurn {
  readonly #deps: ProvisioningDeps
  readonly #user: User
  readonly #work: ProvisioningWork
  /** Of masters whose view gives no answer. */
  readonly #viewFaults = new Map<string, CouchFault>()
  readonly #personal: Database
  readonly #feed: PersonalFeed
  readonly #masters: readonly Master[]
  readonly #opening: Opening
  readonly #findings = new Map<string, Findings>()
  /** Live documents by master; null: as many as there were. */
  #counts: Map<string, number> | null = null
  /** Live documents that are no master's. */
  #otherDocuments: number | undefined
  /** Masters for which the user, or somebody for the user, did something. */
  readonly #wakes: Set<string>
  /** The user asked in the personal database. */
  #isAsked = false
  /** Replications have just been started. */
  #isStarting = false
  /** By master, which of its name it is now. */
  readonly #instances = new Map<string, string | undefined>()
  /** Masters that were made again since all was compared with them: what they had is not new. */
  readonly #renewed = new Set<string>()
  #entry: ProvisionedUser

  constructor(
    deps: ProvisioningDeps,
    entry: ProvisionedUser,
    user: User,
    work: ProvisioningWork,
    opening: Opening,
  ) {
    this.#deps = deps
    this.#opening = opening
    this.#entry = entry
    this.#user = user
    this.#work = work
    this.#wakes = new Set(work.wakes)
    this.#personal = deps.couch.database(entry.database ?? '')
    this.#feed = new PersonalFeed(this.#personal, deps)
    this.#masters = deps.masters()
  }

  async take(): Promise<ProvisioningResult> {
    const { couch, removals, resumed } = this.#deps
    const infos = await couch.dbsInfo([...this.#masters.map(({ name }) => name), this.#personal.name])
    const info = infos.get(this.#personal.name)
    // Somebody dropped it: made again, and filled again.
    if (info === undefined) return this.#reopen()
    const isNew = this.#opening === 'new'
    if (!isNew && !resumed.has(this.#user.name)) await removals.resume(this.#personal)
    resumed.add(this.#user.name)
    const masters = this.#masters.filter(({ name }) => infos.has(name))
    for (const { name } of masters) this.#instances.set(name, infos.get(name)?.instance_start_time)
    if (isNew) return this.#fill(masters, info)
    const isRead = this.#opening === 'unseen' && isOnlyPersonal(this.#work) && (await this.#feed.isRead(info))
    const isAnother = await this.#checkInstance(info, { isRead })
    // What was changed while a master was away was passed over.
    const stale = masters.filter(({ name, policy }) => {
      const status = this.#statusOf(name)
      if (isRenewed(status, infos.get(name))) this.#renewed.add(name)
      return status?.access !== policy.hash || status.problem?.code === 'master_unavailable'
    })
    const hasChanged = isAnother || stale.length > 0 || this.#renewed.size > 0
    if (isRead && !hasChanged && !this.#entry.due && this.#isSaid(masters)) return DONE
    if (hasChanged || this.#work.all || this.#entry.due)
      await this.#compareAll(masters, !hasChanged && (!this.#entry.due || this.#entry.again === true))
    else
      await this.#lookAt(masters, [
        ...new Set([...(this.#work.documents?.values() ?? [])].flatMap((ids) => [...ids])),
      ])
    const next = await this.#followPersonal(masters)
    await this.#count(masters)
    await this.#keepLeases(masters)
    await this.#writeStatus(
      masters.filter(({ name }) => !this.#viewFaults.has(name)),
      { isComparing: false },
    )
    // The lane tries again, ever more slowly.
    for (const fault of this.#viewFaults.values()) throw fault
    return {
      next: this.#isAsked || this.#entry.due ? { ...next, all: true } : next,
      isStarting: this.#isStarting,
    }
  }

  async #reopen(): Promise<ProvisioningResult> {
    await openPersonal(this.#deps, this.#user.name, this.#personal.name)
    this.#deps.checkpoints.remove(this.#personal.name)
    return AGAIN
  }

  /**
   * The first documents of a database that this turn has created: there is nothing to compare them with, and how they stand is written
   * once, when they are there. More than a page takes turns like any other comparison, and its user reads meanwhile that it is under way.
   */
  async #fill(masters: readonly Master[], info: DatabaseInfo): Promise<ProvisioningResult> {
    const { couch, provisionedUsers, configured } = this.#deps
    const { roles, name } = this.#user
    this.#feed.begin(info)
    this.#entry = { ...this.#entry, ...this.#standing(masters, { isComparing: true }) }
    const coming = [...(await this.#readable(masters))]
    if (coming.length > PAGE || this.#viewFaults.size > 0) return AGAIN
    if (!(await this.#lookAt(masters, coming, { isAll: true, isEmpty: true }))) return AGAIN
    this.#counts = new Map(configured.map((master) => [master, this.#findings.get(master)?.more ?? 0]))
    await this.#keepLeases(masters)
    const standing = this.#standing(masters, { isComparing: false })
    await writeMasterStatus(this.#deps, { ...this.#entry, ...standing }, this.#wakes, { isEmpty: true })
    // Before its changes are read: what is written from now on makes it another.
    const after = (await couch.dbsInfo([this.#personal.name])).get(this.#personal.name)
    if (after === undefined) return AGAIN
    const { changes, isLast, done } = await this.#feed.page(PAGE)
    const isAllOwn = isLast && changes.length === 0
    if (isAllOwn) done(after.update_seq)
    const otherDocuments = after.doc_count - sum([...this.#counts.values()])
    await provisionedUsers.change(
      name,
      { ...standing, otherDocuments, roles: sortedRoles(roles), due: undefined, again: undefined },
      { over: this.#entry },
    )
    return { next: isAllOwn ? null : { personal: true }, isStarting: this.#isStarting }
  }

  /** True where all has been told that there is to tell. */
  #isSaid(masters: readonly Master[]): boolean {
    const { masters: standing } = this.#standing(masters, { isComparing: false })
    return isSameJson(standing, this.#entry.masters)
  }

  /**
   * @param isRead nothing was written since it was looked at last, `_security` neither
   * @returns true for a database that is another one than the last time
   */
  async #checkInstance(info: DatabaseInfo, { isRead }: { isRead: boolean }): Promise<boolean> {
    const { name } = this.#personal
    const found = await this.#feed.checkInstance(info)
    if (found === 'same') {
      if (this.#opening === 'unseen' && !isRead)
        await keepSecurity(this.#personal, personalSecurity(this.#user.name, name), this.#deps.log)
      return false
    }
    // Whoever made it anew has not let the user in.
    if (found === 'renewed' || this.#opening === 'unseen')
      await openPersonal(this.#deps, this.#user.name, name)
    return found === 'renewed'
  }

  #statusOf(master: string): MasterStatus | undefined {
    const { masters } = this.#entry
    return Object.hasOwn(masters, master) ? masters[master] : undefined
  }

  /**
   * All that the roles allow, and all that is there: what came, what goes, what was missed.
   * @param isAgain nothing has changed that says what the user has: what was there is there
   */
  async #compareAll(masters: readonly Master[], isAgain: boolean): Promise<void> {
    const { provisionedUsers, leases, configured } = this.#deps
    const { roles, name } = this.#user
    // A turn that fails, or a daemon beside this one, is to know that, too.
    if (!this.#entry.due)
      this.#entry = await provisionedUsers.change(
        name,
        { due: true, again: isAgain ? true : undefined },
        { known: this.#entry },
      )
    const isNarrowed = this.#entry.roles.some((role) => !roles.includes(role))
    const held = leases.held().filter(({ database }) => database === this.#personal.name)
    // Also one of which nothing is known here: not taken over yet, or given up halfway by a turn that failed.
    if (isNarrowed)
      for (const master of configured)
        if (!held.some((lease) => lease.master === master)) await leases.stop(master, this.#personal.name)
    for (const { master, database } of held) {
      this.#wakes.add(master)
      if (!isNarrowed) continue
      // What it brings must not come back behind what is taken out. It runs on where this turn fails, so that the next knows of it.
      const policy = masters.find((one) => one.name === master)?.policy
      if (policy === undefined) await leases.stop(master, database)
      else if (await leases.narrow({ master, database, name }, filterOf(policy, this.#user)))
        this.#isStarting = true
    }
    await this.#writeStatus(masters, { isComparing: true, isAgain })
    const there = new Set<string>()
    for await (const page of idsIn(this.#personal)) for (const id of page) there.add(id)
    this.#counts = new Map()
    // Where somebody keeps writing, the rest is for the next turn, which compares all again. What is to be taken away is there:
    // that waits for no view.
    if (!(await this.#lookAt(masters, [...there], { isAll: true }))) return
    const readable = await this.#readable(masters)
    const coming = [...readable].filter((id) => !there.has(id))
    if (!(await this.#lookAt(masters, coming, { isAll: true }))) return
    if (this.#viewFaults.size > 0) return
    this.#renewed.clear()
    // Whoever has compared meanwhile, with other roles perhaps, may have brought back what went here.
    const over = this.#entry
    this.#entry = await provisionedUsers.change(
      name,
      { roles: sortedRoles(roles), due: undefined, again: undefined },
      { over },
    )
  }

  /** The documents that the roles allow, by views: one that fails keeps nobody from the documents of other masters. */
  async #readable(masters: readonly Master[]): Promise<Set<string>> {
    const ids = new Set<string>()
    for (const { name, database, policy } of masters)
      try {
        for (const { id } of await database.view(policy.design, 'roles', [...this.#user.roles]))
          if (isObjectId(id)) ids.add(id)
      } catch (error) {
        if (!isFault(error, 'server_error') && !isFault(error, 'timeout')) throw error
        this.#viewFaults.set(name, error)
      }
    return ids
  }

  /**
   * @param isAll these are all documents that there are
   * @param isEmpty none of them is in the personal database
   * @returns false where somebody keeps writing
   */
  async #lookAt(
    masters: readonly Master[],
    ids: readonly string[],
    { isAll = false, isEmpty = false } = {},
  ): Promise<boolean> {
    const personal = { user: this.#user, database: this.#personal }
    let isSettled = true
    for (const part of chunk(ids, PAGE)) {
      const isWhole = masters.length === this.#deps.configured.length
      const deps = { ...this.#deps, confirm: () => this.#confirm() }
      const formerly = async (master: string, some: readonly string[]): Promise<Map<string, string[]>> =>
        this.#renewed.has(master) ? new RoleIndex(this.#deps.couch).revisions(master, some) : new Map()
      let isFirst = true
      const gather: Gather = (some, clock) => {
        const gathering = gatherFrom(personal, masters, { isWhole, formerly, isEmpty: isEmpty && isFirst })
        isFirst = false
        return gathering(some, clock)
      }
      const reconciliation = new Reconciliation(deps, this.#personal, gather)
      isSettled = (await reconciliation.run(part)) && isSettled
      this.#deps.onPage?.()
      for (const [master, found] of reconciliation.findings) {
        const all = this.#findingsOf(master)
        addProblems(all.problems, found)
        for (const id of found.carried) all.carried.add(id)
        all.more += found.there - (isAll ? 0 : found.before)
        if (found.isActive) this.#wakes.add(master)
      }
    }
    return isSettled
  }

  /** A role that was lost is lost at once, and so is an account: what the user writes then may be read before `_users` is. */
  async #confirm(): Promise<void> {
    const user = await readKnownUser(this.#deps.couch, this.#user.name, this.#deps)
    if (user === null || !isEqual(sortedRoles(user.roles), sortedRoles(this.#user.roles)))
      throw new RolesChanged()
    const { account } = this.#entry
    if (account !== undefined && !isSameAccount(account, user.account)) throw new RolesChanged()
  }

  #findingsOf(master: string): Findings {
    const there = this.#findings.get(master)
    if (there) return there
    const none: Findings = { problems: new Map(), carried: new Set(), more: 0 }
    this.#findings.set(master, none)
    return none
  }

  /** A page of what was written into the personal database. @returns what is left to do */
  async #followPersonal(masters: readonly Master[]): Promise<ProvisioningWork | null> {
    const { name } = this.#personal
    const { changes: foreign, isLast, done } = await this.#feed.page(PAGE)
    if (foreign.some(({ id }) => id.startsWith('_design/')))
      await openPersonal(this.#deps, this.#user.name, name)
    for (const { id, doc } of foreign) {
      const master = masterOfProvision(id)
      if (master !== null && doc && !doc._deleted) this.#onProvisionDocument(master, doc)
    }
    if (!(await this.#lookAt(masters, foreign.map(({ id }) => id).filter(isObjectId))))
      return { personal: true }
    done(this.#work.updateSeq)
    return isLast ? null : { personal: true, updateSeq: this.#work.updateSeq }
  }

  /** Somebody wrote into `$provision/<master>`: the user asks, and is answered by what stands there next. */
  #onProvisionDocument(master: string, doc: Record<string, unknown>): void {
    if (saysThat(doc, provisionDocument(this.#entry, master))) return
    this.#isAsked = true
    this.#wakes.add(master)
  }

  /**
   * How many documents of each master there are. What a replication has brought was there before it was looked at: it is
   * known by the number of all documents, and then they are counted anew.
   */
  async #count(masters: readonly Master[]): Promise<void> {
    if (this.#findings.size === 0 && this.#counts === null) return
    const known = this.#counts ?? new Map(masters.map(({ name }) => [name, this.#statusOf(name)?.documents]))
    this.#counts = new Map(
      masters.map(({ name }) => [name, (known.get(name) ?? 0) + (this.#findings.get(name)?.more ?? 0)]),
    )
    const total = (await this.#personal.info())?.doc_count ?? 0
    const others = (): number => total - sum([...(this.#counts?.values() ?? [])])
    const { otherDocuments = others() } = this.#entry
    if (others() !== otherDocuments) this.#counts = await countDocuments(this.#personal, masters)
    this.#otherDocuments = others()
  }

  /** Replications run for those who are active, and end for those who were not for long. */
  async #keepLeases(masters: readonly Master[]): Promise<void> {
    const { leases, log, configured } = this.#deps
    const { name } = this.#user
    const database = this.#personal.name
    const held = new Set(leases.held().flatMap((one) => (one.database === database ? [one.master] : [])))
    // A master that is none any more; its documents stay.
    for (const [master, { state }] of Object.entries(this.#entry.masters))
      if (!configured.includes(master) && state !== 'canceled') await leases.stop(master, database)
    for (const { name: master, policy } of masters) {
      const subject = { master, database, name }
      // What the daemon brings by itself keeps a replication that runs, and starts none: users at rest need none.
      if (this.#work.documents?.has(master)) leases.touch(master, database)
      const isOutdated = held.has(master) && leases.isOutdated(subject, filterOf(policy, this.#user))
      // What is projected is written by the daemon alone.
      if ((this.#wakes.has(master) || isOutdated) && policy.fields === null)
        this.#isStarting = (await leases.use(subject, filterOf(policy, this.#user))) || this.#isStarting
      else if (this.#work.idle?.has(master) && (await leases.endIfIdle(master, database)))
        log.info({ db: database, master }, 'replication idle, cancelled')
    }
  }

  /** Writes down how everything stands, for the registry and for the user. */
  async #writeStatus(
    masters: readonly Master[],
    how: { isComparing: boolean; isAgain?: boolean },
  ): Promise<void> {
    const { provisionedUsers } = this.#deps
    const change = {
      ...this.#standing(masters, how),
      otherDocuments: this.#otherDocuments ?? this.#entry.otherDocuments,
    }
    const known = this.#entry
    this.#entry = await provisionedUsers.change(this.#user.name, change, { known })
    await writeMasterStatus(this.#deps, this.#entry, this.#wakes)
  }

  /** How everything stands. */
  #standing(
    masters: readonly Master[],
    { isComparing, isAgain = false }: { isComparing: boolean; isAgain?: boolean },
  ): Pick<ProvisionedUser, 'masters'> {
    const { leaseState, now, configured } = this.#deps
    const at = new Date(now()).toISOString()
    const statuses = configured.map((name): [string, MasterStatus] => {
      const master = masters.find((one) => one.name === name)
      const before = this.#statusOf(name)
      const findings = this.#findings.get(name)
      return [
        name,
        statusAfter(before, {
          lease: leaseState(name, this.#personal.name),
          problem: master ? null : problem('master_unavailable', name),
          rejected: rejectedAfter(
            before?.rejected ?? [],
            findings?.problems ?? new Map(),
            findings?.carried ?? new Set(),
            at,
          ),
          documents: this.#counts?.get(name) ?? before?.documents ?? 0,
          isComparing,
          isAgain,
          access: master && !isComparing ? master.policy.hash : (before?.access ?? ''),
          instance:
            isComparing || this.#renewed.has(name)
              ? before?.instance
              : (this.#instances.get(name) ?? before?.instance),
          at,
        }),
      ]
    })
    const left = Object.entries(this.#entry.masters).filter(([name]) => !configured.includes(name))
    return { masters: { ...canceled(Object.fromEntries(left), at), ...Object.fromEntries(statuses) } }
  }
}
