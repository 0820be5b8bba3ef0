// Object and copy are there, and belong together: what differs goes where it is not known yet (docs/design.md, Both
// directions).
import type { Agreed } from '../model/base.ts'
import { digestsOf, isDigestOf, type Digests } from '../../documents/digests.ts'
import {
  contentOf,
  covers,
  isSignature,
  pickContent,
  pickFrom,
  project,
  shows,
  withAttachments,
  withContent,
  type Content,
  type ObjectDoc,
  type Selection,
} from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import { problem, type Problem } from '../../documents/problem.ts'
import {
  boundOf,
  bytesOf,
  idle,
  shownTo,
  type ExchangeOptions,
  type ExchangePlan,
  type LiveCopy,
} from './exchange.ts'
import type { Clock } from '../../documents/time.ts'
import { givesWay, merge, sideOf, type Common } from '../../documents/merge.ts'
import { absentIn, outdatedSignatures, privateValues } from './private-values.ts'

/** Which attributes, and which attachments, are merged. */
type Reach = (kind: keyof Content, name: string) => boolean

/**
 * @param doc the object as it is to be merged; what is put aside is that of the options
 * @param scope what is shared of it from now on
 * @param agreed what both sides last had; of what is not in it nothing is known
 */
export function carry(
  options: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  agreed: Agreed,
  home: LiveCopy,
): ExchangePlan {
  return options.facts.role === 'owner'
    ? carryOwner(options, doc, scope, agreed, home)
    : carryParticipant(options, doc, scope, agreed, home)
}

function carryOwner(
  options: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  agreed: Agreed,
  home: LiveCopy,
): ExchangePlan {
  const { leaf, keep, drops } = foldLeaves(home, options.clock)
  const there = contentOf(leaf)
  // What is being withdrawn is not the share's any more, though it may still be readable.
  const reach = reachOf(scope, agreed.limit ?? options.facts.limit, there)
  const { merged, local, result, outside, isLocalLost, isHomeLost } = mergeSides(
    options,
    doc,
    leaf,
    agreed,
    reach,
  )
  const wished = project(merged, scope)
  const bound = isSame(wished, contentOf(home.leaf)) ? null : boundOf(wished, null, false)
  // What may not go out waits here; what the copy has stays, as far as it is shared still.
  const content = bound === null ? wished : pickContent(there, reachOf(scope))
  const isHomeRight = isSame(content, contentOf(home.leaf))
  const foreign = [...new Set([...namesOf(outside), ...namesPushed(home, reach)])]
  const isNarrowed = options.facts.limit !== null && !covers(scope, options.facts.limit)
  const lostLocally = [
    ...(isLocalLost ? [local] : []),
    // What somebody put into the share beyond what the owner shows is taken out, and kept for him.
    ...(namesOf(outside).length > 0 ? [outside] : []),
  ]
  const lostThere = [...keep, ...(isHomeLost ? [there] : [])]
  const inScope = (lost: Content): Content => pickContent(lost, reachOf(scope))
  const dropped = isHomeRight ? drops : []
  const common = (from: Common): Agreed => settledOn(agreed, digestsWithin(from, scope))
  const rejection =
    bound ??
    (foreign.length > 0
      ? problem('unshared_attributes', foreign.sort().slice(0, MOST_NAMED).join(', '))
      : null)
  const plan: ExchangePlan = {
    ...idle(merged, options.agreed),
    copy: isHomeRight ? null : { kind: 'put', content },
    // Further leaves go when their content is safe in the first.
    drops: dropped.map(({ rev, content: lost }) => ({ rev, content: lost && inScope(lost) })),
    // The owner has it where neither a narrowing nor a making-anew reaches; in the share its members read it.
    keepLocal: [...lostLocally, ...lostThere, ...dropped.flatMap((one) => one.content ?? [])],
    keepHome: lostThere.map(inScope),
    after: common(bound === null ? result.agreed : result.found),
    // What came with something that is refused comes in first: nothing else is left when that is taken out.
    ...(rejection ? {} : { sent: common(result.sent) }),
    otherwise: common(result.found),
    rejection,
  }
  if (!isNarrowed) return plan
  // Nothing stays in a share whose old revisions go; and what is to go with them has to be safe before.
  const safe: ExchangePlan = {
    ...plan,
    drops: plan.drops.map(({ rev }) => ({ rev, content: null })),
    keepHome: [],
  }
  const isNew = !isSame(
    pickContent(contentOf(merged), beyond(scope)),
    pickContent(contentOf(doc), beyond(scope)),
  )
  if (!isNew) return safe
  const seen = settledOn(agreed, { ...digestsOf(pickContent(there, reach)), kept: {} })
  return { ...safe, copy: null, drops: [], after: seen, otherwise: seen, isPending: true }
}

