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

/**
 * Why a content may not come into a share that everybody may write; null where it may.
 * @param isNew the share has no such copy yet
 */
export function boundOf(content: Content, bounds: ExchangeFacts['bounds'], isNew: boolean): Problem | null {
  if (isTooComplex(content.attributes)) return tooComplex()
  if (bounds === null) return null
  if (bounds.isTooFast) return problem('too_many_changes', String(bounds.mostChanges))
  if (isNew && bounds.objects >= bounds.mostObjects)
    return problem('too_many_objects', String(bounds.mostObjects))
  return bytesOf(content) > bounds.mostBytes
    ? problem('too_large_for_public', String(bounds.mostBytes))
    : null
}

/** The bytes of a content: its attributes as JSON, and its attachments. */
export const bytesOf = ({ attributes, attachments }: Content): number =>
  Buffer.byteLength(canonicalJson(attributes)) +
  Object.values(attachments).reduce((sum, { length }) => sum + (length ?? 0), 0)
