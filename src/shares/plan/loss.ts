// A share database that was lost: it is filled again from the outbox, which may be behind, and with what owner and
// participants have. What was agreed before says what each of them had; it says nothing of the copy any more.
import type { Agreed } from '../model/base.ts'
import { digestsOf, isDigestOf, type Digests } from '../../documents/digests.ts'
import type { Seen } from '../model/history.ts'
import {
  contentOf,
  intersect,
  pickFrom,
  project,
  type Content,
  type ObjectDoc,
} from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import { timeOf } from '../../documents/time.ts'
import { shownTo, type ExchangeOptions, type LiveCopy } from './exchange-facts.ts'
import { idle, noteInAgreed, REMOVED, type ExchangePlan } from './exchange-plan.ts'
import { wasThere } from './exchange-state.ts'
import { mergeExchange } from './merge-exchange.ts'
import { generationOf } from '../../documents/revisions.ts'

/**
 * True where the only leaf of a copy is no later one than the owner's lane has seen: what it wrote went with a database that
 * another daemon was just making anew.
 */
export function isBehind({ agreed, facts, history }: ExchangeOptions): boolean {
  const { home, role, share } = facts
  if (role !== 'owner' || agreed?.state !== 'both') return false
  if (home.kind !== 'live' || home.rivals.length > 0) return false
  const [last] = own(history, share) ?? []
  if (!last?.rev || last.rev === home.leaf._rev) return false
  return generationOf(home.leaf._rev) <= generationOf(last.rev)
}

/** Plans by what is agreed as it is. */
type PlanKnown = (options: ExchangeOptions) => ExchangePlan

/** Plans one object in a share whose database was lost since something was agreed. */
export function planAfterLoss(options: ExchangeOptions, agreed: Agreed, planKnown: PlanKnown): ExchangePlan {
  const { home, phase, role } = options.facts
  const isOfCopy = agreed.state === 'both' || agreed.state === 'coming' || agreed.state === 'unshared'
  if (!isOfCopy || phase === 'waiting' || phase === 'ending') return planKnown(options)
  if (home.kind === 'live') return planFound(options, agreed, home, planKnown)
  if (phase === 'closing') return planKnown(options)
  return role === 'owner'
    ? planOwners(options, agreed, planKnown)
    : planParticipants(options, agreed, planKnown)
}

/** There is a copy, and it may be older than what was agreed, or newer. */
function planFound(
  options: ExchangeOptions,
  agreed: Agreed,
  home: LiveCopy,
  planKnown: PlanKnown,
): ExchangePlan {
  const ground = groundOf(options, agreed, home)
  const plan = planKnown({ ...options, agreed: ground, isAfterLoss: true })
  const asItWas = (one: Agreed | null): Agreed | null => (one === ground ? agreed : one)
  return {
    ...plan,
    before: asItWas(plan.before),
    after: asItWas(plan.after),
    copy: plan.copy.kind === 'put' ? { ...plan.copy, otherwise: asItWas(plan.copy.otherwise) } : plan.copy,
  }
}

/**
 * What both sides may be taken to have had. A value of the copy that was here once, and is not any more, is an old one,
 * and gives way; any other is as new as if somebody had just written it, unless the object says that it is the later one.
 * A reader, who has nothing to give, takes what there is.
 */
function groundOf(
  { doc, facts, history, clock }: ExchangeOptions,
  agreed: Agreed,
  { leaf }: LiveCopy,
): Agreed {
  if (facts.role === 'reader') return agreed
  const copy = digestsOf(contentOf(leaf))
  const seen = Object.values(history ?? {}).flat()
  // What the copy does not show of the object's times is no measure of the copy's.
  const here = timeOf(
    pickFrom(doc ?? {}, (name) => Object.hasOwn(leaf, name)),
    clock,
  )
  const there = timeOf(leaf, clock)
  const isLater = here !== null && there !== null && here > there
  const ground = (kind: keyof Digests): Record<string, string> => {
    const names = new Set([...Object.keys(agreed[kind]), ...Object.keys(copy[kind])])
    return Object.fromEntries(
      [...names].flatMap((name): [string, string][] => {
        const [before, found] = [own(agreed[kind], name), own(copy[kind], name)]
        const isOld = !isDigestOf(before, found) && wasSeen(seen, kind, name, found)
        const digest = isOld ? found : isDigestOf(before, found) || !isLater ? before : undefined
        return digest === undefined ? [] : [[name, digest]]
      }),
    )
  }
  return { ...agreed, attributes: ground('attributes'), attachments: ground('attachments') }
}

