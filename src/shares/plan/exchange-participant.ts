// A participant's side of an exchange: what is given to somebody else's share, taken back, or left.
import type { Agreed } from '../model/base.ts'
import {
  contentOf,
  intersect,
  isSignature,
  pickFrom,
  project,
  withAttachments,
  withoutShare,
  type ObjectDoc,
} from '../../documents/content.ts'
import { digestsOf, isDigestOf } from '../../documents/digests.ts'
import { keptName } from '../../documents/merge.ts'
import { problem } from '../../documents/problem.ts'
import { shownTo, type ExchangeOptions, type LiveCopy } from './exchange-facts.ts'
import { adopt, bringIn, createCopy, join } from './exchange-join.ts'
import { idle, REMOVED, type ExchangePlan } from './exchange-plan.ts'
import { haveSame, isAgreed, isOut, wasThere } from './exchange-state.ts'
import { isUnsure } from './given.ts'
import { privateValues } from './private-values.ts'
import { parted } from './return.ts'

export function planParticipant(options: ExchangeOptions): ExchangePlan {
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
  // Who brought an object into the share takes it out for all; what was received goes for them alone.
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

function deleteCopy({ facts }: ExchangeOptions, plan: ExchangePlan): ExchangePlan {
  const { bounds } = facts
  if (bounds?.isTooFast)
    return {
      ...plan,
      after: plan.before,
      rejection: problem('too_many_changes', String(bounds.mostChanges)),
    }
  return { ...plan, copy: REMOVED, after: null }
}

/** A subscription ends: what came with it goes, or stays as a private object. */
export function planEnding(options: ExchangeOptions): ExchangePlan {
  const { doc, agreed, facts, consent } = options
  const nothing = idle(doc, agreed)
  if (doc === null || agreed === null || agreed.state === 'left' || agreed.state === 'unshared')
    return { ...nothing, doc: doc && withoutShare(doc, facts.share, consent), after: null }
  const onEnd = agreed.mine ? 'keep' : facts.onEnd
  const isKnown = onEnd === 'keep' && agreed.state === 'both'
  return { ...letGo(options, doc, agreed, onEnd), after: isKnown ? parted(agreed, true) : null }
}

/** The copy is not there any more for a participant. What was not sent yet stays with them. */
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
