// Revisions that the daemon makes itself, and writes as they are: made twice of the same, they are the same.
import { digestOf } from './digest.ts'
import type { Leaf } from './revisions.ts'

export interface DeterministicRevision {
  _rev: string
  _revisions: { start: number; ids: string[] }
}

/** The part of a revision's name behind its generation: hex, as CouchDB's own. */
export const revisionHash = (said: unknown): string =>
  Buffer.from(digestOf(said), 'base64url').toString('hex')

/** A revision over a leaf, with its whole history. @param said what it says, by which it is told from others over the same leaf */
export function revisionOver({ _id, _rev, _revisions }: Leaf, ...said: unknown[]): DeterministicRevision {
  const line = _revisions ?? { start: Number(_rev.split('-')[0]), ids: [_rev.slice(_rev.indexOf('-') + 1)] }
  const hash = revisionHash([_id, _rev, ...said])
  const start = line.start + 1
  return { _rev: `${start}-${hash}`, _revisions: { start, ids: [hash, ...line.ids] } }
}
