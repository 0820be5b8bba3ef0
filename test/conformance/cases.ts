// Writes and what rules say of them, the same in Node and in CouchDB. Grouped by the rules file.
import type { Doc, SecurityObject } from 'couch-shares/rules'

/** The users of the cases, by what stands for their names; ROOT is the server's admin. */
export const PEOPLE: Readonly<Record<string, readonly string[]>> = {
  ANN: [],
  BOB: ['reader'],
  CARL: ['boss', 'mine', 'number_domain:a.example'],
  ROOT: ['_admin'],
}

export interface Case {
  name: string
  /** What is there before: an admin wrote it. With `_deleted` a tombstone, whose revision the write names. */
  before?: Doc
  /** What is written, without revisions; it gets an `_id` of its own where it has none. */
  doc: Doc
  /** Key of PEOPLE, null for anonymous. */
  user: string | null
  security: SecurityObject
  /** A push (`new_edits: false`): of a history that begins anew, or off what is there. */
  push?: 'anew' | 'off'
  /** The write does not name the tombstone that is there: CouchDB then shows none to the rules. */
  isUnnamed?: true
  /** `ok`, or `forbidden: reason`, `unauthorized: reason`. */
  expected: string
}

export interface Group {
  /** From this folder. */
  file: string
  cases: Case[]
}

type Call = [name: string, ...args: unknown[]]
type Rest = Partial<Omit<Case, 'name' | 'expected'>>

let ids = 0

/** A case for rules/call.ts. */
function call([name, ...args]: Call, rest: Rest, expected: string): Case {
  ids += 1
  const { security = {}, ...more } = rest
  const title = `${name}(${args.map((arg) => JSON.stringify(arg)).join(', ')}) ${JSON.stringify(rest)}`
  const _id = `call-${ids}`
  return {
    name: title,
    user: 'ANN',
    ...more,
    doc: { _id, ...rest.doc },
    security: { ...security, call: { name, args } },
    expected,
  }
}

const f = (reason: string): string => `forbidden: ${reason}`
const u = (reason: string): string => `unauthorized: ${reason}`
const modified = (field: string): string => f(`Field \`${field}\` was modified.`)
const added = (field: string): string => f(`Field \`${field}\` was added.`)
const removed = (field: string): string => f(`Field \`${field}\` was removed.`)
const required = (field: string): string => f(`Field \`${field}\` is required.`)
const invalid = (value: unknown): string => f(`Field \`a\` has invalid value \`${JSON.stringify(value)}\`.`)

const parse = (text: string): Doc => JSON.parse(text) as Doc

/** One case for each value that a validator takes or not. */
const validated = (validator: string, valid: unknown[], not: unknown[]): Case[] => [
  ...valid.map((a) => call(['validateFields', { a: validator }], { doc: { a } }, 'ok')),
  ...not.map((a) => call(['validateFields', { a: validator }], { doc: { a } }, invalid(a))),
  call(
    ['validateFields', { a: validator }],
    {},
    /^(?:any|optional)/.test(validator) ? 'ok' : invalid(undefined),
  ),
]

const deep = { a: [1, { b: null, c: 'ü' }], d: 1.5 }
const attached = (text: string): Doc => ({
  _attachments: { f: { content_type: 'text/plain', data: Buffer.from(text).toString('base64') } },
})

