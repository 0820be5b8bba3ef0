// What a participant has put into a copy, and nobody else may have where the share database is lost.
import type { Agreed } from '../model/base.ts'
import type { ExchangeFacts } from './exchange-facts.ts'
import { noteInAgreed, type ExchangePlan } from './exchange-plan.ts'

/**
 * Notes that a participant gives something to the share, before that is done, and for as long as the base knows of the
 * copy. What the participant brought is known anyway.
 */
export function noteGiven(
  plan: ExchangePlan,
  agreed: Agreed | null,
  { role }: Pick<ExchangeFacts, 'role'>,
): ExchangePlan {
  const isGiving = role !== 'owner' && plan.copy.kind === 'put'
  if (!isGiving && !agreed?.given) return plan
  return noteInAgreed(plan, (one) =>
    one.mine || !OF_A_COPY.includes(one.state) ? one : { ...one, given: true },
  )
}

const OF_A_COPY: readonly Agreed['state'][] = ['coming', 'both', 'parted']

/** True where the copy that this participant changed is lost, and nobody has found out yet what others have of it. */
export const isUnsure = ({ given, losses = 0 }: Agreed, facts: ExchangeFacts): boolean =>
  given === true && (facts.isAway === true || losses !== (facts.losses ?? 0))
