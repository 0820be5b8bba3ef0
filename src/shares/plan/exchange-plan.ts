// What is to happen between an object and its copy, and what every plan of that is made of.
import type { Agreed } from '../model/base.ts'
import type { Content, ObjectDoc } from '../../documents/content.ts'
import type { Problem } from '../../documents/problem.ts'
import type { LiveCopy } from './exchange-facts.ts'

/** What has to happen, in this order: `before`, the copy, the object, what is withdrawn with the copy, `after`. */
export interface ExchangePlan {
  /** The object as it should be, null for none. */
  doc: ObjectDoc | null
  /** What is agreed before the other side is made, and what both sides have in common when all has landed. */
  before: Agreed | null
  after: Agreed | null
  copy: CopyOutcome
  /** Contents that give way are kept as deleted conflicts: of the object, of the copy. */
  keepLocal: Content[]
  keepHome: Content[]
  /** What this participant wrote, and what was not carried over. */
  rejection: Problem | null
}

/** What becomes of the copy. */
export type CopyOutcome =
  /** Nothing. */
  | { kind: 'stay' }
  /**
   * It gets another content. `sent`: what both sides have in common when that has landed and the object has not; null where
   * the object has to say first that it is given, or is not changed. `otherwise`: what they have in common without that.
   */
  | { kind: 'put'; content: Content; sent: Agreed | null; otherwise: Agreed | null }
  /** Further leaves go, whose content the first one has by now; with what of it is in no other place. */
  | { kind: 'drop-leaves'; drops: LeafDrop[] }
  /**
   * It goes, with its further leaves, and then its old revisions: those of which the base says that they may be readable; all
   * of them; or, later, when it was seen to be gone.
   */
  | { kind: 'delete'; rivals: string[]; withdrawn: 'known' | 'all' | 'later' }
  /** It is gone, and what it held can still be read: that goes, too; `isFirst`: before there is a copy again. */
  | { kind: 'withdraw'; isFirst?: true }
  /** It still shows what is not shared any more, and goes when the rest has landed. */
  | { kind: 'wait' }

/** A further leaf of a copy that goes. @property content what of it is in no other place, and is kept */
export interface LeafDrop {
  rev: string
  content: Content | null
}

/** A plan; or what is to be taken for agreed on where it is planned anew, and what of the object is put aside then. */
export type Planned = { plan: ExchangePlan } | { agreed: Agreed | null; keepLocal?: Content[] }

/** The plan that does nothing. */
export const idle = (doc: ObjectDoc | null, agreed: Agreed | null): ExchangePlan => ({
  doc,
  before: agreed,
  after: agreed,
  copy: { kind: 'stay' },
  keepLocal: [],
  keepHome: [],
  rejection: null,
})

/** A plan that notes something more in whatever it writes of what is agreed on. */
export function noteInAgreed(plan: ExchangePlan, note: (agreed: Agreed) => Agreed): ExchangePlan {
  const { before, after, copy } = plan
  const noted = (one: Agreed | null): Agreed | null => one && note(one)
  return {
    ...plan,
    before: noted(before),
    after: noted(after),
    copy: copy.kind === 'put' ? { ...copy, sent: noted(copy.sent), otherwise: noted(copy.otherwise) } : copy,
  }
}

/** The copy goes, with all its live leaves. */
export const removeCopy = (
  { rivals }: Pick<LiveCopy, 'rivals'>,
  withdrawn: Extract<CopyOutcome, { kind: 'delete' }>['withdrawn'] = 'known',
): CopyOutcome => ({ kind: 'delete', rivals: rivals.map(({ _rev }) => _rev), withdrawn })

/** The copy of which clients see one leaf goes. */
export const REMOVED: CopyOutcome = { kind: 'delete', rivals: [], withdrawn: 'known' }

/** Further leaves go, where there are any. */
export const dropLeaves = (drops: LeafDrop[]): CopyOutcome =>
  drops.length === 0 ? { kind: 'stay' } : { kind: 'drop-leaves', drops }
