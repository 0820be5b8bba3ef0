// Cases that the router's sandbox, the guard in a realm and the guard in CouchDB are to answer alike.
import { BROKEN_FUNCTION } from '../../src/gateways/function/guard.ts'
import type { Judgement, Writer } from '../../src/gateways/function/sync-function.ts'

/** A function that does what the document says: calls by name and arguments, one after the other. */
export const OBEDIENT = `function (doc, oldDoc) {
  var can = { channel: channel, access: access, role: role, expiry: expiry, requireUser: requireUser,
    requireRole: requireRole, requireAccess: requireAccess, requireAdmin: requireAdmin,
    forbid: function (reason) { throw({ forbidden: reason }) },
    deny: function (reason) { throw({ unauthorized: reason }) },
    both: function (one, other) { throw({ forbidden: one, unauthorized: other }) },
    throwIt: function (thrown) { throw thrown },
    isNew: function () { if (oldDoc !== null) throw({ forbidden: 'not new, but ' + typeof oldDoc }) },
    wasOf: function (owner) { if (!oldDoc || oldDoc.owner !== owner) throw({ forbidden: 'was not of ' + owner }) },
    isDeletion: function () { if (!doc._deleted) throw({ forbidden: 'no deletion' }) },
    seesNoHistory: function () { if (doc._revisions || (oldDoc && oldDoc._revisions)) throw({ forbidden: 'history' }) },
    roll: function () { channel('d' + Math.random()) },
    meta: function () {} }
  for (var i = 0; i < (doc.calls || []).length; i += 1) can[doc.calls[i][0]].apply(null, doc.calls[i].slice(1))
}`

export const ANN: Writer = { name: 'ann', roles: ['driver'], channels: ['news'], isAdmin: false }

export interface Case {
  calls: unknown[][]
  doc?: Record<string, unknown>
  oldDoc?: Record<string, unknown>
  /** What is said of ann's write; `ok` where it passes. */
  says: string
  /** A grant could make it something else: CouchDB lets it pass, and the router says it. */
  isOpen?: true
}

