// What is to be done between a participant's object and its copy in a share that others write into, or that is somebody
// else's: changes go in both directions (docs/design.md, Both directions).
import { nothingAgreed, seenOf, type Agreed } from '../model/base.ts'
import { digestsOf, isDigestOf, type Digests } from '../../documents/digests.ts'
import { isTooComplex, tooComplex } from '../../documents/complexity.ts'
import { canonicalJson } from '../../documents/digest.ts'
import type { Held, Histories } from '../model/history.ts'
import {
  contentOf,
  intersect,
  isSignature,
  pickFrom,
  project,
  withAttachments,
  withoutShare,
  type Consent,
  type Content,
  type ObjectDoc,
  type Selection,
} from '../../documents/content.ts'
import { problem, type Problem } from '../../documents/problem.ts'
import type { Clock } from '../../documents/time.ts'
import { carry, foldLeaves, takeIn, uniteLeaves } from './carry.ts'
import { planForgotten, type Forgotten } from './forgotten.ts'
import { isUnsure } from './given.ts'
import { isBehind, noteLosses, planAfterLoss } from './loss.ts'
import { parted, planReturn } from './return.ts'
import { keptName } from '../../documents/merge.ts'
import { privateValues } from './private-values.ts'
import { isLastWord, type PushedTombstone } from './tombstones.ts'

/**
 * The copy as the share has it; `none`: there is not even a tombstone. `rivals` are further live leaves, `ancestors` what
 * the newest revision held that each of them has in common with the leaf and of which anything is known; `tombstones` are
 * deleted leaves that somebody pushed. `isReadable`: what was there before it was deleted may still be asked for.
 */
export type HomeCopy =
  | {
      kind: 'live'
      leaf: ObjectDoc
      rivals: readonly ObjectDoc[]
      ancestors?: readonly (Held | null)[]
      tombstones?: readonly PushedTombstone[]
      /** Where everybody may write: what leaves together may have. */
      mostBytes?: number
    }
  | { kind: 'deleted'; rev?: string; tombstones?: readonly PushedTombstone[]; isReadable?: true }
  | { kind: 'none' }

export type LiveCopy = Extract<HomeCopy, { kind: 'live' }>

export interface ExchangeFacts {
  share: string
  role: 'owner' | 'writer' | 'reader'
  /**
   * `waiting`: the share is not in place now · `ending`: this participant leaves, or the share ends for him ·
   * `closing`: the owner's share ends; what others wrote last is still taken in.
   */
  phase: 'active' | 'waiting' | 'ending' | 'closing'
  /** What becomes of the objects when a subscription ends. */
  onEnd: 'keep' | 'remove'
  home: HomeCopy
  /** What the owner shares, or shared until now, of the object; null where he has not met it yet. */
  limit: Selection | null
  /** The owner took it out: what comes back all the same is his lane's to take out again. Not looked at for the owner. */
  isUnshared?: true
  /** How often the share database was lost. */
  losses?: number
  /** The share database is away, and nobody has noted yet that it was lost. Looked at where this participant leaves. */
  isAway?: true
  /** There is no copy, and the owner, who knows of one, is about to put it back. */
  isToCome?: true
  /** The base went with a lost outbox: what else tells of what it may have said. */
  forgotten?: Forgotten
  /** The most bytes and objects of somebody who writes only because everybody may. */
  bounds: Bounds | null
  /** Others have brought as many objects into the owner's share as they may. */
  isFull?: true
  /** What is listed as rejected of this object already. */
  rejected: Problem['code'] | null
  /** By whose hash the share goes. */
  owner: string
}

/** The limits of somebody who writes only because everybody may; `objects` are those that he has brought. */
export interface Bounds {
  mostBytes: number
  mostObjects: number
  mostChanges: number
  objects: number
  /** He has made as many changes as he may for now. */
  isTooFast: boolean
}

