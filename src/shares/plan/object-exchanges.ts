// All exchanges of one object: what goes out goes first, and what one share brings, the next is told.
import { decodeHistories } from '../model/history.ts'
import {
  contentOf,
  isTooWide,
  idsIn,
  parseConsents,
  type Consents,
  type ObjectDoc,
  namesOf,
} from '../../documents/content.ts'
import { digestsOf, type Digests } from '../../documents/digests.ts'
import { problem } from '../../documents/problem.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { consentIn, land } from './exchange-effects.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { idle, type ExchangePlan } from './exchange-plan.ts'
import { planExchange } from './exchange.ts'
import { noteGiven } from './given.ts'
import type { Ledger } from './ledger.ts'
import type { ObjectEffect, ObjectFacts } from './object-facts.ts'
import { groundedOn } from './refilled.ts'

/**
 * What the user wrote goes out first, and the object is changed when that has landed: should the user write again meanwhile,
 * the user's own last words must not come back as somebody else's.
 */
export function planExchanges(
  facts: ObjectFacts,
  consents: Consents,
  ledger: Ledger,
): { next: ObjectDoc | null; effects: ObjectEffect[] } {
  const { doc } = facts
  const plans = inOrder(facts.exchanges, ledger).map(([share, exchange]) => ({
    exchange,
    plan: planOne(facts, consents, ledger, share, doc),
  }))
  const isStill = (plan: ExchangePlan): boolean => isSameJson(plan.doc, doc)
  const isSending = (plan: ExchangePlan): boolean =>
    plan.copy.kind === 'put' && (plan.copy.sent !== null || isStill(plan))
  if (!plans.some(({ plan }) => isSending(plan))) return bringIn(facts, consents, ledger, plans[0]?.plan)
  const effects = plans.flatMap(({ exchange, plan }) => {
    if (plan.copy.kind === 'put' && plan.copy.sent !== null)
      return land(facts, exchange, { ...plan, doc, after: plan.copy.sent }, ledger)
    return isStill(plan) ? land(facts, exchange, plan, ledger) : []
  })
  return { next: doc, effects }
}

/**
 * Goes through the shares one by one: what one brings, the next is told. What has to go out then waits.
 * @param first what is planned for the first of them
 */
function bringIn(
  facts: ObjectFacts,
  consents: Consents,
  ledger: Ledger,
  first: ExchangePlan | undefined,
): { next: ObjectDoc | null; effects: ObjectEffect[] } {
  let next = facts.doc
  const effects: ObjectEffect[] = []
  for (const [index, [share, exchange]] of inOrder(facts.exchanges, ledger).entries()) {
    const plan = (index === 0 && first) || planOne(facts, consents, ledger, share, next)
    effects.push(...land(facts, exchange, withoutPut(plan, next), ledger))
    next = plan.doc
  }
  return { next, effects }
}

/** A plan of which the copy waits where it would be written. */
const withoutPut = (plan: ExchangePlan, doc: ObjectDoc | null): ExchangePlan =>
  plan.copy.kind !== 'put'
    ? plan
    : {
        ...plan,
        ...(plan.doc === doc ? { before: plan.copy.otherwise } : {}),
        copy: { kind: 'wait' },
        keepHome: [],
        after: plan.copy.otherwise,
      }

