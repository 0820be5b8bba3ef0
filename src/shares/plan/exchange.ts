// What is to be done between a participant's object and its copy in a share that others write into, or that is somebody
// else's: changes go in both directions (docs/design.md, Both directions).
import { nothingAgreed, type Agreed } from '../model/base.ts'
import { isTooMuch, refuseTooMuch } from './exchange-bounds.ts'
import type { ExchangeOptions } from './exchange-facts.ts'
import { planClosing, planOwner, withoutContent } from './exchange-owner.ts'
import { planEnding } from './exchange-end.ts'
import { planParticipant } from './exchange-participant.ts'
import { idle, REMOVED, removeCopy, type ExchangePlan, type Planned } from './exchange-plan.ts'
import { isOut } from './exchange-state.ts'
import { planForgotten } from './forgotten.ts'
import { isBehind, noteLosses, planAfterLoss } from './loss.ts'
import { planReturn } from './return.ts'

/** Plans one object in one share. Seeing the same again after all has landed plans nothing. */
export function planExchange(options: ExchangeOptions): ExchangePlan {
  const { agreed, facts, isAfterLoss } = options
  const recalled = agreed === null && facts.forgotten ? planForgotten(options, facts.forgotten) : null
  if (recalled) return 'plan' in recalled ? recalled.plan : planAs(options, recalled)
  const isOther = (agreed?.losses ?? 0) !== (facts.losses ?? 0)
  const isLost = agreed !== null && !isAfterLoss && (isOther || isBehind(options))
  const plan = isLost ? planAfterLoss(options, agreed, planKnown) : planKnown(options)
  return noteLosses(isTooMuch(plan, options) ? refuseTooMuch(options) : plan, options)
}

/** Plans it as if something else were agreed. */
function planAs(
  options: ExchangeOptions,
  { agreed, keepLocal = [] }: Extract<Planned, { agreed: unknown }>,
): ExchangePlan {
  const plan = planExchange({ ...options, agreed })
  return { ...plan, keepLocal: [...keepLocal, ...plan.keepLocal] }
}

/** Plans it with what is agreed as it is. */
function planKnown(options: ExchangeOptions): ExchangePlan {
  const { facts, agreed, doc } = options
  // The base only remembers that somebody waits for this object to go out of the way.
  if (agreed?.state === 'unrelated' && facts.phase !== 'waiting') return planAs(options, { agreed: null })
  if (agreed?.state === 'parted' && facts.phase !== 'waiting') return planParted(options, agreed)
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

function planParted(options: ExchangeOptions, agreed: Agreed): ExchangePlan {
  const returned = planReturn(options, agreed)
  if ('plan' in returned) return returned.plan
  const plan = planAs(options, returned)
  // Where nothing else is written before, the base says what it said.
  return plan.before !== null && plan.before === returned.agreed ? { ...plan, before: agreed } : plan
}

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
    return home.kind === 'live' ? { ...nothing, copy: removeCopy(home, 'all'), after } : { ...nothing, after }
  }
  const after = nothingAgreed('left', isMine)
  return role === 'writer' && isMine && home.kind === 'live'
    ? { ...nothing, copy: REMOVED, after }
    : { ...nothing, after }
}
