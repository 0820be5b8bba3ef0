// Whether an object has nothing left to do when its effects have landed: planned from what is known of it then, in place of reading
// that again. Whatever somebody else writes meanwhile comes by as a change of its own.
import { baseDoc, isEmptyBase, sharesOf, type Base } from '../model/base.ts'
import { copyId } from '../model/ids.ts'
import { OBJECT } from '../model/history.ts'
import { idsIn, parseConsents, type ObjectDoc } from '../../documents/content.ts'
import { isShareId } from '../../documents/names.ts'
import { own } from '../../documents/own.ts'
import { only } from './effects.ts'
import type { ExchangeFacts, LiveCopy } from './exchange-facts.ts'
import { planObject, sharesAwaited } from './object.ts'
import type { ObjectEffect, ObjectFacts } from './object-facts.ts'
import { withRevisions } from './seen.ts'

/** Under which revision something was written: the object, or its copy in a share; null where it was not. */
export type RevisionOf = (place: string) => string | null

/**
 * True where all that was planned has landed, and is known to leave nothing to do. False also where that cannot be told without
 * reading: of what has several leaves or attachments, of copies that are new or come from outboxes, where everybody may write, and
 * where something was lost or forgotten.
 * @param effects all of this object
 */
export function isSettledBy(
  facts: ObjectFacts,
  effects: readonly ObjectEffect[],
  revisionOf: RevisionOf,
): boolean {
  const after = factsAfter(facts, effects, revisionOf)
  return after !== null && sharesAwaited(after).length === 0 && planObject(after).length === 0
}

/** What would be read then, but for the names of revisions that nobody compares; null where it is not known. */
function factsAfter(
  facts: ObjectFacts,
  effects: readonly ObjectEffect[],
  revisionOf: RevisionOf,
): ObjectFacts | null {
  if (facts.rivals.length > 0 || facts.ground || facts.isLate || !effects.every(isForeseen)) return null
  const doc = docAfter(facts, effects, revisionOf(OBJECT))
  const base = baseAfter(facts, effects, revisionOf)
  if (doc === null || base === null || !isWithin(facts, doc, base)) return null
  const exchanges = new Map<string, ExchangeFacts>()
  for (const [share, exchange] of facts.exchanges) {
    const after = exchangeAfter(facts.object, exchange, base, effects, revisionOf(share))
    if (after === null) return null
    exchanges.set(share, after)
  }
  const { object, standings, copies, clock } = facts
  return { object, doc, isMissing: false, rivals: [], base, standings, copies, exchanges, clock }
}

function isForeseen(effect: ObjectEffect): boolean {
  switch (effect.kind) {
    case 'put-base':
      return effect.hidden === undefined
    case 'put-object':
      return isBare(effect.doc._attachments)
    case 'put-copy':
      return effect.home === 'share' && isBare(effect.content.attachments)
    case 'delete-copy':
    case 'drop-copy-leaf':
    case 'keep-loser':
    case 'remove-object':
    case 'withdraw':
    case 'settle-object':
    case 'drop-leaf':
    case 'report':
      return false
    default:
      return effect satisfies never
  }
}

const isBare = (attachments: object = {}): boolean => Object.keys(attachments).length === 0

function docAfter(
  { object, doc }: ObjectFacts,
  effects: readonly ObjectEffect[],
  rev: string | null,
): ObjectDoc | null {
  const [put] = only(effects, 'put-object')
  if (!put) return doc
  const { _attachments: _, ...content } = put.doc
  return rev === null ? null : { ...content, _id: object, _rev: rev }
}

function baseAfter(
  { object, base }: ObjectFacts,
  effects: readonly ObjectEffect[],
  revisionOf: RevisionOf,
): Base | null {
  // The one of the last stage stands.
  const put = only(effects, 'put-base').at(-1)
  if (!put) return base
  if (isEmptyBase(put)) return null
  const { shares, agreed, seen = {} } = put
  return baseDoc(object, { shares, agreed, seen: withRevisions(seen, revisionOf) })
}

/** False where another share comes into it, of which nothing was read. */
function isWithin({ exchanges, standings }: ObjectFacts, doc: ObjectDoc, base: Base): boolean {
  const named = idsIn(parseConsents(doc['$shares'])).filter(isShareId)
  return [...named, ...sharesOf(base)].every((share) => exchanges.has(share) || standings.has(share))
}

function exchangeAfter(
  object: string,
  exchange: ExchangeFacts,
  base: Base,
  effects: readonly ObjectEffect[],
  rev: string | null,
): ExchangeFacts | null {
  const { share, role, home, bounds } = exchange
  const isDoubtful = exchange.forgotten ?? exchange.isToCome ?? exchange.isAway ?? exchange.isFull
  if (isDoubtful || bounds || home.kind !== 'live' || home.mostBytes !== undefined) return null
  if (home.rivals.length > 0 || (home.tombstones ?? []).length > 0) return null
  const limit = role === 'owner' ? (own(base.shares, share) ?? null) : exchange.limit
  const put = only(effects, 'put-copy').find((effect) => effect.share === share)
  if (!put) return { ...exchange, limit }
  if (rev === null) return null
  const leaf: ObjectDoc = { ...put.content.attributes, _id: copyId(share, object), _rev: rev }
  return { ...exchange, limit, home: { ...home, leaf } satisfies LiveCopy }
}
