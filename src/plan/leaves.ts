// A user's own conflicts: the user was offline while the daemon wrote. Which leaves can go without anything being lost?
import { isDeepStrictEqual } from 'node:util'
import {
  DAEMON_ATTRIBUTES,
  intersect,
  parseConsents,
  type Consent,
  type Consents,
  type ObjectDoc,
} from '../model/object.ts'

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
