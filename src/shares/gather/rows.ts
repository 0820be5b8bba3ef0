// Documents of an outbox by their ids.
import type { Database } from '../../couch/database.ts'
import type { Row } from '../../couch/document.ts'
import type { Found } from '../perform/new-documents.ts'

/** What stands under each id; an outbox that is not there yet holds nothing. @throws {CouchFault} */
export async function readRows(database: Database, ids: string[]): Promise<Map<string, Row>> {
  const rows = await database.fetchIfThere(ids)
  return new Map(rows.map((row) => [row.id, row]))
}

/** By what a later write is compared with what was read. */
export const foundIn = (rows: Iterable<Row>): Found =>
  new Map(
    [...rows].flatMap(({ id, rev, deleted }) =>
      rev === null ? [] : [[id, deleted ? { tombstone: rev } : { live: rev }]],
    ),
  )