/** What has to happen, in this order: `before`, `copy` and `drops`, the object, `withdraw`, `after`. */
export interface ExchangePlan {
  /** The object as it should be, null for none. */
  doc: ObjectDoc | null
  /** What is agreed before the other side is made. */
  before: Agreed | null
  copy: { kind: 'put'; content: Content } | { kind: 'delete' } | null
  /** Further leaves of the copy that go; with their content where it is in no other place. */
  drops: { rev: string; content: Content | null }[]
  /** Contents that give way are kept as deleted conflicts: of the object, of the copy. */
  keepLocal: Content[]
  keepHome: Content[]
  /** What both sides have in common when all has landed, when only the copy has, and when it has not. */
  after: Agreed | null
  sent?: Agreed
  otherwise: Agreed | null
  /** What this participant wrote, and what was not carried over. */
  rejection: Problem | null
  /** Old revisions are to be really removed, whatever was known to be readable; `first`: before there is a copy again. */
  withdraw?: true | 'first'
  /** The copy still shows what is not shared any more: it goes when this has landed. */
  isPending?: true
}

export interface ExchangeOptions {
  object: string
  doc: ObjectDoc | null
  /**
   * Nobody has deleted it: the user's database was created again, and a client may bring the object back. Until then a
   * participant is as one who has just joined, and what an owner does not have is not shared.
   */
  isMissing?: boolean
  /** An admin has purged it. */
  isPurged?: boolean
  consent: Consent | undefined
  agreed: Agreed | null
  facts: ExchangeFacts
  /** The object came, or comes, from another share of the same owner's: it is the same object. */
  isRelated?: boolean
  /** The user has no such object; another share is about to bring it. */
  isBack?: boolean
  /** What of it stays because of other shares: all, where it is in a share of one's own; else what those show. */
  staying?: 'all' | ReadonlySet<string>
  /** What other shares of the same owner's show of it now. */
  elsewhere?: readonly Digests[]
  /** What they show, or have in common with this participant. */
  ownersElsewhere?: readonly Digests[]
  /** The share database was lost since: what is agreed is what both may be taken to have had. */
  isAfterLoss?: true
  /** What the object and its copies held before. */
  history?: Histories
  clock: Clock
}

/** Plans one object in one share. Seeing the same again after all has landed plans nothing. */
export function planExchange(options: ExchangeOptions): ExchangePlan {
  const { agreed, facts, isAfterLoss } = options
  const recalled = agreed === null && facts.forgotten ? planForgotten(options, facts.forgotten) : null
  if (recalled) return recalled
  const isOther = (agreed?.losses ?? 0) !== (facts.losses ?? 0)
  const isLost = agreed !== null && !isAfterLoss && (isOther || isBehind(options))
  const plan = isLost ? planAfterLoss(options, agreed) : planKnown(options)
  return noteLosses(isTooMuch(plan, options) ? refuseTooMuch(options) : plan, options)
}

/**
 * What was put into the share is too much for a view, and would come into this user's database: CouchDB refuses it to everybody
 * but admins. What there is to take away or to send goes on.
 */
const isTooMuch = ({ doc, copy, withdraw, isPending }: ExchangePlan, options: ExchangeOptions): boolean =>
  options.facts.home.kind === 'live' &&
  doc !== null &&
  doc !== options.doc &&
  copy === null &&
  !withdraw &&
  !isPending &&
  isTooComplex(contentOf(doc).attributes) &&
  !(options.doc && isTooComplex(contentOf(options.doc).attributes))

const refuseTooMuch = ({ doc, agreed }: ExchangeOptions): ExchangePlan => ({
  ...idle(doc, agreed),
  rejection: tooComplex(),
})

/** Plans it with what is agreed as it is. */
export function planKnown(options: ExchangeOptions): ExchangePlan {
  const { facts, agreed, doc } = options
  // The base only remembers that somebody waits for this object to go out of the way.
  if (agreed?.state === 'unrelated' && facts.phase !== 'waiting')
    return planExchange({ ...options, agreed: null })
  if (agreed?.state === 'parted' && facts.phase !== 'waiting') return planReturn(options, agreed)
  switch (facts.phase) {
    case 'waiting':
      return idle(doc, agreed)
    case 'ending':
      return planEnding(options)
    case 'closing':
      return planClosing(options)
    case 'active':
      if (options.isPurged && agreed !== null && isOut(agreed)) return planPurged(options, agreed)
      return facts.role === 'owner' ? withoutContent(options, planOwner(options)) : planParticipant(options)
    default:
      return facts.phase satisfies never
  }
}

