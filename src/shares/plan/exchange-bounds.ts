// What may not go into a share, or come out of it, for its size or its number.
import { isTooComplex, tooComplex } from '../../documents/complexity.ts'
import { contentOf, type Content } from '../../documents/content.ts'
import { canonicalJson } from '../../documents/digest.ts'
import { problem, type Problem } from '../../documents/problem.ts'
import type { ExchangeFacts, ExchangeOptions } from './exchange-facts.ts'
import { idle, type ExchangePlan } from './exchange-plan.ts'

/**
 * What was put into the share is too much for a view, and would come into this user's database: CouchDB refuses it to everybody
 * but admins. What there is to take away or to send goes on.
 */
export const isTooMuch = ({ doc, copy }: ExchangePlan, options: ExchangeOptions): boolean =>
  options.facts.home.kind === 'live' &&
  doc !== null &&
  doc !== options.doc &&
  (copy.kind === 'stay' || copy.kind === 'drop-leaves') &&
  isTooComplex(contentOf(doc).attributes) &&
  !(options.doc && isTooComplex(contentOf(options.doc).attributes))

export const refuseTooMuch = ({ doc, agreed }: ExchangeOptions): ExchangePlan => ({
  ...idle(doc, agreed),
  rejection: tooComplex(),
})

/** How much may come into a share: of whoever writes it, and of who writes only because everybody may. */
interface Limits {
  bounds: ExchangeFacts['bounds']
  mostBytes?: number | undefined
}

/**
 * Why a content may not come into a share that others write into; null where it may.
 * @param there the copy that the share has; null where it is a new one
 */
export function boundOf(
  content: Content,
  { bounds, mostBytes }: Limits,
  isNew: boolean,
  there: Content | null,
): Problem | null {
  if (isTooComplex(content.attributes)) return tooComplex()
  const found = tooLargeToShare(content, there, mostBytes)
  if (found !== null || bounds === null) return found
  if (bounds.isTooFast) return problem('too_many_changes', String(bounds.mostChanges))
  if (isNew && bounds.objects >= bounds.mostObjects)
    return problem('too_many_objects', String(bounds.mostObjects))
  return bytesOf(content) > bounds.mostBytes
    ? problem('too_large_for_public', String(bounds.mostBytes))
    : null
}

/**
 * Why a content is too large for any user to share; null where it is not. What is there already may be changed, as long as it
 * does not grow: the limit may have been another one.
 */
export function tooLargeToShare(
  content: Content,
  there: Content | null,
  most: number | undefined = Infinity,
): Problem | null {
  if (most === Infinity) return null
  const bytes = bytesOf(content)
  if (bytes <= most || (there !== null && bytes <= bytesOf(there))) return null
  return problem('too_large_to_share', String(most))
}

/** The bytes of a content: its attributes as JSON, and its attachments. */
export const bytesOf = ({ attributes, attachments }: Content): number =>
  Buffer.byteLength(canonicalJson(attributes)) +
  Object.values(attachments).reduce((sum, { length }) => sum + (length ?? 0), 0)
