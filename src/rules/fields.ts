// Validators for the fields of documents, to be given to `validateFields`. What is not there is invalid, but to `optional` and `any`.
import type { Doc, Validator } from './types.ts'

/** A text that matches. No Intl and no lists of names: QuickJS, CouchDB's engine, has none. */
const textLike =
  (pattern: RegExp): Validator =>
  (value) =>
    typeof value === 'string' && pattern.test(value)

/** A text of one or more ASCII digits, such as a telephone number. */
export const digits: Validator = /* @__PURE__ */ textLike(/^[0-9]+$/)

/** A number; JSON has neither NaN nor infinities. */
export const number: Validator = (value) => typeof value === 'number' && isFinite(value)

/** A text of at least one character: a field that has to be there, and is empty, is mostly one that was forgotten. */
export const text: Validator = (value) => typeof value === 'string' && value !== ''

/** A text, which may be empty. */
export const string: Validator = (value) => typeof value === 'string'

/** `true` or `false`. */
export const boolean: Validator = (value) => typeof value === 'boolean'

/** A list, which may be empty. */
export const array: Validator = (value) => Array.isArray(value)

/** An object, neither null nor a list. */
export const object: Validator = (value) =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The shape of a time zone's name, `Area/Location` as in `Europe/Paris`, `America/Argentina/Ushuaia`, `Etc/GMT+5`, or one of
 * the few names without an area: `UTC`, `CET`, `EST5EDT`, `Japan`. Whether there is such a place in an area is not looked up.
 * https://data.iana.org/time-zones/theory.html#naming
 */
export const timezone: Validator = /* @__PURE__ */ textLike(
  /^(?:[A-Z][A-Za-z]+(?:\/[A-Z][A-Za-z0-9_+-]*){1,2}|UTC|UCT|Universal|Zulu|Greenwich|GMT(?:[+-]?0)?|CET|EET|MET|WET|EST|MST|HST|(?:CST6C|EST5E|MST7M|PST8P)DT|GB(?:-Eire)?|NZ(?:-CHAT)?|W-SU|PRC|ROC|ROK|Cuba|Egypt|Eire|Hongkong|Iceland|Iran|Israel|Jamaica|Japan|Kwajalein|Libya|Navajo|Poland|Portugal|Singapore|Turkey)$/,
)

/**
 * The shape of a language tag, in any case: `fr`, `pt-BR`, `zh-Hant-TW`, `sl-rozaj-biske`, `de-DE-u-co-phonebk`; `fr_FR`, as
 * POSIX and Java write it, too. Whether the subtags are registered is not looked up; the irregular tags of old
 * (`i-klingon`) are invalid. https://www.rfc-editor.org/rfc/rfc5646#section-2.1
 */
export const language: Validator = /* @__PURE__ */ textLike(
  /^(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{5,8})(?:[_-][a-z]{4})?(?:[_-](?:[a-z]{2}|[0-9]{3}))?(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?$/i,
)

/**
 * The shape of a domain name in ASCII with at least two labels: `example.net`, `xn--bcher-kva.example`; no address
 * (`192.0.2.1`), no dot at the end. https://www.rfc-editor.org/rfc/rfc1123#section-2
 */
export const domain: Validator = (value) =>
  typeof value === 'string' &&
  value.length <= 253 &&
  /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/i.test(value)

/** Whatever the validator takes, the field's absence, and `null`, by which JSON says the same. */
export const optional =
  (validator: Validator): Validator =>
  (value, doc) =>
    value === undefined || value === null || validator(value, doc)

/**
 * `any(one, other, …)`: what one of the validators takes. `any` by itself: anything, and the field's absence, which names a
 * field without saying what it holds.
 */
export function any(validator: Validator, ...others: Validator[]): Validator
export function any(value: unknown, doc: Doc): boolean
export function any(...given: unknown[]): Validator | boolean {
  // What a document holds is JSON, and never a function.
  if (typeof given[0] !== 'function') return true
  const validators = given as Validator[]
  return (value, doc) => validators.some((validator) => validator(value, doc))
}

/** Any value, `null` too, but not the field's absence. */
export const required: Validator = (value) => value !== undefined