/** The plan that does nothing. */
export const idle = (doc: ObjectDoc | null, agreed: Agreed | null): ExchangePlan => ({
  doc,
  before: agreed,
  copy: null,
  drops: [],
  keepLocal: [],
  keepHome: [],
  after: agreed,
  otherwise: agreed,
  rejection: null,
})

/**
 * An admin has purged this participant's object: it never comes back here, whatever others do to the copy. Of the owner's,
 * and of what a writer brought, the copy goes, too; who only received it has no say over it.
 */
function planPurged({ doc, facts }: ExchangeOptions, agreed: Agreed): ExchangePlan {
  const { role, home } = facts
  const nothing = idle(doc, agreed)
  const isMine = agreed.mine === true
  if (role === 'owner') {
    const after: Agreed = { ...nothingAgreed('unshared', true), purged: true }
    return home.kind === 'live'
      ? { ...nothing, ...removeCopy(home), withdraw: true, after }
      : { ...nothing, after }
  }
  const after = nothingAgreed('left', isMine)
  return role === 'writer' && isMine && home.kind === 'live'
    ? { ...nothing, copy: { kind: 'delete' }, after }
    : { ...nothing, after }
}

/** The object was there, and the other side was made from it or had it, too. */
const isOut = ({ state, mine }: Agreed): boolean => state === 'both' || (state === 'coming' && mine === true)

/** What the owner shows a participant; while nobody knows, what was shown last. */
export const shownTo = ({ facts, agreed }: ExchangeOptions): Selection =>
  facts.limit ?? (agreed === null ? true : seenOf(agreed))

function planOwner(options: ExchangeOptions): ExchangePlan {
  const { doc, consent, agreed, facts } = options
  const { home, share } = facts
  const nothing = idle(doc, agreed)
  if (doc && consent?.kind === 'share') {
    if (home.kind === 'live')
      return isLastWord(home, consent.selection) && agreed?.state === 'both'
        ? { ...nothing, copy: { kind: 'delete' }, isPending: true }
        : join(options, doc, consent.selection, home)
    // Somebody took it out of the share: it stays the owner's, unshared.
    if (home.kind === 'deleted' && agreed && wasThere(agreed))
      return { ...nothing, doc: withoutShare(doc, share), after: takenOut(agreed, consent.selection) }
    return createCopy(options, project(doc, consent.selection))
  }
  if (agreed === null) {
    if (home.kind !== 'live') return nothing
    if (doc) return adopt(options, doc, home)
    if (!facts.isFull) return bringIn(options, home)
    return { ...nothing, ...removeCopy(home), withdraw: true, rejection: problem('too_many_in_share') }
  }
  if (agreed.state === 'unshared' && isBare(agreed))
    return home.kind === 'live'
      ? {
          ...{ ...nothing, ...removeCopy(home), withdraw: true, rejection: problem('not_shared_by_owner') },
          // What was pushed late is the owner's to read, and nobody's in the share.
          keepLocal: agreed.purged ? [] : [home.leaf, ...home.rivals].map(contentOf),
        }
      : { ...nothing, doc: doc && withoutShare(doc, share, consent) }
  if ((doc === null || options.isBack) && home.kind === 'live' && agreed.state !== 'unshared') {
    const isComing = agreed.state === 'coming' && !agreed.mine
    if (isComing || !isAgreed(home, agreed)) return bringIn(options, home)
  }
  return unshare(options, agreed)
}

/**
 * Of a copy that is not there, what a tombstone says that somebody pushed goes, and what others had brought under the
 * `_id` and took out again; the owner's own object comes after that.
 */
