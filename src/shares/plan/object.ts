// What is to be done for an object: which copies it should have, against those that it has.
import type { Agreed, Base } from '../model/base.ts'
import { digestsOf, type Digests } from '../../documents/digests.ts'
import {
  contentOf,
  covers,
  holds,
  isTooWide,
  parseConsents,
  project,
  shows,
  unite,
  type Consent,
  type Consents,
  type Content,
  type ObjectDoc,
  type Selection,
} from '../../documents/content.ts'
import { isTooComplex, tooComplex } from '../../documents/complexity.ts'
import { decodeHistories, type Held, type Histories } from '../model/history.ts'
import { isOurProblem, problem, STICKY, type Problem } from '../../documents/problem.ts'
import type { Clock } from '../../documents/time.ts'
import { own } from '../../documents/own.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { planExchange } from './exchange.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { idle, type ExchangePlan, type LeafDrop } from './exchange-plan.ts'
import { noteGiven } from './given.ts'
import { groundedOn } from './refilled.ts'
import { seenBefore, seenWith } from './seen.ts'
import { planStrangers } from './strangers.ts'
import { jointConsents, mergeLeaves, redundantLeaves, type Rival } from './leaves.ts'

/**
 * How a share stands to the object's author. `opening`: the author's, and not in place (again) yet: what is shared
 * waits as it is · `absent`: unknown, or over.
 */
export type Standing = 'open' | 'opening' | 'ending' | 'foreign' | 'absent'

/** A copy as the outbox has it; null: there is none, or a tombstone. */
export type CopyState = ObjectDoc | null

export interface ObjectFacts {
  object: string
  /** The winning leaf, or null where the object is deleted or was never there. */
  doc: ObjectDoc | null
  /** There is not even a tombstone: nobody has deleted it from this database. */
  isMissing: boolean
  /** There is not even a tombstone because an admin has purged it. */
  isPurged?: true
  rivals: readonly Rival[]
  /** Where there are rivals: the revisions of the winner, the newest first. */
  line?: readonly string[]
  base: Base | null
  /** What it held at the revision from which a device brought it back, where the base tells of a later one. */
  ground?: Held
  /** For every share that the object or its base names, and that goes one way: from the outbox into the share. */
  standings: ReadonlyMap<string, Standing>
  copies: ReadonlyMap<string, CopyState>
  /** Shares in which others write, or that are somebody else's. */
  exchanges: ReadonlyMap<string, ExchangeFacts>
  /** It waits for long for shares that are not there: its author is told. */
  isLate?: boolean
  clock: Clock
}

/** Where a copy is written: into the owner's outbox, or into the share itself. */
export type Home = 'outbox' | 'share'

/** Effects come in the order in which they must land. */
export type ObjectEffect =
  /** `rev` is that of the base as the facts had it. An empty base is deleted. */
  | {
      kind: 'put-base'
      object: string
      shares: Record<string, Selection>
      agreed: Record<string, Agreed>
      rev: string | null
      stage: 'before' | 'after'
      /** The shares that it lists no more, and of which there was no copy in the outbox. */
      hidden?: string[]
      /** What the object and its copies are known to have held; where `rev` is null, what this turn writes. */
      seen?: Histories
    }
  | {
      kind: 'put-copy'
      home: Home
      share: string
      object: string
      content: Content
      over: CopyState
      from: ObjectDoc
      sources: readonly Source[]
    }
  /** `over` is null where there is none, not even a tombstone: others are told by one that it is gone. */
  | { kind: 'delete-copy'; home: Home; share: string; object: string; over: ObjectDoc | null }
  /** A further leaf of a copy goes. */
  | { kind: 'drop-copy-leaf'; share: string; object: string; rev: string }
  /** A content that gave way is kept, as a deleted conflict of the copy, or of the object where `share` is null. */
  | {
      kind: 'keep-loser'
      share: string | null
      object: string
      content: Content
      sources: readonly Source[]
    }
  /** What others changed goes into the user's object. */
  | {
      kind: 'put-object'
      object: string
      doc: ObjectDoc
      over: ObjectDoc | null
      sources: readonly Source[]
    }
  | { kind: 'remove-object'; object: string; rev: string }
  /** What the share database still holds of old revisions is to be really removed; `isFirst`: there is more to do then. */
  | { kind: 'withdraw'; share: string; object: string; isFirst?: true }
  | { kind: 'settle-object'; doc: ObjectDoc; strip: string[]; problems: ReportedProblem[] }
  | { kind: 'drop-leaf'; object: string; rev: string; content?: Content | null }
  /** What its author wrote and what was not carried over is listed; null: it is healed. */
  | { kind: 'report'; share: string; object: string; problem: Problem | null }