/** @param doc the object, as the shares before this one leave it */
function planOne(
  facts: ObjectFacts,
  consents: Consents,
  ledger: Ledger,
  share: string,
  doc: ObjectDoc | null,
): ExchangePlan {
  const { object, isMissing, isPurged = false, exchanges, clock } = facts
  const exchange = exchanges.get(share) as ExchangeFacts
  const agreed = ledger.agreed(share)
  if (isTooWideFor(exchange, doc)) return { ...idle(doc, agreed), rejection: problem('too_large') }
  const plan = planExchange({
    object,
    doc,
    isMissing: isMissing && doc === null,
    isPurged: isPurged && doc === null,
    consent:
      consents.kind === 'invalid'
        ? consents
        : consents.kind === 'keys'
          ? consents.keys.get(share)
          : undefined,
    agreed: groundedOn(agreed, facts.ground),
    facts: exchange,
    isRelated:
      ledger.hasReceived(share, ({ owner }) => owner === exchange.owner, exchanges) ||
      othersOf(facts, exchange).some((other) => isRecalled(other, doc)),
    isBack: facts.doc === null && doc !== null,
    staying: stayingElsewhere(facts, ledger, doc, share),
    elsewhere: exchange.role === 'reader' ? shownElsewhere(facts, exchange) : [],
    history: decodeHistories(facts.base?.history),
    ownersElsewhere: [...shownElsewhere(facts, exchange), ...agreedElsewhere(facts, exchange, ledger)],
    clock,
  })
  return noteGiven(plan, agreed, exchange)
}

/** Of an object whose base was lost, what it names tells where it came from, whichever share is planned first. */
const isRecalled = (
  { share, role, home, rejected, forgotten }: ExchangeFacts,
  doc: ObjectDoc | null,
): boolean =>
  forgotten !== undefined &&
  role !== 'owner' &&
  home.kind === 'live' &&
  rejected !== 'unrelated_object' &&
  consentIn(doc, share)?.kind === 'share'

/** An object, or its copy, that has more attributes than can be compared in time stays on its side. */
const isTooWideFor = ({ home, phase }: ExchangeFacts, doc: ObjectDoc | null): boolean =>
  phase === 'active' &&
  [...(doc ? [doc] : []), ...(home.kind === 'live' ? [home.leaf, ...home.rivals] : [])].some(isTooWide)

/** Those first in which the object is already: what comes from one of them is met in the others. */
function inOrder(exchanges: ObjectFacts['exchanges'], ledger: Ledger): [string, ExchangeFacts][] {
  const states: (string | undefined)[] = ['both', 'coming']
  const rank = (share: string): number => (states.indexOf(ledger.agreed(share)?.state) + 3) % 3
  return [...exchanges].sort(([one], [other]) => rank(one) - rank(other) || (one < other ? -1 : 1))
}

/** What stays of the object when one share goes: all, where it is in one of its author's own; else what others show. */
function stayingElsewhere(
  { exchanges }: ObjectFacts,
  ledger: Ledger,
  doc: ObjectDoc | null,
  share: string,
): 'all' | Set<string> {
  const names = new Set<string>()
  for (const other of idsIn(parseConsents(doc?.['$shares']))) {
    if (other === share) continue
    const agreed = ledger.next(other)
    const exchange = exchanges.get(other)
    if (!agreed || agreed.mine || exchange?.role === 'owner') return 'all'
    if (agreed.state === 'unrelated' || agreed.state === 'parted') return 'all'
    const shown: Digests[] = [agreed]
    if (exchange?.home.kind === 'live') shown.push(digestsOf(contentOf(exchange.home.leaf)))
    for (const name of shown.flatMap(namesOf)) names.add(name)
  }
  return names
}

/** What other shares of the same owner's show of the object: where a reader has that, it is not of the reader's writing. */
const shownElsewhere = (facts: ObjectFacts, exchange: ExchangeFacts): Digests[] =>
  othersOf(facts, exchange).flatMap(({ home }) =>
    home.kind === 'live' ? digestsOf(contentOf(home.leaf)) : [],
  )

/** What the user and other shares of the same owner's have in common of the object. */
const agreedElsewhere = (facts: ObjectFacts, exchange: ExchangeFacts, ledger: Ledger): Digests[] =>
  othersOf(facts, exchange).flatMap(({ share }) => {
    const agreed = ledger.next(share)
    return agreed?.state === 'both' ? agreed : []
  })

/** The other shares in which the same owner shows the object, and not another one that has its `_id` there. */
const othersOf = ({ exchanges }: ObjectFacts, { share, owner }: ExchangeFacts): ExchangeFacts[] =>
  [...exchanges.values()].filter(
    (other) => other.share !== share && other.owner === owner && other.limit !== null,
  )