function withoutContent({ doc, agreed, facts: { home } }: ExchangeOptions, plan: ExchangePlan): ExchangePlan {
  if (home.kind !== 'deleted' || ((home.tombstones ?? []).length === 0 && !home.isReadable)) return plan
  return plan.copy === null ? { ...plan, withdraw: true } : { ...idle(doc, agreed), withdraw: 'first' }
}

/** What others brought and took out again may be brought again; of his own the owner has the last word. */
const takenOut = (agreed: Agreed, selection: Selection): Agreed =>
  agreed.mine || agreed.state !== 'both' ? nothingAgreed('unshared', true) : parted(agreed, selection)

/** The owner's word is final. What others wrote meanwhile, he keeps; that has to land before the copy goes. */
function unshare(options: ExchangeOptions, agreed: Agreed): ExchangePlan {
  const { doc, consent, facts } = options
  const { home, share } = facts
  const nothing = idle(doc, agreed)
  const after = nothingAgreed('unshared', true)
  const stripped = doc && withoutShare(doc, share, consent)
  if (home.kind !== 'live') return { ...nothing, doc: stripped, after }
  if (doc === null) {
    const isKnown = agreed.state !== 'unshared' || isAgreed(home, agreed)
    if (isKnown) return { ...nothing, ...removeCopy(home), after }
    const seen = { ...agreed, ...digestsOf(contentOf(home.leaf)) }
    return { ...nothing, ...makePrivate(options, home), after: seen, isPending: true }
  }
  const taken = takeIn(options, doc, home, agreed)
  if (taken.isNew)
    return { ...nothing, doc: taken.doc, keepLocal: taken.keepLocal, after: taken.agreed, isPending: true }
  return {
    ...nothing,
    ...removeCopy(home),
    doc: stripped,
    keepLocal: taken.keepLocal,
    before: { ...agreed, state: 'unshared', mine: true },
    after,
  }
}

function planParticipant(options: ExchangeOptions): ExchangePlan {
  const { doc, consent, agreed, facts } = options
  const { home, share } = facts
  const nothing = idle(doc, agreed)
  if (facts.isUnshared && home.kind === 'live') return nothing
  if (doc && consent?.kind === 'share') {
    const scope = intersect(consent.selection, shownTo(options))
    if (home.kind === 'live') return join(options, doc, scope, home)
    if ((home.kind === 'deleted' || facts.isUnshared) && agreed && wasThere(agreed))
      return { ...letGo(options, doc, agreed, agreed.mine ? 'keep' : 'remove'), after: null }
    if (facts.role === 'reader')
      return agreed?.state === 'both' ? nothing : { ...nothing, rejection: problem('read_only') }
    if (!facts.isUnshared) return createCopy(options, project(doc, scope))
    const rejection = problem('not_shared_by_owner')
    return { ...nothing, doc: withoutShare(doc, share), after: null, rejection }
  }
  if (doc && !options.isBack) return planWithdrawn(options, doc)
  if (home.kind !== 'live') return { ...nothing, after: null }
  return planDeleted(options, home)
}

/** A participant has the object, and does not give it to the share, or not any more. */
function planWithdrawn(options: ExchangeOptions, doc: ObjectDoc): ExchangePlan {
  const { consent, agreed, isRelated, facts } = options
  const { home, share, role } = facts
  const nothing = idle(doc, agreed)
  const stripped = withoutShare(doc, share, consent)
  // What was to come has not come: there is an object of the user's own, or one that another share brought before.
  const isOther =
    agreed === null ||
    (agreed.state === 'coming' &&
      !agreed.mine &&
      (isRelated || !haveSame(digestsOf(contentOf(doc)).attributes, agreed.attributes)))
  if (home.kind !== 'live') return { ...nothing, doc: agreed === null ? doc : stripped, after: null }
  if (isOther) return adopt(options, doc, home)
  // Who brought an object into the share takes it out for all; what was received, only for himself.
  if (agreed.mine && agreed.state !== 'left' && role === 'writer' && isAgreed(home, agreed))
    return deleteCopy(options, { ...nothing, doc: stripped })
  return { ...nothing, doc: stripped, after: { ...agreed, state: 'left' } }
}