const calls: Case[] = [
  // Errors
  call(['forbidden', 'No.'], {}, f('No.')),
  call(['forbidden', ''], {}, f('')),
  call(['forbidden', 'Zoë `x` "y" \\ 😀'], {}, f('Zoë `x` "y" \\ 😀')),
  call(['unauthorized', 'Who?'], {}, u('Who?')),
  call(['unauthorized', 'Who?'], { user: null }, u('Who?')),
  // Presence
  call(['has', 'a'], { doc: { a: null } }, f('has: true')),
  call(['has', 'a'], { doc: { b: 1 } }, f('has: false')),
  call(['has', 'toString'], {}, f('has: false')),
  call(['has', 'constructor'], { doc: parse('{"constructor":1}') }, f('has: true')),
  call(['has', '__proto__'], {}, f('has: false')),
  call(['had', 'a'], {}, f('had: false')),
  call(['had', 'a'], { before: { a: 0 } }, f('had: true')),
  call(['had', 'a'], { before: { b: 0 } }, f('had: false')),
  call(['had', 'valueOf'], { before: { b: 0 } }, f('had: false')),
  call(['had', 'a'], { before: { a: 0, _deleted: true } }, f('had: false')),
  call(['required', 'a'], { doc: { a: false } }, 'ok'),
  call(['required', 'a'], {}, required('a')),
  call(['required', 'hasOwnProperty'], {}, required('hasOwnProperty')),
  call(['required', 'a'], { before: { a: 1 } }, required('a')),
  call(['required', 'a'], { before: { a: 1 }, doc: { _deleted: true } }, required('a')),
  // Changes of one field
  call(['unchanged', 'a'], { doc: { a: 1 } }, 'ok'),
  call(['unchanged', 'a'], { before: { a: 1 }, doc: { a: 1 } }, 'ok'),
  call(['unchanged', 'a'], { before: { a: 1 }, doc: { a: 2 } }, modified('a')),
  call(['unchanged', 'a'], { before: { a: 1 }, doc: { a: '1' } }, modified('a')),
  call(['unchanged', 'a'], { before: { a: 1 } }, modified('a')),
  call(['unchanged', 'a'], { before: {}, doc: { a: null } }, modified('a')),
  call(['unchanged', 'a'], { before: {} }, 'ok'),
  call(['unchanged', 'constructor'], { before: {} }, 'ok'),
  call(['unchanged', 'a'], { before: { a: deep }, doc: { a: { d: 1.5, a: deep.a } } }, 'ok'),
  call(['unchanged', 'a'], { before: { a: [1, 2] }, doc: { a: [2, 1] } }, modified('a')),
  call(['unchanged', 'a'], { before: { a: [] }, doc: { a: {} } }, modified('a')),
  call(['unchanged', 'a'], { before: { a: 1e21 }, doc: { a: 1e21 } }, 'ok'),
  call(['unchanged', 'a'], { before: { a: 0.1 }, doc: { a: 0.10000000000000002 } }, modified('a')),
  call(['unchanged', 'a'], { before: { a: '😀' }, doc: { a: '😀' } }, 'ok'),
  call(
    ['unchanged', 'a'],
    { before: { a: parse('{"__proto__":1}') }, doc: { a: parse('{"__proto__":2}') } },
    modified('a'),
  ),
  call(
    ['unchanged', 'a'],
    { before: { a: parse('{"__proto__":{}}') }, doc: { a: parse('{"__proto__":{}}') } },
    'ok',
  ),
  call(['unchanged', 'a'], { before: { a: parse('{"toString":1}') }, doc: { a: {} } }, modified('a')),
  call(['unchanged', 'a'], { before: { a: 1, _deleted: true }, doc: { a: 2 } }, 'ok'),
  call(['unchanged', 'a'], { before: { a: 1 }, doc: { _deleted: true } }, modified('a')),
  call(['unchanged', '_id'], { before: {} }, 'ok'),
  call(['unchanged', '_rev'], { before: {} }, 'ok'),
  // Changes of many fields
  call(['restrictAddingFields'], { doc: { a: 1 } }, 'ok'),
  call(['restrictAddingFields'], { before: { a: 1 }, doc: { a: 2 } }, 'ok'),
  call(['restrictAddingFields'], { before: { a: 1 }, doc: { a: 1, b: 1 } }, added('b')),
  call(['restrictAddingFields', ['b']], { before: { a: 1 }, doc: { a: 1, b: 1 } }, 'ok'),
  call(['restrictAddingFields', ['b']], { before: {}, doc: { b: 1, c: 1 } }, added('c')),
  call(['restrictAddingFields'], { before: { a: 1 } }, 'ok'),
  call(['restrictAddingFields'], { before: {}, doc: { toString: 1 } }, added('toString')),
  call(['restrictAddingFields'], { before: { a: 1, _deleted: true }, doc: { b: 1 } }, 'ok'),
  call(['restrictAddingFields'], { before: {}, doc: { _deleted: true } }, added('_deleted')),
  call(['restrictAddingFields'], { before: {}, doc: attached('x') }, added('_attachments')),
  call(['restrictAddingFields'], { before: {}, doc: { b: 1 }, push: 'off' }, added('b')),
  call(['restrictAddingFields'], { before: { b: 0 }, doc: { b: 1 }, push: 'off' }, 'ok'),
  call(['restrictRemovingFields'], {}, 'ok'),
  call(['restrictRemovingFields'], { before: { a: 1 }, doc: { a: 2, b: 1 } }, 'ok'),
  call(['restrictRemovingFields'], { before: { a: 1 } }, removed('a')),
  call(['restrictRemovingFields', ['a']], { before: { a: 1 } }, 'ok'),
  call(['restrictRemovingFields', ['a']], { before: { a: 1, b: 1 } }, removed('b')),
  call(['restrictRemovingFields'], { before: { a: 1 }, doc: { _deleted: true } }, removed('a')),
  call(['restrictRemovingFields'], { before: { a: 1 }, doc: { a: 1, _deleted: true } }, 'ok'),
  call(['restrictRemovingFields'], { before: { a: 1, _deleted: true } }, 'ok'),
  call(['restrictRemovingFields'], { before: { valueOf: 1 } }, removed('valueOf')),
  call(['restrictRemovingFields'], { before: attached('x') }, removed('_attachments')),
  call(['restrictModifyingFields'], { doc: { a: 1 } }, 'ok'),
  call(['restrictModifyingFields'], { before: { a: deep }, doc: { a: deep } }, 'ok'),
  call(['restrictModifyingFields'], { before: { a: 1 }, doc: { a: 2 } }, modified('a')),
  call(['restrictModifyingFields', ['a']], { before: { a: 1 }, doc: { a: 2 } }, 'ok'),
  call(['restrictModifyingFields', ['a']], { before: { a: 1, b: 1 }, doc: { a: 2, b: 2 } }, modified('b')),
  call(['restrictModifyingFields'], { before: {}, doc: { a: 1 } }, modified('a')),
  call(['restrictModifyingFields'], { before: { a: 1 } }, modified('a')),
  call(['restrictModifyingFields', ['a']], { before: { a: 1 } }, 'ok'),
  call(['restrictModifyingFields'], { before: {}, doc: { _deleted: true } }, modified('_deleted')),
  call(['restrictModifyingFields', ['_deleted']], { before: {}, doc: { _deleted: true } }, 'ok'),
  call(['restrictModifyingFields'], { before: { a: 1, _deleted: true }, doc: { a: 2 } }, 'ok'),
  call(['restrictModifyingFields'], { before: attached('x'), doc: attached('y') }, modified('_attachments')),
  call(['restrictModifyingFields'], { before: { a: 1 }, doc: { a: 1 }, push: 'off' }, 'ok'),
  call(['restrictModifyingFields'], { before: { a: 1 }, doc: { a: 2 }, push: 'off' }, modified('a')),
  // Fields
  ...validated('digits', ['0', '0033123'], ['', '1.5', '١', ' 1', 1, null]),
  ...validated('number', [0, -1.5, 1e21], ['1', null, [1], true]),
  ...validated('text', ['a', 'Zoë 😀'], ['', 1, null, ['a'], { a: 'b' }]),
  ...validated('string', ['', 'a'], [1, null, ['a']]),
  ...validated('boolean', [true, false], [0, 'true', null]),
  ...validated('array', [[], [1, [2]]], [{}, { length: 0 }, 'a', null]),
  ...validated('object', [{}, { a: 1 }], [[], null, 'a', 1]),
  ...validated(
    'timezone',
    ['UTC', 'Japan', 'Europe/Paris', 'America/Argentina/Ushuaia', 'Etc/GMT+5'],
    ['paris', 'Europe/', '+01:00', 'A/B/C/D', 1],
  ),
  ...validated('language', ['fr', 'pt-BR', 'zh-Hant-TW', 'es-419', 'en_US'], ['', 'en-', 'français', 1]),
  ...validated(
    'domain',
    ['example.net', 'xn--bcher-kva.example'],
    ['localhost', 'example.net.', 'a..b', '-a.example', '192.0.2.1', 'bücher.example', 1],
  ),
  ...validated('any', [null, 1], []),
  ...validated('required', [null, 0, ''], []),
  ...validated('optional text', ['a', null], [1, '']),
  // Types and keys
  call(['isDesign'], {}, f('isDesign: false')),
  call(['type'], { doc: { _id: 'note:1' } }, f('type: "note"')),
  call(['type'], { doc: { _id: 'a note:1' } }, f('type: undefined')),
  call(['key'], { doc: { _id: 'note:1:2' } }, f('key: "1:2"')),
  call(['key'], { doc: { _id: 'note-1' } }, f('key: undefined')),
  call(['validateType'], { doc: { _id: 'note:3', type: 'note', note: '3' } }, f('validateType: "note"')),
  call(
    ['validateType'],
    { doc: { _id: 'number:1@a', type: 'number', number: '1@a' } },
    f('validateType: "local-number"'),
  ),
  call(
    ['validateType'],
    { doc: { _id: 'number:1', type: 'number', number: '1' } },
    f('validateType: "global-number"'),
  ),
  call(['validateType'], {}, f('`_id` must be <type>:<key>')),
  call(['validateType'], { doc: { _id: 'note:4' } }, f('Missing or invalid `type` field.')),
  call(['validateType'], { doc: { _id: 'note:5', type: 'x' } }, f('Missing or invalid `type` field.')),
  call(['validateType'], { doc: { _id: 'note:6', type: 'note' } }, f('Field `note` must contain `6`.')),
  call(
    ['validateType'],
    { doc: { _id: 'note:7', type: 'note', note: 7 } },
    f('Field `note` must contain `7`.'),
  ),
  // Users, roles and security
  call(['name'], {}, f('name: "ANN"')),
  call(['name'], { user: null }, f('name: null')),
  call(['roles'], { user: 'BOB' }, f('roles: ["reader"]')),
  call(['isLoggedIn'], {}, f('isLoggedIn: true')),
  call(['isLoggedIn'], { user: null }, f('isLoggedIn: false')),
  call(['enforceLoggedIn'], {}, 'ok'),
  call(['enforceLoggedIn'], { user: null }, u('Not logged in.')),
  call(['enforceUpdatedBy'], { doc: { updated_by: 'ANN' } }, 'ok'),
  call(['enforceUpdatedBy'], {}, required('updated_by')),
  call(['enforceUpdatedBy'], { doc: { updated_by: 'BOB' } }, f('Field `updated_by` must contain `ANN`.')),
  call(['enforceUpdatedBy'], { user: null, doc: { updated_by: null } }, u('Not logged in.')),
  call(['may', 'reader'], { user: 'BOB' }, f('may: true')),
  call(['may', 'read'], { user: 'BOB' }, f('may: false')),
  call(['is', 'reader'], { user: 'BOB' }, f('is: true')),
  call(['isAdmin'], { user: 'ROOT' }, f('isAdmin: true')),
  call(['isAdmin'], { security: { admins: { names: ['ANN'] } } }, f('isAdmin: false')),
  call(['isDatabaseAdmin'], { user: 'ROOT' }, f('isDatabaseAdmin: true')),
  call(['isDatabaseAdmin'], { security: { admins: { names: ['ANN'] } } }, f('isDatabaseAdmin: true')),
  call(
    ['isDatabaseAdmin'],
    { user: 'CARL', security: { admins: { roles: ['boss'] } } },
    f('isDatabaseAdmin: true'),
  ),
  call(['isDatabaseAdmin'], { security: { admins: { roles: ['boss'] } } }, f('isDatabaseAdmin: false')),
  call(['isDatabaseAdmin'], { user: null }, f('isDatabaseAdmin: false')),
  call(['isOwner'], { security: { members: { names: ['ANN'] } } }, f('isOwner: true')),
  call(
    ['isOwner'],
    { user: 'BOB', security: { members: { names: ['ANN'], roles: ['reader'] } } },
    f('isOwner: false'),
  ),
  call(['isOwner'], {}, f('isOwner: false')),
  call(['isOwner'], { security: { members: { names: [] } } }, f('isOwner: false')),
  call(['isOwner'], { user: null }, f('isOwner: false')),
  call(['enforceOwnership'], { security: { members: { names: ['ANN'] } } }, 'ok'),
  call(['enforceOwnership'], {}, u('Not owner.')),
  call(['adminsNames'], { security: { admins: { names: ['BOB'] } } }, f('adminsNames: ["BOB"]')),
  call(['adminsRoles'], { security: { admins: { roles: ['boss'] } } }, f('adminsRoles: ["boss"]')),
  call(['membersNames'], { security: { members: { names: ['ANN'] } } }, f('membersNames: ["ANN"]')),
  call(
    ['membersRoles'],
    { user: 'BOB', security: { members: { roles: ['reader'] } } },
    f('membersRoles: ["reader"]'),
  ),
  call(['admins'], {}, f('admins: undefined')),
  call(['members_names'], {}, f('members_names: undefined')),
  call(['might'], { user: 'CARL', doc: { _id: 'mine' } }, f('might: true')),
  call(['might'], { user: 'BOB', doc: { _id: 'yours' } }, f('might: false')),
  call(['might'], { user: 'CARL', doc: { _id: 'number:2@a.example' } }, f('might: true')),
  call(['might'], { user: 'CARL', doc: { _id: 'endpoint:2@a.example' } }, f('might: true')),
  call(['might'], { user: 'CARL', doc: { _id: 'number:2@b.example' } }, f('might: false')),
  call(['might'], { user: 'CARL', doc: { _id: 'note:2@a.example' } }, f('might: false')),
  call(['enforceMight'], {}, f('Not permitted to modify this record.')),
  call(['enforceMight'], { user: 'CARL', doc: { _id: 'endpoint:3@a.example' } }, 'ok'),
  // Events
  call(['event'], {}, f('event: "create"')),
  call(['event'], { before: {} }, f('event: "modify"')),
  call(['event'], { before: {}, doc: { _deleted: true } }, f('event: "delete"')),
  call(['event'], { doc: { _deleted: true } }, f('event: "tombstone"')),
  call(['event'], { before: { _deleted: true } }, f('event: "create"')),
  call(['event'], { before: { _deleted: true }, doc: { _deleted: true } }, f('event: "tombstone"')),
  call(['event'], { before: {}, push: 'anew' }, f('event: "create"')),
  call(['event'], { before: { _deleted: true }, push: 'off' }, f('event: "create"')),
  call(['event'], { before: { _deleted: true }, isUnnamed: true }, f('event: "create"')),
  call(['oldDoc'], { before: { _deleted: true }, isUnnamed: true }, f('oldDoc: null')),
  call(['oldDoc'], {}, f('oldDoc: null')),
  call(['event'], { before: {}, push: 'off' }, f('event: "modify"')),
  call(['event'], { before: {}, doc: { _deleted: true }, push: 'off' }, f('event: "delete"')),
  call(['isReplicated'], {}, f('isReplicated: false')),
  call(['isReplicated'], { before: {} }, f('isReplicated: false')),
  call(['isReplicated'], { before: { _deleted: true } }, f('isReplicated: false')),
  call(['isReplicated'], { push: 'anew' }, f('isReplicated: true')),
  call(['isReplicated'], { before: {}, push: 'off' }, f('isReplicated: true')),
  call(['enforceDirectWrite'], { before: {} }, 'ok'),
  call(
    ['enforceDirectWrite'],
    { before: {}, push: 'anew' },
    f('Write this document directly, not by replication.'),
  ),
  call(['forbidDeletion'], { before: {} }, 'ok'),
  call(
    ['forbidDeletion'],
    { before: {}, doc: { _id: 'note:8', _deleted: true } },
    f('You may not delete `note` documents.'),
  ),
  call(['forbidDeletion'], { before: {}, doc: { _deleted: true } }, f('You may not delete this document.')),
  call(['forbidDeletion'], { doc: { _deleted: true } }, f('You may not delete this document.')),
  call(['forbidCreation'], { before: {} }, 'ok'),
  call(['forbidCreation'], { before: {}, doc: { _deleted: true } }, 'ok'),
  call(['forbidCreation'], { doc: { _id: 'note:9' } }, f('You may not create `note` documents.')),
  call(['forbidCreation'], { before: { _deleted: true } }, f('You may not create this document.')),
  // The names of the CoffeeScript
  call(['is_design'], {}, f('is_design: false')),
  call(['is_logged_in'], { user: null }, f('is_logged_in: false')),
  call(['is_admin'], {}, f('is_admin: false')),
  call(['validate_fields', { a: 'text' }], { doc: { a: 1 } }, invalid(1)),
  call(['restrict_adding_fields'], { before: {}, doc: { b: 1 } }, added('b')),
  call(['forbid_creation'], {}, f('You may not create this document.')),
]

