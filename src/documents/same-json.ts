// Whether two JSON values say the same, however deep users nest them.
import { isDeepStrictEqual } from 'node:util'
import { canonicalJson } from './digest.ts'

/** As `isDeepStrictEqual`, which some thousand levels exhaust. */
export function isSameJson(one: unknown, other: unknown): boolean {
  try {
    return isDeepStrictEqual(one, other)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return canonicalJson(one) === canonicalJson(other)
  }
}
