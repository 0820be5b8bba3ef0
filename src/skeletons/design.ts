// Design documents of the daemon: known by a mark that holds the hash of what was written.
import { hash } from 'node:crypto'
import { canonicalJson } from '../documents/digest.ts'

/** https://docs.couchdb.org/en/stable/ddocs/ddocs.html; `couch_shares` tells a later run that it wrote this. */
export interface DesignDocument {
  _id: string
  couch_shares: { hash: string }
  [attribute: string]: unknown
}

/**
 * SHA-256, in hex, of a design document's content: all but `_rev`, `_revisions` and `couch_shares`. A document in
 * CouchDB whose `couch_shares.hash` is this was written by the daemon and not changed since.
 */
export function designDocumentHash(document: Record<string, unknown>): string {
  const { _rev, _revisions, couch_shares: _mark, ...content } = document
  return hash('sha256', canonicalJson(content))
}

/** The same content with the mark of the daemon, whatever mark and revision it had. */
export function marked(document: { _id: string; [attribute: string]: unknown }): DesignDocument {
  const { _rev, _revisions, couch_shares: _mark, ...content } = document
  return { ...content, _id: document._id, couch_shares: { hash: designDocumentHash(document) } }
}

/** The hash in a document's mark, or null where the daemon did not write it. */
export function markOf(document: Record<string, unknown>): string | null {
  const mark = document['couch_shares'] as { hash?: unknown } | null | undefined
  if (typeof mark !== 'object' || mark === null) return null
  return typeof mark.hash === 'string' ? mark.hash : ''
}

/** True for a validation function: what keeps people from writing. */
export const isGuard = (document: Record<string, unknown>): boolean =>
  typeof document['validate_doc_update'] === 'string'

/** True where somebody changed a document of the daemon by hand: its hash is not that of its content. */
export const isEdited = (document: Record<string, unknown>): boolean =>
  markOf(document) !== designDocumentHash(document)

/** What several of the kinds have a design document of the same id: the id and the first two such kinds; null for none. */
export function findDesignTwice(
  kinds: Iterable<readonly [kind: string, designs: readonly { _id: string }[]]>,
): { id: string; kinds: [string, string] } | null {
  const kindOf = new Map<string, string>()
  for (const [kind, designs] of kinds)
    for (const { _id } of designs) {
      const other = kindOf.get(_id)
      if (other !== undefined) return { id: _id, kinds: [other, kind] }
      kindOf.set(_id, kind)
    }
  return null
}
