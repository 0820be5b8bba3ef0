// What is in the databases of a server, as a file that can be put into another one.
import sortBy from 'lodash/sortBy.js'
import type { Couch } from '../../../src/couch/client.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import type { Security } from '../../../src/couch/document.ts'
import { basic } from '../visitor.ts'
import type { Server } from '../servers.ts'

interface Kept {
  security: Security
  /** All leaves, deleted ones too, with their histories and attachments. */
  documents: Doc[]
}

/** By the names of databases. */
export type Data = Record<string, Kept>

/** What stands in recorded data for the server that it came from. */
const SERVER = 'http://earlier.example'
const LOGIN = 'Basic of-the-admin'

/** Each leaf of each document of these databases. */
export async function record(couch: Couch, server: Server, names: readonly string[]): Promise<Data> {
  const data: Data = {}
  for (const name of [...names].sort()) {
    const database = couch.database(name)
    data[name] = { security: await database.security(), documents: await leavesOf(database) }
  }
  const text = JSON.stringify(data)
    .replaceAll(server.url, SERVER)
    .replaceAll(basic(server.user, server.pass), LOGIN)
  return JSON.parse(text) as Data
}

async function leavesOf(database: Database): Promise<Doc[]> {
  const { results } = await database.changes({
    ...{ since: '0', limit: 100_000, includeDocs: false, allLeaves: true },
  })
  const documents: Doc[] = []
  for (const { id } of sortBy(results, 'id'))
    documents.push(...(await database.leaves([{ id }], { attachments: true })))
  return documents
}

/** Puts it into a server that has none of these databases, or empty ones. */
export async function restore(couch: Couch, server: Server, data: Data): Promise<void> {
  const text = JSON.stringify(data)
    .replaceAll(SERVER, server.url)
    .replaceAll(LOGIN, basic(server.user, server.pass))
  // Replications begin when both ends are there.
  const all = sortBy(Object.entries(JSON.parse(text) as Data), ([name]) => name === '_replicator')
  for (const [name, { security, documents }] of all) {
    const database = couch.database(name)
    await database.create()
    if (!name.startsWith('_')) await database.putSecurity(security)
    const designs = (doc: Doc): boolean => doc._id.startsWith('_design/')
    const [first, last] = [documents.filter((doc) => !designs(doc)), documents.filter(designs)]
    for (const part of [first, last]) if (part.length > 0) await database.bulk(part, { newEdits: false })
  }
}