function carryParticipant(
  options: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  agreed: Agreed,
  { leaf }: LiveCopy,
): ExchangePlan {
  const { bounds, role } = options.facts
  const there = contentOf(leaf)
  const reach = reachOf(scope)
  const hidden = privateValues({
    ...{ doc, scope, consent: options.consent, agreed },
    elsewhere: options.ownersElsewhere ?? [],
  })
  const outdated = outdatedSignatures(hidden, doc, there)
  const { merged, local, result, outside, isLocalLost, isHomeLost } = mergeSides(
    options,
    doc,
    leaf,
    knowing(agreed, hidden, outdated),
    reach,
  )
  const content = {
    attributes: { ...outside.attributes, ...result.home.attributes },
    attachments: { ...outside.attachments, ...result.home.attachments },
  }
  const isHidden = (name: string): boolean => Object.hasOwn(hidden, name) && !outdated.includes(name)
  const isOut = (name: string): boolean =>
    name.startsWith('_') ? !reach('attachments', name) : !reach('attributes', name)
  const shown = shownTo(options)
  const common = ({ kept, ...from }: Common): Agreed => {
    const own = {
      // What is not here now, a device may bring back.
      ...absentIn(doc, agreed.own),
      ...pickFrom(hidden, (name) => isHidden(name) && (isOut(name) || Object.hasOwn(kept, name))),
    }
    const others = { ...from, kept: pickFrom(kept, (name) => !isHidden(name)) }
    return {
      ...settledOn(agreed, withFormer(others, agreed, { doc, outside, reach })),
      ...(scope === true ? {} : { listed: true }),
      ...(scope === true && shown === true ? {} : { seen: shown }),
      ...(Object.keys(own).length > 0 ? { own } : {}),
    }
  }
  const plan: ExchangePlan = {
    ...idle(narrow(options, merged, doc, there, agreed, reach), options.agreed),
    copy: isSame(content, there) ? null : { kind: 'put', content },
    // In the share it might come to stand where it was taken out a moment ago.
    keepLocal: [...(isLocalLost ? [local] : []), ...(isHomeLost ? [there] : [])],
    after: common(result.agreed),
    sent: common(result.sent),
    otherwise: common(result.found),
    rejection:
      rejectionOf(doc, role, result.agreed.kept, isHidden) ?? restOf(options, agreed, outside, shown),
  }
  const bound = plan.copy === null ? null : boundOf(content, bounds, false)
  // What may not go out waits here; what comes in does not wait for it.
  return bound === null ? plan : { ...plan, copy: null, after: plan.otherwise, rejection: bound }
}

/** What is private is not sent, as what a reader wrote is not; a time that is not up to date counts as known. */
const knowing = (agreed: Agreed, hidden: Record<string, string>, outdated: readonly string[]): Agreed => ({
  ...agreed,
  attributes: { ...agreed.attributes, ...pickFrom(hidden, (name) => outdated.includes(name)) },
  kept: { ...agreed.kept, ...pickFrom(hidden, (name) => !outdated.includes(name)) },
})

/** What of one's own stands in the way of what the share shows, as its author is told. */
function rejectionOf(
  doc: ObjectDoc,
  role: ExchangeOptions['facts']['role'],
  kept: Record<string, string>,
  isHidden: (name: string) => boolean,
): Problem | null {
  const names = Object.keys(kept).filter((name) => !(isHidden(name) && isSignature(name, doc[name])))
  if (names.length === 0) return null
  if (role === 'reader' || !names.every(isHidden)) return problem('read_only')
  return problem('stays_private', names.sort().slice(0, MOST_NAMED).join(', '))
}

/** Who brought an object into the share, and gives less of it now, is told what of it stays there. */
function restOf(
  { consent }: ExchangeOptions,
  agreed: Agreed,
  outside: Content,
  shown: Selection,
): Problem | null {
  if (!agreed.mine || consent?.kind !== 'share') return null
  const { selection } = consent
  const had = pickContent(outside, (kind, name) => Object.hasOwn(agreed[kind], name))
  const rest = namesOf(had).filter((name) => shows(shown, name) && !shows(selection, name))
  if (rest.length === 0) return null
  return problem('rest_stays_shared', rest.sort().slice(0, MOST_NAMED).join(', '))
}

/** How many attributes a sentence names at the most. */
const MOST_NAMED = 20

/**
 * The owner takes an object out: what others wrote since both had the same is his to keep.
 * @returns whether something of it is not in the object yet, and what both have in common when it is
 */
