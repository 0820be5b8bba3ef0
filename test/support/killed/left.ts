// What is left on a server when a story is over, without what differs from one run to the next.
import mapValues from 'lodash/mapValues.js'
import sortBy from 'lodash/sortBy.js'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc, StoredDoc } from '../../../src/couch/document.ts'
import { orNull } from '../../../src/couch/fault.ts'
import { PROVISIONING, REGISTRY } from '../../../src/documents/names.ts'
import type { Space } from '../space.ts'

/** By database what it holds and who may enter. */
export type Left = Record<string, unknown>

/**
 * What is in the databases of a space, in others, and of the space in those that all daemons share.
 * @param others by what they are called in what is left: their names may differ from run to run
 */
export async function leftBy(space: Space, others: Readonly<Record<string, string>>): Promise<Left> {
  const { couch, prefix } = space
  const own = await couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` })
  const left: Left = {}
  for (const [called, name] of [...own.map((name) => [name, name] as const), ...Object.entries(others)]) {
    const database = couch.database(name)
    if ((await database.info()) === null) continue
    left[called] = { security: await database.security(), documents: await documentsOf(database) }
  }
  const isOurs = (doc: Doc): boolean => JSON.stringify(doc).includes(prefix.slice(1, 7))
  for (const name of [REGISTRY, PROVISIONING, '_replicator', '_users']) {
    const rows = (await orNull(couch.database(name).range({ includeDocs: true }))) ?? []
    left[name] = rows
      .flatMap(({ doc }) => doc ?? [])
      .filter(isOurs)
      .map((doc) => contentOf(doc))
  }
  return masked(left, space)
}

/** By id what is live, and how many conflicts it has. */
async function documentsOf(database: Database): Promise<Record<string, unknown>> {
  const { results } = await database.changes({
    ...{ since: '0', limit: 10_000, includeDocs: true, allLeaves: false },
  })
  const live = results.filter(({ deleted, id }) => !deleted && !id.startsWith('_design/'))
  return Object.fromEntries(
    sortBy(live, 'id').map(({ id, doc }) => [
      id,
      doc && { ...contentOf(doc), conflicts: doc._conflicts?.length ?? 0 },
    ]),
  )
}

/** A base remembers the revisions that it saw on its way: they are more where something was done twice. */
function contentOf({
  _rev,
  _conflicts,
  _attachments = {},
  history: _,
  ...doc
}: StoredDoc): Record<string, unknown> {
  const attached = Object.entries(_attachments).map(([name, { digest, content_type }]) => [
    name,
    digest,
    content_type,
  ])
  return { ...doc, ...(attached.length > 0 ? { attached } : {}) }
}

/** Without names that are made up, revisions, times, and what is derived from a password. */
function masked(whole: Left, { prefix }: Space): Left {
  const words = JSON.stringify(whole)
    .replaceAll(prefix, 'PREFIX/')
    .replaceAll(encodeURIComponent(prefix), 'PREFIX/')
    .replaceAll(prefix.slice(1, 7), 'SPACE')
    .replace(/\d+-[0-9a-f]{32}/g, 'REV')
    .replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replace(/[0-9a-f]{16,}/g, 'HEX')
    // When a database was made, and what is derived from a salt.
    .replace(/"instance":"\d+"/g, '"instance":"TIME"')
    .replace(/"key":"[\w-]{22}"/g, '"key":"HASH"')
    // Two withdrawals may make one new database, or two.
    .replace(/"rotations":\d+,?/g, '')
    // Whether a replication had nothing to do for a moment is up to the machine.
    .replace(/"paused":"[^"]*",?|,"paused":"[^"]*"(?=\})/g, '')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/:1\d{12}\b/g, ':0')
  const left = JSON.parse(words) as Left
  // In the order of what is left of their names.
  return mapValues(left, (found) =>
    Array.isArray(found) ? sortBy(found, (doc) => JSON.stringify(doc)) : found,
  )
}
