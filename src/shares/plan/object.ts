// What is to be done for an object: which copies it should have, against those that it has.
import type { Histories } from '../model/history.ts'
import {
  contentOf,
  holds,
  idsIn,
  parseConsents,
  project,
  type Consent,
  type Consents,
  type ObjectDoc,
} from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import { isOurProblem, problem, type Problem } from '../../documents/problem.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { boundOf } from './exchange-bounds.ts'
import { sourcesOf } from './exchange-effects.ts'
import { jointConsents, mergeLeaves, redundantLeaves } from './leaves.ts'
import { Ledger } from './ledger.ts'
import { planExchanges } from './object-exchanges.ts'
import type { ObjectEffect, ObjectFacts, ReportedProblem } from './object-facts.ts'
import { seenBefore, seenWith } from './seen.ts'
import { settledObject } from './settled-object.ts'
import { planStrangers } from './strangers.ts'

/**
 * Plans one object. Seeing the same facts again after the effects have landed plans nothing.
 *
 * A base lists for each share the widest selection whose content may still be readable there. It is widened before a
 * copy is written and narrowed after old revisions were withdrawn: a crash in between withdraws again. What was agreed
 * on is written when both sides were seen to hold it.
 */
export function planObject(facts: ObjectFacts): ObjectEffect[] {
  const { object, doc, rivals, base } = facts
  const redundant = doc === null ? [] : redundantLeaves(doc, rivals)
  // Where others change the object, too, one leaf is made of all, and then the rest is planned.
  if (doc && facts.exchanges.size > 0 && rivals.length > 0)
    return (
      planStrangers(facts) ??
      (redundant.length > 0 ? dropLeaves(object, redundant) : resolveLeaves(facts, doc))
    )

  const consents: Consents =
    doc === null ? { kind: 'none' } : jointConsents([doc, ...rivals.map(({ leaf }) => leaf)])
  const consentOf = (share: string): Consent | undefined =>
    consents.kind === 'keys' ? consents.keys.get(share) : undefined
  const ledger = new Ledger(base)
  const exchanged = planExchanges(facts, consents, ledger)
  const { next } = exchanged
  const isChanged = !isSameJson(next, doc)

  const copies: ObjectEffect[] = []
  const withdrawals: ObjectEffect[] = []
  const strip: string[] = []
  const problems: ReportedProblem[] =
    consents.kind === 'invalid' ? [{ share: null, problem: consents.problem }] : []
  const keys = consents.kind === 'keys' ? [...consents.keys] : []
  for (const [share, consent] of keys)
    if (consent.kind === 'invalid' && facts.exchanges.has(share))
      problems.push({ share, problem: consent.problem })
    else if (consent.kind === 'unshare' && facts.exchanges.has(share)) strip.push(share)

  for (const share of oneWayShares(facts, consents)) {
    const consent = consentOf(share)
    const standing = facts.standings.get(share) ?? 'absent'
    const copy = facts.copies.get(share) ?? null
    // A copy that no base knows of may show, or have shown, anything.
    const old = ledger.widest(share) ?? (copy === null ? undefined : true)
    if (consent?.kind === 'unshare' || (consent && standing === 'ending')) strip.push(share)
    else if (consent?.kind === 'invalid') problems.push({ share, problem: consent.problem })
    else if (consent && standing === 'foreign')
      problems.push({ share, problem: problem('not_a_participant', share) })
    else if (consent && standing === 'absent' && (facts.isLate || isToldToWait(doc, share)))
      problems.push({ share, problem: problem('no_such_share', share) })

    if (doc && consent?.kind === 'share' && standing === 'open') {
      const content = project(doc, consent.selection)
      // What comes in from elsewhere is carried on when the object's own change comes by.
      const isToGo = !isChanged && (copy === null || !holds(copy, content))
      const bound = isToGo
        ? boundOf(content, { bounds: null, mostBytes: facts.mostBytes }, false, copy && contentOf(copy))
        : null
      // Of what has never gone out there is nothing to withdraw, whatever becomes of the share.
      const isShown = bound === null || copy !== null || old !== undefined
      if (isShown && ledger.show(share, consent.selection, old))
        withdrawals.push({ kind: 'withdraw', share, object })
      if (bound !== null) problems.push({ share, problem: bound })
      // What may not go out waits here; what the copy has stays, as far as it is shared still.
      const shown = bound !== null ? copy && project(copy, consent.selection) : content
      if (isToGo && shown !== null && (copy === null || !holds(copy, shown)))
        copies.push({
          ...{ kind: 'put-copy', home: 'outbox', share, object, content: shown },
          ...{
            over: copy,
            from: doc,
            sources: [bound !== null && copy ? { share, leaf: copy } : { share: null, leaf: doc }],
          },
        })
    } else if (standing === 'opening') {
      // The base stays: once the share is open, what was un-shared meanwhile is withdrawn there.
      if (copy !== null && consent?.kind !== 'share')
        copies.push({ kind: 'delete-copy', home: 'outbox', share, object, over: copy })
    } else {
      ledger.hide(share, copy !== null)
      if (copy !== null) copies.push({ kind: 'delete-copy', home: 'outbox', share, object, over: copy })
      if (old !== undefined && standing === 'open') withdrawals.push({ kind: 'withdraw', share, object })
    }
  }

  // Where the winner itself goes, another leaf takes its place, and is planned when that change comes by.
  const stays = doc !== null && !redundant.includes(doc._rev)
  const changes = isChanged ? changeObject(facts, next, strip, problems) : []
  const known = (): Histories => seenBefore(facts, ledger.isRelated)
  return [
    ...ledger.effects(object, 'before', known),
    ...copies,
    ...exchanged.effects,
    ...changes,
    ...withdrawals,
    ...ledger.effects(object, 'after', () => seenWith(known(), [...exchanged.effects, ...changes])),
    ...(stays && !isChanged && settledObject(doc, strip, problems) !== null
      ? [{ kind: 'settle-object', doc, strip, problems } as const]
      : []),
    ...dropLeaves(object, redundant),
  ]
}

