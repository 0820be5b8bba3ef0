// The embedded server before users who mean harm: what they send reaches nobody else's documents, and nobody waits for it.
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return --
   answers are asserted on as they come */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { startEmbedded, type EmbeddedServer } from '../../../src/embedded/server.ts'
import { Turns } from '../../../src/embedded/turns.ts'
import { basic, Visitor, type Answer } from '../../support/visitor.ts'

const ADMIN = { user: 'admin', pass: 'secret' }

let server: EmbeddedServer

const as = (name: string, pass: string) => new Visitor(() => server.url, { authorization: basic(name, pass) })
const admin = as(ADMIN.user, ADMIN.pass)
const ann = as('ann', 'pass')
const nobody = new Visitor(() => server.url)

const refusal = ({ status, body }: Answer) => [status, body.error, body.reason]

const ANNS = { admins: { roles: ['_admin'] }, members: { names: ['ann'] } }

/** Makes a database that ann is a member of, with these documents. */
async function database(name: string, ...docs: object[]): Promise<void> {
  assert.equal((await admin.put(`/${name}`)).status, 201)
  assert.equal((await admin.put(`/${name}/_security`, ANNS)).status, 200)
  assert.equal((await admin.post(`/${name}/_bulk_docs`, { docs })).status, 201)
}

