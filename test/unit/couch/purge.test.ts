// CouchDB takes so many documents and revisions in one `_purge`, and an admin may lower both.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import { Database } from '../../../src/couch/database.ts'
import { CouchFault, type FaultCode } from '../../../src/couch/fault.ts'

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

  describe('what was purged', () => {
    const asked = (answer: () => Promise<unknown>): Promise<Map<string, string[]>> =>
      new Database({ request: answer } as unknown as Couch, 'd').purged()
    const refusing = (code: FaultCode, status: number): Promise<Map<string, string[]>> =>
      asked(() => Promise.reject(new CouchFault(code, 'd', 'no', status)))

    it('is told by document, however often it was purged', async () => {
      const purged = await asked(() =>
        Promise.resolve({
          purged_infos: [
            { id: 'a', revs: ['1-a'] },
            { id: '__proto__', revs: ['1-b'] },
            { id: 'a', revs: ['3-c', '2-d'] },
          ],
        }),
      )
      assert.deepEqual(
        [...purged],
        [
          ['a', ['1-a', '3-c', '2-d']],
          ['__proto__', ['1-b']],
        ],
      )
    })

    it('is nothing on a server that does not tell', async () => {
      // Before CouchDB 3.4 it is taken for a document, whose id may not begin so; others know no such thing.
      assert.equal((await refusing('bad_request', 400)).size, 0)
      assert.equal((await refusing('not_found', 404)).size, 0)
    })

    it('is not known where the server fails', async () => {
      for (const [code, status] of [
        ['server_error', 501],
        ['server_error', 500],
        ['unauthorized', 401],
      ] as const)
        await assert.rejects(refusing(code, status), { code })
    })
  })
})
