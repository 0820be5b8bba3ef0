// What can be wrong with a user's document, as its author reads it in `$error`.

/** A code for programs and a sentence for people. */
export interface Problem {
  code: ProblemCode
  reason: string
}

/** Every code that the daemon puts into `$error`, with the sentence that explains it. */
const PROBLEMS = {
  invalid_share_id: (id: string) =>
    `Expected a share id of 1 to 100 characters a-z, 0-9, _ and -, beginning with a letter or digit, got ${quote(id)}.`,
  wrong_type: (id: string, type: string) =>
    `Expected \`_id\` and \`type\` to agree: "$share/<id>" goes with type "$share", got ${quote(id)} with type ${quote(type)}.`,
  id_taken: (id: string) => `The share id ${quote(id)} belongs to somebody else. Choose another one.`,
  database_exists: (id: string) =>
    `A database for the share ${quote(id)} exists that no user's share is known for. Choose another id, or ask the server's admin.`,
  unsupported_access: () =>
    'Expected `access` to be absent, false, {} or empty lists: for now a share is readable and writable by its owner only.',
  replication_failed: (why: string) => `CouchDB cannot carry the objects into the share: ${why}`,
  copies_refused: (count: string) =>
    `CouchDB refused ${count} of the share's objects; a validation function of the share may say no.`,
  invalid_shares: (found: string) => `Expected \`$shares\` to be an object of share ids, got ${found}.`,
  too_many_shares: (count: string) => `Expected at most ${MOST_SHARES} shares for an object, got ${count}.`,
  invalid_selection: (found: string) => `Expected true, false or a list of attribute names, got ${found}.`,
  reserved_attribute: (name: string) =>
    `The attribute ${quote(name)} is never shared; attributes that begin with "_" (but "_attachments") and the daemon's own are reserved.`,
  too_many_attributes: (count: string) =>
    `Expected at most ${MOST_ATTRIBUTES} attribute names, got ${count}.`,
  not_a_participant: (id: string) =>
    `The share ${quote(id)} belongs to somebody else, and you take no part in it.`,
  too_large: () => 'The copy of this object would be larger than the server takes.',
  copy_refused: (why: string) => `The server refused the copy of this object: ${why}`,
  failed: () => 'The daemon could not process this document. Its log says more.',
} as const satisfies Record<string, (...details: string[]) => string>

export type ProblemCode = keyof typeof PROBLEMS

/** The most share ids that an object's `$shares` may hold. */
export const MOST_SHARES = 1000

/** The most names that a list of attributes may hold. */
export const MOST_ATTRIBUTES = 1000

const LONGEST_QUOTE = 80

/** A user's text inside a sentence, cut where it is long. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)

/** The kind of a JSON value, for sentences. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') return 'an object'
  return typeof value === 'undefined' ? 'nothing' : `a ${typeof value}`
}

/** The problem of that code; the details are those of its sentence. */
export function problem<Code extends ProblemCode>(
  code: Code,
  ...details: Parameters<(typeof PROBLEMS)[Code]>
): Problem {
  const sentences: Record<ProblemCode, (...details: string[]) => string> = PROBLEMS
  return { code, reason: sentences[code](...details) }
}

/** True for a `$error` that the daemon wrote: applications may have errors of their own under that name. */
export const isOurProblem = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  typeof value.code === 'string' &&
  Object.hasOwn(PROBLEMS, value.code)
