// What is to be taken from a share at once, beside whatever else is under way for its owner: taking access away goes
// before everything else. Nothing is ever given here; that, and all that follows, is the lane's.
import { isDeepStrictEqual } from 'node:util'
import type { ShareEntry } from '../model/entry.ts'
import type { ObjectDoc } from '../../documents/content.ts'
import { ADMIN_ONLY, type FoundSecurity } from '../../documents/security.ts'
import { parseShareLeaves, withoutPublic } from '../model/share.ts'
import type { Rival } from './leaves.ts'
import { passwordFault } from './share.ts'
import { securityOf } from './share-steps.ts'
import type { ShareFacts } from './share-facts.ts'
import { narrower, type Writers } from '../model/security.ts'

/** `_security` of a share, as it may be found. */
export type SecurityInForce = FoundSecurity & { writers?: Partial<Writers> }

/** True where what an owner's document or an admin asks for may not be in force: only then is there more to gather. */
export function asksForMore(
  { state, access, order, password }: ShareEntry,
  { doc, rivals }: { doc: ObjectDoc | null; rivals: readonly Rival[] },
): boolean {
  if (state === 'ended') return false
  if (doc === null || state === 'ending' || (order !== undefined) !== (state === 'suspended')) return true
  const request = parseShareLeaves(
    doc,
    rivals.map(({ leaf }) => leaf),
  )
  // What is malformed changes nothing.
  if (request.kind === 'malformed') return false
  return (
    !isDeepStrictEqual(request.access, access) ||
    request.password.kind === 'new' ||
    (request.password.kind === 'none') !== (password === undefined)
  )
}

/** The narrower `_security` of a share to be put in force at once, or null where nobody loses anything. */
export function planNarrowing(facts: ShareFacts): SecurityInForce | null {
  const { entry, database, databaseExists, security } = facts
  if (entry?.database !== database || entry.state === 'ended' || !databaseExists || security === null)
    return null
  const wanted = wantedNow(facts, entry)
  if (wanted === null) return null
  const narrow = narrower<SecurityInForce>(security, wanted)
  return isDeepStrictEqual(narrow, security) ? null : narrow
}

/** As the lane is going to have it, or less. */
function wantedNow(facts: ShareFacts, entry: ShareEntry): SecurityInForce | null {
  const { doc, rivals } = facts
  const isDeleted = doc === null && !facts.isMissing
  if (isDeleted || entry.state === 'ending' || entry.order !== undefined) return ADMIN_ONLY
  const inForce = entry.access ? securityOf(facts, entry, entry.access) : null
  if (doc === null) return inForce
  const request = parseShareLeaves(
    doc,
    rivals.map(({ leaf }) => leaf),
  )
  if (request.kind === 'malformed' || passwordFault(facts, request.password)) return inForce
  // Whoever knows a new one comes in when it is set, and whoever knows the old one does not any more.
  const isNew = request.password.kind === 'new' && !facts.isPasswordInForce
  return securityOf(facts, entry, isNew ? withoutPublic(request.access) : request.access)
}
