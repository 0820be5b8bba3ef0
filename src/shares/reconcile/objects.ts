// Brings a page of objects up to date: gather, plan, write, and again until both sides of every exchange agree.
import pick from 'lodash/pick.js'
import { changedMeanwhile } from '../gather/changed-meanwhile.ts'
import { gatherObjects } from '../gather/objects.ts'
import { readUserDocs, type UserDoc } from '../gather/user-docs.ts'
import { shareDatabase } from '../../documents/names.ts'
import { problem } from '../../documents/problem.ts'
import { planObject } from '../plan/object.ts'
import type { ObjectEffect, ObjectFacts } from '../plan/object-facts.ts'
import { effectsByObject, isBoundToRevisions } from '../plan/bound-to-revisions.ts'
import { isSettledBy } from '../plan/settled.ts'
import { settledObject } from '../plan/settled-object.ts'
import { announce } from '../perform/announce.ts'
import { writeBulk } from '../../couch/bulk.ts'
import { areWritten } from '../perform/direct-writes.ts'
import { only } from '../plan/effects.ts'
import type { Progress } from '../perform/shared-copies.ts'
import { performObjects } from '../perform/objects.ts'
import { noteAwaiting } from './awaited.ts'
import type { Context } from './context.ts'
import { planShares } from './shares.ts'
import { planSubscriptions } from './subscriptions.ts'
import type { Tally } from './tally.ts'
import { OBJECT } from '../model/history.ts'
import { copyId, settledIn, subscriptionEntryId } from '../model/ids.ts'

/** One to carry, one to agree, one more for each share that passes it on. Who writes all the time waits for the next turn. */
const MOST_ROUNDS = 8

/** Attachments that are copied before it is asked whether something else is urgent; a single object may have more. */
const PART_BYTES = 4 * 1024 * 1024

/**
 * @param tally takes note of what there was to do
 * @returns false where somebody keeps writing, or something else is urgent: the page is to be read again
 */
export async function reconcileObjects(
  context: Context,
  docs: readonly UserDoc[],
  tally?: Tally,
): Promise<boolean> {
  for (const [at, part] of inParts(docs).entries()) {
    // What was done of the page is seen to be done when it is read again.
    if (at > 0 && context.deps.isUrgent(context.owner)) return false
    if (!(await reconcilePart(context, part, tally))) return false
  }
  return true
}

/** Objects with large attachments take long, and are done a few at a time. */
function inParts(docs: readonly UserDoc[]): UserDoc[][] {
  const parts: UserDoc[][] = []
  let bytes = 0
  for (const doc of docs) {
    const own = attachedBytes(doc)
    if (parts.length === 0 || (bytes > 0 && bytes + own > PART_BYTES)) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)?.push(doc)
    bytes += own
  }
  return parts
}

const attachedBytes = ({ doc }: UserDoc): number =>
  Object.values(doc?._attachments ?? {}).reduce((sum, { length = 0 }) => sum + length, 0)

async function reconcilePart(context: Context, docs: readonly UserDoc[], tally?: Tally): Promise<boolean> {
  const before = new Map(docs.map((one) => [one.id, one]))
  let left: readonly UserDoc[] = docs
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const { again } = await reconcileOnce(context, left, tally)
    if (again.size === 0) return true
    const read = await readUserDocs(context.user, [...again])
    left = read.map((doc) => ({ ...doc, ...pick(before.get(doc.id), ['copiedTo', 'pushed']) }))
  }
  return false
}

async function reconcileOnce(context: Context, docs: readonly UserDoc[], tally?: Tally): Promise<Progress> {
  const { deps, owner } = context
  const { facts, progress } = await carryOut(context, docs, tally)
  await noteAwaiting(context, facts)
  await pauseWaiting(context, facts)
  for (const share of progress.shares) await announce(deps, share, owner)
  await report(context, progress)
  return progress
}

async function carryOut(
  context: Context,
  docs: readonly UserDoc[],
  tally?: Tally,
): Promise<{ facts: ObjectFacts[]; progress: Progress }> {
  const { deps, owner } = context
  const turned = new Set<string>()
  for (;;) {
    const { exclusions } = deps.locks
    const gathered = await gatherObjects(deps, owner, docs)
    const release = await deps.locks.acquireShared(exchangedShares(gathered.facts))
    let written: string[]
    try {
      // A share that was made anew meanwhile has to be read again.
      if (deps.locks.exclusions !== exclusions) continue
      const planned = effectsByObject(await planAll(context, gathered.facts))
      const doubtful = gathered.read.filter(({ id }) => !isBoundToRevisions(planned.get(id) ?? []))
      const changed = await changedMeanwhile(context.user, context.outbox, doubtful)
      for (const object of changed) planned.delete(object)
      const effects = [...planned.values()].flat()
      const facts = gathered.facts.filter(({ object }) => !changed.has(object))
      written = (await writtenDirectly(context, facts, effects)).filter((share) => !turned.has(share))
      if (written.length === 0) {
        const progress = await performObjects(deps, owner, effects, gathered.footing)
        for (const object of changed) progress.again.add(object)
        lookAgainAtUnsettled(context, facts, effects, progress)
        tally?.note(facts, effects)
        return { facts, progress }
      }
    } finally {
      release()
    }
    for (const share of written) turned.add(share)
    await planShares(context, [], new Set(written), { isWrittenDirectly: true })
  }
}

