// A participant's object and its copy are there: what is private, or may not be sent, stays in the object.
import type { Agreed } from '../model/base.ts'
import {
  contentOf,
  isSignature,
  pickContent,
  pickFrom,
  shows,
  withAttachments,
  type Content,
  type ObjectDoc,
  type Selection,
  namesOf,
} from '../../documents/content.ts'
import { digestsOf, isDigestOf } from '../../documents/digests.ts'
import type { Common } from '../../documents/merge.ts'
import { problem, type Problem } from '../../documents/problem.ts'
import { boundOf } from './exchange-bounds.ts'
import { shownTo, type ExchangeOptions, type LiveCopy } from './exchange-facts.ts'
import { idle, type ExchangePlan } from './exchange-plan.ts'
import { isIdentical } from './exchange-state.ts'
import { mergeSides, MOST_NAMED, reachOf, settledOn, type Reach } from './merge-sides.ts'
import { absentIn, outdatedSignatures, privateValues } from './private-values.ts'

export function mergeParticipant(
  options: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  agreed: Agreed,
  { leaf }: LiveCopy,
): ExchangePlan {
  const { role } = options.facts
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
  const otherwise = common(result.found)
  const plan: ExchangePlan = {
    ...idle(narrow(options, merged, doc, there, agreed, reach), options.agreed),
    copy: isIdentical(content, there)
      ? { kind: 'stay' }
      : { kind: 'put', content, sent: common(result.sent), otherwise },
    // In the share it might come to stand where it was taken out a moment ago.
    keepLocal: [...(isLocalLost ? [local] : []), ...(isHomeLost ? [there] : [])],
    after: common(result.agreed),
    rejection:
      rejectionOf(doc, role, result.agreed.kept, isHidden) ?? restOf(options, agreed, outside, shown),
  }
  const bound = plan.copy.kind === 'put' ? boundOf(content, options.facts, false, there) : null
  // What may not go out waits here; what comes in does not wait for it.
  return bound === null ? plan : { ...plan, copy: { kind: 'stay' }, after: otherwise, rejection: bound }
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
 * What a participant does not give at present, and what the share still has, stays what both had; so does what they wrote
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
