// The embedded server as users meet it: accounts, sessions, `_security`, validation functions, pages of other origins.
/* eslint-disable @typescript-eslint/no-explicit-any, @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-argument --
   answers are asserted on as they come */
import assert from 'node:assert/strict'
import { createHash, pbkdf2Sync } from 'node:crypto'
import { once } from 'node:events'
import { request } from 'node:http'
import { after, before, describe, it } from 'mocha'
import { needOf } from '../../../src/embedded/access.ts'
import { partsOf } from '../../../src/embedded/router.ts'
import { startEmbedded, type EmbeddedServer } from '../../../src/embedded/server.ts'
import { loadPouch } from '../../support/device.ts'
import { basic, Visitor, type Answer } from '../../support/visitor.ts'

const ADMIN = { user: 'admin', pass: 'a secret: ü' }

let server: EmbeddedServer

/** Somebody who asks, with these headers. */
class User extends Visitor {
  constructor(headers: Record<string, string> = {}) {
    super(() => server.url, headers)
  }

  /** Writes a document over what the admin reads there. */
  async edit(to: string, change: object): Promise<Answer> {
    const { body } = await admin.get(to)
    return this.put(to, { ...body, ...change })
  }
}

const admin = new User({ authorization: basic(ADMIN.user, ADMIN.pass) })
const nobody = new User()
const as = (name: string, pass = `pass of ${name}`) => new User({ authorization: basic(name, pass) })
const [joe, ann, tom] = ['joe', 'ann', 'tom'].map((name) => as(name)) as [User, User, User]

const accountPath = (name: string) => `/_users/org.couchdb.user:${encodeURIComponent(name)}`
const account = (name: string, more: object = {}) => ({
  ...{ name, type: 'user', roles: [] as string[], password: `pass of ${name}` },
  ...more,
})

const refusal = ({ status, body }: Answer) => [status, body.error, body.reason]
const statusOf = async (answer: Promise<Answer>) => (await answer).status

/** Makes a database with this `_security`, and documents that the admin writes. */
async function database(name: string, security: object | null, ...docs: object[]): Promise<void> {
  assert.equal(await statusOf(admin.put(`/${name}`)), 201)
  if (security !== null) assert.equal(await statusOf(admin.put(`/${name}/_security`, security)), 200)
  const written = (await admin.post(`/${name}/_bulk_docs`, { docs })).body
  assert(
    written.every((row: { ok?: boolean }) => row.ok),
    JSON.stringify(written),
  )
}

const FOR_ANN = { admins: { roles: ['_admin'] }, members: { names: ['ann'] } }