/** A participant has no such object, or not any more. */
function planDeleted(options: ExchangeOptions, home: LiveCopy): ExchangePlan {
  const { doc, agreed, facts } = options
  const nothing = idle(doc, agreed)
  const mayWrite = facts.role === 'writer'
  if (agreed === null || (options.isMissing && isOut(agreed))) return bringIn(options, home)
  if (isOut(agreed) && mayWrite && isAgreed(home, agreed)) return deleteCopy(options, nothing)
  if (agreed.state === 'coming' || (agreed.state === 'both' && mayWrite)) return bringIn(options, home)
  const isReported = agreed.state === 'both' ? !mayWrite : facts.rejected === 'read_only'
  return {
    ...nothing,
    after: { ...agreed, state: 'left' },
    rejection: isReported ? problem('read_only') : null,
  }
}

/** Object and copy are there: they are brought together, unless they are two. */
function join(options: ExchangeOptions, doc: ObjectDoc, scope: Selection, home: LiveCopy): ExchangePlan {
  const ground = commonGround(options, doc, scope, home)
  if (ground === null) return unrelated(options, doc, home)
  return carry(options, doc, scope, ground, home)
}

/** What is agreed where object and copy belong together; null where one of them is of another origin. */
function commonGround(
  { agreed, facts, isAfterLoss }: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  { leaf }: LiveCopy,
): Agreed | null {
  const isTheSame = isSame(contentOf(leaf), project(doc, scope))
  if (agreed === null) return isTheSame ? nothingAgreed('coming', facts.role === 'owner') : null
  if (agreed.state !== 'coming') return agreed
  const made = agreed.mine ? leaf : doc
  if (isTheSame || haveSame(digestsOf(contentOf(made)).attributes, agreed.attributes)) return agreed
  // As it was made it would have been the first revision, and the same; what is put back is a first one, too.
  if (!isAfterLoss && made._rev.startsWith('1-')) return null
  return { ...agreed, attributes: {}, attachments: {} }
}

function createCopy(options: ExchangeOptions, content: Content): ExchangePlan {
  const { doc, agreed, facts } = options
  const nothing = idle(doc, agreed)
  // What a reader wrote is not sent, even where there is nothing else left.
  if (agreed?.state === 'both' && agreed.kept) return nothing
  const bound = boundOf(content, facts.bounds, agreed === null)
  if (bound !== null) return { ...nothing, rejection: bound }
  const isMine = agreed?.state === 'both' || agreed?.state === 'coming' ? agreed.mine === true : true
  const shown = facts.role === 'owner' ? true : shownTo(options)
  const made: Agreed = {
    ...nothingAgreed('both', isMine),
    ...digestsOf(content),
    ...(shown === true ? {} : { seen: shown }),
  }
  return {
    ...nothing,
    before: agreed?.state === 'both' ? agreed : { ...made, state: 'coming' },
    copy: { kind: 'put', content },
    after: made,
  }
}

/** An object that others brought, or changed while it was deleted here. */
function bringIn(options: ExchangeOptions, home: LiveCopy): ExchangePlan {
  const { object, doc, agreed, facts, isMissing } = options
  const { role, limit, share } = facts
  if (doc && agreed === null) return adopt(options, doc, home)
  if (doc) return joinBy(options, doc, home, agreed ?? nothingShown(facts))
  const isAnew = isMissing === true && agreed !== null && isOut(agreed)
  const { attributes, attachments } = contentOf(home.leaf)
  const digests = digestsOf({ attributes, attachments })
  const made: Agreed = {
    ...nothingAgreed('both', agreed?.mine === true),
    ...digests,
    // Carried over, an attachment may have another digest, which a reader could not give back.
    ...(role === 'reader' ? { attachments: {} } : {}),
    ...(role !== 'owner' && Array.isArray(limit) ? { listed: true, seen: limit } : {}),
    // What was private, or a reader's, is so when a client brings it back.
    ...(isAnew ? keptOf(agreed) : {}),
  }
  const seen = role !== 'owner' && Array.isArray(limit) ? { seen: limit } : {}
  const coming: Agreed = { ...nothingAgreed('coming', false), ...digests, ...seen }
  return {
    ...idle(doc, agreed),
    before: isAnew
      ? // The base is written once more after this, with the revision that was made: what a device brings is the same object.
        { ...made, ...digests, state: 'coming' }
      : agreed?.state === 'both'
        ? agreed
        : coming,
    after: made,
    doc: {
      ...withAttachments({ ...attributes, _id: object, _rev: '' }, attachments),
      $shares: { [share]: selectionOf(facts) },
    },
  }
}

