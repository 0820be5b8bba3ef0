// Revisions that the daemon makes itself, and writes as they are: made twice of the same, they are the same.
import { digestOf } from './digest.ts'
import { grownBy, type Leaf } from './revisions.ts'

export interface DeterministicRevision {
  _rev: string
  _revisions: { start: number; ids: string[] }
}

/** The part of a revision's name behind its generation: hex, as CouchDB's own. */
export const revisionHash = (said: unknown): string =>
  Buffer.from(digestOf(said), 'base64url').toString('hex')

/** A revision over a leaf, with its whole history. @param said what it says, by which it is told from others over the same leaf */
export const revisionOver = (leaf: Leaf, ...said: unknown[]): DeterministicRevision =>
  grownBy(leaf, revisionHash([leaf._id, leaf._rev, ...said]))
