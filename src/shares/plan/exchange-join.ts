// One side of an exchange is made from the other, or both are there: whether they are the same object, and how they meet.
import { nothingAgreed, type Agreed } from '../model/base.ts'
import {
  contentOf,
  project,
  withAttachments,
  withoutShare,
  type Content,
  type ObjectDoc,
  type Selection,
} from '../../documents/content.ts'
import { digestsOf } from '../../documents/digests.ts'
import { problem } from '../../documents/problem.ts'
import { boundOf } from './exchange-bounds.ts'
import { shownTo, type ExchangeFacts, type ExchangeOptions, type LiveCopy } from './exchange-facts.ts'
import { idle, type ExchangePlan } from './exchange-plan.ts'
import { haveSame, isOut, isSame } from './exchange-state.ts'
import { uniteLeaves } from './fold-leaves.ts'
import { mergeExchange } from './merge-exchange.ts'

/** Object and copy are there: they are brought together, unless they are two. */
export function join(
  options: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  home: LiveCopy,
): ExchangePlan {
  const ground = commonGround(options, doc, scope, home)
  if (ground === null) return unrelated(options, doc, home)
  return mergeExchange(options, doc, scope, ground, home)
}

/** What is agreed where object and copy belong together; null where one of them is of another origin. */
function commonGround(
  { agreed, facts, isAfterLoss }: ExchangeOptions,
  doc: ObjectDoc,
  scope: Selection,
  { leaf }: LiveCopy,
): Agreed | null {
  const isTheSame = isSame(contentOf(leaf), project(doc, scope))
  if (agreed === null) return isTheSame ? nothingAgreed('coming', facts.role === 'owner') : null
  if (agreed.state !== 'coming') return agreed
  const made = agreed.mine ? leaf : doc
  if (isTheSame || haveSame(digestsOf(contentOf(made)).attributes, agreed.attributes)) return agreed
  // As it was made it would have been the first revision, and the same; what is put back is a first one, too.
  if (!isAfterLoss && made._rev.startsWith('1-')) return null
  return { ...agreed, attributes: {}, attachments: {} }
}

export function createCopy(options: ExchangeOptions, content: Content): ExchangePlan {
  const { doc, agreed, facts } = options
  const nothing = idle(doc, agreed)
  // What a reader wrote is not sent, even where there is nothing else left.
  if (agreed?.state === 'both' && agreed.kept) return nothing
  const bound = boundOf(content, facts, agreed === null, null)
  if (bound !== null) return { ...nothing, rejection: bound }
  const isMine = agreed?.state === 'both' || agreed?.state === 'coming' ? agreed.mine === true : true
  const shown = facts.role === 'owner' ? true : shownTo(options)
  const made: Agreed = {
    ...nothingAgreed('both', isMine),
    ...digestsOf(content),
    ...(shown === true ? {} : { seen: shown }),
  }
  return {
    ...nothing,
    before: agreed?.state === 'both' ? agreed : { ...made, state: 'coming' },
    copy: { kind: 'put', content, sent: null, otherwise: agreed },
    after: made,
  }
}

/** An object that others brought, or changed while it was deleted here. */
export function bringIn(options: ExchangeOptions, home: LiveCopy): ExchangePlan {
  const { object, doc, agreed, facts, isMissing } = options
  const { role, limit, share } = facts
  if (doc && agreed === null) return adopt(options, doc, home)
  if (doc) return joinBy(options, doc, home, agreed ?? nothingShown(facts))
  const isAnew = isMissing === true && agreed !== null && isOut(agreed)
  const { attributes, attachments } = contentOf(home.leaf)
  const digests = digestsOf({ attributes, attachments })
  const made: Agreed = {
    ...nothingAgreed('both', agreed?.mine === true),
    ...digests,
    // Carried over, an attachment may have another digest, which a reader could not give back.
    ...(role === 'reader' ? { attachments: {} } : {}),
    ...(role !== 'owner' && Array.isArray(limit) ? { listed: true, seen: limit } : {}),
    // What was private, or a reader's, is so when a client brings it back.
    ...(isAnew ? keptOf(agreed) : {}),
  }
  const seen = role !== 'owner' && Array.isArray(limit) ? { seen: limit } : {}
  const coming: Agreed = { ...nothingAgreed('coming', false), ...digests, ...seen }
  return {
    ...idle(doc, agreed),
    before: isAnew
      ? // The base is written once more after this, with the revision that was made: what a device brings is the same object.
        { ...made, ...digests, state: 'coming' }
      : agreed?.state === 'both'
        ? agreed
        : coming,
    after: made,
    doc: {
      ...withAttachments({ ...attributes, _id: object, _rev: '' }, attachments),
      $shares: { [share]: selectionOf(facts) },
    },
  }
}

