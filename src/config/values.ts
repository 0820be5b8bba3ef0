// What a setting may be: each schema's only issue ends the sentence "Expected X to be …".
import { statSync } from 'node:fs'
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { TemplateError, userDatabases } from '../documents/names.ts'
import { SettingError } from '../documents/setting.ts'
import { parsePaths, type Path } from '../documents/time.ts'

/** A server's address, its credentials taken out; `url` has no trailing slash. */
export interface Address {
  url: string
  user: string | null
  pass: string | null
}

/** A schema whose only issue reads as the end of the sentence "Expected X to be …". */
const parsedBy = <T>(
  expected: string | ((text: string) => string),
  parse: (text: string) => T | undefined,
): z.ZodType<T, string> =>
  z.string().transform((text, context) => {
    const value = parse(text)
    if (value !== undefined) return value
    const message = typeof expected === 'string' ? expected : expected(text)
    context.issues.push({ code: 'custom', message, input: text })
    return z.NEVER
  })

/** A whole number in a range, the ends included. */
export const wholeNumber = (least: number, most: number) =>
  parsedBy(`a whole number from ${least} to ${most}`, (text) => {
    const number = /^\d{1,9}$/.test(text) ? Number(text) : NaN
    return number >= least && number <= most ? number : undefined
  })

/** A whole number from `least` on, or `none`, which is Infinity: nothing is too much. */
export const limit = (least: number) =>
  parsedBy(`a whole number from ${least} on, or none`, (text) => {
    if (text === 'none') return Infinity
    const number = /^\d{1,12}$/.test(text) ? Number(text) : NaN
    return number >= least ? number : undefined
  })

/** A TCP port. */
export const port = wholeNumber(1, 65_535)

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }

/** Above this, Node's timers fire at once: https://nodejs.org/api/timers.html#settimeoutcallback-delay-args */
const LONGEST_MS = 596 * UNIT_MS.h

/** Milliseconds, of `30m` or plain milliseconds. */
export const duration = (least: 0 | 1) => {
  const expected = `a duration like 500ms, 30s, 30m, 2h or plain milliseconds, ${least === 0 ? '' : 'above 0 and '}at most 596h`
  return parsedBy(expected, (text) => {
    const [, digits, unit = 'ms'] = /^(\d{1,10})(ms|s|m|h)?$/.exec(text) ?? []
    const ms = digits === undefined ? NaN : Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS]
    return ms >= least && ms <= LONGEST_MS ? ms : undefined
  })
}

/** One of these words. */
export const oneOf = <const T extends readonly string[]>(names: T) =>
  z.enum(names, { error: `one of ${names.join(', ')}` })

/** `true`, `false`, `1` or `0`. */
export const flag = oneOf(['true', 'false', '1', '0']).transform((text) => text === 'true' || text === '1')

/** The address of CouchDB's web page, which is what a browser shows. */
const FAUXTON = /\/_utils(?:[/?#]|$)/

/** Takes an address apart, or returns undefined where it is no usable one. */
function parseAddress(text: string): Address | undefined {
  // An @ in the path is an unescaped / in a password, which would be logged as part of the URL.
  if (/[?#\s]/.test(text) || FAUXTON.test(text) || !URL.canParse(text)) return undefined
  const { protocol, host, pathname, username, password } = new URL(text)
  if (!/^https?:$/.test(protocol) || pathname.includes('@')) return undefined
  try {
    return {
      url: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`,
      user: username === '' ? null : decodeURIComponent(username),
      pass: password === '' ? null : decodeURIComponent(password),
    }
  } catch {
    return undefined
  }
}

const orFauxton =
  (expected: string) =>
  (text: string): string =>
    FAUXTON.test(text) ? 'the URL of CouchDB itself, without /_utils and what is behind it' : expected

/** A server, with credentials or without. */
export const address = parsedBy(
  orFauxton(
    'an http or https URL without query or fragment (special characters in a password percent-encoded)',
  ),
  parseAddress,
)

/** A server; nobody logs in by this. */
export const addressWithoutCredentials = parsedBy(
  orFauxton('an http or https URL without query, fragment or credentials'),
  (text): string | undefined => {
    const parsed = parseAddress(text)
    return parsed && parsed.user === null && parsed.pass === null ? parsed.url : undefined
  },
)

/** What is compiled from a text; what is wrong with it ends the sentence "Expected X to be …". */
const compiledBy = <T>(compile: (text: string) => T) =>
  z.string().transform((text, context): T => {
    try {
      return compile(text)
    } catch (error) {
      if (!(error instanceof TemplateError || error instanceof SettingError)) throw error
      // Of a list of entries, the entry that is wrong.
      const found = error instanceof SettingError ? error.found : text
      context.issues.push({ code: 'custom', message: error.expected, input: text, params: { found } })
      return z.NEVER
    }
  })

/** How user databases are called. */
export const template = compiledBy((text) => userDatabases(text))

/** The role of the account that owns a user database, with `{id}` in it. */
export const accountRole = compiledBy((text) => {
  userDatabases('user/{id}', text)
  return text
})

/** A folder that is there, as an absolute path. */
export const folder = parsedBy('a folder that exists', (text) => {
  const path = resolve(text)
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? path : undefined
})

/** What a server may listen on. */
export const hostName = parsedBy('an address or host name to listen on, without a port', (text) =>
  isIP(text) !== 0 || /^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$/i.test(text) ? text : undefined,
)

/** Basic authentication ends the name at the first colon: https://datatracker.ietf.org/doc/html/rfc7617#section-2 */
export const userName = parsedBy('a name without a colon', (text) => (text.includes(':') ? undefined : text))

/** What CouchDB, or the daemon, reads in a document of `_users`: https://docs.couchdb.org/en/stable/intro/security.html */
const TAKEN_ATTRIBUTES = [
  ...['name', 'password', 'roles', 'type', 'salt', 'derived_key', 'iterations', 'password_scheme'],
  ...['pbkdf2_prf'],
]

const isAttribute = (name: string): boolean =>
  /^[a-z][a-z0-9_-]*$/i.test(name) && !TAKEN_ATTRIBUTES.includes(name)

/** One attribute of `_users` documents that nobody else reads. */
export const attribute = parsedBy(
  `the name of an attribute of _users documents: a letter, then letters, digits, _ and -, none of ${TAKEN_ATTRIBUTES.join(', ')}`,
  (text) => (isAttribute(text) ? text : undefined),
)

/** Some of them, each once. */
export const attributes = parsedBy(
  `names of attributes of _users documents, each once: a letter, then letters, digits, _ and -, none of ${TAKEN_ATTRIBUTES.join(', ')}`,
  (text) => {
    const names = text.split(',').map((name) => name.trim())
    const given = names.filter((name) => name !== '')
    return given.every(isAttribute) && new Set(given).size === given.length ? given : undefined
  },
)

/** Attributes, and attributes of attributes. */
export const paths = compiledBy((text): readonly Path[] => parsePaths(text))

/** A path that need not be there yet; absolute. */
export const path = z.string().transform((text) => resolve(text))

/** Any text. */
export const text = z.string()
