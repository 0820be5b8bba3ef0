// A turn of one owner: a page of what changed is read, planned and written, and only then the checkpoint moves.
import groupBy from 'lodash/groupBy.js'
import type { Database } from './couch/database.ts'
import type { ChangesPage, Seq } from './couch/document.ts'
import { isFault, type CouchFault } from './couch/fault.ts'
import { START, type Checkpoint } from './feed/checkpoints.ts'
import { gatherObjects, gatherShare, readShareDocuments, withRivals, type UserDoc } from './feed/facts.ts'
import { parseCopyId, shareDocumentId, shareOfDocument } from './model/names.ts'
import { asksForShare } from './model/share.ts'
import { problem } from './model/problem.ts'
import { planObject, settledObject, type ObjectEffect } from './plan/object.ts'
import { planHalted, planRotation, planScanned, planShare } from './plan/share.ts'
import type { Deps } from './write/deps.ts'
import { orderRotation, performObjects } from './write/objects.ts'
import { createOutbox, performShare } from './write/shares.ts'

/** Changes a page of a user database, with their documents. */
const PAGE = 200
/** Changes a page of an outbox, where most are the daemon's own and need no document. */
const OUTBOX_PAGE = 1000

/** What is known of an owner's databases before a turn. */
export interface Hint {
  /** The outbox may have changed. */
  outbox?: boolean
  /** The user database may have changed. */
  user?: boolean
  /** The user database may have been dropped and created: everything is looked at anew. */
  recreated?: boolean
  /** Shares to be planned whether or not their documents changed. */
  shares?: ReadonlySet<string>
  /** Shares that end where their documents have not come back. */
  orphans?: ReadonlySet<string>
  /** The user database is gone for longer than the grace time: if it still is, all that is left of it goes. */
  departed?: boolean
  /** Leases that were idle for long. */
  idle?: ReadonlySet<string>
  /** `update_seq` of the databases as `_dbs_info` showed them, to be kept if nothing is left to read after this turn. */
  updateSeqs?: ReadonlyMap<string, Seq> | undefined
}

export interface Outcome {
  /** False: the user database is not there. */
  isThere: boolean
  /** What there is left to do, or null. */
  next: Hint | null
  /** The user database had changes: more may come soon. */
  isActive: boolean
  /** Shares that could not be opened, to be tried again later. */
  halted: ReadonlySet<string>
  /** Shares of a database that was created again: after the grace time they end where nobody asks for them. */
  orphans: ReadonlySet<string>
}

const NONE: ReadonlySet<string> = new Set()
const GONE: Outcome = { isThere: false, next: null, isActive: false, halted: NONE, orphans: NONE }

export interface TurnOptions {
  deps: Deps
  owner: string
  hint: Hint
  outboxAlways: boolean
}

/**
 * Does one page of work for an owner.
 * @throws {CouchFault} where CouchDB fails; nothing is lost, the turn is taken again
 */
export async function takeTurn(options: TurnOptions): Promise<Outcome> {
  const { couch, users } = options.deps
  try {
    return await new Turn(options).take()
  } catch (error) {
    if (isFault(error, 'not_found') && (await couch.database(users.database(options.owner)).info()) === null)
      return GONE
    throw error
  }
}

class Turn {
  readonly #deps: Deps
  readonly #owner: string
  readonly #hint: Hint
  readonly #outboxAlways: boolean
  readonly #user: Database
  readonly #outbox: Database
  #isActive = false
  readonly #halted = new Set<string>()
  readonly #orphans = new Set<string>()

  constructor({ deps, owner, hint, outboxAlways }: TurnOptions) {
    this.#deps = deps
    this.#owner = owner
    this.#hint = hint
    this.#outboxAlways = outboxAlways
    this.#user = deps.couch.database(deps.users.database(owner))
    this.#outbox = deps.couch.database(deps.users.outbox(owner))
  }

