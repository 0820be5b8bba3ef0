// A short name for a JSON value: equal values have equal digests, whatever the order of their keys.
// eslint-disable-next-line no-restricted-imports -- a hash has neither I/O nor randomness
import { hash } from 'node:crypto'
import { encodeJson, ExactNumber } from './json.ts'

/** JSON text with the keys of every object sorted; numbers keep all their digits. */
export function canonicalJson(value: unknown): string {
  try {
    return encodeJson(sorted(value))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return encodeJson(sortedLevelByLevel(value))
  }
}

/** 128 bits of SHA-256 over the canonical JSON, in base64url. */
export const digestOf = (value: unknown): string =>
  hash('sha256', canonicalJson(value), 'base64url').slice(0, 22)

type Items = unknown[] | Record<string, unknown>

const hasItems = (value: unknown): value is Items =>
  typeof value === 'object' && value !== null && !(value instanceof ExactNumber)

function sorted(value: unknown): unknown {
  if (!hasItems(value)) return value
  if (Array.isArray(value)) return value.map(sorted)
  return sortedOnce(value, sorted)
}

/** Object.fromEntries defines properties, so that `__proto__` stays a key like any other. */
const sortedOnce = (value: Record<string, unknown>, inside: (item: unknown) => unknown): Items =>
  Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, item]) => [key, inside(item)]),
  )

/** The same without the stack, which deep values exhaust. */
function sortedLevelByLevel(value: unknown): unknown {
  const root = [value]
  const left: Items[] = [root]
  for (let there = left.pop(); there !== undefined; there = left.pop())
    for (const [key, item] of Object.entries(there)) {
      if (!hasItems(item)) continue
      const copy = Array.isArray(item) ? [...item] : sortedOnce(item, (same) => same)
      // A key of its own, `__proto__` too: set in its place.
      ;(there as Record<string, unknown>)[key] = copy
      left.push(copy)
    }
  return root[0]
}