export function takeIn(
  options: ExchangeOptions,
  doc: ObjectDoc,
  home: LiveCopy,
  agreed: Agreed,
): { doc: ObjectDoc; keepLocal: Content[]; isNew: boolean; agreed: Agreed } {
  const { leaf, keep, drops } = foldLeaves(home, options.clock)
  const there = contentOf(leaf)
  const limit = options.facts.limit ?? Object.keys(agreed.attributes)
  const reach = reachOf([], limit, there)
  const { merged, local, outside, isLocalLost, isHomeLost } = mergeSides(options, doc, leaf, agreed, reach)
  const dropped = drops.flatMap(({ content }) => content ?? [])
  const isThereLost = isHomeLost || namesOf(outside).length > 0
  return {
    doc: merged,
    keepLocal: [...keep, ...dropped, ...(isLocalLost ? [local] : []), ...(isThereLost ? [there] : [])],
    isNew: !isSame(contentOf(merged), contentOf(doc)),
    agreed: { ...agreed, ...digestsOf(pickContent(there, reach)) },
  }
}

/**
 * The live leaves of a copy as one: clients may have pushed several. They are merged against what they have in common,
 * not against what the owner had: he may have seen one of them already. One with which they would be larger than anybody may
 * write gives way whole.
 * @returns the winning leaf with the content of all; what of its own gave way; and the others
 */
export function foldLeaves(
  { leaf, rivals, ancestors = [], mostBytes }: LiveCopy,
  clock: Clock,
): { leaf: ObjectDoc; keep: Content[]; drops: ExchangePlan['drops'] } {
  const commons = rivals.map((_, index) => ancestors[index] ?? null)
  const most = mostTogether([leaf, ...rivals], mostBytes)
  const folded = rivals.reduce((merged, rival, index) => {
    const { local } = merge(sideOf(contentOf(merged), clock), sideOf(contentOf(rival), clock), {
      agreed: commons[index] ?? null,
      maySend: true,
    })
    return bytesWithin(local, most) ? withContent(merged, local, () => true) : merged
  }, leaf)
  const result = contentOf(folded)
  const isLost = (content: Content, index: number): boolean =>
    givesWay(content, result, commons[index] ?? null)
  return {
    leaf: folded,
    keep: rivals.some((_, index) => isLost(contentOf(leaf), index)) ? [contentOf(leaf)] : [],
    drops: rivals.map((rival, index) => ({
      rev: rival._rev,
      content: isLost(contentOf(rival), index) ? contentOf(rival) : null,
    })),
  }
}

/** What is larger than guests may write is its owner's: a guest's leaf may come to it. */
function mostTogether(leaves: readonly ObjectDoc[], mostBytes: number | undefined): number | null {
  if (mostBytes === undefined || leaves.length === 1) return null
  const largest = Math.max(...leaves.map((leaf) => bytesOf(contentOf(leaf))))
  return largest > mostBytes ? largest + mostBytes : mostBytes
}

const bytesWithin = (content: Content, most: number | null): boolean =>
  most === null || bytesOf(content) <= most

/** What further leaves changed, against what they were made from, of what is not shared (any more). */
function namesPushed({ rivals, ancestors = [] }: LiveCopy, reach: Reach): string[] {
  return rivals.flatMap((rival, index) => {
    const common = ancestors[index]
    const beyondReach = pickContent(contentOf(rival), (kind, name) => !reach(kind, name))
    const digests = digestsOf(beyondReach)
    return namesOf(
      pickContent(
        beyondReach,
        (kind, name) => !common || own(common[kind], name) !== own(digests[kind], name),
      ),
    )
  })
}

/**
 * The live leaves of a copy that is none of the owner's objects become one. What gives way is kept with the copy, for its
 * members, and with the owner's object of that `_id`: nothing that becomes of the share reaches it there.
 */
export function uniteLeaves(
  home: LiveCopy,
  clock: Clock,
): Pick<ExchangePlan, 'copy' | 'drops' | 'keepHome' | 'keepLocal'> {
  const { leaf, keep, drops } = foldLeaves(home, clock)
  const content = contentOf(leaf)
  const isHomeRight = isSame(content, contentOf(home.leaf))
  // Further leaves go when their content is safe in the first.
  const dropped = isHomeRight ? drops : []
  return {
    copy: isHomeRight ? null : { kind: 'put', content },
    drops: dropped,
    keepHome: keep,
    keepLocal: [...keep, ...dropped.flatMap((one) => one.content ?? [])],
  }
}

/**
 * What is shared; and, while the owner narrows that, what the copy still holds of what was. An attribute that is not
 * there any more was taken out with that, not deleted.
 */
const reachOf =
  (scope: Selection, limit: Selection | null = null, there: Content | null = null): Reach =>
  (kind, name) => {
    const listed = kind === 'attributes' ? name : '_attachments'
    return (
      shows(scope, listed) ||
      (limit !== null && there !== null && shows(limit, listed) && Object.hasOwn(there[kind], name))
    )
  }

interface Sides {
  merged: ObjectDoc
  /** What was merged of the object, and what of the copy was not. */
  local: Content
  outside: Content
  result: ReturnType<typeof merge>
  isLocalLost: boolean
  isHomeLost: boolean
}

