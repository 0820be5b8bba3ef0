// The owner's side of an exchange: what is shared, what others brought, and what the owner takes out again.
import { nothingAgreed, type Agreed } from '../model/base.ts'
import {
  contentOf,
  project,
  withAttachments,
  withoutShare,
  type Content,
  type Selection,
} from '../../documents/content.ts'
import { digestsOf } from '../../documents/digests.ts'
import { problem } from '../../documents/problem.ts'
import type { ExchangeOptions, LiveCopy } from './exchange-facts.ts'
import { adopt, bringIn, createCopy, join } from './exchange-join.ts'
import { idle, removeCopy, type ExchangePlan } from './exchange-plan.ts'
import { isAgreed, isBare, wasThere } from './exchange-state.ts'
import { foldLeaves } from './fold-leaves.ts'
import { takeIn } from './merge-owner.ts'
import { parted } from './return.ts'
import { isLastWord } from './tombstones.ts'

export function planOwner(options: ExchangeOptions): ExchangePlan {
  const { doc, consent, agreed, facts } = options
  const { home, share } = facts
  const nothing = idle(doc, agreed)
  if (doc && consent?.kind === 'share') {
    if (home.kind === 'live')
      return isLastWord(home, consent.selection) && agreed?.state === 'both'
        ? { ...nothing, copy: removeCopy(home, 'later') }
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
    return { ...nothing, copy: removeCopy(home, 'all'), rejection: problem('too_many_in_share') }
  }
  if (agreed.state === 'unshared' && isBare(agreed))
    return home.kind === 'live'
      ? {
          ...nothing,
          copy: removeCopy(home, 'all'),
          rejection: problem('not_shared_by_owner'),
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
export function withoutContent(
  { doc, agreed, facts: { home } }: ExchangeOptions,
  plan: ExchangePlan,
): ExchangePlan {
  if (home.kind !== 'deleted' || ((home.tombstones ?? []).length === 0 && !home.isReadable)) return plan
  return plan.copy.kind === 'put'
    ? { ...idle(doc, agreed), copy: { kind: 'withdraw', isFirst: true } }
    : { ...plan, copy: { kind: 'withdraw' } }
}

/** What others brought and took out again may be brought again; of their own the owner has the last word. */
const takenOut = (agreed: Agreed, selection: Selection): Agreed =>
  agreed.mine || agreed.state !== 'both' ? nothingAgreed('unshared', true) : parted(agreed, selection)

/** The owner's word is final. What others wrote meanwhile stays with the owner; that has to land before the copy goes. */
function unshare(options: ExchangeOptions, agreed: Agreed): ExchangePlan {
  const { doc, consent, facts } = options
  const { home, share } = facts
  const nothing = idle(doc, agreed)
  const after = nothingAgreed('unshared', true)
  const stripped = doc && withoutShare(doc, share, consent)
  if (home.kind !== 'live') return { ...nothing, doc: stripped, after }
  if (doc === null) {
    const isKnown = agreed.state !== 'unshared' || isAgreed(home, agreed)
    if (isKnown) return { ...nothing, copy: removeCopy(home), after }
    const seen = { ...agreed, ...digestsOf(contentOf(home.leaf)) }
    return { ...nothing, ...makePrivate(options, home), copy: { kind: 'wait' }, after: seen }
  }
  const taken = takeIn(options, doc, home, agreed)
  if (taken.isNew)
    return {
      ...nothing,
      doc: taken.doc,
      copy: { kind: 'wait' },
      keepLocal: taken.keepLocal,
      after: taken.agreed,
    }
  return {
    ...nothing,
    copy: removeCopy(home),
    doc: stripped,
    keepLocal: taken.keepLocal,
    before: { ...agreed, state: 'unshared', mine: true },
    after,
  }
}

/** The owner's share ends: what others wrote last is taken in, and the id leaves the object. */
export function planClosing(options: ExchangeOptions): ExchangePlan {
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
