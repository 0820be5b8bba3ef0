// Plans the shares of an owner, and has them carried out.
import { isDeepStrictEqual } from 'node:util'
import { concernsOneDocument, isFault } from '../../couch/fault.ts'
import { gatherShare, type ShareSituation } from '../gather/share.ts'
import { readUserDocs, type UserDoc } from '../gather/user-docs.ts'
import { shareDatabase } from '../../documents/names.ts'
import { isLeftOpen, planHalted, planShare } from '../plan/share.ts'
import { isWritten } from '../perform/direct-writes.ts'
import type { Deps } from '../deps.ts'
import { performShare } from '../perform/share.ts'
import type { Context } from './context.ts'
import { noteOverLimit } from './over-limit.ts'
import type { ShareEffect } from '../plan/share-facts.ts'
import { shareDocumentId, shareOfDocument } from '../model/ids.ts'

export interface PlanOptions {
  /** All objects of the owner are still to come. */
  fromStart?: boolean
  isWrittenDirectly?: boolean
  /** What the owner has written was looked at to its end: whoever is wanted now is let in. */
  isCaughtUp?: boolean
}

/** @param extra shares to be planned whether or not their documents are among `docs` */
export async function planShares(
  context: Context,
  docs: readonly UserDoc[],
  extra: ReadonlySet<string>,
  options: PlanOptions = {},
): Promise<void> {
  const absent = [...extra].filter((share) => !docs.some(({ id }) => id === shareDocumentId(share)))
  const read = await readUserDocs(context.user, absent.map(shareDocumentId))
  for (const doc of [...docs, ...orAbsent(read, absent)]) {
    try {
      await planUntilDone(context, doc, options)
    } catch (error) {
      if (isFault(error) && !concernsOneDocument(error)) throw error
      context.setAside(doc.id, error)
    }
  }
}

/** Without a user database there is no row: then there is no document either. */
const orAbsent = (read: UserDoc[], shares: string[]): UserDoc[] =>
  read.length === shares.length
    ? read
    : shares.map((share) => ({ id: shareDocumentId(share), doc: null, rivals: [] }))

async function planUntilDone(context: Context, first: UserDoc, options: PlanOptions): Promise<void> {
  const { deps, owner, user } = context
  const share = shareOfDocument(first.id) ?? ''
  let found = first
  let isDrained = false
  let isWrittenDirectly = options.isWrittenDirectly === true
  if (deps.ceilings.has(share)) {
    // Somebody was taken out since this page was read: what is planned now knows of it.
    deps.ceilings.clear(share)
    found = (await readUserDocs(user, [first.id]))[0] ?? found
  }
  for (;;) {
    const { scan } = await context.checkpoint(user.name)
    const situation: ShareSituation = {
      scanning: scan?.shares.includes(share) ?? false,
      fromStart: options.fromStart === true,
      isOrphan: context.orphans.has(share),
      isWrittenDirectly,
      isDrained,
      isBehind: options.isCaughtUp !== true,
      ownShares: context.ownShares,
    }
    const facts = await gatherShare(deps, owner, found, situation)
    if (isLeftOpen(facts))
      deps.log.warn(
        { db: shareDatabase(share) },
        'everybody may enter a share that is not for everybody: put right',
      )
    const planned = planShare(facts)
    const isHeldBack =
      facts.isBehind === true && !isDeepStrictEqual(planned, planShare({ ...facts, isBehind: false }))
    // Its owner reads that all is in force when it is.
    const effects = isHeldBack ? planned.filter(({ kind }) => kind !== 'put-document') : planned
    // What the owner wrote into the database that is to go is taken in first, as a writer's would be.
    if (
      !isWrittenDirectly &&
      facts.ownerExists &&
      effects.some(takesAway) &&
      (await isWritten(deps, owner, share))
    ) {
      isWrittenDirectly = true
      continue
    }
    if (facts.mostShares !== undefined) await noteOverLimit(context)
    const isNew = facts.entry === null || facts.entry.state === 'ended'
    if (isNew && effects.some(({ kind }) => kind === 'claim' || kind === 'change-entry'))
      context.ownShares.add(share)
    const result = await performShare(deps, owner, effects, facts.entry)
    if (result.kind === 'lost') context.ownShares.forget()
    if (result.kind === 'done') {
      if (isHeldBack) context.heldBack.add(share)
      else context.heldBack.delete(share)
      if (facts.entry?.due && !isHeldBack && facts.entry.database === user.name)
        await deps.registry.change(share, { due: undefined })
      // The owner is shown those who take part with the rights that they have now.
      if (!facts.participants.some(({ isActive }) => isActive) || !effects.some(changesRights)) return
      found = (await readUserDocs(user, [first.id]))[0] ?? found
    } else if (result.kind === 'drain') {
      await context.drain(share)
      isDrained = true
    } else if (result.kind === 'again') {
      // What was planned from is not so any more: the document may be another one, too.
      found = (await readUserDocs(user, [first.id]))[0] ?? found
    } else if (result.kind === 'halted') {
      context.halted.add(share)
      const told = await performShare(deps, owner, planHalted(facts, result.problem), result.read)
      if (told.kind !== 'again') return
      found = (await readUserDocs(user, [first.id]))[0] ?? found
    }
  }
}

/**
 * Ends a share whose owner's user database is gone.
 * @returns false where there is one again, and nothing is to end
 */
export async function endOfDeparted(deps: Deps, owner: string, share: string): Promise<boolean> {
  const none: UserDoc = { id: shareDocumentId(share), doc: null, rivals: [] }
  for (;;) {
    const facts = await gatherShare(deps, owner, none, { scanning: false, fromStart: false })
    if (facts.ownerExists) return false
    // Another daemon may be at it, too; or there is an owner again, who gets what others wrote last.
    const { kind } = await performShare(deps, owner, planShare(facts), facts.entry)
    if (kind !== 'again' && kind !== 'drain') return true
  }
}

const takesAway = ({ kind }: ShareEffect): boolean => kind === 'rotate' || kind === 'drop-database'

const changesRights = (effect: ShareEffect): boolean =>
  effect.kind === 'enlist' || (effect.kind === 'change-entry' && effect.change.access !== undefined)