const keptOf = ({ own, kept }: Agreed): Pick<Agreed, 'own' | 'kept'> => ({
  ...(own ? { own } : {}),
  ...(kept ? { kept } : {}),
})

/**
 * There is an object already. It is the same where both came from the same owner's shares; where he has not met it yet,
 * or is the owner himself, it has to look the same, too. Else there are two.
 */
function adopt(options: ExchangeOptions, doc: ObjectDoc, home: LiveCopy): ExchangePlan {
  const { agreed, isRelated, consent, facts } = options
  const nothing = idle(doc, agreed)
  const isMet = facts.role !== 'owner' && facts.limit !== null
  const isAlike = isSame(contentOf(doc), contentOf(home.leaf))
  // Of a part that is over not everything is known: who has just what the share has, and nowhere else, has the same.
  const isTheSame = isAlike && facts.role !== 'owner' && doc['$shares'] === undefined
  if (!isTheSame && (!isRelated || !(isMet || isAlike))) return unrelated(options, doc, home)
  if (consent)
    return { ...nothing, doc: withoutShare(doc, facts.share, consent), after: nothingAgreed('left', false) }
  return joinBy(options, doc, home, nothingShown(facts))
}

/** An object that is given to a share by the daemon: its author has consented to nothing there yet. */
const nothingShown = ({ role }: ExchangeFacts): Agreed => ({
  ...nothingAgreed('coming', false),
  ...(role === 'owner' ? {} : { seen: [] }),
})

/** The object that is there is given to the share, too. */
export function joinBy(
  options: ExchangeOptions,
  doc: ObjectDoc,
  home: LiveCopy,
  known: Agreed,
): ExchangePlan {
  const { agreed, facts } = options
  const { share } = facts
  const selection = selectionOf(facts)
  const shares = { ...(doc['$shares'] as object | undefined), [share]: selection }
  const scope = facts.role === 'owner' ? selection : shownTo(options)
  // The copy follows when the object says that it is given.
  const { sent: _, ...plan } = carry(options, { ...doc, $shares: shares }, scope, known, home)
  const coming = { ...nothingShown(facts), ...digestsOf(contentOf(home.leaf)) }
  return agreed?.state === 'both' || agreed?.state === 'parted' ? plan : { ...plan, before: coming }
}

const selectionOf = ({ role, limit }: ExchangeFacts): Selection =>
  role === 'owner' && Array.isArray(limit) ? limit : true

function deleteCopy({ facts }: ExchangeOptions, plan: ExchangePlan): ExchangePlan {
  const { bounds } = facts
  if (bounds?.isTooFast)
    return {
      ...plan,
      after: plan.before,
      rejection: problem('too_many_changes', String(bounds.mostChanges)),
    }
  return { ...plan, copy: { kind: 'delete' }, after: null }
}

/** A subscription ends: what came with it goes, or stays as a private object. */
function planEnding(options: ExchangeOptions): ExchangePlan {
  const { doc, agreed, facts, consent } = options
  const nothing = idle(doc, agreed)
  if (doc === null || agreed === null || agreed.state === 'left' || agreed.state === 'unshared')
    return { ...nothing, doc: doc && withoutShare(doc, facts.share, consent), after: null }
  const onEnd = agreed.mine ? 'keep' : facts.onEnd
  const isKnown = onEnd === 'keep' && agreed.state === 'both'
  return { ...letGo(options, doc, agreed, onEnd), after: isKnown ? parted(agreed, true) : null }
}

