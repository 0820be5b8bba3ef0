// An outbox that somebody dropped took the bases with it: what is taken for agreed on in their place, by what CouchDB still
// tells of the object and of its copy.
import { nothingAgreed, type Agreed } from '../model/base.ts'
import { digestsOf, isDigestOf, type Digests } from '../../documents/digests.ts'
import { contentOf, withoutShare, type ObjectDoc, namesOf } from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import type { ExchangeOptions, Forgotten, LiveCopy } from './exchange-facts.ts'
import { idle, removeCopy, type ExchangePlan, type Planned } from './exchange-plan.ts'
import { isSame } from './exchange-state.ts'
import { keptName } from '../../documents/merge.ts'

/**
 * Plans an object of which no base tells, and of which one may have told.
 * @returns null where nothing says that object and copy belong together
 */
export function planForgotten(options: ExchangeOptions, forgotten: Forgotten): Planned | null {
  const { doc, facts, isBack } = options
  const { home, phase, rejected } = facts
  // Objects that were reported as two stay two.
  if (phase === 'waiting' || phase === 'ending' || isBack || rejected === 'unrelated_object') return null
  if (facts.role === 'owner') return home.kind === 'live' ? planOwners(options, home, forgotten) : null
  if (home.kind === 'live') return planParticipants(options, home, forgotten)
  // Somebody took it out, or it is about to be put back: it is not this user's to bring.
  if (doc === null || options.consent?.kind !== 'share') return null
  if (facts.isToCome) return { plan: idle(doc, null) }
  return home.kind === 'deleted' ? as(options, nothingAgreed('both', true)) : null
}

/** It goes on as if that had been agreed with the share database that there is now. */
const as = ({ facts: { losses } }: ExchangeOptions, agreed: Agreed): Planned => ({
  agreed: { ...agreed, ...(losses ? { losses } : {}) },
})

/** What a copy of an owner's object shows may have been shared: what is not shared now is withdrawn. */
function planOwners(options: ExchangeOptions, home: LiveCopy, forgotten: Forgotten): Planned | null {
  const { doc, consent, facts, isMissing, isPurged } = options
  if (isPurged) return as(options, nothingAgreed('both', true))
  if (doc === null && isMissing) return null
  if (doc !== null && consent !== undefined) {
    const { attributes, attachments } = groundOf(doc, home, forgotten, 'owner').ground
    return as(options, { ...nothingAgreed('both', true), attributes, attachments })
  }
  if (forgotten.isNamed === false) return null
  // Nobody knows whether what differs was written by others, or is another object: it stays apart, and is lost to nobody.
  const held = doc === null ? null : digestsOf(contentOf(doc))
  const isHere = (leaf: ObjectDoc): boolean => held !== null && isWithin(digestsOf(contentOf(leaf)), held)
  const keepLocal = [home.leaf, ...home.rivals].filter((leaf) => !isHere(leaf)).map(contentOf)
  const nothing: ExchangePlan = {
    ...idle(doc, null),
    doc: doc && withoutShare(doc, facts.share, consent),
    keepLocal,
  }
  if (facts.phase === 'closing') return { plan: nothing }
  return {
    plan: { ...nothing, copy: removeCopy(home, 'all'), after: nothingAgreed('unshared', true) },
  }
}

/** What a participant has beside the copy may be private, and does not go out. */
function planParticipants(options: ExchangeOptions, home: LiveCopy, forgotten: Forgotten): Planned | null {
  const { doc, consent, facts, isMissing, isPurged } = options
  const copy = digestsOf(contentOf(home.leaf))
  if (isPurged) return as(options, nothingAgreed('both', false))
  // What was changed, or deleted, by who could only read was not sent, and is not when the user may write.
  const isReaders = facts.rejected === 'read_only'
  if (doc === null) {
    if (isReaders && !isMissing) return as(options, nothingAgreed('left', false))
    const [last] = forgotten.here
    const isKnown = !isMissing && forgotten.isNamed === true && last !== undefined && isEqual(last, copy)
    return isKnown ? as(options, { ...nothingAgreed('both', false), ...copy }) : null
  }
  if (consent?.kind === 'share') {
    const { ground, isLost } = groundOf(doc, home, forgotten, 'participant')
    const seen = namesOf(copy).sort()
    const kept = isReaders ? { kept: changedSince(ground, digestsOf(contentOf(doc))) } : {}
    const known = as(options, { ...nothingAgreed('both', false), ...ground, ...kept, seen })
    return isLost ? { ...known, keepLocal: [contentOf(doc)] } : known
  }
  // It was its user's own when the owner took the other one out, and was not left.
  if (consent === undefined && facts.rejected === 'no_longer_shared') return null
  // What never named the share was not taken out of it: it has just come there.
  const isOut =
    consent !== undefined ||
    (forgotten.isNamed ?? (options.isRelated === true || isSame(contentOf(doc), contentOf(home.leaf))))
  if (!isOut) return null
  const stripped = withoutShare(doc, facts.share, consent)
  return { plan: { ...idle(stripped, null), after: nothingAgreed('left', false) } }
}

/**
 * What both sides may be taken to have had. Where one of them held before what the other one holds now, it was changed
 * there. Else an owner's value is in conflict with the copy's, and a participant's gives way, for it may be private.
 */
function groundOf(
  doc: ObjectDoc,
  { leaf }: LiveCopy,
  { here, there }: Forgotten,
  who: 'owner' | 'participant',
): { ground: Digests; isLost: boolean } {
  const [mine, theirs] = [doc, leaf].map((one) => digestsOf(contentOf(one))) as [Digests, Digests]
  let isLost = false
  const held = (before: readonly Digests[], kind: keyof Digests, name: string, digest: string | undefined) =>
    before.some((one) => isDigestOf(own(one[kind], name), digest))
  const ground = (kind: keyof Digests): Record<string, string> =>
    Object.fromEntries(
      [...new Set([...Object.keys(mine[kind]), ...Object.keys(theirs[kind])])].flatMap((name) => {
        const [one, other] = [own(mine[kind], name), own(theirs[kind], name)]
        const isOld = { one: held(there, kind, name, one), other: held(here, kind, name, other) }
        const known = (digest: string | undefined) => (digest === undefined ? [] : [[name, digest] as const])
        if (one === other) return known(one)
        if (isOld.one !== isOld.other) return known(isOld.other ? other : one)
        if (who === 'owner' || one === undefined || other === undefined) return []
        isLost = true
        return known(one)
      }),
    )
  return { ground: { attributes: ground('attributes'), attachments: ground('attachments') }, isLost }
}

/** By the names of a base's `kept`, what is not as it was; what is not there any more is ''. */
function changedSince(before: Digests, now: Digests): Record<string, string> {
  const kinds = ['attributes', 'attachments'] as const
  return Object.fromEntries(
    kinds.flatMap((kind) =>
      [...new Set([...Object.keys(before[kind]), ...Object.keys(now[kind])])].flatMap((name) => {
        const [old, digest] = [own(before[kind], name), own(now[kind], name)]
        return isDigestOf(old, digest) ? [] : [[keptName(kind, name), digest ?? ''] as const]
      }),
    ),
  )
}

const isWithin = (one: Digests, other: Digests): boolean =>
  (['attributes', 'attachments'] as const).every((kind) =>
    Object.entries(one[kind]).every(([name, digest]) => own(other[kind], name) === digest),
  )

const isEqual = (one: Digests, other: Digests): boolean => isWithin(one, other) && isWithin(other, one)
