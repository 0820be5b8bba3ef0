// An object and a share part for a participant: the copy or the subscription goes, and what was not sent yet stays.
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
import { digestsOf, isDigestOf, type Digests } from '../../documents/digests.ts'
import { keptName } from '../../documents/merge.ts'
import { own } from '../../documents/own.ts'
import { problem } from '../../documents/problem.ts'
import { shownTo, type ExchangeOptions } from './exchange-facts.ts'
import { idle, type ExchangePlan } from './exchange-plan.ts'
import { isUnsure } from './given.ts'
import { privateValues } from './private-values.ts'
import { parted } from './return.ts'

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

/**
 * A base is written last: what landed on both sides before somebody stopped the daemon is known of both all the same. What
 * this participant does not give to the share is no part of that, whatever the share has under the same name.
 */
function knownByNow(options: ExchangeOptions, doc: ObjectDoc, known: Agreed): Digests {
  const { facts, consent } = options
  if (facts.home.kind !== 'live' || consent?.kind !== 'share') return known
  const scope = intersect(consent.selection, shownTo(options))
  const [here, given, there] = [contentOf(doc), project(doc, scope), contentOf(facts.home.leaf)].map(
    digestsOf,
  )
  const broughtUp = (kind: keyof Digests): Record<string, string> =>
    Object.fromEntries(
      Object.keys({ ...known[kind], ...given?.[kind] }).flatMap((name): [string, string][] => {
        const isMarked = Object.hasOwn(known.own ?? {}, keptName(kind, name))
        const [before, ...now] = [known, here, given, there].map((one) => one && own(one[kind], name))
        const isOnBoth = !isMarked && now.every((digest) => isDigestOf(digest, now[0]))
        const digest = isOnBoth ? now[0] : before
        return digest === undefined ? [] : [[name, digest]]
      }),
    )
  return { attributes: broughtUp('attributes'), attachments: broughtUp('attachments') }
}

/** The copy is not there any more for a participant. What was not sent yet stays with them. */
export function letGo(
  options: ExchangeOptions,
  doc: ObjectDoc,
  known: Agreed,
  onEnd: 'keep' | 'remove',
): ExchangePlan {
  const { agreed, facts, consent, staying = new Set() } = options
  const { listed } = known
  const { attributes, attachments } = knownByNow(options, doc, known)
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
