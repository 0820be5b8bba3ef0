// Which databases keep too few revisions of a document (`_revs_limit`) for what the daemon does with them.
import { sideBySide } from '../engine/for-each.ts'
import { databasesOfKind } from '../skeletons/databases.ts'
import { counted } from '../documents/counted.ts'
import { KEPT_KINDS } from '../skeletons/kinds.ts'
import { LEAST_REVS_LIMIT, shortHistory } from '../engine/histories.ts'
import type { Connection } from './connection.ts'
import type { Finding } from './finding.ts'

const MOST_EXAMPLES = 5

/** User databases, outboxes and shares: one request each. Nothing where all are fit. @throws {CouchFault} */
export async function checkUserHistories(connection: Connection): Promise<Finding[]> {
  const { couch, config, isEmbedded } = connection
  if (isEmbedded) return []
  const unfit: string[] = []
  for (const kind of KEPT_KINDS)
    for await (const page of databasesOfKind(kind, null, connection))
      await sideBySide(page, config.concurrency, async ({ db }) => {
        const limit = await shortHistory(couch.database(db))
        if (limit !== null) unfit.push(`${db} (${limit})`)
        return true
      })
  if (unfit.length === 0) return []
  const more = unfit.length > MOST_EXAMPLES ? ` and ${unfit.length - MOST_EXAMPLES} more` : ''
  const text = `${counted(unfit.length, 'database is unfit, for it keeps', 'databases are unfit, for they keep')} fewer than ${LEAST_REVS_LIMIT} revisions of a document (_revs_limit), and deletions may not reach others: `
  return [{ level: 'fault', text: text + unfit.sort().slice(0, MOST_EXAMPLES).join(', ') + more }]
}
