// What the program makes of CouchDB's answers about a database as a whole.
import assert from 'node:assert/strict'
import type { Couch } from '../../../src/couch/client.ts'
import { Database } from '../../../src/couch/database.ts'
import { CouchFault } from '../../../src/couch/fault.ts'
import type { Request } from '../../../src/couch/request.ts'

const stub = (answers: (CouchFault | object)[]): Couch =>
  ({
    request: () => {
      const answer = answers.shift() ?? assert.fail('Expected no more requests')
      return answer instanceof CouchFault ? Promise.reject(answer) : Promise.resolve(answer)
    },
  }) as unknown as Couch

const conflict = new CouchFault('conflict', 'PUT /db', 'conflict', 409)
const exists = new CouchFault('exists', 'PUT /db', 'file_exists', 412)
const closed = new CouchFault('server_error', 'GET /db', 'No DB shards could be opened.', 500)
const missing = new CouchFault('not_found', 'GET /db', 'no_db_file', 404)

describe('a database that somebody else creates at the same moment', () => {
  it('is there, and was not created', async () =>
    assert.equal(await new Database(stub([conflict, { db_name: 'db' }]), 'db').create(), false))

  it('is created where it is not there after all', async () =>
    assert.equal(await new Database(stub([conflict, missing, { ok: true }]), 'db').create(), true))
})

describe('a database that is created straight after it was dropped', () => {
  it('is created once nothing of the dropped one is left', async () =>
    assert.equal(
      await new Database(stub([exists, closed, exists, missing, { ok: true }]), 'db').create(),
      true,
    ))
})

const NOBODY = () => ({})

/** Answers each kind of request by a function, and notes which documents were asked for by it. */
function asking(answers: Record<string, (ids: string[]) => unknown>) {
  const asked: string[] = []
  const request = async ({ path, body }: Request): Promise<unknown> => {
    const { keys, docs, ...others } = body as { keys?: string[]; docs?: { id: string }[] }
    const ids = keys ?? docs?.map(({ id }) => id) ?? Object.keys(others)
    const kind = path.at(-1) ?? ''
    asked.push(`${kind} ${ids.join(' ')}`)
    return Promise.resolve(answers[kind]?.(ids) ?? assert.fail(`Expected no ${kind}`))
  }
  return { asked, database: new Database({ request } as unknown as Couch, 'db') }
}

const letters = [...'abcdefghijkl']
const byKeys = (ids: string[]) => ({
  rows: ids.map((id) => ({ id, key: id, value: { rev: `1-${id}` }, doc: { _id: id, _rev: `1-${id}` } })),
})

describe('documents by their ids', () => {
  it('are asked for by keys where they are few, or no ordinary ones', async () => {
    const { asked, database } = asking({
      _all_docs: byKeys,
      _revs_diff: NOBODY,
      _bulk_get: (ids) => ({ results: ids.map((id) => ({ id, docs: [] })) }),
    })
    await database.fetch(['a', 'b'])
    await database.fetch([...letters, ''])
    await database.fetch(['_design/d', ...letters])
    const rows = await database.fetch(letters)
    const all = letters.join(' ')
    assert.deepEqual(asked, [
      ...['_all_docs a b', `_all_docs ${all} `, `_all_docs _design/d ${all}`],
      ...[`_revs_diff ${all}`, `_bulk_get ${all}`],
    ])
    assert.deepEqual(
      rows.map(({ id, rev }) => [id, rev]),
      letters.map((id) => [id, null]),
    )
  })

  it('are the winners of their leaves, with those that are live and lost as conflicts', async () => {
    const leaf = (_rev: string, rest: object = {}) => ({ ok: { _id: 'a', _rev, ...rest } })
    const leaves: Record<string, object[]> = {
      a: [leaf('2-a'), leaf('10-a', { n: 1 }), leaf('10-b', { _deleted: true }), leaf('9-z')],
      b: [leaf('1-a', { _deleted: true }), leaf('3-a', { _deleted: true })],
      c: [{ error: { rev: 'undefined', error: 'not_found' } }],
    }
    const { database } = asking({
      _revs_diff: NOBODY,
      _bulk_get: (ids) => ({ results: ids.map((id) => ({ id, docs: leaves[id] ?? [] })) }),
    })
    const rows = await database.fetch(letters, { conflicts: true })
    assert.deepEqual(rows.slice(0, 3), [
      {
        ...{ id: 'a', rev: '10-a', deleted: false },
        doc: { _id: 'a', _rev: '10-a', n: 1, _conflicts: ['9-z', '2-a'] },
      },
      { id: 'b', rev: '3-a', deleted: true, doc: null },
      { id: 'c', rev: null, deleted: false, doc: null },
    ])
    assert.deepEqual((await database.fetch(letters))[0]?.doc, { _id: 'a', _rev: '10-a', n: 1 })
  })

  it('are asked for by keys where one could not be read, or where all leaves of them are too large', async () => {
    const tooLarge = new CouchFault('answer_too_large', 'db', 'too large')
    const { asked, database } = asking({
      _all_docs: byKeys,
      _revs_diff: NOBODY,
      _bulk_get: (ids) => {
        if (ids.length > 12) throw tooLarge
        const docs = (id: string) => (id === 'a' ? [{ error: { rev: '1-a', error: 'timeout' } }] : [])
        return { results: ids.map((id) => ({ id, docs: docs(id) })) }
      },
    })
    const rows = await database.fetch([...letters, ...letters.map((id) => `${id}2`)].slice(0, 22))
    assert.deepEqual(
      asked.map((line) => line.split(' ').length - 1),
      [22, 22, 11, 11, 1],
    )
    assert.equal(asked.at(-1), '_all_docs a')
    assert.deepEqual([rows.length, rows[0]?.rev, rows[1]?.rev], [22, '1-a', null])
  })
})