  async take(): Promise<Outcome> {
    if (this.#hint.departed && (await this.#user.info()) === null) return this.#depart()
    const shares = new Set([...(this.#hint.shares ?? []), ...(this.#hint.orphans ?? [])])
    if (!(await this.#arrive())) return GONE
    const user = await this.#followUser(shares)
    const outbox = await this.#followOutbox()
    const isScanning = await this.#scan()
    const isDone = !user && !outbox && !isScanning
    if (isDone) await this.#rotate()
    for (const share of this.#hint.idle ?? [])
      if (await this.#deps.leases.endIfIdle(share))
        this.#deps.log.info({ share }, 'replication idle, cancelled')
    return this.#outcome(isDone ? null : { user, outbox, updateSeqs: this.#hint.updateSeqs })
  }

  #outcome(next: Hint | null): Outcome {
    return { isThere: true, next, isActive: this.#isActive, halted: this.#halted, orphans: this.#orphans }
  }

  /** Meets a database for the first time, or one that was created again; false where there is none. */
  async #arrive(): Promise<boolean> {
    const { checkpoints, registry, users, ownWrites } = this.#deps
    const outbox = users.outbox(this.#owner)
    const known = await checkpoints.read([this.#user.name, outbox])
    const checkpoint = known.get(this.#user.name)
    if (checkpoint && !this.#hint.recreated) return true
    const info = await this.#user.info()
    if (info === null) return false
    if (this.#outboxAlways) await createOutbox(this.#deps, this.#owner)
    if (checkpoint) {
      // Copies and shares whose documents went with an earlier database. Copies come back with their objects; a share
      // does not, and gets as much time as one whose database is gone.
      for (const share of await registry.sharesOf(this.#user.name)) this.#orphans.add(share)
      ownWrites.forget(outbox)
      if (known.has(outbox)) checkpoints.set(outbox, START)
    }
    checkpoints.set(this.#user.name, {
      ...START,
      scan: checkpoint?.scan ?? null,
      instance: info.instance_start_time,
    })
    return true
  }

  /** Ends all shares of a user whose database was deleted, and drops the outbox. */
  async #depart(): Promise<Outcome> {
    const { registry, checkpoints, rotations, log } = this.#deps
    for (const share of await registry.sharesOf(this.#user.name)) {
      const none = { id: shareDocumentId(share), doc: null, rivals: [] }
      const facts = await gatherShare(this.#deps, this.#owner, none, {
        scanning: false,
        fromStart: false,
      })
      await performShare(this.#deps, this.#owner, planShare(facts))
    }
    await this.#outbox.drop()
    for (const { name } of [this.#user, this.#outbox]) checkpoints.remove(name)
    rotations.delete(this.#owner)
    log.info({ db: this.#user.name }, 'user database is gone, its shares have ended')
    return this.#outcome(null)
  }

  async #followUser(shares: ReadonlySet<string>): Promise<boolean> {
    const { since } = await this.#checkpoint(this.#user)
    const isFirst = since === START.since
    if (!isFirst && !this.#hint.user && shares.size === 0) return false
    const page = await this.#user.changes({ since, limit: PAGE, includeDocs: true })
    this.#isActive = page.results.length > 0
    const docs = await withRivals(this.#user, page.results)
    await this.#reconcileShares(docs, shares, isFirst)
    await this.#reconcileObjects(docs)
    await this.#move(this.#user, page)
    return page.pending > 0
  }

  /** The outbox is the daemon's own; what somebody else changed there is put right. */
  async #followOutbox(): Promise<boolean> {
    const { checkpoints, ownWrites } = this.#deps
    const checkpoint = (await checkpoints.read([this.#outbox.name])).get(this.#outbox.name)
    if (!checkpoint || (checkpoint.since !== START.since && !this.#hint.outbox)) return false
    const page = await this.#readOutbox(checkpoint.since)
    if (page === null) return this.#restoreOutbox()
    const foreign = page.results.filter(
      ({ id, changes }) => !changes.every(({ rev }) => ownWrites.includes(this.#outbox.name, id, rev)),
    )
    const copies = groupBy(
      foreign.flatMap(({ id }) => parseCopyId(id) ?? []),
      'object',
    )
    const objects = Object.keys(copies)
    for (let at = 0; at < objects.length; at += PAGE) {
      const rows = await this.#user.fetch(objects.slice(at, at + PAGE), { conflicts: true })
      const docs = await withRivals(this.#user, rows)
      await this.#reconcileObjects(
        docs.map((doc) => ({ ...doc, copiedTo: copies[doc.id]?.map(({ share }) => share) ?? [] })),
      )
    }
    await this.#move(this.#outbox, page)
    return page.pending > 0
  }

  /** An outbox that somebody dropped: all copies are made again. */
  async #restoreOutbox(): Promise<boolean> {
    const { checkpoints, registry, log } = this.#deps
    log.warn({ db: this.#outbox.name }, 'outbox is gone, made anew')
    // What the shares hold is under revisions that went with the outbox: they are made anew.
    for (const [share, { state }] of await registry.entries(await registry.sharesOf(this.#user.name)))
      if (state === 'active') await orderRotation(this.#deps, this.#owner, share)
    await createOutbox(this.#deps, this.#owner)
    checkpoints.set(this.#outbox.name, START)
    const checkpoint = await this.#checkpoint(this.#user)
    checkpoints.set(this.#user.name, {
      ...checkpoint,
      scan: { since: START.since, shares: checkpoint.scan?.shares ?? [] },
    })
    return true
  }

  /** A page of going through all documents again, and what follows when it was the last one. */
  async #scan(): Promise<boolean> {
    const { checkpoints, registry } = this.#deps
    const { scan } = await this.#checkpoint(this.#user)
    if (scan === null) return false
    const page = await this.#user.changes({ since: scan.since, limit: PAGE, includeDocs: true })
    await this.#reconcileObjects(await withRivals(this.#user, page.results))
    if (page.pending > 0) {
      checkpoints.set(this.#user.name, {
        ...(await this.#checkpoint(this.#user)),
        scan: { ...scan, since: page.last_seq },
      })
      return true
    }
    for (const share of scan.shares)
      await performShare(this.#deps, this.#owner, planScanned(share, await registry.entry(share)))
    checkpoints.set(this.#user.name, { ...(await this.#checkpoint(this.#user)), scan: null })
    // A share that ended may have been asked for again meanwhile.
    await this.#planShares(await readShareDocuments(this.#user, scan.shares), false)
    return (await this.#checkpoint(this.#user)).scan !== null
  }

  async #reconcileShares(docs: UserDoc[], extra: ReadonlySet<string>, fromStart: boolean): Promise<void> {
    const inPage = docs.filter(({ id, doc }) => shareOfDocument(id) !== null || (doc && asksForShare(doc)))
    const absent = [...extra].filter((share) => !inPage.some(({ id }) => id === shareDocumentId(share)))
    await this.#planShares([...inPage, ...(await readShareDocuments(this.#user, absent))], fromStart)
  }

  async #planShares(docs: readonly UserDoc[], fromStart: boolean): Promise<void> {
    for (const doc of docs) {
      try {
        await this.#planShareUntilDone(doc, fromStart)
      } catch (error) {
        if (isFault(error) && !concernsOneDocument(error)) throw error
        this.#setAside(doc.id, error)
      }
    }
  }

  async #planShareUntilDone(found: UserDoc, fromStart: boolean): Promise<void> {
    const share = shareOfDocument(found.id)
    for (;;) {
      const { scan } = await this.#checkpoint(this.#user)
      const scanning = share !== null && (scan?.shares.includes(share) ?? false)
      const isOrphan = share !== null && this.#hint.orphans?.has(share) === true
      const facts = await gatherShare(this.#deps, this.#owner, found, { scanning, fromStart, isOrphan })
      const result = await performShare(this.#deps, this.#owner, planShare(facts))
      if (result.kind === 'lost') continue
      if (result.kind === 'halted') {
        this.#halted.add(facts.share)
        if (found.doc) await performShare(this.#deps, this.#owner, planHalted(found.doc, result.problem))
      }
      return
    }
  }

  async #reconcileObjects(docs: UserDoc[]): Promise<void> {
    const facts = await gatherObjects(this.#deps, this.#owner, docs)
    const effects: ObjectEffect[] = []
    for (const one of facts) {
      try {
        effects.push(...planObject(one))
      } catch (error) {
        this.#setAside(one.object, error)
        const settled = one.doc && settledObject(one.doc, [], [{ share: null, problem: problem('failed') }])
        if (settled) await this.#user.put(settled)
      }
    }
    await performObjects(this.#deps, this.#owner, effects)
  }

  /** One document never stops a feed: it is left as it is, and the log says so. */
  #setAside(id: string, error: unknown): void {
    this.#deps.log.error({ db: this.#user.name, doc: id, err: error }, 'document set aside')
  }

  /** Rotations wait until the page was the last one: a thousand withdrawals make one. */
  async #rotate(): Promise<void> {
    const { registry, rotations, log } = this.#deps
    // A rotation that was halted is found by its entry, when the share is planned again.
    for (const share of new Set([...(rotations.get(this.#owner) ?? []), ...(this.#hint.shares ?? [])])) {
      const entry = await registry.entry(share)
      if (entry?.database !== this.#user.name || entry.state !== 'active' || !entry.rotate) continue
      const result = await performShare(this.#deps, this.#owner, planRotation(share))
      if (result.kind === 'done') log.info({ share }, 'share database rotated')
      else this.#halted.add(share)
    }
    rotations.delete(this.#owner)
  }

  async #move(database: Database, page: ChangesPage): Promise<void> {
    const { checkpoints } = this.#deps
    const updateSeq = page.pending === 0 ? this.#hint.updateSeqs?.get(database.name) : undefined
    const checkpoint = await this.#checkpoint(database)
    checkpoints.set(database.name, {
      ...checkpoint,
      since: page.last_seq,
      updateSeq: updateSeq ?? checkpoint.updateSeq,
    })
  }

  async #checkpoint(database: Database): Promise<Checkpoint> {
    return (await this.#deps.checkpoints.read([database.name])).get(database.name) ?? START
  }

  async #readOutbox(since: Seq): Promise<ChangesPage | null> {
    try {
      return await this.#outbox.changes({ since, limit: OUTBOX_PAGE, includeDocs: false })
    } catch (error) {
      if (isFault(error, 'not_found')) return null
      throw error
    }
  }
}

/** True for refusals that waiting does not heal, and that say nothing about the server. */
const concernsOneDocument = ({ code }: CouchFault): boolean =>
  code === 'bad_request' || code === 'forbidden' || code === 'too_large' || code === 'exists'