/** Shares that are not there, for which the object waits, and its author is not told of that yet. */
export function sharesAwaited({ doc, standings }: Pick<ObjectFacts, 'doc' | 'standings'>): string[] {
  const consents = parseConsents(doc?.['$shares'])
  if (consents.kind !== 'keys') return []
  return [...consents.keys].flatMap(([share, { kind }]) =>
    kind === 'share' && standings.get(share) === 'absent' && !isToldToWait(doc, share) ? share : [],
  )
}

/** What was said stays until the share is there: a look at the object in between neither takes it off nor writes it again. */
function isToldToWait(doc: ObjectDoc | null, share: string): boolean {
  const { shares } = (isOurProblem(doc?.['$error']) ? doc?.['$error'] : {}) as { shares?: unknown }
  return own(shares as Record<string, Partial<Problem>> | undefined, share)?.code === 'no_such_share'
}

const dropLeaves = (object: string, revisions: readonly string[]): ObjectEffect[] =>
  revisions.map((rev) => ({ kind: 'drop-leaf', object, rev }))

function oneWayShares(facts: ObjectFacts, consents: Consents): string[] {
  const shares = new Set([
    ...idsIn(consents),
    ...Object.keys(facts.base?.shares ?? {}),
    ...[...facts.copies].flatMap(([share, copy]) => (copy === null ? [] : share)),
  ])
  return [...shares].filter((share) => !facts.exchanges.has(share)).sort()
}

function changeObject(
  facts: ObjectFacts,
  next: ObjectDoc | null,
  strip: readonly string[],
  problems: readonly ReportedProblem[],
): ObjectEffect[] {
  const { object, doc } = facts
  if (next === null) return doc === null ? [] : [{ kind: 'remove-object', object, rev: doc._rev }]
  const sources = sourcesOf(facts)
  const left = strip.filter((share) => Object.hasOwn((next['$shares'] as object | undefined) ?? {}, share))
  return [
    { kind: 'put-object', object, doc: settledObject(next, left, problems) ?? next, over: doc, sources },
  ]
}

/** The user's own conflict in an object that others change, too. */
function resolveLeaves(facts: ObjectFacts, doc: ObjectDoc): ObjectEffect[] {
  const { object, rivals, clock } = facts
  const merged = mergeLeaves(doc, rivals, clock)
  const sources = sourcesOf(facts)
  return [
    ...(merged.keep
      ? [{ kind: 'keep-loser', share: null, object, content: merged.keep, sources } as const]
      : []),
    ...(isSameJson(merged.doc, doc)
      ? []
      : [{ kind: 'put-object', object, doc: merged.doc, over: doc, sources } as const]),
    ...merged.drops.map(({ rev, content }) => ({ kind: 'drop-leaf', object, rev, content }) as const),
  ]
}
