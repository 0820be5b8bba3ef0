// Attachments that are larger than they say. Who sends one compressed says how long it is when it is read, and CouchDB believes
// that: a share's validation function sees nothing else, and lets pass what is larger than everybody may write.
import type { Database } from '../../couch/database.ts'
import type { StoredDoc } from '../../couch/document.ts'
import { pickFrom, withAttachments, type ObjectDoc } from '../../documents/content.ts'

/** By revision, the names of such attachments. */
export type Forged = ReadonlyMap<string, ReadonlySet<string>>

/** What compressing may add: gzip stores as it is what does not become shorter. */
const isLonger = (stored: number, said: number): boolean => stored > said * 1.01 + 100

/** True for an attachment that has more bytes as it is stored than it says that it has when it is read. */
export const isForged = ({
  encoding,
  length = 0,
  encoded_length = 0,
}: {
  encoding?: string
  length?: number
  encoded_length?: number
}): boolean => encoding !== undefined && isLonger(encoded_length, length)

/** Looks at those of these leaves that have attachments. @throws {CouchFault} */
export async function forgedIn(
  home: Pick<Database, 'leaves'>,
  leaves: readonly Pick<StoredDoc, '_id' | '_rev' | '_attachments'>[],
): Promise<Forged> {
  const wanted = leaves.filter(({ _attachments }) => _attachments !== undefined)
  if (wanted.length === 0) return new Map()
  const read = await home.leaves(
    wanted.map(({ _id, _rev }) => ({ id: _id, rev: _rev })),
    { encodings: true },
  )
  return forgedOf(read)
}

/** The same of leaves that were read with their encodings. */
export function forgedOf(leaves: readonly StoredDoc[]): Forged {
  const forged = new Map<string, ReadonlySet<string>>()
  for (const { _rev, _attachments = {} } of leaves) {
    const names = Object.entries(_attachments).flatMap(([name, one]) => (isForged(one) ? [name] : []))
    if (names.length > 0) forged.set(_rev, new Set(names))
  }
  return forged
}

/** A leaf without them; where it has none, the same. */
export function withoutForged<Leaf extends ObjectDoc>(leaf: Leaf, forged: Forged): ObjectDoc {
  const names = forged.get(leaf._rev)
  if (names === undefined) return leaf
  return withAttachments(
    leaf,
    pickFrom(leaf._attachments ?? {}, (name) => !names.has(name)),
  )
}