/** The copy is not there any more for a participant. What he has not sent yet stays with him. */
function letGo(
  { agreed, facts, consent, staying = new Set() }: ExchangeOptions,
  doc: ObjectDoc,
  known: Agreed,
  onEnd: 'keep' | 'remove',
): ExchangePlan {
  const { attributes, attachments, listed } = known
  const isOver = facts.phase === 'active'
  const stripped = withoutShare(doc, facts.share, consent)
  const nothing = idle(stripped, agreed)
  const here = digestsOf(contentOf(doc))
  const stays = (name: string): boolean => staying === 'all' || staying.has(name)
  const isChanged = (common: Record<string, string>, own: Record<string, string>, name?: string): boolean =>
    Object.keys(common).some(
      (key) =>
        !stays(name ?? key) &&
        !(name === undefined && isSignature(key, doc[key])) &&
        !isDigestOf(common[key], Object.hasOwn(own, key) ? own[key] : undefined),
    )
  // When and by whom it was written is no reason to keep an object of which nothing else is left.
  const more = [
    ...Object.keys(here.attributes).filter(
      (name) => !Object.hasOwn(attributes, name) && !stays(name) && !isSignature(name, doc[name]),
    ),
    ...(stays('_attachments') ? [] : Object.keys(here.attachments))
      .filter((name) => !Object.hasOwn(attachments, name))
      .map((name) => keptName('attachments', name)),
  ]
  const hidden = privateValues({ doc, scope: [], consent, agreed: known, elsewhere: [] })
  const isPrivate = (name: string): boolean => Object.hasOwn(hidden, name)
  const isShared = Object.keys((stripped['$shares'] as object | undefined) ?? {}).length > 0
  const isUnsent =
    isUnsure(known, facts) ||
    isChanged(attributes, here.attributes) ||
    isChanged(attachments, here.attachments, '_attachments') ||
    (more.some((name) => !isPrivate(name)) && !listed && !isShared)
  if (onEnd === 'keep')
    return { ...nothing, rejection: isOver && isUnsent ? problem('no_longer_shared') : null }
  if (isUnsent) return { ...nothing, rejection: problem('no_longer_shared') }
  if (isShared && staying === 'all') return nothing
  if (more.length === 0 && !isShared) return { ...nothing, doc: null }
  const rest = pickFrom(stripped, (name) => !Object.hasOwn(attributes, name) || stays(name)) as ObjectDoc
  const left = stays('_attachments')
    ? (rest._attachments ?? {})
    : pickFrom(rest._attachments ?? {}, (name) => !Object.hasOwn(attachments, name))
  return { ...nothing, doc: rest._attachments ? withAttachments(rest, left) : rest }
}

/** The owner's share ends: what others wrote last is taken in, and the id leaves the object. */
function planClosing(options: ExchangeOptions): ExchangePlan {
  const { doc, agreed, facts, consent } = options
  const { home, share } = facts
  const nothing = { ...idle(doc, agreed), after: null }
  const isRefused = agreed?.state === 'unshared' && isBare(agreed)
  if (options.isPurged && agreed !== null) return nothing
  if (home.kind !== 'live' || isRefused) return { ...nothing, doc: doc && withoutShare(doc, share, consent) }
  if (doc === null)
    return agreed && isAgreed(home, agreed) ? nothing : { ...nothing, ...makePrivate(options, home) }
  const taken = agreed ? takeIn(options, doc, home, agreed) : { doc, keepLocal: [] as Content[] }
  return {
    ...nothing,
    doc: withoutShare(taken.doc, share, consent),
    keepLocal: taken.keepLocal,
  }
}

