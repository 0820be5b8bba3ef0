// A user's own conflicts: the user was offline while the daemon wrote. Which leaves can go without anything being lost?
import { isDeepStrictEqual } from 'node:util'
import { digestsOf } from '../model/base.ts'
import {
  contentOf,
  DAEMON_ATTRIBUTES,
  intersect,
  parseConsents,
  withContent,
  type Consent,
  type Consents,
  type Content,
  type ObjectDoc,
} from '../model/object.ts'
import { givesWay, merge, timeOf, type Side } from './merge.ts'

/** A losing leaf, and the newest revision it has in common with the winner where CouchDB still has that. */
export interface Rival {
  leaf: ObjectDoc
  ancestor: ObjectDoc | null
}

/**
 * The revisions to delete: leaves in which, against the common ancestor, only the daemon wrote. Where that is the
 * winner, the winner goes, and the user's own leaf stays.
 */
export function redundantLeaves(winner: ObjectDoc, rivals: readonly Rival[]): string[] {
  const redundant = new Set<string>()
  for (const { leaf, ancestor } of rivals) {
    if (isDeepStrictEqual(ownWords(leaf), ownWords(winner)) || (ancestor && isDaemonsOnly(leaf, ancestor)))
      redundant.add(leaf._rev)
    else if (ancestor && isDaemonsOnly(winner, ancestor)) redundant.add(winner._rev)
  }
  return [...redundant]
}

/** True where nothing but the daemon's attributes differs; taking a refused share out of `$shares` is the daemon's doing. */
const isDaemonsOnly = (leaf: ObjectDoc, ancestor: ObjectDoc): boolean =>
  isDeepStrictEqual(ownWords(leaf), ownWords(ancestor))

/** What the user wrote: no attributes of the daemon, no `false` in `$shares`, no bookkeeping of CouchDB. */
function ownWords(doc: ObjectDoc): unknown {
  const attributes = Object.entries(doc).filter(
    ([name]) => !DAEMON_ATTRIBUTES.has(name) && (!name.startsWith('_') || name === '_attachments'),
  )
  return [Object.fromEntries(attributes), wishes(doc['$shares'])]
}

function wishes(shares: unknown): unknown {
  if (typeof shares !== 'object' || shares === null || Array.isArray(shares)) return shares ?? {}
  return Object.fromEntries(Object.entries(shares).filter(([, wish]) => wish !== false))
}

/** One document of all leaves, and what becomes of the others. */
export interface MergedLeaves {
  doc: ObjectDoc
  /** The losing leaves; with their content where something of it gave way. */
  drops: { rev: string; content: Content | null }[]
  /** The winner's content, where something of it gave way. */
  keep: Content | null
}

/**
 * Merges a user's own conflict in an object that others change, too: the daemon wrote while the user was offline.
 * Each leaf is merged against what it has in common with the winner; where CouchDB does not have that any more, nothing
 * is known: what both have and differs is in conflict.
 */
export function mergeLeaves(winner: ObjectDoc, rivals: readonly Rival[], now: number): MergedLeaves {
  const commons = rivals.map(({ ancestor }) => ancestor && digestsOf(contentOf(ancestor)))
  let doc = winner
  for (const [index, { leaf, ancestor }] of rivals.entries()) {
    const { local } = merge(sideOf(doc, now), sideOf(leaf, now), {
      agreed: commons[index] ?? null,
      maySend: true,
    })
    const $shares = mergedShares(doc['$shares'], leaf['$shares'], ancestor)
    doc = withContent(doc, local, () => true)
    delete doc['$shares']
    if ($shares !== undefined) doc['$shares'] = $shares
  }
  const result = contentOf(doc)
  const isLost = (leaf: ObjectDoc, index: number): boolean =>
    givesWay(contentOf(leaf), result, commons[index] ?? null)
  return {
    doc,
    drops: rivals.map(({ leaf }, index) => ({
      rev: leaf._rev,
      content: isLost(leaf, index) ? contentOf(leaf) : null,
    })),
    keep: rivals.some((_, index) => isLost(winner, index)) ? contentOf(winner) : null,
  }
}

const sideOf = (doc: ObjectDoc, now: number): Side => ({
  ...contentOf(doc),
  time: timeOf(doc['updatedAt'], now),
})

/** What changed against the ancestor holds; where both did, or nothing is known, the narrower of the two. */
function mergedShares(one: unknown, other: unknown, ancestor: ObjectDoc | null): unknown {
  const before = ancestor?.['$shares']
  if (isDeepStrictEqual(one, other)) return one
  if (ancestor && isDeepStrictEqual(one, before)) return other
  if (ancestor && isDeepStrictEqual(other, before)) return one
  if (!isRecord(one) || !isRecord(other)) return isRecord(one) ? other : one
  const entries = [...new Set([...Object.keys(one), ...Object.keys(other)])].flatMap((id) => {
    const [left, right, known] = [one, other, isRecord(before) ? before : {}].map((wishes) =>
      Object.hasOwn(wishes, id) ? wishes[id] : undefined,
    )
    const wish =
      ancestor && isDeepStrictEqual(left, known)
        ? right
        : ancestor && isDeepStrictEqual(right, known)
          ? left
          : narrower(left, right)
    return wish === undefined ? [] : [[id, wish] as const]
  })
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

function narrower(one: unknown, other: unknown): unknown {
  if (one === true) return other
  if (other === true) return one
  if (Array.isArray(one) && Array.isArray(other)) return one.filter((name) => other.includes(name))
  return Array.isArray(one) ? other : one
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What all leaves consent to: until one is left, a share gets only what each of them allows. */
export function jointConsents(leaves: readonly ObjectDoc[]): Consents {
  return leaves.map((leaf) => parseConsents(leaf['$shares'])).reduce(joint)
}

function joint(one: Consents, other: Consents): Consents {
  if (one.kind === 'invalid') return one
  if (other.kind === 'invalid') return other
  if (one.kind === 'none' || other.kind === 'none') return { kind: 'none' }
  const keys = new Map<string, Consent>()
  for (const [id, consent] of one.keys) {
    const second = other.keys.get(id)
    if (second) keys.set(id, jointConsent(consent, second))
    else if (consent.kind === 'unshare') keys.set(id, consent)
  }
  for (const [id, consent] of other.keys) if (consent.kind === 'unshare') keys.set(id, consent)
  return { kind: 'keys', keys }
}

function jointConsent(one: Consent, other: Consent): Consent {
  if (one.kind !== 'share') return one
  if (other.kind !== 'share') return other
  return { kind: 'share', selection: intersect(one.selection, other.selection) }
}