/** A leaf that may hold attachments: of the copy in a share, or of the object itself where `share` is null. */
export interface Source {
  share: string | null
  leaf: ObjectDoc
}

/** A problem of one key of `$shares`, or of all of `$shares` where `share` is null. */
export interface ReportedProblem {
  share: string | null
  problem: Problem
}

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
      if (ledger.show(share, consent.selection, old)) withdrawals.push({ kind: 'withdraw', share, object })
      // What comes in from elsewhere is carried on when the object's own change comes by.
      const isToGo = !isChanged && (copy === null || !holds(copy, content))
      const isBound = isToGo && isTooComplex(content.attributes)
      if (isBound) problems.push({ share, problem: tooComplex() })
      // What may not go out waits here; what the copy has stays, as far as it is shared still.
      const shown = isBound ? copy && project(copy, consent.selection) : content
      if (isToGo && shown !== null && (copy === null || !holds(copy, shown)))
        copies.push({
          ...{ kind: 'put-copy', home: 'outbox', share, object, content: shown },
          ...{
            over: copy,
            from: doc,
            sources: [isBound && copy ? { share, leaf: copy } : { share: null, leaf: doc }],
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

/** What a base says before and after the other effects. */
class Ledger {
  readonly #base: Base | null
  readonly #shares: Record<'before' | 'after', Record<string, Selection>>
  readonly #agreed: Record<'before' | 'after', Record<string, Agreed>>
  readonly #hidden: string[] = []

  constructor(base: Base | null) {
    this.#base = base
    this.#shares = { before: { ...base?.shares }, after: { ...base?.shares } }
    this.#agreed = { before: { ...base?.agreed }, after: { ...base?.agreed } }
  }

  widest(share: string): Selection | undefined {
    return this.#base && Object.hasOwn(this.#base.shares, share) ? this.#base.shares[share] : undefined
  }

  agreed(share: string): Agreed | null {
    return this.#base && Object.hasOwn(this.#base.agreed, share) ? (this.#base.agreed[share] ?? null) : null
  }

  /** What will be agreed with a share, as far as that is planned. */
  next(share: string): Agreed | null {
    return Object.hasOwn(this.#agreed.after, share) ? (this.#agreed.after[share] ?? null) : null
  }

  /** Whether the object came, or comes, from such a share, other than this one. */
  hasReceived(
    share: string,
    isSuch: (exchange: ExchangeFacts) => boolean,
    exchanges: ObjectFacts['exchanges'],
  ): boolean {
    return Object.entries(this.#agreed.after).some(([other, { state, mine }]) => {
      const exchange = exchanges.get(other)
      return other !== share && state === 'both' && !mine && exchange !== undefined && isSuch(exchange)
    })
  }

  /** A share shows a selection from now on. @returns whether something of it has to be withdrawn */
  show(share: string, selection: Selection, old: Selection | undefined): boolean {
    this.#shares.before[share] = old === undefined ? selection : unite(old, selection)
    this.#shares.after[share] = selection
    return old !== undefined && !covers(selection, old)
  }

  /** @param hasCopy false where no copy is written over, so that one that another daemon brings meanwhile would not be seen */
  hide(share: string, hasCopy = true): void {
    if (!hasCopy && Object.hasOwn(this.#shares.after, share)) this.#hidden.push(share)
    delete this.#shares.after[share]
  }

  agree(share: string, { before, after }: ExchangePlan): void {
    if (before) this.#agreed.before[share] = before
    if (after) this.#agreed.after[share] = after
    else delete this.#agreed.after[share]
  }

  /** While something is withdrawn, now or in the next pass, nobody else is to bring it back. */
  limit(share: string, selection: Selection, until?: 'until withdrawn'): void {
    const of = (stage: 'before' | 'after'): Agreed | undefined =>
      Object.hasOwn(this.#agreed[stage], share) ? this.#agreed[stage][share] : undefined
    const [before, after] = [of('before'), of('after')]
    if (before) this.#agreed.before[share] = { ...before, limit: selection }
    if (after) this.#agreed.after[share] = until ? { ...after, limit: selection } : withoutLimit(after)
  }

  /** The object has, or had, to do with a copy. */
  get isRelated(): boolean {
    return Object.values({ ...this.#agreed.before, ...this.#agreed.after }).some(
      ({ state }) => state !== 'unrelated',
    )
  }

  effects(object: string, stage: 'before' | 'after', seen: () => Histories): ObjectEffect[] {
    const [shares, agreed] = [this.#shares[stage], this.#agreed[stage]]
    const there =
      stage === 'before'
        ? { shares: this.#base?.shares ?? {}, agreed: this.#base?.agreed ?? {} }
        : { shares: this.#shares.before, agreed: this.#agreed.before }
    if (isSameJson({ shares, agreed }, { shares: there.shares, agreed: there.agreed })) return []
    const rev = this.#base?._rev ?? null
    const hidden = stage === 'after' && this.#hidden.length > 0 ? { hidden: this.#hidden } : {}
    return [{ kind: 'put-base', object, shares, agreed, rev, stage, ...hidden, seen: seen() }]
  }
}

function withoutLimit({ limit: _, ...agreed }: Agreed): Agreed {
  return agreed
}

function oneWayShares(facts: ObjectFacts, consents: Consents): string[] {
  const shares = new Set([
    ...(consents.kind === 'keys' ? consents.keys.keys() : []),
    ...Object.keys(facts.base?.shares ?? {}),
    ...[...facts.copies].flatMap(([share, copy]) => (copy === null ? [] : share)),
  ])
  return [...shares].filter((share) => !facts.exchanges.has(share)).sort()
}

/**
 * What the user wrote goes out first, and his object is changed when that has landed: should he write again meanwhile,
 * his own last words must not come back to him as somebody else's.
 */
function planExchanges(
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

/** Writes down what is planned for one share. */
function land(
  facts: ObjectFacts,
  exchange: ExchangeFacts,
  plan: ExchangePlan,
  ledger: Ledger,
): ObjectEffect[] {
  const { object } = facts
  const { share, role, phase } = exchange
  const agreed = ledger.agreed(share)
  ledger.agree(share, plan)
  const effects = effectsOf(facts, exchange, plan)
  if (role !== 'owner' || phase === 'waiting') return effects
  const shown = consentIn(plan.doc, share)
  const hasRivals = exchange.home.kind === 'live' && exchange.home.rivals.length > 0
  const isForgotten = exchange.forgotten !== undefined && exchange.home.kind === 'live'
  // Of a copy whose base was lost, anything may have been readable.
  const known = ledger.widest(share) ?? (isForgotten ? true : undefined)
  // What was pushed over an older revision may show what is not shared any more, and whoever writes into the share may
  // put there what never was: until it is withdrawn, that is readable.
  const old =
    shown?.kind === 'share' && known !== undefined
      ? unite(known, namesBeyond(exchange.home, shown.selection))
      : known
  const withdrawn = withdrawnWith(plan)
  if (withdrawn === 'later') {
    // It is all there still, and looked at again.
    if (shown?.kind === 'share') ledger.show(share, unite(known ?? shown.selection, shown.selection), known)
  } else if (shown?.kind === 'share' && hasRivals && old !== undefined && !covers(shown.selection, old)) {
    // Further leaves go first: they show what is to be withdrawn, too.
    ledger.show(share, unite(old, shown.selection), old)
    ledger.limit(share, shown.selection, 'until withdrawn')
  } else if (shown?.kind === 'share' && isIn(plan.after) && phase === 'active') {
    if (ledger.show(share, shown.selection, old)) effects.push({ kind: 'withdraw', share, object })
    if (isNewList(agreed, old, shown.selection)) {
      ledger.limit(share, shown.selection)
      if (plan.copy.kind !== 'put' && plan.copy.kind !== 'delete') effects.push(...touch(facts, exchange))
    }
  } else {
    const isAll = withdrawn !== 'known'
    if (isAll) ledger.show(share, unite(old ?? [], namesBeyond(exchange.home, [])), old)
    ledger.hide(share)
    if ((old !== undefined && phase === 'active') || isAll)
      effects.push({
        ...{ kind: 'withdraw', share, object },
        ...(withdrawn === 'first' ? { isFirst: true } : {}),
      })
  }
  return effects
}

/** Which old revisions of a copy go with what is planned: those that the base knows of, or all; before anything else, or later. */
function withdrawnWith({ copy }: ExchangePlan): 'known' | 'all' | 'first' | 'later' {
  switch (copy.kind) {
    case 'delete':
      return copy.withdrawn
    case 'withdraw':
      return copy.isFirst ? 'first' : 'all'
    case 'wait':
      return 'later'
    case 'stay':
    case 'put':
    case 'drop-leaves':
      return 'known'
    default:
      return copy satisfies never
  }
}

/** What the leaves of a copy show beyond a selection. */
function namesBeyond(home: ExchangeFacts['home'], selection: Selection): string[] {
  const live = home.kind === 'live' ? [home.leaf, ...home.rivals] : []
  const pushed = home.kind === 'none' ? [] : (home.tombstones ?? []).map(({ leaf }) => leaf)
  const names = [...live, ...pushed]
    .map(contentOf)
    .flatMap(({ attributes, attachments }) => [
      ...Object.keys(attributes),
      ...(Object.keys(attachments).length > 0 ? ['_attachments'] : []),
    ])
  return [...new Set(names)].filter((name) => !shows(selection, name)).sort()
}

/** True where others have not been told yet how much of the object is shared. */
const isNewList = (agreed: Agreed | null, old: Selection | undefined, selection: Selection): boolean =>
  agreed?.limit !== undefined ||
  !isSameJson(old ?? true, selection) ||
  (agreed?.state !== 'both' && selection !== true)

/** Others look at an object when its copy changes: where nothing but the list of attributes has, it is written anew. */
const touch = ({ object, doc }: ObjectFacts, { share, home }: ExchangeFacts): ObjectEffect[] =>
  doc === null || home.kind !== 'live'
    ? []
    : [
        {
          ...{ kind: 'put-copy', home: 'share', share, object, content: contentOf(home.leaf) },
          ...{ over: home.leaf, from: doc, sources: [] },
        },
      ]

/** All that an object's attachments may come from. */
const sourcesOf = ({ doc, rivals, exchanges }: ObjectFacts): Source[] => [
  ...(doc ? [{ share: null, leaf: doc }] : []),
  ...rivals.map(({ leaf }) => ({ share: null, leaf })),
  ...[...exchanges].flatMap(([share, { home }]) =>
    home.kind === 'live' ? [home.leaf, ...home.rivals].map((leaf) => ({ share, leaf })) : [],
  ),
]

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
  const consents = parseConsents(doc?.['$shares'])
  for (const other of consents.kind === 'keys' ? consents.keys.keys() : []) {
    if (other === share) continue
    const agreed = ledger.next(other)
    const exchange = exchanges.get(other)
    if (!agreed || agreed.mine || exchange?.role === 'owner') return 'all'
    if (agreed.state === 'unrelated' || agreed.state === 'parted') return 'all'
    const shown: Digests[] = [agreed]
    if (exchange?.home.kind === 'live') shown.push(digestsOf(contentOf(exchange.home.leaf)))
    for (const { attributes, attachments } of shown) {
      for (const name of Object.keys(attributes)) names.add(name)
      if (Object.keys(attachments).length > 0) names.add('_attachments')
    }
  }
  return names
}

const isIn = (agreed: Agreed | null): boolean => agreed?.state === 'both' || agreed?.state === 'coming'

/** What an object says about one share. */
function consentIn(doc: ObjectDoc | null, share: string): Consent | undefined {
  const consents = parseConsents(doc?.['$shares'])
  return consents.kind === 'keys' ? consents.keys.get(share) : undefined
}

/** What other shares of the same owner's show of the object: where a reader has that, he has not written it himself. */
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

function effectsOf(
  facts: ObjectFacts,
  { share, home, rejected }: ExchangeFacts,
  plan: ExchangePlan,
): ObjectEffect[] {
  const { object, doc } = facts
  const leaf = home.kind === 'live' ? home.leaf : null
  const sources = sourcesOf(facts)
  const lost = [...plan.keepHome, ...dropsOf(plan).flatMap(({ content }) => content ?? [])]
  const effects: ObjectEffect[] = lost.map((content) => ({
    kind: 'keep-loser',
    ...{ share, object, content, sources },
  }))
  if (plan.copy.kind === 'put' && doc)
    effects.push({
      ...{ kind: 'put-copy', home: 'share', share, object, content: plan.copy.content },
      ...{ over: leaf, from: doc, sources },
    })
  if (plan.copy.kind === 'delete')
    effects.push({ kind: 'delete-copy', home: 'share', share, object, over: leaf })
  // A tombstone says nothing: what gives way with a leaf is kept apart from it.
  for (const { rev } of dropsOf(plan)) effects.push({ kind: 'drop-copy-leaf', share, object, rev })
  for (const content of plan.keepLocal)
    effects.push({ kind: 'keep-loser', share: null, object, content, sources })
  const { rejection } = plan
  const isCarried = plan.copy.kind === 'put' || !isSameJson(plan.doc, doc)
  if (rejection && rejection.code !== rejected)
    effects.push({ kind: 'report', share, object, problem: rejection })
  else if (!rejection && rejected !== null && isHealed(rejected, isCarried, home))
    effects.push({ kind: 'report', share, object, problem: null })
  return effects
}

/** The further leaves of the copy that go. */
function dropsOf({ copy }: ExchangePlan): LeafDrop[] {
  if (copy.kind === 'drop-leaves') return copy.drops
  return copy.kind === 'delete' ? copy.rivals.map((rev) => ({ rev, content: null })) : []
}

/** What was refused of many leaves is nowhere else in the share: that others of them were carried over heals nothing. */
const isHealed = (code: Problem['code'], isCarried: boolean, home: ExchangeFacts['home']): boolean =>
  code === 'too_many_leaves' ? home.kind !== 'live' : isCarried || !STICKY.has(code)

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

/** How many single problems `$error.shares` lists at the most. */
const MOST_REPORTED = 20

/**
 * The object with finished ids taken out of `$shares` and its problems in `$error`, or null where it says all that already.
 * An `$error` that is not the daemon's is left alone unless there is a problem to report.
 */
export function settledObject(
  doc: ObjectDoc,
  strip: readonly string[],
  problems: readonly ReportedProblem[],
): ObjectDoc | null {
  const { $shares, $error, ...rest } = doc
  const left =
    strip.length === 0
      ? $shares
      : Object.fromEntries(Object.entries($shares as object).filter(([id]) => !strip.includes(id)))
  const isEmpty = strip.length > 0 && Object.keys(left as object).length === 0
  const reported = problems.length > 0 ? report(problems) : isOurProblem($error) ? undefined : $error
  const settled: ObjectDoc = {
    ...rest,
    ...(isEmpty || left === undefined ? {} : { $shares: left }),
    ...(reported === undefined ? {} : { $error: reported }),
  }
  return isSameJson(settled, doc) ? null : settled
}

function report(problems: readonly ReportedProblem[]): unknown {
  const [first] = problems
  const single = problems.filter(({ share }) => share !== null).slice(0, MOST_REPORTED)
  const shares: Record<string, Problem> = Object.fromEntries(
    single.map((one) => [one.share ?? '', one.problem]),
  )
  return { ...first?.problem, ...(single.length === 0 ? {} : { shares }) }
}