/** What others wrote comes back as an object of the owner's own. */
function makePrivate(
  { object, clock }: ExchangeOptions,
  home: LiveCopy,
): Pick<ExchangePlan, 'doc' | 'keepLocal'> {
  const { leaf, keep, drops } = foldLeaves(home, clock)
  const { attributes, attachments } = contentOf(leaf)
  return {
    doc: withAttachments({ ...attributes, _id: object, _rev: '' }, attachments),
    keepLocal: [...keep, ...drops.flatMap(({ content }) => content ?? [])],
  }
}

/** A plan that notes something more in whatever it writes of what is agreed on. */
export const noteInAgreed = (plan: ExchangePlan, note: (agreed: Agreed) => Agreed): ExchangePlan => ({
  ...plan,
  before: plan.before && note(plan.before),
  after: plan.after && note(plan.after),
  otherwise: plan.otherwise && note(plan.otherwise),
  ...(plan.sent ? { sent: note(plan.sent) } : {}),
})

/** The copy goes, with all its live leaves. */
export const removeCopy = ({ rivals }: LiveCopy): Pick<ExchangePlan, 'copy' | 'drops'> => ({
  copy: { kind: 'delete' },
  drops: rivals.map(({ _rev }) => ({ rev: _rev, content: null })),
})

/**
 * Two objects of one `_id`. The base remembers it, so that it is looked at again when either of the two is gone; further
 * leaves of the copy are the share's owner's to bring together all the same.
 */
const unrelated = (
  { agreed, facts, clock }: ExchangeOptions,
  doc: ObjectDoc,
  home: LiveCopy,
): ExchangePlan => ({
  ...idle(doc, agreed),
  ...(facts.role === 'owner' ? uniteLeaves(home, clock) : {}),
  after: nothingAgreed('unrelated', false),
  rejection: problem('unrelated_object'),
})

/**
 * Why a content may not come into a share that everybody may write; null where it may.
 * @param isNew the share has no such copy yet
 */
export function boundOf(content: Content, bounds: ExchangeFacts['bounds'], isNew: boolean): Problem | null {
  if (isTooComplex(content.attributes)) return tooComplex()
  if (bounds === null) return null
  if (bounds.isTooFast) return problem('too_many_changes', String(bounds.mostChanges))
  if (isNew && bounds.objects >= bounds.mostObjects)
    return problem('too_many_objects', String(bounds.mostObjects))
  return bytesOf(content) > bounds.mostBytes
    ? problem('too_large_for_public', String(bounds.mostBytes))
    : null
}

/** The bytes of a content: its attributes as JSON, and its attachments. */
export const bytesOf = ({ attributes, attachments }: Content): number =>
  Buffer.byteLength(canonicalJson(attributes)) +
  Object.values(attachments).reduce((sum, { length }) => sum + (length ?? 0), 0)

/** The object was made from a copy that others put there, or both had the same. */
export const wasThere = (agreed: Agreed | null): boolean =>
  agreed?.state === 'both' || (agreed?.state === 'coming' && !agreed.mine)

const isBare = ({ attributes, attachments }: Agreed): boolean =>
  Object.keys(attributes).length === 0 && Object.keys(attachments).length === 0

/**
 * True where both have the same attributes and attachments; one that was compressed on its way is the same.
 */
export const isSame = (one: Content, other: Content): boolean => {
  const [here, there] = [digestsOf(one), digestsOf(other)]
  return haveSame(here.attributes, there.attributes) && haveSame(here.attachments, there.attachments)
}

const haveSame = (there: Record<string, string>, agreed: Record<string, string>): boolean =>
  Object.keys(there).length === Object.keys(agreed).length &&
  Object.entries(there).every(
    ([name, digest]) => Object.hasOwn(agreed, name) && isDigestOf(agreed[name], digest),
  )

/** True where nobody has changed the copy since both sides had the same. */
function isAgreed({ leaf, rivals }: LiveCopy, agreed: Agreed): boolean {
  if (rivals.length > 0) return false
  const { attributes, attachments } = digestsOf(contentOf(leaf))
  return haveSame(attributes, agreed.attributes) && haveSame(attachments, agreed.attachments)
}
