// A turn of one owner: a page of what changed is read, planned and written, and only then the checkpoint moves.
import groupBy from 'lodash/groupBy.js'
import isEqual from 'lodash/isEqual.js'
import pick from 'lodash/pick.js'
import type { Database } from '../couch/database.ts'
import type { Change, ChangesPage, Seq } from '../couch/document.ts'
import { isFault } from '../couch/fault.ts'
import { readUserDocs, type UserDoc } from './gather/user-docs.ts'
import { isHomeShare, isToBeFilled, type ShareEntry } from './model/entry.ts'
import { graceLeft } from '../documents/grace.ts'
import { own } from '../documents/own.ts'
import { asksForShare } from './model/share.ts'
import { asksForSubscription } from './model/subscription.ts'
import { ADMIN_ONLY } from '../documents/security.ts'
import { planScanned } from './plan/share.ts'
import { awaitingSince } from './reconcile/awaited.ts'
import { Context } from './reconcile/context.ts'
import { readPage } from './reconcile/deletions.ts'
import { isOnlyOfUser, type OwnerWork, type OwnerResult } from './work.ts'
import { reconcileObjects } from './reconcile/objects.ts'
import { followLeftBases } from './reconcile/left-bases.ts'
import { followLeftCopies } from './reconcile/left-copies.ts'
import { followPurges, readPurgeSeq } from './reconcile/purges.ts'
import { drainShare, followShare } from './reconcile/share-feed.ts'
import { openRefused } from './reconcile/room.ts'
import { endOfDeparted, planShares } from './reconcile/shares.ts'
import { refreshDatabase } from '../skeletons/refresh.ts'
import { finishSubscription, planSubscriptions } from './reconcile/subscriptions.ts'
import type { Deps } from './deps.ts'
import { namesOfOwner } from '../users/directory.ts'
import { createOutbox, isOutboxLost } from './outboxes.ts'
import { keepSecurity } from '../engine/kept-security.ts'
import { tellOwner } from './perform/announce.ts'
import { performShare } from './perform/share.ts'
import { beginScan } from './scans.ts'
import { START, type Scan } from '../engine/checkpoint.ts'
import {
  objectOfBase,
  parseCopyId,
  settledIn,
  shareCheckpoint,
  shareOfDocument,
  shareOfSubscription,
} from './model/ids.ts'

/** Changes a page of a user database, with their documents. What a page costs beside them weighs less the more there are. */
export const USER_PAGE = 500
/** Changes a page of an outbox, where most are the daemon's own and need no document. */
const OUTBOX_PAGE = 1000

const NONE: ReadonlySet<string> = new Set()
const GONE: OwnerResult = {
  next: null,
  isActive: false,
  halted: NONE,
  paused: NONE,
  throttled: NONE,
}

export interface TurnOptions {
  deps: Deps
  owner: string
  work: OwnerWork
  outboxAlways: boolean
}

/**
 * Does one page of work for an owner.
 * @throws {CouchFault} where CouchDB fails; nothing is lost, the turn is taken again
 */
export async function reconcileOwner(options: TurnOptions): Promise<OwnerResult> {
  const { couch, users } = options.deps
  const turn = new Turn(options)
  try {
    return await turn.take()
  } catch (error) {
    if (isFault(error, 'not_found') && (await couch.database(users.database(options.owner)).info()) === null)
      return turn.noteGone()
    throw error
  }
}

class Turn {
  readonly #context: Context
  readonly #outboxAlways: boolean
  /** Somebody else has written into the user database. */
  #isActive = false
  /** There were changes of the user database, of whomever. */
  #hasRead = false
  /** The next page of the user database, where it was read already. */
  #page: ChangesPage | null = null

  constructor({ deps, owner, work, outboxAlways }: TurnOptions) {
    this.#context = new Context(deps, owner, work, drainShare)
    this.#outboxAlways = outboxAlways
  }

