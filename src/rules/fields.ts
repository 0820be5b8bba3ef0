// Validators for the fields of documents, to be given to `validateFields`. What is not there is invalid, but to `optional` and `any`.
import type { Validator } from './types.ts'

/** A text that matches. No Intl and no lists of names: QuickJS, CouchDB's engine, has none. */
const textLike =
  (pattern: RegExp): Validator =>
  (value) =>
    typeof value === 'string' && pattern.test(value)

/** A text of one or more ASCII digits, such as a telephone number. */
export const digits: Validator = /* @__PURE__ */ textLike(/^[0-9]+$/)

/** A number; JSON has neither NaN nor infinities. */
export const number: Validator = (value) => typeof value === 'number' && isFinite(value)

/** A text, which may be empty. */
export const text: Validator = (value) => typeof value === 'string'

/** `true` or `false`. */
export const boolean: Validator = (value) => typeof value === 'boolean'

/** A list, which may be empty. */
export const array: Validator = (value) => Array.isArray(value)

/** An object, neither null nor a list. */
export const object: Validator = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The shape of a time zone's name: `UTC`, `GMT`, or `Area/Location` as in `Europe/Paris`, `America/Argentina/Ushuaia`,
 * `Etc/GMT+5`. Whether there is such a place is not looked up. https://data.iana.org/time-zones/theory.html#naming
 */
export const timezone: Validator = /* @__PURE__ */ textLike(
  /^(?:UTC|GMT|[A-Z][A-Za-z]+(?:\/[A-Z][A-Za-z0-9_+-]*){1,2})$/,
)

/**
 * The shape of a language tag, in any case: `fr`, `pt-BR`, `zh-Hant-TW`, `sl-rozaj-biske`, `de-DE-u-co-phonebk`. Whether the
 * subtags are registered is not looked up; the irregular tags of old (`i-klingon`) are invalid.
 * https://www.rfc-editor.org/rfc/rfc5646#section-2.1
 */
export const language: Validator = /* @__PURE__ */ textLike(
  /^(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{5,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?$/i,
)

/**
 * The shape of a domain name in ASCII with at least two labels: `example.net`, `xn--bcher-kva.example`; no address
 * (`192.0.2.1`), no dot at the end. https://www.rfc-editor.org/rfc/rfc1123#section-2
 */
export const domain: Validator = (value) =>
  typeof value === 'string' &&
  value.length <= 253 &&
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(value)

/** Whatever the validator takes, and the field's absence. */
export const optional =
  (validator: Validator): Validator =>
  (value, doc) =>
    value === undefined || validator(value, doc)

/** Anything, and the field's absence: names a field without saying what it holds. */
export const any: Validator = () => true

/** Any value, `null` too, but not the field's absence. */
export const required: Validator = (value) => value !== undefined