function plain(
  name: string,
  expected: string,
  { doc = {}, user = 'ANN', security = {}, ...rest }: Rest,
): Case {
  ids += 1
  return { name, expected, user, security, ...rest, doc: { _id: `doc-${ids}`, ...doc } }
}

const number = (key: string): Doc => ({
  _id: `number:${key}`,
  type: 'number',
  number: key,
  timezone: 'Europe/Paris',
  disabled: false,
})
const numbers: Case[] = [
  plain('an admin creates', 'ok', { user: 'ROOT', doc: number('1@a.example') }),
  plain('anonymous changes', u('Not logged in.'), {
    user: null,
    before: number('2@a.example'),
    doc: number('2@a.example'),
  }),
  plain('a user creates', f('You may not create `number` documents.'), {
    user: 'CARL',
    doc: number('3@a.example'),
  }),
  plain('a user deletes', f('You may not delete `number` documents.'), {
    user: 'CARL',
    before: number('4@a.example'),
    doc: { _id: 'number:4@a.example', _deleted: true },
  }),
  plain('a stranger changes', f('Not permitted to modify this record.'), {
    user: 'BOB',
    before: number('5@a.example'),
    doc: { ...number('5@a.example'), updated_by: 'BOB' },
  }),
  plain('a user changes what may change', 'ok', {
    user: 'CARL',
    before: { ...number('6@a.example'), updated_by: 'x' },
    doc: { ...number('6@a.example'), updated_by: 'CARL', timezone: 'UTC', disabled: true, language: 'fr' },
  }),
  plain('a user adds a field', added('x'), {
    user: 'CARL',
    before: { ...number('7@a.example'), updated_by: 'x' },
    doc: { ...number('7@a.example'), updated_by: 'CARL', x: 1 },
  }),
  plain('a user changes a field that may not change', modified('x'), {
    user: 'CARL',
    before: { ...number('8@a.example'), updated_by: 'x', x: 1 },
    doc: { ...number('8@a.example'), updated_by: 'CARL', x: 2 },
  }),
  plain('a user gives a bad value', f('Field `language` has invalid value `"en-"`.'), {
    user: 'CARL',
    before: { ...number('9@a.example'), updated_by: 'x' },
    doc: { ...number('9@a.example'), updated_by: 'CARL', language: 'en-' },
  }),
]