describe('embedded server: users', () => {
  before(async () => {
    server = await startEmbedded({ port: 0, dataDir: null, admin: ADMIN })
    await admin.put('/_users')
    for (const name of ['joe', 'ann', 'tom'])
      assert.equal(
        await statusOf(admin.put(accountPath(name), account(name, { roles: [`role-${name}`] }))),
        201,
      )
  })
  after(() => server.stop())

  describe('accounts', () => {
    it('are signed up by anybody, and hold the hash of their password', async () => {
      assert.equal(await statusOf(nobody.put(accountPath('new ü'), account('new ü'))), 201)
      const { body } = await as('new ü').get(accountPath('new ü'))
      assert.equal('password' in body, false)
      assert.deepEqual([body.password_scheme, body.pbkdf2_prf, body.name], ['pbkdf2', 'sha256', 'new ü'])
      const { salt, iterations } = body
      const key = pbkdf2Sync('pass of new ü', salt, iterations, 32, 'sha256').toString('hex')
      assert.equal(body.derived_key, key)

      const bulk = await nobody.post('/_users/_bulk_docs', {
        docs: [
          { _id: 'org.couchdb.user:bulk', ...account('bulk') },
          { _id: 'org.couchdb.user:boss', ...account('boss', { roles: ['boss'] }) },
        ],
      })
      assert.deepEqual(
        bulk.body.map((row: any) => row.ok ?? [row.error, row.reason]),
        [true, ['forbidden', 'Only _admin may set roles']],
      )
      assert.equal(await statusOf(as('bulk').get('/_session')), 200)
    })

    it('are what CouchDB says they are', async () => {
      const refused: [string, object, string][] = [
        ['x', { type: 'other' }, 'doc.type must be user'],
        ['x', { name: '' }, 'doc.name is required'],
        ['x', { roles: 'a' }, 'doc.roles must exist, and be an array'],
        ['x', { roles: [1] }, 'doc.roles can only contain strings'],
        ['x', { name: 'y' }, 'Doc ID must be of the form org.couchdb.user:name'],
        ['x', { roles: ['_admin'] }, 'No system roles (starting with underscore) in users db.'],
        ['_x', {}, 'Username may not start with underscore.'],
        ['x:y', {}, 'Character `:` is not allowed in usernames.'],
        ['x', { password: 1 }, 'Password value is invalid.'],
        ['x', { password: undefined, password_scheme: 'plain' }, 'This password scheme is not supported.'],
        ['x', { password: undefined, password_scheme: 'pbkdf2' }, 'iterations must be a number.'],
      ]
      for (const [name, more, reason] of refused)
        assert.deepEqual(
          refusal(await admin.put(accountPath(name), account(name, more))),
          [403, 'forbidden', reason],
          reason,
        )
      assert.equal(await statusOf(admin.get(accountPath('x'))), 404)
    })

    it('are their users’ own', async () => {
      assert.equal((await ann.get(accountPath('ann'))).body.name, 'ann')
      for (const visitor of [nobody, tom]) {
        assert.equal(await statusOf(visitor.get(accountPath('ann'))), 404)
        assert.equal(await statusOf(visitor.delete(accountPath('ann'))), 404)
      }
      assert.deepEqual(refusal(await tom.edit(accountPath('ann'), { note: 1 })), [
        404,
        'not_found',
        'missing',
      ])
      assert.deepEqual(refusal(await nobody.edit(accountPath('ann'), { note: 1 })), [
        403,
        'forbidden',
        'You may only update your own user document.',
      ])
      assert.equal(await statusOf(nobody.put(accountPath('ann'), account('ann'))), 409)
      assert.deepEqual(refusal(await ann.edit(accountPath('ann'), { roles: ['boss'] })), [
        403,
        'forbidden',
        'Only _admin may edit roles',
      ])
      assert.equal(await statusOf(ann.edit(accountPath('ann'), { note: 'mine' })), 201)
      // A leaf of a history that nobody knows would be the winner.
      const usurper = { _id: 'org.couchdb.user:ann', _rev: `9-${'f'.repeat(32)}`, ...account('ann') }
      for (const visitor of [nobody, ann])
        assert.equal(
          (await visitor.post('/_users/_bulk_docs', { docs: [usurper], new_edits: false })).body[0].error,
          visitor === nobody ? 'unauthorized' : 'forbidden',
        )
      assert.match((await admin.get(accountPath('ann'))).body._rev, /^2-/)
      for (const to of [
        '/_users/_all_docs',
        '/_users/_changes',
        '/_users/_find',
        '/_users/_design/x',
        '/_users/_local/x',
      ])
        assert.equal(await statusOf(ann.get(to)), 401, to)
      assert.equal(await statusOf(ann.put('/_users/_security', {})), 401)
    })

    it('change their password, and are deleted, by their users', async () => {
      await admin.put(accountPath('changing'), account('changing'))
      const changing = as('changing')
      assert.equal(await statusOf(changing.get('/_session')), 200)
      assert.equal(await statusOf(changing.edit(accountPath('changing'), { password: 'other' })), 201)
      assert.equal(await statusOf(changing.get('/_session')), 401)
      const { body } = await as('changing', 'other').get(accountPath('changing'))
      assert.equal(
        await statusOf(as('changing', 'other').delete(`${accountPath('changing')}?rev=${body._rev}`)),
        200,
      )
      assert.equal(await statusOf(as('changing', 'other').get('/_session')), 401)
      assert.equal(await statusOf(nobody.put(accountPath('changing'), account('changing'))), 201)
      assert.equal(await statusOf(changing.get('/_session')), 200)
    })

    it('log in by other hashes of CouchDB’s, too', async () => {
      const [salt, password] = ['some salt', 'pass of other']
      const hashes = {
        sha1: {
          password_scheme: 'pbkdf2',
          iterations: 10,
          derived_key: pbkdf2Sync(password, salt, 10, 20, 'sha1').toString('hex'),
        },
        sha512: {
          ...{ password_scheme: 'pbkdf2', pbkdf2_prf: 'sha512', iterations: 10 },
          derived_key: pbkdf2Sync(password, salt, 10, 64, 'sha512').toString('hex'),
        },
        simple: {
          password_scheme: 'simple',
          password_sha: createHash('sha1')
            .update(password + salt)
            .digest('hex'),
        },
      }
      for (const [name, hash] of Object.entries(hashes)) {
        const doc = account(name, { password: undefined, salt, ...hash })
        assert.equal(await statusOf(admin.put(accountPath(name), doc)), 201)
        assert.equal(await statusOf(as(name, password).get('/_session')), 200, name)
        assert.equal(await statusOf(as(name, 'wrong').get('/_session')), 401, name)
      }
      const slow = account('slow', { password: undefined, salt, ...hashes.sha1, iterations: 1e12 })
      assert.equal(await statusOf(admin.put(accountPath('slow'), slow)), 201)
      assert.equal(await statusOf(as('slow', password).get('/_session')), 401)
    })

    it('do not make anybody an admin', async () => {
      assert.equal(await statusOf(nobody.put(accountPath('admin'), account('admin'))), 201)
      assert.equal(await statusOf(as('admin').get('/_session')), 401)
      assert.deepEqual((await admin.get('/_session')).body.userCtx, { name: 'admin', roles: ['_admin'] })
    })
  })

  describe('sessions', () => {
    const cookieOf = ({ headers }: Answer) => headers.get('set-cookie')?.split(';')[0] ?? ''
    const logIn = (name: string, password = `pass of ${name}`) => nobody.post('/_session', { name, password })

    it('begin with a name and a password, and say who it is', async () => {
      assert.deepEqual((await nobody.get('/_session')).body.userCtx, { name: null, roles: [] })
      assert.equal(await statusOf(nobody.get('/_session?basic=true')), 401)
      const answer = await logIn('ann')
      assert.deepEqual([answer.status, answer.body], [200, { ok: true, name: 'ann', roles: ['role-ann'] }])
      assert.match(answer.headers.get('set-cookie') ?? '', /^AuthSession=[\w-]+; .*HttpOnly.*Max-Age=600/)
      const { body } = await new User({ cookie: `other=1; ${cookieOf(answer)}` }).get('/_session')
      assert.deepEqual(body.userCtx, { name: 'ann', roles: ['role-ann'] })
      assert.equal(body.info.authenticated, 'cookie')
      assert.equal((await ann.get('/_session')).body.info.authenticated, 'default')
      const form = await nobody.ask('POST', '/_session', 'name=new+%C3%BC&password=pass+of+new+%C3%BC', {
        'content-type': 'application/x-www-form-urlencoded',
      })
      assert.deepEqual([form.status, form.body.name], [200, 'new ü'])
      const named = await new User({ cookie: cookieOf(form) }).get('/_session')
      assert.equal(named.body.userCtx.name, 'new ü')
      const root = await nobody.post('/_session', { name: ADMIN.user, password: ADMIN.pass })
      assert.equal(await statusOf(new User({ cookie: cookieOf(root) }).get('/_all_dbs')), 200)
    })

    it('do not begin with a wrong one', async () => {
      for (const [name, password] of [
        ['ann', 'pass of tom'],
        ['ann', ''],
        ['none', 'pass of none'],
        ['admin', 'x'],
        ['', ''],
      ] as const) {
        const answer = await logIn(name, password)
        assert.deepEqual(refusal(answer), [401, 'unauthorized', 'Name or password is incorrect.'])
        assert.match(answer.headers.get('set-cookie') ?? '', /^AuthSession=;/)
        assert.equal(await statusOf(as(name, password || 'x').get('/')), 401)
      }
      assert.equal(await statusOf(nobody.post('/_session', { password: 'x' })), 400)
      assert.equal(await statusOf(nobody.post('/_session', '{')), 400)
      assert.equal(
        await statusOf(nobody.ask('POST', '/_session', 'x', { 'content-type': 'text/plain' })),
        415,
      )
    })

    it('end, and cannot be forged', async () => {
      await admin.put(accountPath('leaving'), account('leaving'))
      const cookie = cookieOf(await logIn('leaving'))
      const leaving = new User({ cookie })
      const nameOf = async (visitor: User) => (await visitor.get('/_session')).body.userCtx.name
      assert.equal(await nameOf(leaving), 'leaving')
      const out = await leaving.delete('/_session')
      assert.deepEqual(
        [out.body, out.headers.get('set-cookie')?.split(';')[0]],
        [{ ok: true }, 'AuthSession='],
      )

      const [, value = ''] = cookie.split('=')
      const bytes = Buffer.from(value, 'base64url')
      const forged = Buffer.concat([Buffer.from('ann'), bytes.subarray('leaving'.length)])
      const later = Buffer.concat([bytes.subarray(0, 8), Buffer.from('f'), bytes.subarray(9)])
      for (const other of [forged, later])
        assert.equal(await nameOf(new User({ cookie: `AuthSession=${other.toString('base64url')}` })), null)
      assert.equal(await statusOf(new User({ cookie: 'AuthSession=x' }).get('/_session')), 400)
      assert.equal(await nameOf(new User({ cookie: 'AuthSession=' })), null)
      const elsewhere = Buffer.from('ann:6A1BFC00:of a CouchDB at another port').toString('base64url')
      assert.equal(await nameOf(new User({ cookie: `AuthSession=${elsewhere}` })), null)
      // Both at once: the password counts where the cookie does not.
      const both = new User({ ...ann.headers, cookie: `AuthSession=${forged.toString('base64url')}` })
      assert.equal(await nameOf(both), 'ann')

      await admin.edit(accountPath('leaving'), { password: 'new' })
      assert.equal(await nameOf(leaving), null)
    })
  })

  describe('_security', () => {
    it('lets in its members, and tells the others apart', async () => {
      await database('sec-new', null, { _id: 'd' })
      await database('sec-names', FOR_ANN, { _id: 'd' })
      await database('sec-roles', { members: { roles: ['role-tom'] } }, { _id: 'd' })
      await database('sec-admins', { admins: { names: ['joe'] }, members: { names: ['tom'] } }, { _id: 'd' })
      await database('sec-old', { readers: { names: ['ann'] } }, { _id: 'd' })
      for (const [number, open] of [{}, { members: {} }, { members: { names: [], roles: [] } }].entries())
        await database(`sec-open${number}`, open, { _id: 'd' })
      const everybody = [nobody, joe, ann, tom]
      const expected: Record<string, number[]> = {
        'sec-new': [401, 403, 403, 403],
        'sec-names': [401, 403, 200, 403],
        'sec-roles': [401, 403, 403, 200],
        'sec-admins': [401, 200, 403, 200],
        'sec-old': [401, 403, 200, 403],
        'sec-open0': [200, 200, 200, 200],
        'sec-open1': [200, 200, 200, 200],
        'sec-open2': [200, 200, 200, 200],
        'sec-none': [404, 404, 404, 404],
      }
      for (const [name, statuses] of Object.entries(expected))
        for (const to of ['', '/d', '/_all_docs', '/_changes', '/_security', '/_local/x'])
          for (const [at, visitor] of everybody.entries()) {
            const status = await statusOf(visitor.get(`/${name}${to}`))
            const wanted = statuses[at] === 200 && to === '/_local/x' ? 404 : statuses[at]
            assert.equal(status, wanted, `${name}${to} ${at}`)
          }
      assert.deepEqual(refusal(await nobody.get('/sec-names')), [
        401,
        'unauthorized',
        'You are not authorized to access this db.',
      ])
      assert.deepEqual(refusal(await tom.get('/sec-names')), [
        403,
        'forbidden',
        'You are not allowed to access this db.',
      ])
      await admin.put('/sec-names/_security', { members: { names: ['tom'] } })
      assert.deepEqual(
        [await statusOf(ann.get('/sec-names')), await statusOf(tom.get('/sec-names'))],
        [403, 200],
      )
      for (const bad of [{ members: [] }, { admins: { names: 'ann' } }, { members: { roles: [1] } }])
        assert.equal(await statusOf(admin.put('/sec-names/_security', bad)), 400)
    })

    it('and design documents are written by the database’s admins only', async () => {
      await database('sec-design', { admins: { names: ['joe'] }, members: { names: ['ann'] } })
      const reason = 'You are not a db or server admin.'
      const view = { views: { all: { map: 'function (doc) { emit(doc._id) }' } } }
      for (const [method, to, body] of [
        ['PUT', '/_design/x', view],
        ['PUT', '/_design%2Fx', view],
        ['PUT', '/_design/x/file', 'text'],
        ['PUT', '/_design%2Fx/file', 'text'],
        ['POST', '', { _id: '_design/x', ...view }],
        ['PUT', '/_security', {}],
        ['POST', '/_index', { index: { fields: ['a'] } }],
        ['POST', '/_compact', {}],
      ] as const) {
        const answer = await ann.ask(method, `/sec-design${to}`, body)
        assert.deepEqual(refusal(answer), [403, 'forbidden', reason], `${method} ${to}`)
      }
      // Of no design document yet: what it does is asked about like everything else that ann writes.
      assert.equal(await statusOf(ann.put('/sec-design/_design%2Fx/_update/f', 'text')), 404)
      const design = { _id: '_design/x', ...view }
      const replicated = { ...design, _rev: `1-${'a'.repeat(32)}` }
      for (const [docs, new_edits] of [
        [[design], true],
        [[replicated], false],
      ] as const) {
        const { body } = await ann.post('/sec-design/_bulk_docs', { docs, new_edits })
        assert.deepEqual([body[0].error, body[0].reason], ['forbidden', reason])
      }
      assert.equal(await statusOf(admin.get('/sec-design/_design/x')), 404)
      assert.equal(await statusOf(joe.put('/sec-design/_design/x', view)), 201)
      assert.equal(await statusOf(ann.put('/sec-design/d', {})), 201)
      assert.equal((await ann.get('/sec-design/_design/x/_view/all')).body.rows.length, 1)
      assert.equal(
        await statusOf(joe.put('/sec-design/_security', { members: { names: ['ann', 'tom'] } })),
        200,
      )
      assert.equal(await statusOf(tom.get('/sec-design/d')), 200)
    })

    it('cannot be written past', async () => {
      await database('sec-past', FOR_ANN, { _id: 'd' })
      const mine = { security: { admins: { names: ['ann'] } } }
      const id = '_local/_security'
      assert.equal(await statusOf(ann.put(`/sec-past/${id}`, mine)), 400)
      assert.equal(await statusOf(ann.put('/sec-past/_local%2F_security', mine)), 400)
      assert.equal(await statusOf(ann.post('/sec-past', { _id: id, ...mine })), 400)
      assert.equal(await statusOf(ann.post('/sec-past/_bulk_docs', { docs: [{ _id: id, ...mine }] })), 400)
      assert.deepEqual((await admin.get('/sec-past/_security')).body, FOR_ANN)
      assert.equal(await statusOf(ann.put('/sec-past/_local/mine', { n: 1 })), 201)
      assert.equal((await ann.get('/sec-past/_local/mine')).body.n, 1)
    })

    it('counts for the database that is there, not for the next one of its name', async () => {
      await database('sec-again', FOR_ANN, { _id: 'd' })
      assert.equal(await statusOf(ann.get('/sec-again')), 200)
      const slow = request(`${server.url}/sec-again/_bulk_get`, {
        method: 'POST',
        headers: { ...ann.headers, 'content-type': 'application/json', expect: '100-continue' },
      })
      // Listened for from the start: a refusal does not wait for the body.
      const answered = once(slow, 'response') as Promise<[{ statusCode: number }]>
      slow.flushHeaders()
      await once(slow, 'continue')
      // Whoever asks later has been let in: so was the one who asked before.
      assert.equal(await statusOf(ann.get('/sec-again')), 200)
      await admin.delete('/sec-again')
      await database('sec-again', null, { _id: 'd' })
      slow.end('{"docs": [{"id": "d"}]}')
      const [{ statusCode }] = await answered
      slow.destroy()
      assert.equal(statusCode, 404)
    })

    it('leaves what is the server’s to its admin', async () => {
      await database('sec-server', FOR_ANN, { _id: 'd' })
      const asked: [method: string, to: string][] = [
        ...['_all_dbs', '_db_updates', '_active_tasks', '_node/_local/_config', '_scheduler/docs'].map(
          (to): [string, string] => ['GET', `/${to}`],
        ),
        ...['_replicator', '_replicator/x', '_replicator/_changes', '_global_changes'].map(
          (to): [string, string] => ['GET', `/${to}`],
        ),
        ['POST', '/_replicate'],
        ['POST', '/_dbs_info'],
        ['PUT', '/_replicator/x'],
        ['PUT', '/sec-mine'],
        ['PUT', '/_users'],
        ['DELETE', '/sec-server'],
        ['DELETE', '/_users'],
        ['POST', '/sec-server/_purge'],
        ['POST', '/sec-server/_temp_view'],
        ['COPY', '/sec-server/d'],
        ['POST', '/sec-server/d'],
        ['POST', '/sec-server/_bulk_docs/x'],
        ['GET', '/sec-server/_shards'],
        ['GET', '/sec-server//d'],
      ]
      for (const visitor of [nobody, ann])
        for (const [method, to] of asked) {
          const answer = await visitor.ask(method, to, method === 'GET' ? undefined : {})
          assert.deepEqual(
            refusal(answer),
            [401, 'unauthorized', 'You are not a server admin.'],
            `${method} ${to}`,
          )
        }
      assert.deepEqual((await admin.get('/sec-server')).body.doc_count, 1)
      for (const to of ['/', '/_up', '/_session', '/_uuids'])
        for (const visitor of [nobody, ann]) assert.equal(await statusOf(visitor.get(to)), 200, to)
    })

    it('is asked for what a path means, however it is written', () => {
      const need = (method: string, url: string) => needOf(method, partsOf(url))
      const { stringify } = JSON
      for (const [method, url, expected] of [
        ['GET', '/', 'nothing'],
        ['GET', '/_session', 'nothing'],
        ['GET', '/%5Fall_dbs', 'server admin'],
        ['GET', '/_up%2Fx', 'server admin'],
        ['GET', '/a%2Fb/', 'member'],
        ['PUT', '/a', 'server admin'],
        ['PUT', '/a/d', 'member'],
        ['PUT', '/a/d/file/of/it', 'member'],
        ['PUT', '/a/%5Fsecurity', 'database admin'],
        ['PUT', '/a/_design%2Fx', 'database admin'],
        ['PUT', '/a/_design%2Fx%2F_update%2Ff', 'database admin'],
        ['PUT', '/a/_design/x/_update/f/id', 'member'],
        ['GET', '/a/_design/x/constructor', 'member'],
        ['DELETE', '/a/_design/x/_view/y', 'server admin'],
        ['GET', '/a/__proto__', 'server admin'],
        ['POST', '/a/_index', 'database admin'],
        ['DELETE', '/a/_index/x/json/y', 'database admin'],
        ['GET', '/_users/org.couchdb.user:x?rev=1', 'member'],
        ['GET', '/_users/_all_docs', 'server admin'],
        ['GET', '/_users/org.couchdb.user:x/file', 'server admin'],
        ['PATCH', '/a/d', 'server admin'],
      ] as const)
        assert.equal(need(method, url), expected, `${method} ${url} ${stringify(partsOf(url))}`)
    })
  })

  describe('validation functions', () => {
    const design = (name: string, text: string, more: object = {}) => ({
      ...{ _id: `_design/${name}`, language: 'javascript', validate_doc_update: text },
      ...more,
    })

    it('refuse what they throw for, document by document', async () => {
      const text = `function (newDoc, oldDoc, userCtx) {
        if (userCtx.roles.indexOf('_admin') !== -1) return 'anything'
        if (newDoc.throws === 'Error') throw new Error('broken')
        if (newDoc.throws) throw newDoc.throws
        if (!isArray(newDoc.list || [])) throw({ forbidden: require('lib/words').no })
      }`
      await database('val-throws', FOR_ANN, design('v', text, { lib: { words: 'exports.no = "no list"' } }))
      const kinds: [object, number, string, RegExp][] = [
        [{ forbidden: 'no' }, 403, 'forbidden', /^no$/],
        [{ unauthorized: 'who?' }, 401, 'unauthorized', /^who\?$/],
        [{ unavailable: 'later' }, 500, 'unknown_error', /^later$/],
        ['Error' as unknown as object, 500, 'unknown_error', /broken/],
        [['odd'], 500, 'unknown_error', /odd/],
        [{ forbidden: 'a', more: 'b' }, 500, 'unknown_error', /more/],
      ]
      for (const [throws, status, error, reason] of kinds) {
        const answer = await ann.put('/val-throws/d', { throws })
        assert.deepEqual([answer.status, answer.body.error], [status, error], JSON.stringify(throws))
        assert.match(answer.body.reason, reason)
      }
      assert.deepEqual(refusal(await ann.put('/val-throws/d', { list: 1 })), [403, 'forbidden', 'no list'])
      assert.equal(await statusOf(admin.get('/val-throws/d')), 404)
      assert.equal(await statusOf(admin.put('/val-throws/by-admin', { throws: { forbidden: 'no' } })), 201)

      const docs = ['a', 'b', 'c', 'd'].map((_id, at) => ({
        _id,
        ...(at % 2 === 0 ? {} : { throws: { forbidden: `no ${_id}` } }),
      }))
      const bulk = await ann.post('/val-throws/_bulk_docs', { docs })
      assert.equal(bulk.status, 201)
      assert.deepEqual(
        bulk.body.map(({ id, ok, error, reason }: any) => [id, ok ?? error, reason]),
        [
          ['a', true, undefined],
          ['b', 'forbidden', 'no b'],
          ['c', true, undefined],
          ['d', 'forbidden', 'no d'],
        ],
      )
      const revs = docs.map((doc) => ({ ...doc, _id: `r-${doc._id}`, _rev: `1-${'a'.repeat(32)}` }))
      const replicated = await ann.post('/val-throws/_bulk_docs', { docs: revs, new_edits: false })
      assert.deepEqual(
        replicated.body,
        ['b', 'd'].map((id) => ({
          ...{ id: `r-${id}`, rev: `1-${'a'.repeat(32)}` },
          ...{ error: 'forbidden', reason: `no ${id}` },
        })),
      )
      const { rows } = (await ann.get('/val-throws/_all_docs?startkey="a"&endkey="z"')).body
      assert.deepEqual(
        rows.map((row: any) => row.id),
        ['a', 'by-admin', 'c', 'r-a', 'r-c'],
      )
    })

    it('are asked of admins and of every way to write', async () => {
      const text =
        "function (doc) { if (doc.bad || (doc._attachments || {}).bad) throw { forbidden: 'bad' } }"
      const updates = { u: "function (doc, req) { return [{ _id: 'by-update', bad: true }, 'done'] }" }
      await database('val-ways', FOR_ANN, design('v', text, { updates }), { _id: 'there' })
      const { _rev: rev } = (await admin.get('/val-ways/there')).body
      for (const visitor of [admin, ann]) {
        const bad = [403, 'forbidden', 'bad']
        assert.deepEqual(refusal(await visitor.put('/val-ways/d', { bad: true })), bad)
        assert.deepEqual(refusal(await visitor.post('/val-ways', { bad: true })), bad)
        assert.deepEqual(refusal(await visitor.put(`/val-ways/there/bad?rev=${rev}`, 'text')), bad)
        assert.deepEqual(refusal(await visitor.put('/val-ways/new/bad', 'text')), bad)
        assert.deepEqual(refusal(await visitor.post('/val-ways/_design/v/_update/u')), bad)
      }
      const put = await ann.ask('PUT', `/val-ways/there/f/g.txt?rev=${rev}`, 'text', {
        'content-type': 'text/plain',
      })
      assert.deepEqual([put.status, put.body.id], [201, 'there'])
      assert.equal((await ann.get('/val-ways/there/f/g.txt')).body, 'text')
      assert.equal(await statusOf(ann.put(`/val-ways/there/x?rev=${rev}`, 'text')), 409)
      assert.equal(await statusOf(ann.put('/val-ways/there/x', 'text')), 409)
      assert.equal(await statusOf(ann.delete('/val-ways/there/f/g.txt')), 409)
      const gone = await ann.delete(`/val-ways/there/f/g.txt?rev=${put.body.rev}`)
      assert.equal(gone.status, 200)
      assert.equal(await statusOf(ann.get('/val-ways/there/f/g.txt')), 404)
      assert.equal((await admin.get('/val-ways')).body.doc_count, 2)
    })

    it('see the document, the one before it, the user and the security', async () => {
      const text = `function (newDoc, oldDoc, userCtx, secObj) {
        if (newDoc.tell) throw({ forbidden: toJSON([newDoc, oldDoc, userCtx, secObj, this._id]) })
      }`
      await database('val-sees', FOR_ANN, design('v', text))
      const told = ({ body }: Answer) => JSON.parse([body].flat()[0].reason)
      const userCtx = { db: 'val-sees', name: 'ann', roles: ['role-ann'] }
      assert.deepEqual(told(await ann.put('/val-sees/d', { tell: 1 })), [
        { _id: 'd', tell: 1 },
        null,
        userCtx,
        FOR_ANN,
        '_design/v',
      ])
      const data = Buffer.from('some bytes').toString('base64')
      const first = (
        await ann.put('/val-sees/d', { n: 1, _attachments: { f: { content_type: 'text/plain', data } } })
      ).body.rev
      const digest = `md5-${createHash('md5').update('some bytes').digest('base64')}`
      const stub = { content_type: 'text/plain', digest, length: 10, stub: true }
      const history = { _rev: first, _revisions: { start: 1, ids: [first.slice(2)] } }
      const [newDoc, oldDoc] = told(
        await ann.put('/val-sees/d', {
          ...{ _rev: first, tell: 1 },
          _attachments: { f: { stub: true }, g: { content_type: 'text/plain', data } },
        }),
      )
      const f = { ...stub, revpos: 1 }
      assert.deepEqual(newDoc, {
        ...{ _id: 'd', tell: 1, ...history },
        _attachments: { f, g: { ...stub, revpos: 2 } },
      })
      assert.deepEqual(oldDoc, { _id: 'd', n: 1, ...history, _attachments: { f } })
      const direct = told(await ann.put('/val-sees/e', { tell: 1, _deleted: true }))
      assert.deepEqual(direct[0], { _id: 'e', tell: 1, _deleted: true })

      const gone = (await ann.delete(`/val-sees/d?rev=${first}`)).body.rev
      assert.equal(told(await ann.put('/val-sees/d', { tell: 1 }))[1], null)
      assert.equal(told(await ann.put('/val-sees/d', { _rev: gone, tell: 1 }))[1]._deleted, true)
      assert.equal(await statusOf(ann.put('/val-sees/d', { _rev: first, tell: 1 })), 409)
      assert.equal(await statusOf(ann.put('/val-sees/none', { _rev: first, tell: 1 })), 409)

      // A replicated one: what is there of its history, and nothing where it is there itself.
      const ids = ['c', 'b'].map((letter) => letter.repeat(32))
      const replicated = (start: number, history: string[]) => ({
        ...{ _id: 'd', tell: 1, _rev: `${start}-${history[0]}` },
        _revisions: { start, ids: history },
      })
      const push = (doc: object) => ann.post('/val-sees/_bulk_docs', { docs: [doc], new_edits: false })
      const pushed = told(await push(replicated(3, [...ids, first.slice(2)])))
      assert.deepEqual([pushed[0]._revisions.ids.length, pushed[1]._rev], [3, first])
      assert.equal(told(await push(replicated(2, ids)))[1], null)
      assert.deepEqual((await push(replicated(1, [first.slice(2)]))).body, [])
    })

    it('are those of the moment, and never a way around', async () => {
      await database('val-now', FOR_ANN, design('v', "function () { throw { forbidden: 'one' } }"))
      assert.equal((await ann.put('/val-now/d', {})).body.reason, 'one')
      await admin.edit('/val-now/_design/v', {
        validate_doc_update: "function () { throw { forbidden: 'two' } }",
      })
      assert.equal((await ann.put('/val-now/d', {})).body.reason, 'two')
      for (const [text, status, error] of [
        ['(', 500, 'compilation_error'],
        ['1', 500, 'compilation_error'],
        ['function () { for (;;); }', 500, 'unknown_error'],
      ] as const) {
        await admin.edit('/val-now/_design/v', { validate_doc_update: text })
        const answer = await ann.put('/val-now/d', {})
        assert.deepEqual([answer.status, answer.body.error], [status, error], text)
      }
      await admin.edit('/val-now/_design/v', { validate_doc_update: undefined })
      assert.equal(await statusOf(ann.put('/val-now/d', {})), 201)
      const { _rev } = (await admin.get('/val-now/_design/v')).body
      await admin.put('/val-now/_design/v', {
        ...design('v', "function () { throw { forbidden: 'three' } }"),
        _rev,
      })
      assert.equal((await ann.put('/val-now/e', {})).body.reason, 'three')
      assert.equal(await statusOf(ann.put('/val-now/_local/x', {})), 201)
      await admin.delete(`/val-now/_design/v?rev=${(await admin.get('/val-now/_design/v')).body._rev}`)
      assert.equal(await statusOf(ann.put('/val-now/e', {})), 201)
    })
  })

  describe('replications', () => {
    const end = (db: string, { headers }: User) => ({ url: `${server.url}/${db}`, headers })
    const replicate = (source: object, target: object, more: object = {}) =>
      admin.post('/_replicate', { source, target, ...more })

    it('do what their users may', async () => {
      const text =
        "function (doc, old, userCtx) { if (doc.by !== userCtx.name) throw { forbidden: 'not yours' } }"
      await database(
        'rep-source',
        FOR_ANN,
        { _id: '_design/x', views: {} },
        ...['ann', 'tom', 'admin'].map((by) => ({ _id: by, by })),
      )
      await database('rep-target', FOR_ANN)
      await admin.put('/rep-target/_design/v', { validate_doc_update: text })
      const [row] = (await replicate(end('rep-source', ann), end('rep-target', ann))).body.history
      assert.deepEqual([row.docs_read, row.docs_written, row.doc_write_failures], [4, 1, 3])
      const { rows } = (await admin.get('/rep-target/_all_docs')).body
      assert.deepEqual(
        rows.map(({ id }: { id: string }) => id),
        ['_design/v', 'ann'],
      )
      await database('rep-other', null)
      for (const [source, target, more] of [
        [end('rep-source', tom), end('rep-target', admin), {}],
        [end('rep-source', ann), end('rep-target', nobody), {}],
        [end('rep-source', ann), end('rep-other', ann), {}],
        [end('rep-source', as('ann', 'wrong')), end('rep-target', ann), {}],
        [end('rep-source', ann), end('_users', ann), {}],
        [end('_users', ann), end('rep-target', ann), {}],
        [end('rep-source', ann), end('rep-made', ann), { create_target: true }],
      ] as const) {
        const answer = await replicate(source, target, more)
        assert.deepEqual(
          [answer.status, answer.body.error],
          [500, 'replication_auth_error'],
          JSON.stringify([source.url, target.url]),
        )
      }
      assert.equal(await statusOf(admin.get('/rep-made')), 404)
    })

    it('bring no password in clear into _users', async () => {
      const doc = { _id: 'org.couchdb.user:brought', ...account('brought') }
      await database('rep-users', null, doc, { _id: 'else' })
      const [row] = (await replicate(end('rep-users', admin), end('_users', admin))).body.history
      assert.deepEqual([row.docs_written, row.doc_write_failures], [1, 1])
      const { body } = await admin.get(accountPath('brought'))
      assert.deepEqual([body.password, body.password_scheme], [undefined, 'pbkdf2'])
      assert.equal(await statusOf(as('brought').get('/_session')), 200)
    })

    it('are PouchDB’s, too, as a user', async () => {
      const text = "function (doc) { if (doc.bad) throw { forbidden: 'bad' } }"
      await database('rep-pouch', FOR_ANN, { _id: '_design/v', validate_doc_update: text }, { _id: 'there' })
      const Pouch = loadPouch()
      const open = (name: string, password = `pass of ${name}`) =>
        new Pouch(`${server.url}/rep-pouch`, {
          adapter: 'http',
          skip_setup: true,
          auth: { username: name, password },
        })
      const local = new Pouch('embedded-users-device', { adapter: 'memory' })
      try {
        await local.put({ _id: 'good', _attachments: { f: { content_type: 'text/plain', data: 'aGk=' } } })
        await local.put({ _id: 'bad', bad: true })
        const denied: any[] = []
        const sync = local.sync(open('ann'), {})
        sync.on('denied', (fault) => denied.push(fault))
        await new Promise<void>((resolve, reject) => sync.then(resolve, reject))
        assert.deepEqual(
          (await local.allDocs({})).rows.map(({ id }) => id),
          ['_design/v', 'bad', 'good', 'there'],
        )
        assert.equal((await ann.get('/rep-pouch/good/f')).body, 'hi')
        assert.equal(await statusOf(ann.get('/rep-pouch/bad')), 404)
        assert.deepEqual(
          denied.map(({ doc }) => [doc.id, doc.name]),
          [['bad', 'forbidden']],
        )
        const refused = local.sync(open('tom'), {})
        await assert.rejects(new Promise<void>((resolve, reject) => refused.then(resolve, reject)))
      } finally {
        await local.destroy()
      }
    })
  })

  describe('pages', () => {
    const origin = (from: string) => ({ origin: from })
    const allowed = ({ headers }: Answer) => headers.get('access-control-allow-origin')

    it('of this machine reach it with credentials, and others do not', async () => {
      for (const from of [
        'http://localhost:3000',
        'http://127.0.0.1',
        'https://localhost:8443',
        'http://[::1]:5173',
      ]) {
        const answer = await nobody.ask('GET', '/', undefined, origin(from))
        assert.equal(allowed(answer), from)
        assert.equal(answer.headers.get('access-control-allow-credentials'), 'true')
        assert.match(answer.headers.get('access-control-expose-headers') ?? '', /etag/)
        assert.equal(answer.headers.get('vary'), 'Origin')
      }
      for (const from of [
        'http://example.org',
        'http://localhost.example.org',
        'http://localhost:3000.x',
        'null',
      ])
        assert.equal(allowed(await nobody.ask('GET', '/', undefined, origin(from))), null)
      assert.equal(allowed(await nobody.get('/')), null)
    })

    it('read refusals, and ask before they write', async () => {
      const from = 'http://localhost:3000'
      const refused = await nobody.ask('GET', '/_all_dbs', undefined, origin(from))
      assert.deepEqual([refused.status, allowed(refused)], [401, from])
      const wanted = ['authorization', 'content-type', 'if-none-match']
      const preflight = (page: string) =>
        nobody.ask('OPTIONS', '/sec-new/d', undefined, {
          ...origin(page),
          'access-control-request-method': 'PUT',
          'access-control-request-headers': wanted.join(),
        })
      const answer = await preflight(from)
      assert.deepEqual([answer.status, allowed(answer)], [204, from])
      for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'])
        assert(answer.headers.get('access-control-allow-methods')?.includes(method))
      const headers = answer.headers.get('access-control-allow-headers')?.split(', ') ?? []
      assert(wanted.every((header) => headers.includes(header)))
      const other = await preflight('http://example.org')
      assert.deepEqual([other.status >= 400, allowed(other)], [true, null])
    })

    it('are not interrupted by the browser’s own question for a password, as a typed address is', async () => {
      const asked = async (accept: string) =>
        (await nobody.ask('GET', '/_all_dbs', undefined, { accept })).headers.get('www-authenticate')
      assert.equal(await asked('application/json'), null)
      assert.equal(await asked('*/*'), null)
      assert.match((await asked('text/html,*/*;q=0.8')) ?? '', /^Basic/)
    })
  })
})
