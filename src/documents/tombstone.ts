// Tombstones, by what they say beside that a document is gone.

/** On a tombstone that the daemon made: it took the document out, nobody has deleted it. */
export const REMOVED = '$removed'

/** True for a tombstone that says nothing but that the document is gone, or that the daemon took it out. */
export const isBare = (leaf: Readonly<Record<string, unknown>>): boolean =>
  leaf['_deleted'] === true &&
  leaf['_attachments'] === undefined &&
  Object.keys(leaf).every((name) => name.startsWith('_') || (name === REMOVED && leaf[REMOVED] === true))

/** True for one that the daemon made, and which says nothing but that: what was before it is purged. */
export const isForgotten = (leaf: Readonly<Record<string, unknown>>): boolean =>
  isBare(leaf) && leaf[REMOVED] === true