describe('a document with many leaves among others', () => {
  it('is asked for by keys: `_bulk_get` reads its tree once for each leaf', async () => {
    const revs = Array.from({ length: 11 }, (_, at) => `2-${at}`)
    const { asked, database } = asking({
      _all_docs: byKeys,
      _revs_diff: () => ({ a: { possible_ancestors: revs }, b: { possible_ancestors: revs.slice(1) } }),
      _bulk_get: (ids) => ({ results: ids.map((id) => ({ id, docs: [] })) }),
    })
    const rows = await database.fetch(letters)
    const others = letters.slice(1).join(' ')
    assert.deepEqual(asked, [`_revs_diff ${letters.join(' ')}`, `_bulk_get ${others}`, '_all_docs a'])
    assert.deepEqual([rows[0]?.rev, rows[1]?.rev], ['1-a', null])
  })
})

describe('documents that were read before', () => {
  it('are asked for by the names of their leaves, and by keys where that says they may have changed', async () => {
    const leaves: Record<string, string[]> = { a: ['1-a'], b: ['2-b'], c: ['1-c', '1-d'], d: ['1-d'] }
    const { asked, database } = asking({
      _revs_diff: (ids) =>
        Object.fromEntries(
          ids.map((id) => [
            id,
            { missing: ['x'], ...(leaves[id] ? { possible_ancestors: leaves[id] } : {}) },
          ]),
        ),
      _bulk_get: (ids) => ({ results: ids.map((id) => ({ id, docs: [] })) }),
      _all_docs: byKeys,
    })
    const known = new Map([
      ['a', '1-a'],
      ['b', '1-b'],
      ['c', '1-c'],
      ['d', null],
      ['e', null],
    ])
    assert.deepEqual([...(await database.changedFrom(known)).keys()], ['b', 'c', 'd'])
    assert.deepEqual(asked, ['_revs_diff a b c d e', '_bulk_get e', '_all_docs b c d'])
  })

  it('cannot be asked for where the database is gone', async () => {
    const { database } = asking({
      _revs_diff: () => {
        throw missing
      },
    })
    await assert.rejects(database.changedFrom(new Map([['a', '1-a']])), missing)
  })
})

describe('a revision that CouchDB keeps and lets nobody name', () => {
  it('is purged by nobody, and keeps nothing else from being purged', async () => {
    const { asked, database } = asking({ _purge: NOBODY })
    await database.purge({ a: ['-1-a'], b: ['-2-b', '1-b'], c: ['1-c'] })
    await database.purge({ a: ['-1-a'] })
    assert.deepEqual(asked, ['_purge b c'])
  })

  it('is missing wherever it is asked for', async () => {
    const { asked, database } = asking({ _revs_diff: () => ({ b: { missing: ['1-b'] } }) })
    const missing = await database.missing({ a: ['-1-a'], b: ['-2-b', '1-b'], c: ['1-c'] })
    assert.deepEqual(missing, { a: ['-1-a'], b: ['1-b', '-2-b'] })
    assert.deepEqual(await database.missing({ a: ['-1-a'] }), { a: ['-1-a'] })
    assert.deepEqual(asked, ['_revs_diff b c'])
  })
})

describe('many revisions of one document', () => {
  it('are asked for by body where they are called so that no URL holds them', async () => {
    const { asked, database } = asking({ _bulk_get: () => ({ results: [] }) })
    const long = Array.from({ length: 12 }, (_, at) => `1-${'x'.repeat(5_000)}${at}`)
    await database.leaves(long.map((rev) => ({ id: 'a', rev })))
    assert.deepEqual(asked, [`_bulk_get ${long.map(() => 'a').join(' ')}`])
  })
})
