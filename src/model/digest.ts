// A short name for a JSON value: equal values have equal digests, whatever the order of their keys.
// eslint-disable-next-line no-restricted-imports -- a hash has neither I/O nor randomness
import { hash } from 'node:crypto'
// eslint-disable-next-line no-restricted-imports -- text in, text out
import { encodeJson, ExactNumber } from '../couch/json.ts'

/** JSON text with the keys of every object sorted; numbers keep all their digits. */
export const canonicalJson = (value: unknown): string => encodeJson(sorted(value))

/** 128 bits of SHA-256 over the canonical JSON, in base64url. */
export const digestOf = (value: unknown): string =>
  hash('sha256', canonicalJson(value), 'base64url').slice(0, 22)

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null || value instanceof ExactNumber) return value
  // Object.fromEntries defines properties, so that `__proto__` stays a key like any other.
  return Object.fromEntries(
    Object.entries(value)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  )
}
