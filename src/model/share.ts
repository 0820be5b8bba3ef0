// A `$share` document: is it one that can be put in force?
import { isShareId, shareOfDocument } from './names.ts'
import { kindOf, problem, type Problem } from './problem.ts'

export type ShareRequest = { kind: 'valid'; share: string } | { kind: 'malformed'; problem: Problem }

/** True for documents that ask for a share, rightly or wrongly made. */
export const asksForShare = (doc: { _id: string; type?: unknown }): boolean =>
  shareOfDocument(doc._id) !== null || doc.type === '$share'

/** Checks a `$share` document: id, type, and the settings that this version grants. */
export function parseShareRequest(doc: { _id: string; type?: unknown; access?: unknown }): ShareRequest {
  const share = shareOfDocument(doc._id)
  if (share === null || (doc.type !== undefined && doc.type !== '$share'))
    return malformed(
      problem('wrong_type', doc._id, typeof doc.type === 'string' ? doc.type : kindOf(doc.type)),
    )
  if (!isShareId(share)) return malformed(problem('invalid_share_id', share))
  if (!isOwnerOnly(doc.access)) return malformed(problem('unsupported_access'))
  return { kind: 'valid', share }
}

const malformed = (found: Problem): ShareRequest => ({ kind: 'malformed', problem: found })

/** The first row of DESIGN.md's table of access. */
function isOwnerOnly(access: unknown): boolean {
  if (access === undefined || access === false) return true
  if (typeof access !== 'object' || access === null || Array.isArray(access)) return false
  return Object.entries(access).every(
    ([right, whom]) =>
      (right === 'read' || right === 'write') &&
      (whom === false || (Array.isArray(whom) && whom.length === 0)),
  )
}
