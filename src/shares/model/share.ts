// A `$share` document: is it one that can be put in force?
import { parseAccess, publicRight, type Access, type Right } from './access.ts'
import { isShareId } from '../../documents/names.ts'
import { parsePassword, type PasswordWish } from './password.ts'
import { kindOf, problem, type Problem } from '../../documents/problem.ts'
import { isSameJson } from '../../documents/same-json.ts'
import { shareOfDocument } from './ids.ts'

export type ShareRequest =
  | { kind: 'valid'; share: string; access: Access; password: Exclude<PasswordWish, { kind: 'malformed' }> }
  | { kind: 'malformed'; problem: Problem }

type ValidRequest = Extract<ShareRequest, { kind: 'valid' }>

interface RequestDoc {
  _id: string
  type?: unknown
  access?: unknown
  password?: unknown
}

/** True for documents that ask for a share, rightly or wrongly made. */
export const asksForShare = (doc: { _id: string; type?: unknown }): boolean =>
  shareOfDocument(doc._id) !== null || doc.type === '$share'

/** Checks a `$share` document: id, type, `access` and `password`. */
export function parseShareRequest(doc: RequestDoc): ShareRequest {
  const share = shareOfDocument(doc._id)
  if (share === null || (doc.type !== undefined && doc.type !== '$share'))
    return malformed(
      problem('wrong_type', doc._id, typeof doc.type === 'string' ? doc.type : kindOf(doc.type)),
    )
  if (!isShareId(share)) return malformed(problem('invalid_share_id', share))
  const request = parseAccess(doc.access)
  if (request.kind === 'malformed') return request
  const password = parsePassword(doc.password)
  if (password.kind === 'malformed') return password
  if (password.kind !== 'none' && publicRight(request.access) === null)
    return malformed(problem('password_not_public'))
  return { kind: 'valid', share, access: request.access, password }
}

const malformed = (found: Problem): ShareRequest => ({ kind: 'malformed', problem: found })

/** `undecided`: the leaves ask for different passwords. What is in force stays, and lets nobody in. */
export type LeavesRequest =
  ShareRequest | (Omit<ValidRequest, 'password'> & { password: { kind: 'undecided' } })

/**
 * Checks a `$share` with the leaves that lost against it: until one is left, access is what all of them allow
 * (docs/design.md, The user's own conflicts), and one that is malformed makes all of it malformed. A password that one of
 * them has is needed; a new one is put in force only where the winner has it, and no leaf has another.
 */
export function parseShareLeaves(winner: RequestDoc, losers: readonly RequestDoc[]): LeavesRequest {
  const requests: ValidRequest[] = []
  for (const leaf of [winner, ...losers]) {
    const request = parseShareRequest(leaf)
    if (request.kind === 'malformed') return request
    requests.push(request)
  }
  const [first, ...others] = requests as [ValidRequest, ...ValidRequest[]]
  const passwords = requests.map(({ password }) => password).filter(({ kind }) => kind !== 'none')
  const access = others
    .map((one) => one.access)
    .reduce((joint, one) => jointAccess(joint, one, passwords.length > 0), first.access)
  const [password = first.password, ...more] = passwords
  const isDecided =
    more.every((one) => isSameJson(one, password)) &&
    (password.kind !== 'new' || first.password.kind === 'new')
  return isDecided
    ? { ...first, access, password }
    : { ...first, access: withoutPublic(access), password: { kind: 'undecided' } }
}

/** What both allow. Where a password is asked for, what everybody may is not given to users of a name. */
function jointAccess(one: Access, other: Access, hasPassword: boolean): Access {
  const [left, right] = [namedRights(one), namedRights(other)]
  const byDefault = (access: Access): Right | null => (hasPassword ? null : publicRight(access))
  const named = [...new Set([...left.keys(), ...right.keys()])].sort().map((name) => ({
    name,
    right: lesser(left.get(name) ?? byDefault(one), right.get(name) ?? byDefault(other)),
  }))
  const readers = named.flatMap(({ name, right: may }) => (may === null ? [] : name))
  const writers = named.flatMap(({ name, right: may }) => (may === 'write' ? name : []))
  switch (lesser(publicRight(one), publicRight(other))) {
    case 'write':
      return { read: hasPassword && readers.length > 0 ? readers : true, write: true }
    case 'read':
      return { read: true, write: writers }
    default:
      return { read: readers, write: writers }
  }
}

const lesser = (one: Right | null, other: Right | null): Right | null =>
  one === null || other === null ? null : one === 'write' ? other : 'read'

function namedRights({ read, write }: Access): Map<string, Right> {
  const rights = new Map<string, Right>()
  for (const name of read === true ? [] : read) rights.set(name, write === true ? 'write' : 'read')
  for (const name of write === true ? [] : write) rights.set(name, 'write')
  return rights
}

/** The rights of users who are named, and nobody else's. */
export function withoutPublic(access: Access): Access {
  const rights = [...namedRights(access)]
  return {
    read: rights.map(([name]) => name).sort(),
    write: rights.flatMap(([name, right]) => (right === 'write' ? name : [])).sort(),
  }
}