/** Who writes what was agreed on need not read it again, where that is known to leave nothing to do. */
function lookAgainAtUnsettled(
  context: Context,
  facts: readonly ObjectFacts[],
  effects: readonly ObjectEffect[],
  progress: Progress,
): void {
  const ofObjects = effectsByObject(effects)
  const reported = new Set([...progress.reports.values()].flatMap((reports) => [...reports.keys()]))
  const isSettled = (one: ObjectFacts): boolean => {
    const { object } = one
    if (progress.blocked.has(object) || reported.has(object) || context.late.has(object)) return false
    try {
      return isSettledBy(one, ofObjects.get(object) ?? [], (place) => progress.revisions.of(place, object))
    } catch {
      // The next look sets it aside.
      return false
    }
  }
  for (const one of facts) {
    const { object } = one
    if (!progress.written.has(object)) continue
    if (!isSettled(one)) progress.again.add(object)
    else noteSettled(context, object, progress.revisions.of(OBJECT, object))
  }
}

/** What is written into a user database comes by as a change. */
function noteSettled({ deps, user }: Context, object: string, rev: string | null): void {
  if (rev !== null) deps.ownWrites.add(settledIn(user.name), object, rev)
}

/** The shares of which old revisions are to go while something is there that the owner wrote directly: it comes in first. */
async function writtenDirectly(
  { deps, outbox }: Context,
  facts: readonly ObjectFacts[],
  effects: readonly ObjectEffect[],
): Promise<string[]> {
  const copies = new Map<string, string[]>()
  for (const { share, object } of only(effects, 'withdraw'))
    if (facts.some((one) => one.object === object && !one.exchanges.has(share)))
      copies.set(share, [...(copies.get(share) ?? []), copyId(share, object)])
  const written: string[] = []
  for (const [share, ids] of copies)
    if (await areWritten(outbox, deps.couch.database(shareDatabase(share)), ids)) written.push(share)
  return written
}

const exchangedShares = (facts: readonly ObjectFacts[]): Set<string> =>
  new Set(facts.flatMap(({ exchanges }) => [...exchanges.keys()]))

async function planAll(context: Context, gathered: readonly ObjectFacts[]): Promise<ObjectEffect[]> {
  const effects: ObjectEffect[] = []
  for (const one of gathered) {
    try {
      const facts = context.late.has(one.object) ? { ...one, isLate: true } : one
      effects.push(...planWithinAllowance(context, facts))
    } catch (error) {
      context.setAside(one.object, error)
      const failed = problem('failed')
      for (const [share, { rejected }] of one.exchanges)
        if (rejected !== failed.code)
          effects.push({ kind: 'report', share, object: one.object, problem: failed })
      const settled = one.doc && settledObject(one.doc, [], [{ share: null, problem: failed }])
      if (settled) await writeBulk(context.user, [settled])
    }
  }
  return effects
}

/** Who writes only because everybody may, may make so many changes a minute; what is more waits. */
function planWithinAllowance(context: Context, facts: ObjectFacts): ObjectEffect[] {
  const { allowance } = context.deps
  const effects = planObject(facts)
  const bounded = effects.filter(
    (effect) =>
      (effect.kind === 'put-copy' || effect.kind === 'delete-copy') &&
      effect.home === 'share' &&
      facts.exchanges.get(effect.share)?.bounds,
  )
  if (bounded.length === 0) {
    for (const [share, { bounds }] of facts.exchanges) if (bounds?.isTooFast) context.paused.add(share)
    return effects
  }
  for (const effect of bounded) {
    const { share } = effect as { share: string }
    const who = subscriptionEntryId(share, context.owner)
    if (allowance.left(who) >= 1) allowance.take(who, 1)
    else {
      context.paused.add(share)
      const exchanges = new Map(facts.exchanges)
      const exchange = exchanges.get(share)
      if (exchange?.bounds)
        exchanges.set(share, { ...exchange, bounds: { ...exchange.bounds, isTooFast: true } })
      return planObject({ ...facts, exchanges })
    }
  }
  return effects
}

/** What could not be looked at in a share of somebody else's is compared when the share is back. */
async function pauseWaiting(
  { deps, owner, user, paused }: Context,
  facts: readonly ObjectFacts[],
): Promise<void> {
  const waiting = facts.flatMap(({ exchanges }) =>
    [...exchanges.values()].filter(
      // A copy that its owner puts back comes by as a change.
      ({ role, phase, isToCome }) => role !== 'owner' && phase === 'waiting' && !isToCome,
    ),
  )
  for (const { share } of waiting) paused.add(share)
  for (const share of paused) {
    const entry = await deps.registry.subscription(share, owner)
    if (entry?.state === 'active')
      await deps.registry.changeSubscription(share, owner, user.name, { paused: true })
  }
}

/** What was refused is listed on the document by which its author takes part. */
export async function report(context: Context, { reports }: Pick<Progress, 'reports'>): Promise<void> {
  const { deps, owner, user } = context
  if (reports.size === 0) return
  const entries = await deps.registry.entries([...reports.keys()])
  for (const [share, found] of reports) {
    const isMine = entries.get(share)?.database === user.name
    await deps.registry.reject(share, isMine ? null : owner, found)
    for (const [object, one] of found)
      if (one) deps.log.info({ db: user.name, share, doc: object, code: one.code }, 'rejected')
    if (isMine) await planShares(context, [], new Set([share]))
    else await planSubscriptions(context, [], new Set([share]))
  }
}