function mergeSides(
  { facts, elsewhere = [], isAfterLoss, clock }: ExchangeOptions,
  doc: ObjectDoc,
  leaf: ObjectDoc,
  agreed: Agreed,
  reach: Reach,
): Sides {
  const local = pickContent(contentOf(doc), reach)
  const inside = pickContent(contentOf(leaf), reach)
  const known = {
    attributes: pickFrom(agreed.attributes, (name) => reach('attributes', name)),
    attachments: pickFrom(agreed.attachments, (name) => reach('attachments', name)),
    ...(agreed.kept ? { kept: agreed.kept } : {}),
  }
  const result = merge(sideOf(local, clock), sideOf(inside, clock), {
    ...{ agreed: known, elsewhere },
    maySend: facts.role !== 'reader',
  })
  return {
    ...{ local, result },
    merged: withContent(doc, result.local, reach),
    outside: pickContent(contentOf(leaf), (kind, name) => !reach(kind, name)),
    // What is taken for older than the share's may be all that is left of it.
    isLocalLost: givesWay(local, result.local, isAfterLoss ? null : known),
    isHomeLost: givesWay(inside, result.home, known),
  }
}

/**
 * What a participant had, and what is not shared any more, leaves the object, unless the participant has changed it, or
 * has brought the object into the share.
 */
function narrow(
  { staying = new Set(), isAfterLoss }: ExchangeOptions,
  merged: ObjectDoc,
  doc: ObjectDoc,
  there: Content,
  agreed: Agreed,
  reach: Reach,
): ObjectDoc {
  // What was lost with the copy nobody else may have.
  if (staying === 'all' || agreed.mine || (isAfterLoss && agreed.given)) return merged
  const here = digestsOf(contentOf(doc))
  const goes = (kind: keyof Content, name: string): boolean =>
    Object.hasOwn(agreed[kind], name) &&
    !reach(kind, name) &&
    !staying.has(kind === 'attributes' ? name : '_attachments') &&
    !Object.hasOwn(there[kind], name) &&
    Object.hasOwn(here[kind], name) &&
    isDigestOf(agreed[kind][name], here[kind][name])
  const left = pickFrom(merged, (name) => !goes('attributes', name)) as ObjectDoc
  const attachments = pickFrom(left._attachments ?? {}, (name) => !goes('attachments', name))
  return left._attachments ? withAttachments(left, attachments) : left
}

/**
 * What a participant does not give at present, and what the share still has, stays what both had; so does what he wrote
 * as a reader.
 */
function withFormer(
  common: Common,
  agreed: Agreed,
  { doc, outside, reach }: { doc: ObjectDoc; outside: Content; reach: Reach },
): Common {
  const former = (kind: keyof Content): Record<string, string> =>
    pickFrom(agreed[kind], (name) => !reach(kind, name) && Object.hasOwn(outside[kind], name))
  const here = digestsOf(contentOf(doc)).attributes
  const kept = pickFrom(
    agreed.kept ?? {},
    (name) =>
      !reach('attributes', name) && agreed.kept?.[name] === (Object.hasOwn(here, name) ? here[name] : ''),
  )
  return {
    attributes: { ...former('attributes'), ...common.attributes },
    attachments: { ...former('attachments'), ...common.attachments },
    kept: { ...kept, ...common.kept },
  }
}

/** What is not shared any more. */
const beyond =
  (scope: Selection): Reach =>
  (kind, name) =>
    !shows(scope, kind === 'attributes' ? name : '_attachments')

const digestsWithin = ({ attributes, attachments, kept }: Common, scope: Selection): Common => ({
  attributes: pickFrom(attributes, (name) => shows(scope, name)),
  attachments: shows(scope, '_attachments') ? attachments : {},
  kept,
})

const settledOn = (before: Agreed, { kept, attributes, attachments }: Common): Agreed => ({
  state: 'both',
  ...(before.mine ? { mine: true } : {}),
  attributes,
  attachments,
  ...(Object.keys(kept).length > 0 ? { kept } : {}),
})

const namesOf = ({ attributes, attachments }: Content): string[] => [
  ...Object.keys(attributes),
  ...(Object.keys(attachments).length > 0 ? ['_attachments'] : []),
]

function isSame(one: Content, other: Content): boolean {
  const [here, there]: Digests[] = [digestsOf(one), digestsOf(other)]
  const isEqual = (left: Record<string, string> = {}, right: Record<string, string> = {}): boolean =>
    Object.keys(left).length === Object.keys(right).length &&
    Object.entries(left).every(([name, digest]) => Object.hasOwn(right, name) && right[name] === digest)
  return isEqual(here?.attributes, there?.attributes) && isEqual(here?.attachments, there?.attachments)
}