export const CASES: readonly Case[] = [
  { calls: [], says: 'ok' },
  ...[null, 5, true, {}, [], ['x', null, 5, ['y']], 'x', '*', '!'].flatMap((argument): Case[] => [
    { calls: [['channel', argument]], says: 'ok' },
    ...(argument === '*' || argument === '!' ? [] : [{ calls: [['access', argument, 'x']], says: 'ok' }]),
    { calls: [['access', 'x', argument]], says: 'ok' },
    { calls: [['expiry', argument]], says: 'ok' },
  ]),
  { calls: [['channel']], says: 'ok' },
  { calls: [['channel', '']], says: 'failed: Illegal channel name ""' },
  { calls: [['channel', ['a', 'a,b']]], says: 'failed: Illegal channel name "a,b"' },
  { calls: [['access', 'tom', 'a,b']], says: 'failed: Illegal channel name "a,b"' },
  { calls: [['access', null, 'a,b']], says: 'ok' },
  { calls: [['access', 'role:x', 'a']], says: 'ok' },
  {
    calls: [['access', 'a/b', 'a']],
    says: 'failed: Invalid principal name "a/b" in access() or role() call',
  },
  {
    calls: [['access', 'role:a:b', 'a']],
    says: 'failed: Invalid principal name "a:b" in access() or role() call',
  },
  { calls: [['access', ['ömer', '名'], 'a']], says: 'ok' },
  { calls: [['access', '…', 'a']], says: 'failed: Invalid principal name "…" in access() or role() call' },
  { calls: [['role', 'tom', 'role:x']], says: 'ok' },
  { calls: [['role', 'tom', ['role:x', 'y']]], says: 'failed: Value "y" does not begin with "role:"' },
  { calls: [['role', 'tom', 'role:a,b']], says: 'failed: Invalid role name "a,b" in role() call' },
  { calls: [['role', 'tom', null]], says: 'ok' },
  { calls: [['requireUser', 'ann']], says: 'ok' },
  { calls: [['requireUser', ['bob', 'ann']]], says: 'ok' },
  { calls: [['requireUser', 'bob']], says: 'forbidden: sg wrong user' },
  { calls: [['requireUser', null]], says: 'forbidden: sg wrong user' },
  { calls: [['requireUser']], says: 'forbidden: sg wrong user' },
  { calls: [['requireUser', []]], says: 'forbidden: sg wrong user' },
  { calls: [['requireUser', 'an']], says: 'forbidden: sg wrong user' },
  { calls: [['requireRole', 'driver']], says: 'ok' },
  { calls: [['requireRole', ['boss', 'driver']]], says: 'ok' },
  { calls: [['requireRole', 'boss']], says: 'forbidden: sg missing role', isOpen: true },
  { calls: [['requireRole', 'role:driver']], says: 'forbidden: sg missing role', isOpen: true },
  { calls: [['requireRole', 'length']], says: 'forbidden: sg missing role', isOpen: true },
  { calls: [['requireRole', null]], says: 'forbidden: sg missing role' },
  { calls: [['requireAccess', 'news']], says: 'ok' },
  { calls: [['requireAccess', ['x', 'news']]], says: 'ok' },
  { calls: [['requireAccess', 'x']], says: 'forbidden: sg missing channel access', isOpen: true },
  { calls: [['requireAccess', '*']], says: 'forbidden: sg missing channel access', isOpen: true },
  { calls: [['requireAccess', [null, '', {}]]], says: 'forbidden: sg missing channel access' },
  { calls: [['requireAdmin']], says: 'forbidden: sg admin required' },
  { calls: [['forbid', 'no']], says: 'forbidden: no' },
  { calls: [['deny', 'who are you?']], says: 'unauthorized: who are you?' },
  { calls: [['both', 'one', 'other']], says: 'forbidden: one' },
  { calls: [['both', '', 'other']], says: 'unauthorized: other' },
  { calls: [['forbid', ['a', 1]]], says: 'forbidden: a,1' },
  { calls: [['forbid', 'nö “😀”\n']], says: 'forbidden: nö “😀”\n' },
  { calls: [['forbid', '']], says: 'failed: it threw {"forbidden":""}' },
  { calls: [['throwIt', null]], says: 'failed: it threw null, or ran out of memory' },
  { calls: [['throwIt', 'x']], says: 'failed: it threw x' },
  { calls: [['throwIt', { status: 403 }]], says: 'failed: it threw {"status":403}' },
  { calls: [['throwIt', { message: 'm', name: 'N', forbidden: 'f' }]], says: 'forbidden: f' },
  {
    calls: [
      ['channel', 'a,b'],
      ['forbid', 'no'],
    ],
    says: 'forbidden: no',
  },
  {
    calls: [['roll']],
    says: 'failed: TypeError: Math.random() is not there: a sync function gives the same answer each time',
  },
  { calls: [['isNew'], ['seesNoHistory']], says: 'ok' },
  { calls: [['isNew']], oldDoc: { owner: 'ann' }, says: 'forbidden: not new, but object' },
  { calls: [['isNew']], oldDoc: { _deleted: true }, says: 'ok' },
  { calls: [['wasOf', 'ann'], ['seesNoHistory']], oldDoc: { owner: 'ann' }, says: 'ok' },
  { calls: [['wasOf', 'ann']], oldDoc: { owner: 'bob' }, says: 'forbidden: was not of ann' },
  {
    calls: [['isDeletion'], ['requireUser', 'ann']],
    doc: { _deleted: true },
    oldDoc: { owner: 'ann' },
    says: 'ok',
  },
  { calls: [['isDeletion']], oldDoc: { owner: 'ann' }, says: 'forbidden: no deletion' },
]

/** What CouchDB itself says of a case. */
export const guardSays = ({ says, isOpen }: Case): string => (isOpen ? 'ok' : says)

/** The verdict in a line. */
export function sayVerdict(verdict: Judgement): string {
  if (verdict.kind === 'accepted') return 'ok'
  return verdict.kind === 'failed' ? `failed: ${verdict.reason}` : `${verdict.error}: ${verdict.reason}`
}

/** The same of what a guard refuses with. */
export function sayGuard(verdict: string, message: string): string {
  if (verdict === 'forbidden' && message.startsWith(BROKEN_FUNCTION))
    return `failed: ${message.slice(BROKEN_FUNCTION.length)}`
  return verdict === 'ok' ? 'ok' : `${verdict}: ${message}`
}
