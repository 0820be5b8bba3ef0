// Object and copy merged attribute by attribute, as far as they are shared, and what of that is agreed on then.
import type { Agreed } from '../model/base.ts'
import {
  contentOf,
  pickContent,
  pickFrom,
  shows,
  withContent,
  type Content,
  type ObjectDoc,
  type Selection,
} from '../../documents/content.ts'
import { givesWay, merge, sideOf, type Common } from '../../documents/merge.ts'
import type { ExchangeOptions } from './exchange-facts.ts'

/** Which attributes, and which attachments, are merged. */
export type Reach = (kind: keyof Content, name: string) => boolean

/**
 * What is shared; and, while the owner narrows that, what the copy still holds of what was. An attribute that is not
 * there any more was taken out with that, not deleted.
 */
export const reachOf =
  (scope: Selection, limit: Selection | null = null, there: Content | null = null): Reach =>
  (kind, name) => {
    const listed = kind === 'attributes' ? name : '_attachments'
    return (
      shows(scope, listed) ||
      (limit !== null && there !== null && shows(limit, listed) && Object.hasOwn(there[kind], name))
    )
  }

interface Sides {
  merged: ObjectDoc
  /** What was merged of the object, and what of the copy was not. */
  local: Content
  outside: Content
  result: ReturnType<typeof merge>
  isLocalLost: boolean
  isHomeLost: boolean
}

export function mergeSides(
  { facts, elsewhere = [], isAfterLoss, clock }: ExchangeOptions,
  doc: ObjectDoc,
  leaf: ObjectDoc,
  agreed: Agreed,
  reach: Reach,
): Sides {
  const local = pickContent(contentOf(doc), reach)
  const inside = pickContent(contentOf(leaf), reach)
  const known = {
    attributes: pickFrom(agreed.attributes, (name) => reach('attributes', name)),
    attachments: pickFrom(agreed.attachments, (name) => reach('attachments', name)),
    ...(agreed.kept ? { kept: agreed.kept } : {}),
  }
  const result = merge(sideOf(local, clock), sideOf(inside, clock), {
    ...{ agreed: known, elsewhere },
    maySend: facts.role !== 'reader',
  })
  return {
    ...{ local, result },
    merged: withContent(doc, result.local, reach),
    outside: pickContent(contentOf(leaf), (kind, name) => !reach(kind, name)),
    // What is taken for older than the share's may be all that is left of it.
    isLocalLost: givesWay(local, result.local, isAfterLoss ? null : known),
    isHomeLost: givesWay(inside, result.home, known),
  }
}

export const settledOn = (before: Agreed, { kept, attributes, attachments }: Common): Agreed => ({
  state: 'both',
  ...(before.mine ? { mine: true } : {}),
  attributes,
  attachments,
  ...(Object.keys(kept).length > 0 ? { kept } : {}),
})

/** How many attributes a sentence names at the most. */
export const MOST_NAMED = 20
