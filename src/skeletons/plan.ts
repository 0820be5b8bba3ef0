// What has to change in a database so that it is as the skeleton of its kind has it.
import { isDeepStrictEqual } from 'node:util'
import { designDocumentHash, isEdited, isGuard, markOf, type DesignDocument } from './design.ts'
import { bothAllow, type FoundSecurity } from '../documents/security.ts'
import { isRecord } from '../documents/shapes.ts'

/** A design document as it stands in a database. */
export type FoundDesign = { _id: string; _rev: string; [attribute: string]: unknown }

/** https://docs.couchdb.org/en/stable/api/database/security.html, where any key may stand. */
export type Security = FoundSecurity & { [key: string]: unknown }

/** A document to be written over the revision it names, if any. */
export type DesignWrite = { _id: string; _rev?: string; _deleted?: boolean; [attribute: string]: unknown }

/** What the databases of a kind are to have. */
export interface Wanted {
  designs: readonly DesignDocument[]
  /** Null where each database of the kind has its own: it is left alone. */
  security: Security | null
  /** Design documents in the place of a validation function are replaced whoever wrote them: see `planSkeleton`. */
  isStrict: boolean
}

/** What a database has: all its design documents, and `_security` where that is asked for. */
export interface Found {
  designs: readonly FoundDesign[]
  security: Security | null
}

/**
 * `foreign`: a document that the daemon did not write stands under the id of one of the skeleton's; it is left alone.
 * `isEdited`: somebody changed the daemon's document by hand; the skeleton wins.
 */
export type DesignChange =
  | { kind: 'add'; id: string; wanted: DesignDocument }
  | { kind: 'replace'; id: string; wanted: DesignDocument; found: FoundDesign; isEdited: boolean }
  | { kind: 'remove'; id: string; found: FoundDesign; isEdited: boolean }
  | { kind: 'foreign'; id: string; found: FoundDesign }

export interface SecurityChange {
  before: Security
  /** In force while design documents change: lets in only whom both `before` and `after` let in. */
  between: Security
  after: Security
}

export interface SkeletonPlan {
  designs: DesignChange[]
  security: SecurityChange | null
}

/**
 * Compares design documents by their marks and contents. Those with the daemon's mark that the skeleton does not have
 * (any more) go; those without it stay. In a strict kind, where nobody but the daemon is to write design documents,
 * nothing foreign stands in for a validation function: without it, everybody whom `_security` lets in may write.
 */
export function planSkeleton(wanted: Wanted, found: Found): SkeletonPlan {
  const there = new Map(found.designs.map((design) => [design._id, design]))
  const ids = new Set(wanted.designs.map(({ _id }) => _id))
  return {
    designs: [
      ...wanted.designs.flatMap((design) => planDesign(design, there.get(design._id), wanted.isStrict)),
      ...found.designs
        .filter((design) => markOf(design) !== null && !ids.has(design._id))
        .map((design): DesignChange => ({
          kind: 'remove',
          id: design._id,
          found: design,
          isEdited: isEdited(design),
        })),
    ],
    security: wanted.security && found.security ? planSecurity(found.security, wanted.security) : null,
  }
}

function planDesign(
  wanted: DesignDocument,
  found: FoundDesign | undefined,
  isStrict: boolean,
): DesignChange[] {
  const id = wanted._id
  if (found === undefined) return [{ kind: 'add', id, wanted }]
  const mark = markOf(found)
  if (mark === null && !(isStrict && isGuard(wanted))) return [{ kind: 'foreign', id, found }]
  const hash = designDocumentHash(found)
  if (mark === hash && hash === wanted.couch_shares.hash) return []
  return [{ kind: 'replace', id, wanted, found, isEdited: mark !== hash }]
}

function planSecurity(before: Security, after: Security): SecurityChange | null {
  if (isDeepStrictEqual(before, after)) return null
  return { before, between: bothAllow(before, after), after }
}

/** True where there is nothing to write. */
export const isEmptyPlan = ({ designs, security }: SkeletonPlan): boolean =>
  security === null && designs.every(({ kind }) => kind === 'foreign')

/** A request of the plan; they are sent in their order. */
export type SkeletonStep = { kind: 'security'; security: Security } | { kind: 'designs'; docs: DesignWrite[] }

/**
 * In this order, a database is at no time more open than it was before or will be after: who is shut out goes first,
 * then what validates what is written changes, what comes before what goes, then who is let in comes.
 */
export function stepsOf({ designs, security }: SkeletonPlan): SkeletonStep[] {
  const put = designs.flatMap((change): DesignWrite[] => {
    if (change.kind === 'add') return [change.wanted]
    return change.kind === 'replace' ? [{ ...change.wanted, _rev: change.found._rev }] : []
  })
  const remove = designs.flatMap((change): DesignWrite[] =>
    change.kind === 'remove' ? [{ _id: change.id, _rev: change.found._rev, _deleted: true }] : [],
  )
  const steps: SkeletonStep[] = []
  let current = security?.before
  const secure = (next: Security): void => {
    if (!isDeepStrictEqual(current, next)) steps.push({ kind: 'security', security: next })
    current = next
  }
  // Where no design document changes, there is nothing between.
  if (security && put.length + remove.length > 0) secure(security.between)
  if (put.length > 0) steps.push({ kind: 'designs', docs: put })
  if (remove.length > 0) steps.push({ kind: 'designs', docs: remove })
  if (security) secure(security.after)
  return steps
}

/** Where two design documents, or security objects, differ: paths such as `views.by_name.map`, sorted. */
export function differences(one: Record<string, unknown>, other: Record<string, unknown>): string[] {
  const own = (value: Record<string, unknown>): string[] =>
    Object.keys(value).filter((name) => !['_rev', '_revisions', 'couch_shares'].includes(name))
  return [...new Set([...own(one), ...own(other)])]
    .sort()
    .flatMap((name) => pathsBetween(one[name], other[name], [name]))
}

/** Deep enough for `views.<view>.map`. */
const DEEPEST = 3

function pathsBetween(one: unknown, other: unknown, path: string[]): string[] {
  if (isDeepStrictEqual(one, other)) return []
  if (!isRecord(one) || !isRecord(other) || path.length >= DEEPEST) return [path.join('.')]
  return [...new Set([...Object.keys(one), ...Object.keys(other)])]
    .sort()
    .flatMap((name) => pathsBetween(one[name], other[name], [...path, name]))
}
