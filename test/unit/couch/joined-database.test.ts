// What several ask of one database at the same time is one request, and each has the answer that is its own.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import { Database } from '../../../src/couch/database.ts'
import { CouchFault } from '../../../src/couch/fault.ts'
import { JoinedCouch } from '../../../src/couch/joined-database.ts'
import type { Request } from '../../../src/couch/request.ts'

type Body = { keys?: string[]; docs?: { id: string; _id: string }[] }

/** `_dbs_info` leaves these out. */
const UNTOLD = ['x', 'unopened', 'missing']

/** Answers by the documents `a`, `b` and `c`, and notes what was asked. */
function server() {
  const requests: string[] = []
  const revs = new Map(['a', 'b', 'c'].map((id) => [id, `1-${id}`]))
  const answer = ({ path, query, body }: Request): unknown => {
    const { keys = [], docs = [] } = (body ?? {}) as Body
    const asked = keys.length > 0 ? keys : docs.map(({ id, _id }) => id ?? _id)
    requests.push([path.at(-1), ...Object.keys(query ?? {}), ...asked].join(' '))
    switch (path.at(-1)) {
      case '_all_docs':
        return {
          rows: keys.map((key) =>
            revs.has(key)
              ? { id: key, key, value: { rev: revs.get(key) }, doc: { _id: key, _rev: revs.get(key) } }
              : { key, error: 'not_found' },
          ),
        }
      case '_bulk_get':
        return { results: docs.map(({ id }) => ({ id, docs: [{ ok: { _id: id, _rev: revs.get(id) } }] })) }
      case '_changes':
        return { results: [{ id: 'a', seq: '2' }], last_seq: '2', pending: 0 }
      case 'unopened':
        return { db_name: 'unopened' }
      case 'missing':
        throw new CouchFault('not_found', 'GET /missing', 'no_db_file', 404)
      case '_bulk_docs':
        return docs.map(({ _id: id, _rev }: { _id: string; _rev?: string }) => {
          if (revs.get(id) !== _rev) return { id, error: 'conflict', reason: 'conflict' }
          revs.set(id, `${Number(_rev?.[0] ?? 0) + 1}-${id}`)
          return { id, ok: true, rev: revs.get(id) }
        })
      default:
        // The collation of CouchDB takes `b` and `B` for different keys, and `a\u200d` for `a`.
        return {
          rows: keys.map((key) => ({ id: `doc of ${key}`, key: key === 'a' ? 'a\u200d' : key, value: 1 })),
        }
    }
  }
  const couch: Couch = {
    request: async (request: Request) => Promise.resolve(answer(request)),
    database: (name: string) => new Database(couch, name),
    dbsInfo: (names: string[]) => {
      requests.push(['_dbs_info', ...names].join(' '))
      return Promise.resolve(
        new Map(names.filter((name) => !UNTOLD.includes(name)).map((name) => [name, { db_name: name }])),
      )
    },
  } as unknown as Couch
  const joined = new JoinedCouch(
    couch,
    () => true,
    (wait) => wait(),
  )
  const together = <Answer>(...works: ((database: Database) => Promise<Answer>)[]): Promise<Answer[]> =>
    Promise.all(works.map((work) => work(joined.database('common'))))
  return { requests, joined, together }
}

describe('couch/joined-database', () => {
  it('reads documents together, those once that several ask for, and apart what is asked otherwise', async () => {
    const { requests, together } = server()
    const revs = await together<unknown>(
      async (database) => (await database.fetch(['b', 'x', 'a'])).map(({ id, rev }) => [id, rev]),
      async (database) => (await database.get('a'))?._rev,
      (database) => database.get('x'),
      (database) => database.fetch([]),
      async (database) => (await database.fetch(['a', 'c'], { conflicts: true })).length,
    )
    assert.deepEqual(revs, [
      [
        ['b', '1-b'],
        ['x', null],
        ['a', '1-a'],
      ],
      '1-a',
      null,
      [],
      2,
    ])
    assert.deepEqual(requests, ['_all_docs include_docs b x a', '_all_docs include_docs conflicts a c'])
  })

  it('writes together, and tells each what became of it', async () => {
    const { requests, together } = server()
    const written = await together(
      (database) => database.put({ _id: 'a', _rev: '1-a' }),
      (database) => database.put({ _id: 'b', _rev: '0-b' }),
      (database) => database.put({ _id: 'new' }),
    )
    assert.deepEqual(
      written.map((row) => (row.ok ? row.rev : row.error)),
      ['2-a', 'conflict', '1-new'],
    )
    assert.deepEqual(requests, ['_bulk_docs a b new'])
  })

  it('lets the first of two win who write the same document over the same revision', async () => {
    const { requests, together } = server()
    const put = (database: Database) => database.put({ _id: 'a', _rev: '1-a' })
    assert.deepEqual(
      (await together(put, put)).map(({ ok }) => ok),
      [true, false],
    )
    assert.deepEqual(requests, ['_bulk_docs a', '_bulk_docs a'])
  })

  it('reads leaves and views together; rows whose key is not known again are everybody’s', async () => {
    const { requests, together } = server()
    const found = await together<unknown>(
      async (database) => (await database.leaves([{ id: 'b' }, { id: 'a' }])).map(({ _id }) => _id),
      async (database) => (await database.leaves([{ id: 'a' }])).map(({ _id }) => _id),
      async (database) => (await database.view('d', 'v', ['b'])).map(({ id }) => id),
      async (database) => (await database.view('d', 'v', ['a', 'c'])).map(({ id }) => id),
    )
    assert.deepEqual(found, [['b', 'a'], ['a'], ['doc of b', 'doc of a'], ['doc of c', 'doc of a']])
    assert.deepEqual(requests, ['_bulk_get revs b a', 'v b a c'])
  })

  it('asks together about databases', async () => {
    const { requests, joined } = server()
    const infos = await Promise.all(
      [
        ['one', 'x'],
        ['two', 'one'],
      ].map((names) => joined.dbsInfo(names)),
    )
    assert.deepEqual(
      infos.map((all) => [...all.keys()]),
      [['one'], ['two', 'one']],
    )
    assert.deepEqual(requests, ['_dbs_info one x two'])
  })

  it('asks together what databases say of themselves, and by itself for what is left out', async () => {
    const { requests, joined } = server()
    const infos = await Promise.all(
      ['one', 'unopened', 'missing', 'one'].map((name) => joined.database(name).info()),
    )
    assert.deepEqual(
      infos.map((info) => info?.db_name ?? null),
      ['one', 'unopened', null, 'one'],
    )
    assert.deepEqual(requests, ['_dbs_info one unopened missing', 'unopened', 'missing'])
  })

  it('reads a page of changes once for all who ask for that page, unless it has the documents', async () => {
    const { requests, together } = server()
    const read = (since: string, includeDocs = false) => {
      return async (database: Database) =>
        (await database.changes({ since, limit: 5, includeDocs })).results.length
    }
    const counts = await together(read('1'), read('0'), read('1'), read('1', true), read('1', true))
    assert.deepEqual(counts, [1, 1, 1, 1, 1])
    const plain = requests.filter((request) => !request.includes('include_docs'))
    assert.deepEqual([plain.length, requests.length], [2, 4])
  })

  it('remembers no more than a thousand databases', () => {
    const { joined } = server()
    const [first, last] = [joined.database('0'), joined.database('999')]
    for (let at = 1; at < 999; at += 1) joined.database(String(at))
    assert.equal(joined.database('0'), first)
    joined.database('1000')
    assert.equal(joined.database('999'), last)
    assert.notEqual(joined.database('0'), first)
  })
})
