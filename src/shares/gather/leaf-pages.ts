// Reads all leaves of many documents, a bounded number at a time: clients can push thousands of them into one.
import type { Database } from '../../couch/database.ts'
import type { StoredDoc } from '../../couch/document.ts'

/** As many leaves as are read at once; all of a document's together where they are no more than that. */
const MOST_LEAVES = 100
/** Of a document that has more, as many are named at once. */
const MOST_NAMED = 500

/** The leaves of each document, with their histories, as many at a time as can be held. @throws {CouchFault} */
export async function* leafPages(
  database: Pick<Database, 'leaves' | 'leafRevisions'>,
  ids: readonly string[],
): AsyncGenerator<StoredDoc[]> {
  let page: { id: string }[] = []
  let room = MOST_LEAVES
  for (const [id, revs] of await database.leafRevisions(ids)) {
    if (revs.length > room && page.length > 0) {
      yield await database.leaves(page)
      page = []
      room = MOST_LEAVES
    }
    if (revs.length <= MOST_LEAVES) {
      page.push({ id })
      room -= revs.length
    } else
      for (let at = 0; at < revs.length; at += MOST_NAMED)
        yield await database.leaves(revs.slice(at, at + MOST_NAMED).map((rev) => ({ id, rev })))
  }
  if (page.length > 0) yield await database.leaves(page)
}
