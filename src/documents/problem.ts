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
  wrong_type: (id: string, type: string) => {
    const kind = `${id} ${type}`.includes('$subscription') ? '$subscription' : '$share'
    return `Expected \`_id\` and \`type\` to agree: "${kind}/<id>" goes with type "${kind}", got ${quote(id)} with type ${quote(type)}.`
  },
  id_taken: (id: string) => `The share id ${quote(id)} belongs to somebody else. Choose another one.`,
  database_exists: (id: string) =>
    `A database for the share ${quote(id)} exists that no user's share is known for. Choose another id, or ask the server's admin.`,
  too_many_own_shares: (most: string) =>
    `Expected at most ${most} shares of one user: this one opens by itself once another one of yours has ended.`,
  invalid_access: (found: string) =>
    `Expected \`access\` to be true, false, a list of user names, or {"read": …, "write": …} with true, false or such lists, got ${found}.`,
  no_account: () => 'Nobody has this name: who signs up under it gets access then.',
  no_user_database: () =>
    'This user has no database of their own: there is no invitation, and nothing arrives. The share itself may be entered.',
  no_role: (role: string) =>
    `The user database that is called after this account is nobody's: the account lacks the role ${quote(role)}.`,
  too_many_names: (count: string) => `Expected at most ${MOST_NAMES} user names in \`access\`, got ${count}.`,
  invalid_password: (found: string) =>
    `Expected \`password\` to be a text of 1 to ${LONGEST_PASSWORD} characters, null, or left out, got ${found}.`,
  password_not_public: () =>
    'A `password` is for shares that are public: `access` has to be true, {"read": true} or {"write": true}.',
  password_account_taken: (name: string) =>
    `The account ${quote(name)} that the password needs is there already, and is not the daemon's. Set the password again.`,
  suspended: () => "The server's admin has suspended this.",
  ended_by_admin: () => "The server's admin has ended this.",
  not_allowed: (id: string) => `There is no share ${quote(id)}, or you may not read it.`,
  own_share: (id: string) => `The share ${quote(id)} is your own: its objects are in your database already.`,
  password_needed: () => 'This share needs a password: write it as `password` into this document.',
  wrong_password: () => 'That is not the password of this share.',
  too_many_tries: () => 'Too many wrong passwords. Wait a minute, and write the password again.',
  invalid_on_end: (found: string) => `Expected \`onEnd\` to be "keep" or "remove", got ${found}.`,
  // What CouchDB says of a replication names the server's own addresses and its admin: that is for the log alone.
  replication_failed: () =>
    "CouchDB cannot carry all objects into the share. The server's admin finds the reason in the daemon's log.",
  copies_refused: (count: string) =>
    `CouchDB refused ${count} of the share's objects; a validation function of the share may say no.`,
  invalid_shares: (found: string) => `Expected \`$shares\` to be an object of share ids, got ${found}.`,
  too_many_shares: (count: string) => `Expected at most ${MOST_SHARES} shares for an object, got ${count}.`,
  invalid_selection: (found: string) => `Expected true, false or a list of attribute names, got ${found}.`,
  reserved_attribute: (name: string) =>
    `The attribute ${quote(name)} is never shared; attributes that begin with "_" (but "_attachments") and the daemon's own are reserved.`,
  too_many_attributes: (count: string) =>
    `Expected at most ${MOST_ATTRIBUTES} attribute names, got ${count}.`,
  no_such_share: (id: string) =>
    `There is no share ${quote(id)} yet: the object waits for it. Correct the id where it is wrong.`,
  not_a_participant: (id: string) =>
    `The share ${quote(id)} belongs to somebody else, and you take no part in it.`,
  too_large: () =>
    'The copy of this object, or what has to be remembered of it, would be larger than the server takes: it has too much in it, or too many attributes.',
  too_complex: (levels: string, values: string) =>
    `Expected at most ${levels} arrays and objects inside each other, and ${values} values in all: this is for nobody else as it is.`,
  copy_refused: (why: string) => `The server refused the copy of this object: ${cut(why)}`,
  read_only: () => 'You may read this share, not write into it: your change stays in your database.',
  unrelated_object: () =>
    'Another object with this `_id` is there already. It was not overwritten: give one of them another `_id`.',
  unshared_attributes: (names: string) => `Only the owner shares more of an object; taken out: ${names}.`,
  rest_stays_shared: (names: string) =>
    `The share keeps what you have left out of \`$shares\`, for it is the owner's, too: ${names}. To take it away from everybody, delete it while it is shared, or take the share's id out.`,
  stays_private: (names: string) =>
    `The owner shows more of this object now, and what you had written before stays private: ${names}. Write it anew, or list it in \`$shares\`, to share it.`,
  no_longer_shared: () => 'The object is no longer shared: what was not carried over stays a private object.',
  not_shared_by_owner: () => 'The owner of the share has taken this object out of it.',
  too_many_objects: (most: string) => `Expected at most ${most} objects of yours in this public share.`,
  too_many_leaves: (most: string, inAll: string) =>
    `More edits of this object came at once than are merged: at most ${most} beside each other, and ${inAll} conflicts of it in all. The others were taken out of the share.`,
  too_many_in_share: () =>
    'Everybody may write into this share, and others have brought as many objects as they may.',
  too_large_for_public: (most: string) => `Expected at most ${most} bytes for an object in a public share.`,
  too_large_to_share: (most: string) =>
    `Expected at most ${most} bytes for an object that is shared, with its attachments: it stays yours alone, and its copy as it was.`,
  forged_attachment: () =>
    'An attachment was larger than it said, and larger than everybody may write: it was taken out of the share.',
  too_many_changes: (most: string) =>
    `Expected at most ${most} changes a minute in a public share. It is tried again.`,
  refused_by_database: (why: string) =>
    `A validation function of the user's database refused it: ${cut(why)}`,
  outside_roles: () =>
    'Your roles do not cover this document: it stays in your database, and does not go to the master.',
  held_back: () =>
    "The master's filter does not let this change pass: it stays in your database. Is `updated_by` your name?",
  no_longer_yours: () =>
    'You may not have this document any more: what was not carried to the master was taken out with it.',
  deleted_at_master: () =>
    'The document was deleted at the master meanwhile: your change is readable as a deleted conflict only.',
  deleted_before: () =>
    'There was a document with this `_id` and content, which was deleted before: yours counts as that one, and is gone, too. To make it anew, write it once more.',
  purged_at_master: () =>
    'An admin has purged the document of this `_id`: what you have of it does not go to the master.',
  overruled: () =>
    'Your change may not go to the master, which has changed meanwhile: it is readable as a deleted conflict only.',
  refused_by_master: (why: string) => `The database that it goes to refused the change: ${cut(why)}`,
  illegal_database: (attribute: string, found: string) =>
    `Expected \`${attribute}\` of the user to be the name of a personal database, u and a UUID, got ${found}.`,
  database_taken: (attribute: string) =>
    `The database in \`${attribute}\` of the user is somebody else's, or was that of a user who is gone.`,
  master_unavailable: (name: string) =>
    `The master ${quote(name)} is not there, or its skeleton cannot be used: for the server's admin, whose log says more.`,
  master_replication_failed: () =>
    "CouchDB cannot bring the master's documents by itself. The server's admin finds the reason in the daemon's log.",
  unknown_master: (name: string) => `There is no master ${quote(name)}.`,
  hidden_document: () =>
    'There is a document with this `_id` already, which you may not have: yours is readable as a deleted revision only.',
  refused_by_function: (why: string) => `The sync function refused it: ${cut(why)}`,
  sync_function_failed: (why: string) => `The sync function failed: ${cut(why)}`,
  too_many_grants: (channels: string, grants: string) =>
    `Expected a document to be in at most ${channels} channels, and to grant at most ${grants} channels and roles: name fewer, or grant them to a role.`,
  failed: () => 'The daemon could not process this document. Its log says more.',
} as const satisfies Record<string, (...details: string[]) => string>