const project = (users: unknown, by = 'ANN', updated = by): Doc => ({
  users,
  created_by: by,
  updated_by: updated,
})
const NOT_LISTED = f('Only the users of this document, and admins, may change it.')
const DIRECTLY = f('Write this document directly, not by replication.')
const invalidUsers = (users: unknown): string =>
  f(`Field \`users\` has invalid value \`${JSON.stringify(users)}\`.`)
const authors: Case[] = [
  plain('anonymous creates', u('Not logged in.'), { user: null, doc: project(['ANN']) }),
  plain('a user creates', 'ok', { doc: project(['ANN']) }),
  plain('a user creates with others', 'ok', { doc: project(['BOB', 'ANN']) }),
  plain('a creation without users', required('users'), { doc: { created_by: 'ANN', updated_by: 'ANN' } }),
  plain('a creation without creator', required('created_by'), { doc: { users: ['ANN'], updated_by: 'ANN' } }),
  plain('a creation without writer', required('updated_by'), { doc: { users: ['ANN'], created_by: 'ANN' } }),
  ...[[], 'ANN', { ANN: 1 }, ['ANN', ''], ['ANN', 1], ['ANN', 'ANN'], null, [['ANN']]].map((users) =>
    plain(`a creation with ${JSON.stringify(users)}`, invalidUsers(users), { doc: project(users) }),
  ),
  plain('a creation for another', f('Field `created_by` must contain `ANN`.'), {
    doc: project(['ANN'], 'BOB', 'ANN'),
  }),
  plain('a creation by another', f('Field `updated_by` must contain `ANN`.'), {
    doc: project(['ANN'], 'ANN', 'BOB'),
  }),
  plain('a creation without oneself', f('Field `users` must contain `ANN`.'), { doc: project(['BOB']) }),
  plain('a creator that is no text', f('Field `created_by` has invalid value `["ANN"]`.'), {
    doc: { users: ['ANN'], created_by: ['ANN'], updated_by: 'ANN' },
  }),
  plain('a listed user changes', 'ok', {
    user: 'BOB',
    before: project(['ANN', 'BOB']),
    doc: { ...project(['ANN', 'BOB'], 'ANN', 'BOB'), title: 'x' },
  }),
  plain('a listed user adds another', 'ok', { before: project(['ANN']), doc: project(['ANN', 'BOB']) }),
  plain('a listed user removes another', 'ok', {
    user: 'BOB',
    before: project(['ANN', 'BOB']),
    doc: project(['BOB'], 'ANN', 'BOB'),
  }),
  plain('a listed user removes himself', f('You may not remove yourself from `users`.'), {
    before: project(['ANN', 'BOB']),
    doc: project(['BOB']),
  }),
  plain('a listed user takes the list away', required('users'), {
    before: project(['ANN']),
    doc: { created_by: 'ANN', updated_by: 'ANN' },
  }),
  plain('a listed user empties the list', invalidUsers([]), { before: project(['ANN']), doc: project([]) }),
  plain('a listed user writes himself twice', invalidUsers(['ANN', 'ANN']), {
    before: project(['ANN']),
    doc: project(['ANN', 'ANN']),
  }),
  plain('a listed user changes the creator', modified('created_by'), {
    user: 'BOB',
    before: project(['ANN', 'BOB']),
    doc: project(['ANN', 'BOB'], 'BOB'),
  }),
  plain('a listed user takes the creator away', required('created_by'), {
    before: project(['ANN']),
    doc: { users: ['ANN'], updated_by: 'ANN' },
  }),
  plain('a listed user leaves another as the writer', f('Field `updated_by` must contain `ANN`.'), {
    before: project(['ANN'], 'ANN', 'BOB'),
    doc: project(['ANN'], 'ANN', 'BOB'),
  }),
  plain('another adds himself', NOT_LISTED, {
    user: 'BOB',
    before: project(['ANN']),
    doc: project(['ANN', 'BOB'], 'ANN', 'BOB'),
  }),
  plain('another deletes', NOT_LISTED, {
    user: 'BOB',
    before: project(['ANN']),
    doc: { _deleted: true, users: ['BOB'] },
  }),
  plain('anonymous deletes', u('Not logged in.'), {
    user: null,
    before: project(['ANN']),
    doc: { _deleted: true },
  }),
  plain('the creator, who is not listed any more, changes', NOT_LISTED, {
    before: project(['BOB']),
    doc: project(['ANN', 'BOB']),
  }),
  plain('a list that is a text lists nobody', NOT_LISTED, { before: project('ANN'), doc: project(['ANN']) }),
  plain('a document without list is the admins’', NOT_LISTED, { before: {}, doc: project(['ANN']) }),
  plain('a listed user deletes', 'ok', { before: project(['ANN']), doc: { _deleted: true } }),
  plain('a listed user deletes with the fields', 'ok', {
    user: 'BOB',
    before: project(['ANN', 'BOB']),
    doc: { ...project(['ANN', 'BOB'], 'ANN', 'BOB'), _deleted: true },
  }),
  plain('a tombstone with another creator', modified('created_by'), {
    before: project(['ANN']),
    doc: { _deleted: true, created_by: 'BOB' },
  }),
  plain('a tombstone with another list', modified('users'), {
    before: project(['ANN']),
    doc: { _deleted: true, users: ['ANN', 'BOB'] },
  }),
  plain('a tombstone by another', f('Field `updated_by` must contain `ANN`.'), {
    before: project(['ANN']),
    doc: { _deleted: true, updated_by: 'BOB' },
  }),
  plain('a tombstone of nothing', f('There is no document to delete.'), { doc: { _deleted: true } }),
  plain('a tombstone over a tombstone', f('There is no document to delete.'), {
    before: { ...project(['ANN']), _deleted: true },
    doc: { _deleted: true },
  }),
  plain('created anew over a tombstone, as one’s own', 'ok', {
    user: 'BOB',
    before: { ...project(['ANN']), _deleted: true },
    doc: project(['BOB'], 'BOB'),
  }),
  plain('created anew without naming the tombstone', 'ok', {
    user: 'BOB',
    before: { ...project(['ANN']), _deleted: true },
    doc: project(['BOB'], 'BOB'),
    isUnnamed: true,
  }),
  plain('pushed over a tombstone', DIRECTLY, {
    before: { ...project(['ANN']), _deleted: true },
    doc: project(['ANN']),
    push: 'off',
  }),
  plain('created anew over a tombstone, as another’s', f('Field `created_by` must contain `BOB`.'), {
    user: 'BOB',
    before: { ...project(['ANN', 'BOB']), _deleted: true },
    doc: project(['ANN', 'BOB'], 'ANN', 'BOB'),
  }),
  plain('a history that begins anew, beside the document', DIRECTLY, {
    user: 'BOB',
    before: project(['ANN']),
    doc: project(['BOB'], 'BOB'),
    push: 'anew',
  }),
  plain('a history off the document', DIRECTLY, {
    before: project(['ANN']),
    doc: project(['ANN']),
    push: 'off',
  }),
  plain('an admin of the server writes anything', 'ok', { user: 'ROOT', doc: { anything: 1 } }),
  plain('an admin of the server replicates', 'ok', {
    user: 'ROOT',
    before: project(['ANN']),
    doc: project(['BOB'], 'BOB'),
    push: 'anew',
  }),
  plain('an admin by name changes', 'ok', {
    user: 'BOB',
    security: { admins: { names: ['BOB'] } },
    before: project(['ANN']),
    doc: project(['ANN'], 'ANN', 'BOB'),
  }),
  plain('an admin by role takes a user out', 'ok', {
    user: 'CARL',
    security: { admins: { roles: ['boss'] } },
    before: project(['ANN', 'BOB']),
    doc: project(['BOB'], 'ANN', 'CARL'),
  }),
  plain('an admin by name deletes', 'ok', {
    user: 'BOB',
    security: { admins: { names: ['BOB'] } },
    before: project(['ANN']),
    doc: { _deleted: true },
  }),
  plain('an admin by name keeps the creator', modified('created_by'), {
    user: 'BOB',
    security: { admins: { names: ['BOB'] } },
    before: project(['ANN']),
    doc: project(['ANN'], 'BOB'),
  }),
  plain('a role that is no admin’s', NOT_LISTED, {
    user: 'BOB',
    security: { admins: { roles: ['boss'] } },
    before: project(['ANN']),
    doc: project(['ANN'], 'ANN', 'BOB'),
  }),
]

