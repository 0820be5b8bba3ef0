// A registry that somebody dropped, or put an empty one in the place of, beside shares that are there: nobody knows any more whose
// they are, and nobody may guess. Until an admin puts it back, sharing stands still, and the daemon says so.
import type { Couch } from '../couch/client.ts'
import { orNull } from '../couch/fault.ts'
import { counted } from '../documents/counted.ts'
import { REGISTRY, shareDatabase } from '../documents/names.ts'
import { FINE, type ProbeResult } from '../engine/controller.ts'
import { markOf } from '../skeletons/design.ts'

const SHARES = { startKey: shareDatabase(''), endKey: shareDatabase('').replace(/\/$/, '0') }
const DESIGNS = { startKey: '_design/', endKey: '_design0' }
/** So many of the share databases are looked into: one made by somebody else says nothing. */
const MOST_LOOKED_INTO = 20

/**
 * How many share databases there are, at the least, that a daemon has made, while the registry knows of no share at all. Where it knows of one, that
 * costs one request.
 * @throws {CouchFault}
 */
export async function countUnknownShares(couch: Pick<Couch, 'database' | 'allDbs'>): Promise<number> {
  const known = await orNull(couch.database(REGISTRY).range({ ...SHARES, limit: 1 }))
  if (known !== null && known.length > 0) return 0
  const names = await couch.allDbs({ ...SHARES, limit: MOST_LOOKED_INTO })
  let unknown = 0
  for (const name of names) {
    const designs = await orNull(couch.database(name).range({ ...DESIGNS, includeDocs: true }))
    if (designs?.some(({ doc }) => doc !== null && markOf(doc) !== null)) unknown += 1
  }
  return unknown
}

/** What a registry that is lost means for whoever watches the daemon. */
export const tellLost = (unknown: number): ProbeResult =>
  unknown === 0
    ? FINE
    : {
        ok: false,
        reason: `the registry ${REGISTRY} knows of no share, and there ${unknown === 1 ? 'is' : 'are'} ${counted(unknown, 'share database')}${unknown === MOST_LOOKED_INTO ? ' or more' : ''}: put it back from a backup`,
      }