  get #deps(): Deps {
    return this.#context.deps
  }

  get #work(): OwnerWork {
    return this.#context.work
  }

  get #user(): Database {
    return this.#context.user
  }

  get #outbox(): Database {
    return this.#context.outbox
  }

  async take(): Promise<OwnerResult> {
    const work = this.#work
    for (const db of work.skeleton ?? []) await refreshDatabase(this.#deps, db, { inRollout: true })
    if (work.departed && (await this.#isGoneForGood())) return this.#depart()
    if (!(await this.#arrive())) return this.noteGone()
    if (await this.#isOwnEcho()) return this.#outcome(null)
    // Without bases nothing is known: an object would be planned as one that has never been in a share.
    if (await isOutboxLost(this.#deps, this.#context.owner))
      await createOutbox(this.#deps, this.#context.owner)
    if (work.rescan) await beginScan(this.#deps, this.#context.owner, [])
    await this.#deps.histories.look(this.#user)
    const user = (await this.#followUser()) || !(await this.#followPurges())
    const outbox = await this.#followOutbox()
    const isLate = !(await this.#tellLate())
    const isScanning = await this.#scan()
    const isOpening = await openRefused(this.#context)
    const feeds = await this.#followShares()
    const isDone = !user && !outbox && !isLate && !isScanning && !isOpening && feeds.size === 0
    if (isDone) await this.#rotate()
    await this.#noteHeldBack()
    for (const share of work.idle ?? [])
      if (await this.#deps.leases.endIfIdle(share))
        this.#deps.log.info({ share }, 'replication idle, cancelled')
    if (isDone) return this.#outcome(null)
    const kept = isLate ? pick(work, 'updateSeqs', 'lateSince') : pick(work, 'updateSeqs')
    const purged = user && work.purged === true
    return this.#outcome({ ...kept, user, outbox, feeds, purged, room: isOpening })
  }

  /** There is no user database: the checkpoint says since when, as a restart forgets who waits. */
  async noteGone(): Promise<OwnerResult> {
    const { checkpoints, graceMs, now, log } = this.#deps
    const { name } = this.#user
    const checkpoint = await this.#context.checkpoint(name)
    // Not later than now: the clock may have been set back.
    const goneSince = Math.min(checkpoint.goneSince ?? now(), now())
    checkpoints.set(name, { ...checkpoint, goneSince })
    if (checkpoint.goneSince === undefined)
      log.info({ db: name, ms: graceMs }, 'user database is gone, waiting')
    return { ...GONE, goneSince }
  }

  /** There was no user database for the whole grace time, and there is none now. Whoever asks may ask too early. */
  async #isGoneForGood(): Promise<boolean> {
    const { goneSince } = await this.#context.checkpoint(this.#user.name)
    return goneSince !== undefined && this.#isGraceOver(goneSince) && (await this.#user.info()) === null
  }

  #isGraceOver(since: number): boolean {
    const { graceMs, now } = this.#deps
    return graceLeft(since, graceMs, now()) === 0
  }

  #outcome(next: OwnerWork | null): OwnerResult {
    const { halted, recreatedAt, paused, throttled } = this.#context
    return { next, isActive: this.#isActive, halted, recreatedAt, paused, throttled }
  }

  /** Meets a database for the first time, or one that was created again; false where there is none. */
  async #arrive(): Promise<boolean> {
    const { checkpoints, ownWrites } = this.#deps
    const known = await checkpoints.read([this.#user.name, this.#outbox.name])
    const checkpoint = known.get(this.#user.name)
    if (checkpoint && !this.#work.recreated && checkpoint.goneSince === undefined) return true
    const info = await this.#user.info()
    if (info === null) return false
    await refreshDatabase(this.#deps, this.#user.name)
    if (this.#outboxAlways || (await isOutboxLost(this.#deps, this.#context.owner)))
      await createOutbox(this.#deps, this.#context.owner)
    const isKnown = checkpoint !== undefined && checkpoint.instance !== null
    const { shares, subscriptions } = await this.#registered()
    const hasParts = shares.length + subscriptions.length > 0
    // How far it was read may be lost, and then nobody knows whether it is the one that was there before.
    const wasThere = isKnown || hasParts
    if (wasThere) {
      // Copies and shares whose documents went with an earlier database. Copies come back with their objects; a share
      // does not, and gets as much time as one whose database is gone. So does a subscription.
      if (hasParts) this.#context.recreatedAt = this.#deps.now()
      // While there was no database, nothing of them could arrive, and their invitations went with the earlier one.
      const parts = new Set(subscriptions)
      this.#deps.mark(this.#context.owner, { feeds: parts, subscriptions: parts })
      ownWrites.forget(this.#outbox.name)
      const outbox = await this.#outbox.info()
      if (known.has(this.#outbox.name) || outbox !== null)
        checkpoints.set(this.#outbox.name, { ...START, instance: outbox?.instance_start_time ?? null })
    }
    if (!isKnown) await this.#tellSharesNaming()
    checkpoints.set(this.#user.name, {
      ...START,
      // A lost outbox may have begun one just now.
      scan: (await this.#context.checkpoint(this.#user.name)).scan,
      instance: info.instance_start_time,
      ...(this.#context.recreatedAt === undefined ? {} : { recreatedAt: this.#context.recreatedAt }),
      // Of a database that was there before it is not known what was purged since.
      ...(wasThere || info.purge_seq === undefined ? {} : { purgeSeq: info.purge_seq }),
    })
    return true
  }

  /** Shares may have named this user before there was a database for an invitation. */
  async #tellSharesNaming(): Promise<void> {
    const { registry, users, portion } = this.#deps
    const names = await namesOfOwner(this.#deps, this.#context.owner)
    const shares = names.length === 0 ? [] : await registry.sharesNaming(names)
    const { entries, subscriptions } = await registry.withParts(shares, this.#context.owner)
    for (const [share, { owner, database }] of entries) {
      // Elsewhere that is a write, and who was given something there already is known.
      const isKnown = !portion.has(owner) && subscriptions.get(share)?.granted !== undefined
      if (users.database(owner) === database && !isKnown) await tellOwner(this.#deps, owner, share)
    }
  }

  /**
   * What the daemon writes into a user database is heard of, too. Where the turn is for that alone, and what was written was settled,
   * nothing else is asked for.
   */
  async #isOwnEcho(): Promise<boolean> {
    if (!isOnlyOfUser(this.#work) || this.#deps.rotations.has(this.#context.owner)) return false
    const { since, scan } = await this.#context.checkpoint(this.#user.name)
    if (since === START.since || scan !== null) return false
    const page = await this.#readUser(since)
    this.#page = page
    const isEcho = page.pending === 0 && this.#unsettled(page.results, false).length === 0
    // A purge is heard of like a change.
    if (!isEcho || (page.results.length === 0 && (await readPurgeSeq(this.#context)) !== null)) return false
    await this.#move(this.#user, page)
    return true
  }

  /** Ends all shares and subscriptions of a user whose database was deleted, and drops the outbox. */
  async #depart(): Promise<OwnerResult> {
    const { registry, checkpoints, rotations, log } = this.#deps
    const { owner } = this.#context
    for (const share of await registry.sharesOf(this.#user.name))
      if (!(await endOfDeparted(this.#deps, owner, share))) return this.#returned()
    const subscriptions = await registry.subscriptionsOf([this.#user.name])
    await planSubscriptions(this.#context, [], new Set(subscriptions))
    for (const share of subscriptions) checkpoints.remove(shareCheckpoint(share, this.#user.name))
    if ((await this.#user.info()) !== null) return this.#returned()
    await this.#outbox.drop()
    for (const { name } of [this.#user, this.#outbox]) checkpoints.remove(name)
    rotations.delete(owner)
    log.info({ db: this.#user.name }, 'user database is gone, its shares have ended')
    return this.#outcome(null)
  }

  /** It was made again in the last moment: what is left goes on. */
  #returned(): OwnerResult {
    return this.#outcome({ user: true, recreated: true })
  }

  async #followUser(): Promise<boolean> {
    const { user, shares, subscriptions, returned } = this.#work
    const { since } = await this.#context.checkpoint(this.#user.name)
    const isFirst = since === START.since
    const isOver = returned === true && (await this.#isWaitOver())
    // Those end whose documents are not there.
    if (isOver) this.#context.orphans = new Set(Object.values(await this.#registered()).flat())
    const wanted = new Set([...(shares ?? []), ...this.#context.orphans])
    const parts = new Set([...(subscriptions ?? []), ...this.#context.orphans])
    if (!isFirst && !user && !isOver && wanted.size === 0 && parts.size === 0) return false
    const page = this.#page ?? (await this.#readUser(since))
    this.#hasRead = page.results.length > 0
    const unsettled = this.#unsettled(page.results, isFirst)
    this.#isActive = unsettled.length > 0
    if (!isFirst && page.results.some(isDesign)) await refreshDatabase(this.#deps, this.#user.name)
    const docs = await readPage(this.#context, unsettled)
    await planShares(this.#context, docs.filter(isShare), wanted, { fromStart: isFirst })
    await planSubscriptions(this.#context, docs.filter(isSubscription), parts)
    if (isOver) await this.#endWaiting()
    if (!(await reconcileObjects(this.#context, docs))) return true
    if (isFirst) await this.#openFilled(docs.filter(isShare), page.pending > 0)
    await this.#deps.onUserDocs(
      this.#context.owner,
      docs.flatMap(({ doc }) => doc ?? []),
    )
    // Before it counts as read: nothing else tells of it after a crash.
    if (page.pending === 0) await planShares(this.#context, [], this.#context.heldBack, { isCaughtUp: true })
    else await this.#noteHeldBack()
    await this.#move(this.#user, page)
    return page.pending > 0
  }

  /** Without the objects that this lane has written itself, and that had nothing left to do then. */
  #unsettled(changes: readonly Change[], isFirst: boolean): Change[] {
    const { ownWrites } = this.#deps
    const name = settledIn(this.#user.name)
    // Another database, or one of which nothing is known: what was brought back into it may be as it was.
    if (isFirst) ownWrites.forget(name)
    return ownWrites.foreign(name, changes)
  }

  /** All objects of a user are read from the start: a share that is among them is filled when the last has come. */
  async #openFilled(docs: readonly UserDoc[], isMoreToCome: boolean): Promise<void> {
    const { registry } = this.#deps
    const asked = docs.flatMap(({ id }) => shareOfDocument(id) ?? [])
    const filling = [...(asked.length === 0 ? [] : await registry.entries(asked))].flatMap(
      ([share, entry]) => (entry.database === this.#user.name && isToBeFilled(entry) ? share : []),
    )
    if (filling.length === 0) return
    // What was read is behind, and nothing but a scan knows how far a share has come after that.
    if (isMoreToCome) return beginScan(this.#deps, this.#context.owner, filling)
    for (const share of filling) await this.#noteScanned(share, false)
    await planShares(this.#context, [], new Set(filling))
  }

  /** The user's objects were gone through for a share. @param isForEnd for its end, and not for what it was before that */
  async #noteScanned(share: string, isForEnd: boolean): Promise<void> {
    const entry = await this.#ownEntry(share)
    if (entry?.state === 'ending' && !isForEnd) return
    // Where another daemon was faster, it is planned after this.
    await performShare(this.#deps, this.#context.owner, planScanned(share, entry), entry)
    if (entry?.state !== 'ending') return
    this.#context.ownShares.forget()
    this.#context.hasEnded = true
  }

  /** Shares that let somebody in later are planned again, by whichever daemon is there then. */
  async #noteHeldBack(): Promise<void> {
    const { registry, mark } = this.#deps
    const { owner, heldBack } = this.#context
    for (const share of heldBack) await registry.change(share, { due: true })
    if (heldBack.size > 0) mark(owner, { user: true, shares: new Set(heldBack) })
    heldBack.clear()
  }

  /** This user's shares, and those that this user takes part in, as far as they are not ended. */
  async #registered(): Promise<{ shares: string[]; subscriptions: string[] }> {
    const { registry } = this.#deps
    const { name } = this.#user
    return { shares: await registry.sharesOf(name), subscriptions: await registry.subscriptionsOf([name]) }
  }

  /** Whoever asks may ask too early: then it is said again when the time is over. */
  async #isWaitOver(): Promise<boolean> {
    const { checkpoints, now } = this.#deps
    // Those of a database that was made again just now wait anew.
    if (this.#context.recreatedAt !== undefined) return false
    const checkpoint = await this.#context.checkpoint(this.#user.name)
    if (checkpoint.recreatedAt === undefined) return false
    if (this.#isGraceOver(checkpoint.recreatedAt)) return true
    // Not later than now: the clock may have been set back.
    const recreatedAt = Math.min(checkpoint.recreatedAt, now())
    checkpoints.set(this.#user.name, { ...checkpoint, recreatedAt })
    this.#context.recreatedAt = recreatedAt
    return false
  }

  /** What has not come back with a database that was made again has ended. */
  async #endWaiting(): Promise<void> {
    const { recreatedAt: _, ...checkpoint } = await this.#context.checkpoint(this.#user.name)
    this.#deps.checkpoints.set(this.#user.name, checkpoint)
  }

  /** CouchDB tells of a purge as of any change, and `_changes` has nothing of it. @returns false where somebody keeps writing */
  async #followPurges(): Promise<boolean> {
    if (!this.#work.purged && (!this.#work.user || this.#hasRead)) return true
    return followPurges(this.#context)
  }

  /** The outbox is the daemon's own; what somebody else changed there is put right. */
  async #followOutbox(): Promise<boolean> {
    const { checkpoints, ownWrites, log } = this.#deps
    const checkpoint = (await checkpoints.read([this.#outbox.name])).get(this.#outbox.name)
    // No feed tells of `_security`: after a sweep it is looked at, and nothing asked for it in each turn.
    if (this.#work.updateSeqs?.has(this.#outbox.name)) await keepSecurity(this.#outbox, ADMIN_ONLY, log)
    if (!checkpoint || (checkpoint.since !== START.since && !this.#work.outbox)) return false
    const page = await this.#readOutbox(checkpoint.since)
    if (page === null) {
      await createOutbox(this.#deps, this.#context.owner)
      return true
    }
    if (checkpoint.since !== START.since && page.results.some(isDesign))
      await refreshDatabase(this.#deps, this.#outbox.name)
    const foreign = ownWrites.foreign(this.#outbox.name, page.results)
    const copies = groupBy(await this.#told(foreign.flatMap(({ id }) => parseCopyId(id) ?? [])), 'object')
    // Of what others share there are bases alone.
    const known = checkpoint.since === START.since ? foreign.flatMap(({ id }) => objectOfBase(id) ?? []) : []
    const objects = [...new Set([...Object.keys(copies), ...known])]
    for (let at = 0; at < objects.length; at += USER_PAGE) {
      const docs = await readUserDocs(this.#user, objects.slice(at, at + USER_PAGE))
      const isSettled = await reconcileObjects(
        this.#context,
        docs.map((doc) => ({ ...doc, copiedTo: (own(copies, doc.id) ?? []).map(({ share }) => share) })),
      )
      if (!isSettled) return true
    }
    await this.#move(this.#outbox, page)
    return page.pending > 0
  }

  /** Objects that have waited for long say for which share, unless it has come. @returns false where somebody keeps writing */
  async #tellLate(): Promise<boolean> {
    const { lateSince } = this.#work
    if (lateSince === undefined) return true
    const late = await awaitingSince(this.#context, lateSince)
    this.#context.late = new Set(late)
    return reconcileObjects(this.#context, await readUserDocs(this.#user, late))
  }

  /** Without what everybody may write: that the replication brings it here is no way around the bounds of the share's own feed. */
  async #told<Copy extends { share: string }>(copies: readonly Copy[]): Promise<Copy[]> {
    if (copies.length === 0) return []
    const entries = await this.#deps.registry.entries([...new Set(copies.map(({ share }) => share))])
    const isBounded = (entry: ShareEntry | undefined): boolean =>
      entry?.access?.write === true && isHomeShare(entry)
    return copies.filter(({ share }) => !isBounded(entries.get(share)))
  }

  /** A page of going through all documents again, and what follows when it was the last one. */
  async #scan(): Promise<boolean> {
    const { checkpoints, registry } = this.#deps
    const { name } = this.#user
    const { scan } = await this.#context.checkpoint(name)
    if (scan === null) return false
    const { ends = [], fills = [] } = scan.since === START.since ? await this.#stages(scan.shares) : scan
    const page = await this.#readUser(scan.since)
    if (!(await reconcileObjects(this.#context, await readPage(this.#context, page.results)))) return true
    const left = page.pending > 0 ? null : await this.#scanLeft(scan)
    const checkpoint = await this.#context.checkpoint(name)
    // What was planned on the way may have asked for more: then all is gone through once more, for that, too.
    if (left?.isSettled === false || !isEqual(checkpoint.scan, scan)) return true
    if (left === null || left.isMore) {
      const next = { ...scan, since: page.last_seq, ends, fills, ...left?.next }
      checkpoints.set(name, { ...checkpoint, scan: next })
      return true
    }
    // What came to its end meanwhile, by another daemon for instance, was gone through as something that goes on; what began to be
    // filled, as something that is not there.
    const now = await this.#stages(scan.shares)
    const again = [
      ...now.ends.filter((share) => !ends.includes(share)),
      ...now.fills.filter((share) => !fills.includes(share)),
    ]
    const done = scan.shares.filter((share) => !again.includes(share))
    for (const share of done) {
      await this.#noteScanned(share, ends.includes(share))
      await finishSubscription(this.#context, share, ends.includes(share))
    }
    checkpoints.set(name, {
      ...(await this.#context.checkpoint(name)),
      scan: again.length === 0 ? null : { since: START.since, shares: again },
    })
    // What ended may have been asked for again meanwhile.
    const own = new Set<string>()
    const others = new Set<string>()
    for (const share of done)
      ((await registry.subscription(share, this.#context.owner)) === null ? own : others).add(share)
    await planShares(this.#context, [], own)
    await planSubscriptions(this.#context, [], others)
    return (await this.#context.checkpoint(name)).scan !== null
  }

  /** What a user's documents do not lead to: a page of the bases, and then of copies that may have been known to a lost outbox. */
  async #scanLeft(
    scan: Scan,
  ): Promise<{ isSettled: boolean; isMore: boolean; next: Pick<Scan, 'bases' | 'copies'> }> {
    const bases = scan.copies === undefined ? await followLeftBases(this.#context, scan.bases) : null
    if (bases && (!bases.isSettled || bases.next !== null))
      return {
        ...{ isSettled: bases.isSettled, isMore: true },
        next: bases.next === null ? {} : { bases: bases.next },
      }
    const { isSettled, next } = await followLeftCopies(this.#context, scan.copies)
    return { isSettled, isMore: next !== null, next: next === null ? {} : { copies: next } }
  }

  /**
   * Of these shares, those whose end goes through all objects, or the end of this user's part in them, and those that are being
   * filled.
   */
  async #stages(shares: readonly string[]): Promise<{ ends: string[]; fills: string[] }> {
    const { registry } = this.#deps
    const [ends, fills]: [string[], string[]] = [[], []]
    for (const share of shares) {
      const entry = await this.#ownEntry(share)
      const part = entry === null ? await registry.subscription(share, this.#context.owner) : null
      if ((entry?.state === 'ending' && entry.emptied) || part?.state === 'ending') ends.push(share)
      if (entry && isToBeFilled(entry)) fills.push(share)
    }
    return { ends, fills }
  }

  /** A share of this owner's own. */
  async #ownEntry(share: string): ReturnType<Deps['registry']['entry']> {
    const entry = await this.#deps.registry.entry(share)
    return entry?.database === this.#user.name ? entry : null
  }

  /** A page of each share in which somebody has written. @returns those that have more */
  async #followShares(): Promise<Set<string>> {
    const left = new Set<string>()
    for (const share of this.#work.feeds ?? []) if (await followShare(this.#context, share)) left.add(share)
    return left
  }

  /** Rotations wait until the page was the last one: a thousand withdrawals make one. */
  async #rotate(): Promise<void> {
    const { registry, rotations } = this.#deps
    const { owner } = this.#context
    for (const share of rotations.get(owner) ?? []) {
      const entry = await registry.entry(share)
      if (entry?.database === this.#user.name && entry.rotate)
        await planShares(this.#context, [], new Set([share]))
    }
    rotations.delete(owner)
  }

  async #move(database: Database, page: ChangesPage): Promise<void> {
    const { checkpoints } = this.#deps
    const updateSeq = page.pending === 0 ? this.#work.updateSeqs?.get(database.name) : undefined
    const checkpoint = await this.#context.checkpoint(database.name)
    checkpoints.set(database.name, {
      ...checkpoint,
      since: page.last_seq,
      updateSeq: updateSeq ?? checkpoint.updateSeq,
    })
  }

  /** With all leaves: a deletion may have lost against what the daemon wrote. */
  #readUser(since: Seq): Promise<ChangesPage> {
    return this.#user.changes({ since, limit: USER_PAGE, includeDocs: true, allLeaves: true })
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

const isDesign = ({ id }: { id: string }): boolean => id.startsWith('_design/')

const isShare = ({ id, doc }: UserDoc): boolean =>
  shareOfDocument(id) !== null || (doc !== null && asksForShare(doc))

const isSubscription = ({ id, doc }: UserDoc): boolean =>
  shareOfSubscription(id) !== null || (doc !== null && asksForSubscription(doc))
