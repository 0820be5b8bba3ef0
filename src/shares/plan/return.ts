// An object that stayed when it went out of a share, or when its user did, and that may come back to it.
import type { Agreed } from '../model/base.ts'
import { digestsOf, isDigestOf } from '../../documents/digests.ts'
import { contentOf, shows, withoutShare, type ObjectDoc, type Selection } from '../../documents/content.ts'
import { own } from '../../documents/own.ts'
import type { ExchangeOptions, LiveCopy } from './exchange-facts.ts'
import { joinBy } from './exchange-join.ts'
import { idle, type Planned } from './exchange-plan.ts'
import { isAlike, keptName } from '../../documents/merge.ts'

/** What is remembered of it. @param selection what its owner shared of it last */
export function parted({ limit: _, ...agreed }: Agreed, selection: Selection): Agreed {
  return { ...agreed, state: 'parted', ...(selection === true ? {} : { limit: selection }) }
}

/**
 * The share, or its user's part in it, is back. As long as the object is as it was, it is the same one; what its user
 * changed meanwhile was not meant for anybody, so that a changed one is the user's own, and another. Who gives it to the
 * share says that it is the same.
 */
export function planReturn(options: ExchangeOptions, agreed: Agreed): Planned {
  const { doc, consent, facts, isBack } = options
  const { home, role, share } = facts
  const { limit, ...known } = { ...agreed, state: 'both' as const }
  const asNew: Planned = { agreed: null }
  if (doc === null || isBack) return asNew
  const nothing = idle(doc, agreed)
  if (facts.phase === 'ending') return { plan: { ...nothing, doc: withoutShare(doc, share, consent) } }
  if (home.kind !== 'live')
    return consent?.kind === 'share' || facts.phase === 'closing' ? asNew : { plan: nothing }
  if (consent?.kind === 'invalid' || (role !== 'owner' && facts.isUnshared)) return { plan: nothing }
  if (consent?.kind === 'share') return { agreed: known }
  if (consent?.kind === 'unshare') return { agreed: role === 'owner' ? known : { ...known, state: 'left' } }
  const scope = (role === 'owner' ? limit : facts.limit) ?? true
  if (!isUntouched(doc, known, { home, scope, role })) return asNew
  if (facts.phase === 'closing') return { agreed: known }
  return { plan: joinBy({ ...options, facts: { ...facts, limit: scope } }, doc, home, known) }
}

/** True where everything that would be shared is as both had it, or is known to be private; the rest never goes out. */
function isUntouched(
  doc: ObjectDoc,
  agreed: Agreed,
  { home, scope, role }: { home: LiveCopy; scope: Selection; role: ExchangeOptions['facts']['role'] },
): boolean {
  const content = contentOf(doc)
  const here = digestsOf(content)
  const there = contentOf(home.leaf).attachments
  const kept = { ...agreed.own, ...agreed.kept }
  const isKnown = (name: string): boolean => {
    const digest = own(here.attributes, name)
    return isDigestOf(own(agreed.attributes, name), digest) || own(kept, name) === (digest ?? '')
  }
  const names = new Set([...Object.keys(agreed.attributes), ...Object.keys(here.attributes)])
  const attributes = [...names].every(
    (name) => isKnown(name) || (!Object.hasOwn(agreed.attributes, name) && !shows(scope, name)),
  )
  const attachments = new Set([...Object.keys(agreed.attachments), ...Object.keys(here.attachments)])
  return (
    attributes &&
    (!shows(scope, '_attachments') ||
      [...attachments].every(
        (name) =>
          isDigestOf(own(agreed.attachments, name), own(here.attachments, name)) ||
          own(kept, keptName('attachments', name)) === (own(here.attachments, name) ?? '') ||
          // Of what readers received, no digest is known that they could give back.
          (!Object.hasOwn(agreed.attachments, name) &&
            (role === 'reader' || isAlike(own(content.attachments, name), own(there, name)))),
      ))
  )
}