describe('embedded server: hostile users', () => {
  before(async () => {
    server = await startEmbedded({ port: 0, dataDir: null, admin: ADMIN })
    await admin.put('/_users')
    const account = { name: 'ann', type: 'user', roles: [], password: 'pass' }
    assert.equal((await admin.put('/_users/org.couchdb.user:ann', account)).status, 201)
  })
  after(() => server.stop())

  describe('revisions', () => {
    const pushing = (docs: object[]) => ({ new_edits: false, docs })

    it('are those of `_revisions`, which validation functions are asked about', async () => {
      const text =
        "function (doc, old, { roles }) { if (roles[0] !== '_admin') throw { forbidden: toJSON(old) } }"
      await database('rev-two', { _id: 'd', n: 1 }, { _id: '_design/v', validate_doc_update: text })
      const { _rev: known } = (await admin.get('/rev-two/d')).body
      const other = { start: 9, ids: ['f'.repeat(32)] }
      const doc = { _id: 'd', n: 2, _rev: known, _revisions: other }
      const bulk = (await ann.post('/rev-two/_bulk_docs', pushing([doc]))).body
      assert.deepEqual(bulk, [{ id: 'd', rev: `9-${'f'.repeat(32)}`, error: 'forbidden', reason: 'null' }])
      assert.equal((await ann.put('/rev-two/d?new_edits=false', doc)).status, 403)
      assert.equal(
        (await ann.put(`/rev-two/d?new_edits=false&rev=${known}`, { n: 2, _revisions: other })).status,
        403,
      )
      const related = ['--b', '', JSON.stringify(doc), '--b--', ''].join('\r\n')
      const type = { 'content-type': 'multipart/related; boundary=b' }
      assert.equal((await ann.ask('PUT', '/rev-two/d?new_edits=false', related, type)).status, 403)
      // As a number it is the same, as text another.
      const zero = await ann.post(
        '/rev-two/_bulk_docs',
        pushing([{ ...doc, _rev: `0${known}`, _revisions: undefined }]),
      )
      assert.deepEqual(zero.body, [])
      const leaves = (await admin.get('/rev-two/d?open_revs=all')).body
      assert.deepEqual(
        leaves.map(({ ok }: any) => [ok._rev, ok.n]),
        [[known, 1]],
      )
      // An ordinary write replaces the revision that `_revisions` names, too.
      assert.equal((await admin.put('/rev-two/d', doc)).status, 409)
    })

    it('are refused where they are malformed, with all that comes with them', async () => {
      await database('rev-odd', { _id: 'there' })
      const special = 'Bad special document member: _revisions'
      const histories: [unknown, string][] = [
        [[], special],
        ['x', special],
        [null, special],
        [{}, "_revisions.start isn't an integer."],
        [{ start: 'x', ids: 5 }, "_revisions.start isn't an integer."],
        [{ start: 1.5, ids: ['a'] }, "_revisions.start isn't an integer."],
        [{ start: 1e308, ids: ['a', 'b'] }, "_revisions.start isn't an integer."],
        [{ start: 1 }, "_revisions.ids isn't a array."],
        [{ start: 2, ids: [null, {}] }, "RevId isn't a string"],
        [{ start: 2, ids: ['a-b', ''] }, "RevId isn't a valid hexadecimal"],
        [{ start: 1, ids: [] }, '_revisions.ids is empty.'],
        [{ start: 0, ids: ['a'] }, '_revisions.start is less than 1.'],
        [{ start: -5, ids: ['a', 'b'] }, '_revisions.start is less than 1.'],
      ]
      for (const [_revisions, reason] of histories)
        for (const new_edits of [true, false])
          for (const more of [{}, { _rev: '1-a' }]) {
            const docs = [
              { _id: 'good', _rev: '1-a' },
              { _id: 'x', _revisions, ...more },
            ]
            const answer = await ann.post('/rev-odd/_bulk_docs', { new_edits, docs })
            assert.deepEqual(refusal(answer), [400, 'doc_validation', reason], JSON.stringify(_revisions))
          }
      for (const _rev of ['99999999999999999999-a', '0-a', '1-', '-1-a', '1-a-b', 1, {}]) {
        const answer = await ann.post('/rev-odd/_bulk_docs', pushing([{ _id: 'x', _rev }]))
        assert.deepEqual(refusal(answer), [400, 'bad_request', 'Invalid rev format'], JSON.stringify(_rev))
      }
      const { results } = (await ann.get('/rev-odd/_changes?include_docs=true&style=all_docs')).body
      assert.deepEqual(
        results.map((change: any) => change.id),
        ['there'],
      )
    })

    it('are kept as far as CouchDB keeps them', async () => {
      await database('rev-many')
      const ids = Array.from({ length: 200_000 }, (_, at) => at.toString(16))
      const early = { _id: 'e', _revisions: { start: 2, ids: ['c', 'b', 'a'] } }
      assert.deepEqual((await ann.post('/rev-many/_bulk_docs', pushing([early]))).body, [])
      assert.deepEqual((await ann.get('/rev-many/e?revs=true')).body['_revisions'].ids, ['c', 'b'])
      const long = { _id: 'd', _revisions: { start: 300_000, ids } }
      assert.deepEqual((await ann.post('/rev-many/_bulk_docs', pushing([long]))).body, [])
      const { _rev, _revisions } = (await ann.get('/rev-many/d?revs=true')).body
      assert.deepEqual([_rev, _revisions.ids.length], ['300000-0', 1000])
      assert.equal((await ann.put('/rev-many/d', { _rev })).status, 201)
    })
  })

  describe('patterns', () => {
    const found = async (request: object) => {
      const { status, body } = await ann.post('/patterns/_find', request)
      assert.equal(status, 200, JSON.stringify(body))
      return body.docs.map((doc: any) => doc._id ?? doc)
    }
    const docs = [
      { _id: 'a', name: 'anna', at: { n: 'x-1' }, n: 3, slow: `${'a'.repeat(40)}!` },
      { _id: 'b', name: 'bob', at: { n: 'x-2' }, n: 2 },
      { _id: 'c', name: 'carl', n: 1 },
      { _id: 'd', name: null, n: 0 },
    ]

    it('of `_find` select as CouchDB’s do', async () => {
      await database('patterns', ...docs)
      await admin.post('/patterns/_index', { index: { fields: ['n'] } })
      const name = { $regex: '^[ab]' }
      assert.deepEqual(await found({ selector: { name } }), ['a', 'b'])
      assert.deepEqual(await found({ selector: { name, n: { $lt: 3 } } }), ['b'])
      assert.deepEqual(await found({ selector: { name: { ...name, $gt: 'b' } } }), ['b'])
      assert.deepEqual(await found({ selector: { at: { n: { $regex: 'x\\-1' } } } }), ['a'])
      assert.deepEqual(await found({ selector: { 'at.n': { $regex: '2$' } } }), ['b'])
      assert.deepEqual(await found({ selector: { name: { $not: name } } }), ['c', 'd'])
      assert.deepEqual(await found({ selector: { $or: [{ name }, { n: 0 }] } }), ['a', 'b', 'd'])
      assert.deepEqual(await found({ selector: { _id: { $regex: '[bc]' } }, skip: 1, limit: 1 }), ['c'])
      const sorted = {
        selector: { n: { $gte: 1 }, name: { $regex: '.' } },
        sort: [{ n: 'asc' }],
        fields: ['name'],
      }
      assert.deepEqual(await found(sorted), [{ name: 'carl' }, { name: 'bob' }, { name: 'anna' }])
      const paths = { selector: { 'at.n': { $regex: '1' } }, fields: ['_id.x', 'at.n', 'at.none', 'none'] }
      assert.deepEqual(await found(paths), [{ at: { n: 'x-1' } }])
      const many = Array.from({ length: 30 }, (_, at) => ({ _id: `m${at}`, many: 'm' }))
      await admin.post('/patterns/_bulk_docs', { docs: many })
      assert.equal((await found({ selector: { many: { $regex: 'm' } } })).length, 25)
      for (const $regex of ['(', 1, null])
        assert.equal((await ann.post('/patterns/_find', { selector: { name: { $regex } } })).status, 400)
    })

    it('that take too long are refused, and nobody waits', async () => {
      const selector = { slow: { $regex: '^(a+)+$' } }
      const reason = /The patterns of `\$regex` take too long/
      const ways = [
        '/patterns/_find',
        '/patterns/_changes?filter=_selector',
        '/patterns/_changes?filter=_selector&feed=continuous&timeout=1000',
      ]
      for (const way of ways) {
        const answer = ann.post(way, { selector }).catch((fault: unknown) => fault as Error)
        const start = performance.now()
        assert.equal((await nobody.get('/_up')).status, 200)
        const refused = await answer
        assert(performance.now() - start < 5_000, way)
        assert('status' in refused && refused.status === 400, way)
        assert.match(String(refused.body.reason), reason)
      }
      const ordinary = { selector: { name: { $regex: 'n' } } }
      const { body } = await ann.post('/patterns/_changes?filter=_selector', ordinary)
      assert.deepEqual(
        body.results.map((change: any) => change.id),
        ['a'],
      )
    })
  })

  describe('values', () => {
    it('are refused where they are nested too deep, or of another kind', async () => {
      await database('values', { _id: 'd', n: 1 })
      const { _rev } = (await ann.get('/values/d')).body
      const deep = '['.repeat(200_000) + ']'.repeat(200_000)
      const TOO_DEEP = [400, 'bad_request', 'The JSON is nested too deep.']
      assert.deepEqual(refusal(await ann.put('/values/x', `{"a":${deep}}`)), TOO_DEEP)
      for (const [part, body] of [
        ['_bulk_docs', `{"docs":[{"a":${deep}}]}`],
        ['_find', `{"selector":{"a":${deep}}}`],
        ['_revs_diff', `{"a":${deep}}`],
        ['_changes?filter=_selector', `{"selector":{"a":${deep}}}`],
      ] as const)
        assert.deepEqual(refusal(await ann.post(`/values/${part}`, body)), TOO_DEEP, part)
      const related = ['--b', '', `{"a":${deep}}`, '--b--', ''].join('\r\n')
      const type = { 'content-type': 'multipart/related; boundary=b' }
      assert.deepEqual(refusal(await ann.ask('PUT', '/values/x', related, type)), TOO_DEEP)

      for (const [revs, reason] of [
        [1, 'Invalid list of revisions'],
        [{}, 'Invalid list of revisions'],
        ['1-a', 'Invalid list of revisions'],
        [[1], 'Invalid rev format'],
        [['a'], 'Invalid rev format'],
      ])
        assert.deepEqual(refusal(await ann.post('/values/_revs_diff', { d: revs })), [
          400,
          'bad_request',
          reason,
        ])
      assert.deepEqual((await ann.post('/values/_revs_diff', { d: [_rev, '1-a'], e: ['1-b'] })).body, {
        d: { missing: ['1-a'] },
        e: { missing: ['1-b'] },
      })
    })

    it('count only where the document itself has them', async () => {
      await database('own', { _id: 'd' }, { _id: '_design/v', views: {}, updates: {}, filters: {} })
      const { _rev } = (await ann.get('/own/d')).body
      for (const name of ['constructor', 'toString', 'hasOwnProperty']) {
        const _attachments = { [name]: { stub: true } }
        assert.equal((await ann.put('/own/d', { _rev, _attachments })).status, 412)
        assert.equal((await ann.delete(`/own/d/${name}?rev=${_rev}`)).status, 404)
        assert.equal((await ann.get(`/own/_design/v/_view/${name}`)).status, 404)
        assert.equal((await ann.post(`/own/_design/v/_update/${name}`)).status, 404)
        assert.equal((await ann.get(`/own/_changes?filter=v/${name}`)).status, 404)
      }
      assert.equal((await ann.get('/own/_design/v/_view/__proto__')).status, 404)
      const proto = await ann.put('/own/d', `{"_rev":"${_rev}","_attachments":{"__proto__":{"stub":true}}}`)
      const reason = "Attachment name '__proto__' starts with prohibited character '_'"
      assert.deepEqual(refusal(proto), [400, 'bad_request', reason])
    })

    it('of members that are the server’s are those that CouchDB takes', async () => {
      await database('members')
      const members = {
        _deleted: [1, 'false', null],
        _attachments: [[], 'x', null],
        _rev_tree: [[{ pos: 9, ids: ['f', { status: 'available' }, []] }]],
        _removed: [true],
      }
      for (const [name, values] of Object.entries(members))
        for (const value of values)
          for (const new_edits of [true, false]) {
            const docs = [{ _id: 'd', ...(new_edits ? {} : { _rev: '1-a' }), [name]: value }]
            const answer = await ann.post('/members/_bulk_docs', { docs, new_edits })
            assert.deepEqual(refusal(answer), [400, 'doc_validation', `Bad special document member: ${name}`])
          }
      const read = {
        _revs_info: [],
        _local_seq: 3,
        _conflicts: ['1-a'],
        _deleted_conflicts: [],
        _deleted: false,
      }
      assert.equal((await ann.put('/members/d', { ...read, n: 1 })).status, 201)
      const { body } = await ann.get('/members/d')
      assert.deepEqual(Object.keys(body as object).sort(), ['_id', '_rev', 'n'])
    })
  })

  describe('logins', () => {
    it('do not wait for those of accounts whose hashes take long', async () => {
      const slow = (name: string, iterations: number) => ({
        ...{ _id: `org.couchdb.user:${name}`, name, type: 'user', roles: [], salt: 'x', iterations },
        ...{ password_scheme: 'pbkdf2', pbkdf2_prf: 'sha512', derived_key: 'ab'.repeat(64) },
      })
      const fresh = {
        _id: 'org.couchdb.user:fresh',
        name: 'fresh',
        type: 'user',
        roles: [],
        password: 'pass',
      }
      const docs = [slow('slow', 600_000), slow('slower', 600_000), slow('slowest', 10_000_000), fresh]
      assert.equal((await nobody.post('/_users/_bulk_docs', { docs })).status, 201)
      assert.equal((await as('slowest', 'x').get('/_session')).status, 401)
      const order: string[] = []
      const logIn = async (name: string) => {
        await as(name, 'pass').get('/_session')
        order.push(name)
      }
      const wrong = [...Array<string>(5).fill('slow'), 'slower'].map(logIn)
      await new Promise((resolve) => setTimeout(resolve, 100))
      await Promise.all([logIn('fresh'), ...wrong])
      assert.equal(order[0], 'fresh')
      assert(order.indexOf('slower') <= 2, order.join())
    })

    it('take turns', async () => {
      const turns = new Turns(10)
      const begun: string[] = []
      const ends = new Map<string, () => void>()
      const take = (name: string, cost: number) =>
        turns.take(name.slice(0, 1), cost, () => {
          begun.push(name)
          return new Promise<void>((resolve) => ends.set(name, resolve))
        })
      const all = [
        take('a1', 90),
        take('a2', 90),
        take('b1', 99),
        take('c1', 10),
        take('c2', 1),
        take('d1', 5),
      ]
      const end = async (name: string, ...next: string[]) => {
        begun.length = 0
        ends.get(name)?.()
        await new Promise(setImmediate)
        assert.deepEqual(begun, next, name)
      }
      await new Promise(setImmediate)
      assert.deepEqual(begun, ['a1', 'c1'])
      await end('c1', 'd1')
      await end('d1', 'c2')
      await end('c2')
      await end('a1', 'b1')
      await end('b1', 'a2')
      await end('a2')
      await Promise.all(all)
      await assert.rejects(
        turns.take('e', 1, () => Promise.reject(new Error('no'))),
        /no/,
      )
      assert.equal(await turns.take('e', 1, () => Promise.resolve(1)), 1)
    })
  })
})
