// Object and copy are there, and belong together: what differs goes where it is not known yet (docs/design.md, Both
// directions).
import type { Agreed } from '../model/base.ts'
import type { ObjectDoc, Selection } from '../../documents/content.ts'
import type { ExchangeOptions, LiveCopy } from './exchange-facts.ts'
import type { ExchangePlan } from './exchange-plan.ts'
import { mergeOwner } from './merge-owner.ts'
import { mergeParticipant } from './merge-participant.ts'

/**
 * @param doc the object as it is to be merged; what is put aside is that of the options
 * @param scope what is shared of it from now on
 * @param agreed what both sides last had; of what is not in it nothing is known
 */
export function mergeExchange(
  options: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  agreed: Agreed,
  home: LiveCopy,
): ExchangePlan {
  return options.facts.role === 'owner'
    ? mergeOwner(options, doc, scope, agreed, home)
    : mergeParticipant(options, doc, scope, agreed, home)
}