export type ProblemCode = keyof typeof PROBLEMS

/** What is refused once and for all: it stays listed until a later change of the document is carried over. */
export const STICKY: ReadonlySet<ProblemCode> = new Set([
  'not_shared_by_owner',
  'too_many_in_share',
  'too_many_leaves',
  'forged_attachment',
  'unshared_attributes',
  'no_longer_shared',
  'no_longer_yours',
  'deleted_at_master',
  'deleted_before',
  'purged_at_master',
  'overruled',
  'hidden_document',
  'refused_by_function',
  'sync_function_failed',
  'too_many_grants',
])

/** The most share ids that an object's `$shares` may hold. */
export const MOST_SHARES = 1000

/** The most names that a list of attributes may hold. */
export const MOST_ATTRIBUTES = 1000

/** The most names that `access` of a share may hold: every write to the share pays for the length of `_security`. */
export const MOST_NAMES = 1000

/** The longest password of a share, in characters. */
export const LONGEST_PASSWORD = 1000

const LONGEST_QUOTE = 80

/** A user's text inside a sentence, cut where it is long. */
export const quote = (text: string): string =>
  JSON.stringify(text.length > LONGEST_QUOTE ? `${text.slice(0, LONGEST_QUOTE)}…` : text)

const LONGEST_REASON = 500

/** What a server or a validation function said, which may be of any length. */
const cut = (text: string): string =>
  text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text

/** Half a surrogate pair, where a text was cut or a function made one, becomes U+FFFD: CouchDB refuses a request that has it. */
const wellFormed = (text: string): string => Buffer.from(text, 'utf8').toString('utf8')

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
  return { code, reason: wellFormed(sentences[code](...details)) }
}

/** True for a `$error` that the daemon wrote: applications may have errors of their own under that name. */
export const isOurProblem = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'code' in value &&
  typeof value.code === 'string' &&
  Object.hasOwn(PROBLEMS, value.code)
