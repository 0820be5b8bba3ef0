// A participant's side of an exchange: what is given to somebody else's share, or taken back.
import { contentOf, intersect, project, withoutShare, type ObjectDoc } from '../../documents/content.ts'
import { digestsOf } from '../../documents/digests.ts'
import { problem } from '../../documents/problem.ts'
import { letGo } from './exchange-end.ts'
import { shownTo, type ExchangeOptions, type LiveCopy } from './exchange-facts.ts'
import { adopt, bringIn, createCopy, join } from './exchange-join.ts'
import { idle, REMOVED, type ExchangePlan } from './exchange-plan.ts'
import { haveSame, isAgreed, isOut, wasThere } from './exchange-state.ts'

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