const OWNERS = f('Only the owners of this database, its members by name, and admins may write.')
const owned: SecurityObject = { members: { names: ['ANN'], roles: ['reader'] } }
const ownerOnly: Case[] = [
  plain('an owner creates', 'ok', { security: owned, doc: { a: 1 } }),
  plain('an owner changes', 'ok', { security: owned, before: { a: 1 }, doc: { a: 2 } }),
  plain('an owner deletes', 'ok', { security: owned, before: { a: 1 }, doc: { _deleted: true } }),
  plain('a reader creates', OWNERS, { user: 'BOB', security: owned }),
  plain('a reader changes', OWNERS, { user: 'BOB', security: owned, before: { a: 1 } }),
  plain('a reader deletes', OWNERS, {
    user: 'BOB',
    security: owned,
    before: { a: 1 },
    doc: { _deleted: true },
  }),
  plain('anybody where nobody is named', OWNERS, {}),
  plain('anonymous where nobody is named', u('Not logged in.'), { user: null }),
  plain('an admin by role', 'ok', { user: 'CARL', security: { ...owned, admins: { roles: ['boss'] } } }),
  plain('an admin of the server', 'ok', { user: 'ROOT', security: owned }),
]

const APPEND = f('Only admins may change or delete documents of this database.')
const appendOnly: Case[] = [
  plain('a user creates', 'ok', { doc: { a: 1 } }),
  plain('anonymous creates', u('Not logged in.'), { user: null }),
  plain('a user changes', APPEND, { before: { a: 1 }, doc: { a: 2 } }),
  plain('a user deletes', APPEND, { before: { a: 1 }, doc: { _deleted: true } }),
  plain('a user deletes nothing', APPEND, { doc: { _deleted: true } }),
  plain('a user creates over a tombstone', 'ok', { before: { _deleted: true }, doc: { a: 2 } }),
  plain('a user creates where a tombstone is', 'ok', {
    before: { _deleted: true },
    doc: { a: 2 },
    isUnnamed: true,
  }),
  plain('a user pushes beside a document', DIRECTLY, { before: { a: 1 }, doc: { a: 2 }, push: 'anew' }),
  plain('an admin by name changes', 'ok', { security: { admins: { names: ['ANN'] } }, before: { a: 1 } }),
  plain('an admin of the server deletes', 'ok', {
    user: 'ROOT',
    before: { a: 1 },
    doc: { _deleted: true },
  }),
]

