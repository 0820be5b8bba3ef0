// Whether two JSON values are the same: the order of keys is no difference, that of items is.
import { hasOwn } from './own.ts'

/** Deep equality of JSON values; undefined, a field that is not there, equals only itself. */
export function isEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (Array.isArray(one) || Array.isArray(other))
    return (
      Array.isArray(one) &&
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, index) => isEqual(item, other[index]))
    )
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    // Own keys on both sides, so that a key `__proto__` of a parsed document is read as the value that it has there.
    keys.every(
      (key) => hasOwn(other, key) && isEqual(one[key as keyof typeof one], other[key as keyof typeof other]),
    )
  )
}