const keptOf = ({ own, kept }: Agreed): Pick<Agreed, 'own' | 'kept'> => ({
  ...(own ? { own } : {}),
  ...(kept ? { kept } : {}),
})

/**
 * There is an object already. It is the same where both came from the same owner's shares; where the owner has not met it yet,
 * or is the owner, it has to look the same, too. Else there are two.
 */
export function adopt(options: ExchangeOptions, doc: ObjectDoc, home: LiveCopy): ExchangePlan {
  const { agreed, isRelated, consent, facts } = options
  const nothing = idle(doc, agreed)
  const isMet = facts.role !== 'owner' && facts.limit !== null
  const isAlike = isSame(contentOf(doc), contentOf(home.leaf))
  // Of a part that is over not everything is known: who has just what the share has, and nowhere else, has the same.
  const isTheSame = isAlike && facts.role !== 'owner' && doc['$shares'] === undefined
  if (!isTheSame && (!isRelated || !(isMet || isAlike))) return unrelated(options, doc, home)
  if (consent)
    return { ...nothing, doc: withoutShare(doc, facts.share, consent), after: nothingAgreed('left', false) }
  return joinBy(options, doc, home, nothingShown(facts))
}

/** An object that is given to a share by the daemon: its author has consented to nothing there yet. */
const nothingShown = ({ role }: ExchangeFacts): Agreed => ({
  ...nothingAgreed('coming', false),
  ...(role === 'owner' ? {} : { seen: [] }),
})

/** The object that is there is given to the share, too. */
export function joinBy(
  options: ExchangeOptions,
  doc: ObjectDoc,
  home: LiveCopy,
  known: Agreed,
): ExchangePlan {
  const { agreed, facts } = options
  const { share } = facts
  const selection = selectionOf(facts)
  const shares = { ...(doc['$shares'] as object | undefined), [share]: selection }
  const scope = facts.role === 'owner' ? selection : shownTo(options)
  const merged = mergeExchange(options, { ...doc, $shares: shares }, scope, known, home)
  // The copy follows when the object says that it is given.
  const { copy } = merged
  const plan: ExchangePlan = { ...merged, copy: copy.kind === 'put' ? { ...copy, sent: null } : copy }
  const coming = { ...nothingShown(facts), ...digestsOf(contentOf(home.leaf)) }
  return agreed?.state === 'both' || agreed?.state === 'parted' ? plan : { ...plan, before: coming }
}

const selectionOf = ({ role, limit }: ExchangeFacts): Selection =>
  role === 'owner' && Array.isArray(limit) ? limit : true

/**
 * Two objects of one `_id`. The base remembers it, so that it is looked at again when either of the two is gone; further
 * leaves of the copy are the share's owner's to bring together all the same.
 */
export const unrelated = (
  { agreed, facts, clock }: ExchangeOptions,
  doc: ObjectDoc,
  home: LiveCopy,
): ExchangePlan => ({
  ...idle(doc, agreed),
  ...(facts.role === 'owner' ? uniteLeaves(home, clock, agreed) : {}),
  after: nothingAgreed('unrelated', false),
  rejection: problem('unrelated_object'),
})
