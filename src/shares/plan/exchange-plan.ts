// What is to happen between an object and its copy, and what every plan of that is made of.
import type { Agreed } from '../model/base.ts'
import type { Content, ObjectDoc } from '../../documents/content.ts'
import type { Problem } from '../../documents/problem.ts'
import type { LiveCopy } from './exchange-facts.ts'

/** What has to happen, in this order: `before`, `copy` and `drops`, the object, `withdraw`, `after`. */
export interface ExchangePlan {
  /** The object as it should be, null for none. */
  doc: ObjectDoc | null
  /** What is agreed before the other side is made. */
  before: Agreed | null
  copy: { kind: 'put'; content: Content } | { kind: 'delete' } | null
  /** Further leaves of the copy that go; with their content where it is in no other place. */
  drops: { rev: string; content: Content | null }[]
  /** Contents that give way are kept as deleted conflicts: of the object, of the copy. */
  keepLocal: Content[]
  keepHome: Content[]
  /** What both sides have in common when all has landed, when only the copy has, and when it has not. */
  after: Agreed | null
  sent?: Agreed
  otherwise: Agreed | null
  /** What this participant wrote, and what was not carried over. */
  rejection: Problem | null
  /** Old revisions are to be really removed, whatever was known to be readable; `first`: before there is a copy again. */
  withdraw?: true | 'first'
  /** The copy still shows what is not shared any more: it goes when this has landed. */
  isPending?: true
}

/** A plan; or what is to be taken for agreed on where it is planned anew, and what of the object is put aside then. */
export type Planned = { plan: ExchangePlan } | { agreed: Agreed | null; keepLocal?: Content[] }

/** The plan that does nothing. */
export const idle = (doc: ObjectDoc | null, agreed: Agreed | null): ExchangePlan => ({
  doc,
  before: agreed,
  copy: null,
  drops: [],
  keepLocal: [],
  keepHome: [],
  after: agreed,
  otherwise: agreed,
  rejection: null,
})

/** A plan that notes something more in whatever it writes of what is agreed on. */
export const noteInAgreed = (plan: ExchangePlan, note: (agreed: Agreed) => Agreed): ExchangePlan => ({
  ...plan,
  before: plan.before && note(plan.before),
  after: plan.after && note(plan.after),
  otherwise: plan.otherwise && note(plan.otherwise),
  ...(plan.sent ? { sent: note(plan.sent) } : {}),
})

/** The copy goes, with all its live leaves. */
export const removeCopy = ({ rivals }: LiveCopy): Pick<ExchangePlan, 'copy' | 'drops'> => ({
  copy: { kind: 'delete' },
  drops: rivals.map(({ _rev }) => ({ rev: _rev, content: null })),
})
