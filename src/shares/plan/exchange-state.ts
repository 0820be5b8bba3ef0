// How an object, its copy and what both are known to have had stand to each other.
import type { Agreed } from '../model/base.ts'
import { contentOf, type Content } from '../../documents/content.ts'
import { digestsOf, isDigestOf } from '../../documents/digests.ts'
import { isSameJson } from '../../documents/same-json.ts'
import type { LiveCopy } from './exchange-facts.ts'

/** The object was there, and the other side was made from it or had it, too. */
export const isOut = ({ state, mine }: Agreed): boolean =>
  state === 'both' || (state === 'coming' && mine === true)

/** The object was made from a copy that others put there, or both had the same. */
export const wasThere = (agreed: Agreed | null): boolean =>
  agreed?.state === 'both' || (agreed?.state === 'coming' && !agreed.mine)

export const isBare = ({ attributes, attachments }: Agreed): boolean =>
  Object.keys(attributes).length === 0 && Object.keys(attachments).length === 0

/**
 * True where both have the same attributes and attachments; one that was compressed on its way is the same.
 */
export const isSame = (one: Content, other: Content): boolean => {
  const [here, there] = [digestsOf(one), digestsOf(other)]
  return haveSame(here.attributes, there.attributes) && haveSame(here.attachments, there.attachments)
}

/** The same to the byte: an attachment that was compressed on its way is another one. */
export const isIdentical = (one: Content, other: Content): boolean =>
  isSameJson(digestsOf(one), digestsOf(other))

export const haveSame = (there: Record<string, string>, agreed: Record<string, string>): boolean =>
  Object.keys(there).length === Object.keys(agreed).length &&
  Object.entries(there).every(
    ([name, digest]) => Object.hasOwn(agreed, name) && isDigestOf(agreed[name], digest),
  )

/** True where nobody has changed the copy since both sides had the same. */
export function isAgreed({ leaf, rivals }: LiveCopy, agreed: Agreed): boolean {
  if (rivals.length > 0) return false
  const { attributes, attachments } = digestsOf(contentOf(leaf))
  return haveSame(attributes, agreed.attributes) && haveSame(attachments, agreed.attachments)
}