const READ = 'Only admins may write into this database.'
const readOnly: Case[] = [
  plain('a user creates', f(READ), {}),
  plain('a user changes', f(READ), { before: { a: 1 } }),
  plain('a user deletes', f(READ), { before: { a: 1 }, doc: { _deleted: true } }),
  plain('a member creates', f(READ), { security: { members: { names: ['ANN'] } } }),
  plain('anonymous creates', u(READ), { user: null }),
  plain('an admin by name creates', 'ok', { security: { admins: { names: ['ANN'] } } }),
  plain('an admin by role deletes', 'ok', {
    user: 'CARL',
    security: { admins: { roles: ['boss'] } },
    before: {},
    doc: { _deleted: true },
  }),
  plain('an admin of the server pushes', 'ok', { user: 'ROOT', push: 'anew' }),
]

const policy = (name: string): string => `../../skeleton/${name}/_design/${name}/validate_doc_update.ts`

export const GROUPS: readonly Group[] = [
  { file: 'rules/call.ts', cases: calls },
  { file: 'rules/number.ts', cases: numbers },
  { file: policy('authors'), cases: authors },
  { file: policy('owner-only'), cases: ownerOnly },
  { file: policy('append-only'), cases: appendOnly },
  { file: policy('read-only'), cases: readOnly },
]
