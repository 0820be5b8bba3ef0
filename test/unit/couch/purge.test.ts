// CouchDB takes so many documents and revisions in one `_purge`, and an admin may lower both.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import { Database } from '../../../src/couch/database.ts'
import { CouchFault } from '../../../src/couch/fault.ts'

type Body = Record<string, string[]>

/** A server that refuses a purge of more than that, as CouchDB does. */
function server(mostDocuments: number, mostRevisions: number): { database: Database; purged: Body[] } {
  const purged: Body[] = []
  const request = ({ body }: { body: Body }): Promise<unknown> => {
    const revisions = Object.values(body).flat().length
    if (Object.keys(body).length > mostDocuments || revisions > mostRevisions)
      return Promise.reject(new CouchFault('bad_request', 'd', 'Exceeded maximum number of revisions.', 400))
    purged.push(body)
    return Promise.resolve({ purged: body })
  }
  return { database: new Database({ request } as unknown as Couch, 'd'), purged }
}

const revisionsOf = (count: number): string[] => Array.from({ length: count }, (_, n) => `2-${n}`)
const ofA = (purged: Body[]): string[] => purged.flatMap((body) => body['a'] ?? [])

describe('couch/purge', () => {
  it('purges more leaves of one document than CouchDB takes at once, in their order', async () => {
    const { database, purged } = server(100, 1000)
    await database.purge({ a: revisionsOf(2500) })
    assert.deepEqual(ofA(purged), revisionsOf(2500))
    assert.deepEqual(
      purged.map((body) => body['a']?.length),
      [1000, 1000, 500],
    )
  })

  it('purges more documents than CouchDB takes at once', async () => {
    const { database, purged } = server(100, 1000)
    await database.purge(Object.fromEntries(Array.from({ length: 250 }, (_, n) => [`o${n}`, ['2-a', '2-b']])))
    assert.equal(new Set(purged.flatMap((body) => Object.keys(body))).size, 250)
    assert.equal(purged.length, 3)
  })

  it('purges in smaller parts where an admin has lowered the limits', async () => {
    const { database, purged } = server(1, 10)
    await database.purge({ a: revisionsOf(25), b: ['1-x'] })
    assert.deepEqual(ofA(purged), revisionsOf(25))
    assert.deepEqual(purged.at(-1), { b: ['1-x'] })
  })

  it('tells of a refusal that has nothing to do with the number', async () => {
    const { database } = server(0, 0)
    await assert.rejects(database.purge({ a: ['1-x', '1-y'] }), { code: 'bad_request' })
  })
})