/** True where the object, or its copy, once had this value, or none where it is undefined. */
const wasSeen = (
  seen: readonly Seen[],
  kind: keyof Digests,
  name: string,
  digest: string | undefined,
): boolean => seen.some((held) => isDigestOf(own(held[kind], name), digest))

/** The owner puts back what is shared; and of what is not, a tombstone tells those who have it. */
function planOwners(options: ExchangeOptions, agreed: Agreed, planKnown: PlanKnown): ExchangePlan {
  const { facts } = options
  const home = isOutdated(options) ? ({ kind: 'none' } as const) : facts.home
  const plan = planKnown({ ...options, facts: { ...facts, home } })
  const isTakenOut = agreed.state !== 'unshared' && plan.after?.state === 'unshared'
  return isTakenOut && facts.home.kind === 'none' && plan.copy.kind === 'stay'
    ? { ...plan, copy: REMOVED }
    : plan
}

/** A tombstone that came from the outbox, and over which the owner's lane has seen a live copy since. */
function isOutdated({ facts: { home, share }, history }: ExchangeOptions): boolean {
  if (home.kind !== 'deleted' || home.rev === undefined) return false
  const generation = generationOf(home.rev)
  return (own(history, share) ?? []).some(({ rev }) => rev !== null && generationOf(rev) > generation)
}

/** What the owner does not put back is its writers' to bring again: with what they may send, and had not kept to themselves. */
function planParticipants(options: ExchangeOptions, agreed: Agreed, planKnown: PlanKnown): ExchangePlan {
  const { doc, consent, facts } = options
  if (facts.home.kind !== 'none' || facts.isUnshared || (!wasThere(agreed) && !agreed.mine))
    return planKnown(options)
  // What its user has deleted, or taken out, is so when the copy is there to tell whether somebody has changed it.
  if (
    facts.role === 'reader' ||
    facts.isToCome ||
    doc === null ||
    consent?.kind !== 'share' ||
    options.isBack
  )
    return idle(doc, agreed)
  const scope = intersect(consent.selection, shownTo(options))
  // A copy that shows nothing but that it is there has nothing to be merged: it is brought as it was at first.
  if (isEmpty(project(doc, scope))) return planKnown(options)
  const nothing: LiveCopy = { kind: 'live', leaf: emptyCopy(options.object), rivals: [] }
  const ground: Agreed = { ...agreed, attributes: {}, attachments: {} }
  const plan = mergeExchange({ ...options, isAfterLoss: true }, doc, scope, ground, nothing)
  return plan.copy.kind === 'put' ? plan : idle(doc, agreed)
}

const isEmpty = ({ attributes, attachments }: Content): boolean =>
  Object.keys(attributes).length + Object.keys(attachments).length === 0

const emptyCopy = (object: string): ObjectDoc => ({ _id: object, _rev: '' })

/** Whatever is agreed now is agreed with the share database that there is now. */
export function noteLosses(plan: ExchangePlan, { agreed, facts }: ExchangeOptions): ExchangePlan {
  const { losses } = facts
  const { before, after, copy } = plan
  const futures = copy.kind === 'put' ? [copy.sent, copy.otherwise] : []
  const isKnown = (one: Agreed | null): boolean => !one || one === agreed || one.losses === losses
  if ([before, after, ...futures].every(isKnown)) return plan
  return noteInAgreed(plan, (one) => {
    if (isKnown(one)) return one
    const { losses: _, ...rest } = one
    return { ...rest, ...(losses ? { losses } : {}) }
  })
}
