// The embedded server before users who mean harm: what they send reaches nobody else's documents, and nobody waits for it.
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return --
   answers are asserted on as they come */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'mocha'
import { startEmbedded, type EmbeddedServer } from '../../src/embedded/server.ts'
import { basic, Visitor, type Answer } from '../support/visitor.ts'

const ADMIN = { user: 'admin', pass: 'secret' }

let server: EmbeddedServer

const as = (name: string, pass: string) => new Visitor(() => server.url, { authorization: basic(name, pass) })
const admin = as(ADMIN.user, ADMIN.pass)
const ann = as('ann', 'pass')

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
        [{ start: 0, ids: ['a'] }, '_revisions.start is less than the number of ids.'],
        [{ start: -5, ids: ['a', 'b'] }, '_revisions.start is less than the number of ids.'],
        [{ start: 1, ids: ['a', 'b'] }, '_revisions.start is less than the number of ids.'],
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
      const long = { _id: 'd', _revisions: { start: 300_000, ids } }
      assert.deepEqual((await ann.post('/rev-many/_bulk_docs', pushing([long]))).body, [])
      const { _rev, _revisions } = (await ann.get('/rev-many/d?revs=true')).body
      assert.deepEqual([_rev, _revisions.ids.length], ['300000-0', 1000])
      assert.equal((await ann.put('/rev-many/d', { _rev })).status, 201)
    })
  })
})
