// The embedded server, seen from outside: what the client may rely on where CouchDB is not there.
/* eslint-disable @typescript-eslint/no-unsafe-assignment, @typescript-eslint/no-unsafe-member-access, @typescript-eslint/no-unsafe-call, @typescript-eslint/no-unsafe-return, @typescript-eslint/no-unsafe-argument --
   answers are asserted on as they come */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { after, before, describe, it } from 'mocha'
import { decodeName, encodeName, fileOf, nameProblem, parseFile } from '../../../src/embedded/names.ts'
import {
  EmbeddedError,
  type EmbeddedServer,
  inheritedArguments,
  startEmbedded,
} from '../../../src/embedded/server.ts'
import { basic, Visitor, type Answer } from '../../support/visitor.ts'

const admin = { user: 'admin', pass: 'a secret: ü' }
const authorization = basic(admin.user, admin.pass)

type Body = Record<string, unknown>
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const path = (...parts: string[]) => `/${parts.map(encodeURIComponent).join('/')}`

class Client extends Visitor {
  constructor(url: string) {
    super(() => url, { authorization })
  }

  /** Reads a feed's lines as they come. */
  async follow(to: string, init: RequestInit = {}) {
    const abort = new AbortController()
    const response = await fetch(this.url + to, {
      ...init,
      signal: abort.signal,
      headers: { authorization, 'content-type': 'application/json' },
    })
    const lines: string[] = []
    const ended = (async () => {
      let rest = ''
      const decoder = new TextDecoder()
      try {
        for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
          const parts = (rest + decoder.decode(chunk, { stream: true })).split('\n')
          rest = parts.pop() ?? ''
          lines.push(...parts)
        }
      } catch {
        // Aborted.
      }
    })()
    return { status: response.status, lines, ended, stop: () => abort.abort() }
  }

  async waitFor<Found>(what: string, look: () => Promise<Found | undefined | false>): Promise<Found> {
    const limit = Date.now() + 30_000
    for (;;) {
      const found = await look()
      if (found !== undefined && found !== false) return found
      if (Date.now() > limit) throw new Error(`waited in vain for ${what}`)
      await sleep(10)
    }
  }

  state(id: string, state: string): Promise<Body> {
    return this.waitFor(`${id} to be ${state}`, async () => {
      const { body } = (await this.get(path('_replicator', id))) as { body: Body }
      return body['_replication_state'] === state && body
    })
  }

  exists(db: string, id: string): Promise<Body> {
    return this.waitFor(`${id} in ${db}`, async () => {
      const { status, body } = await this.get(path(db, id))
      return status === 200 && (body as Body)
    })
  }
}

describe('embedded server: names', () => {
  it('maps names to files and back, each to its own', () => {
    const names = [
      'a',
      'a/b',
      'a$b',
      'a-b',
      'a_b',
      'a+b',
      'a(b)',
      'user/00ff/$shares',
      '_users',
      'a-mrview-b',
    ]
    assert.equal(new Set(names.map(encodeName)).size, names.length)
    for (const name of names) {
      assert.match(encodeName(name), /^[a-z0-9_.-]+$/)
      assert.equal(decodeName(encodeName(name)), name)
      assert.deepEqual(parseFile(fileOf(name, '12')), { name, startTime: '12' })
    }
    assert.equal(parseFile(`${fileOf('a', '1')}-mrview-00`), null)
    assert.equal(parseFile('.hidden'), null)
  })

  it('refuses what CouchDB refuses', () => {
    for (const name of ['A', '1a', '_foo', '', 'a b', 'a.b', 'ä', 'a%']) {
      assert.equal(nameProblem(name)?.error, 'illegal_database_name', name)
    }
    assert.equal(nameProblem('a'.repeat(300))?.error, 'database_name_too_long')
    for (const name of ['a', 'a/b$', '_users', '_replicator', '_global_changes'])
      assert.equal(nameProblem(name), null)
  })

  it('gives the child the loaders and nothing else', () => {
    const given = ['--import=tsx', '--inspect=0', '-e', 'code', '--test', '--conditions', 'x']
    assert.deepEqual(inheritedArguments(given), ['--import=tsx', '--conditions', 'x'])
  })
})

describe('embedded server: starting', () => {
  it('names the port and EMBEDDED_PORT when the port is taken', async () => {
    const taken = createServer((socket) => void socket.on('error', () => undefined).resume())
    const port = await new Promise<number>((resolve) => {
      taken.listen(0, '127.0.0.1', () => resolve((taken.address() as { port: number }).port))
    })
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    const dataDir = join(folder, 'data')
    await assert.rejects(startEmbedded({ port, dataDir, admin }), (error: unknown) => {
      assert.ok(error instanceof EmbeddedError)
      assert.equal(error.code, 'port_in_use')
      assert.match(error.message, new RegExp(`${port}.*EMBEDDED_PORT`))
      return true
    })
    assert.deepEqual(await readdir(folder), [], 'Expected no folder to be left')
    await mkdir(dataDir)
    await assert.rejects(startEmbedded({ port, dataDir, admin }), { code: 'port_in_use' })
    assert.deepEqual(await readdir(folder), ['data'], 'Expected a folder to stay that was there')
    await rm(folder, { recursive: true })
    await new Promise((resolve) => taken.close(resolve))
  })

  it('points to HOODIE_SERVER where a CouchDB has the port', async () => {
    const answers: [Record<string, string>, string][] = [
      [{}, '{"couchdb":"Welcome","version":"3.5.0","vendor":{"name":"The Apache Software Foundation"}}'],
      [
        { server: 'CouchDB/3.5.0 (Erlang OTP/26)' },
        '{"error":"unauthorized","reason":"Authentication required."}',
      ],
    ]
    for (const [headers, body] of answers) {
      const taken = createHttpServer((_, response) => response.writeHead(200, headers).end(body))
      taken.listen(0, '127.0.0.1')
      await once(taken, 'listening')
      const { port } = taken.address() as { port: number }
      await assert.rejects(startEmbedded({ port, dataDir: null, admin }), (error: EmbeddedError) => {
        assert.equal(error.code, 'port_in_use')
        assert.ok(error.message.includes(`HOODIE_SERVER=http://127.0.0.1:${port},`), error.message)
        return true
      })
      taken.closeAllConnections()
      await new Promise((resolve) => taken.close(resolve))
    }
  })

  it('tells another embedded server from a CouchDB', async () => {
    const first = await startEmbedded({ port: 0, dataDir: null, admin })
    const port = Number(new URL(first.url).port)
    await assert.rejects(startEmbedded({ port, dataDir: null, admin }), {
      code: 'port_in_use',
      message: `Port ${port} is taken by the embedded server of another couch-shares. Stop that one, or set EMBEDDED_PORT to another port, and EMBEDDED_DATA to another folder.`,
    })
    await first.stop()
  })

  it('has its folder alone, and leaves it when it ends', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    const first = await startEmbedded({ port: 0, dataDir: folder, admin })
    await assert.rejects(startEmbedded({ port: 0, dataDir: folder, admin }), (error: EmbeddedError) => {
      assert.equal(error.code, 'data_in_use')
      assert.ok(error.message.includes(folder) && error.message.includes('EMBEDDED_DATA'), error.message)
      return true
    })
    assert.equal((await fetch(first.url)).status, 200)
    await first.stop()
    await (await startEmbedded({ port: 0, dataDir: folder, admin })).stop()
    await rm(folder, { recursive: true })
  })

  it('says which packages are missing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    await cp(new URL('../../../src', import.meta.url), join(folder, 'src'), { recursive: true })
    await writeFile(join(folder, 'package.json'), '{"type":"module"}')
    const copy = (await import(join(folder, 'src', 'embedded', 'server.ts'))) as {
      startEmbedded: typeof startEmbedded
    }
    await assert.rejects(copy.startEmbedded({ port: 0, dataDir: null, admin }), (error: unknown) => {
      const { code, message } = error as EmbeddedError
      assert.equal(code, 'not_installed')
      assert.match(
        message,
        /: pouchdb-core, pouchdb-adapter-memory, pouchdb-mapreduce, pouchdb-find\..*npm install/,
      )
      return true
    })
    await rm(folder, { recursive: true })
  })

  it('fails for a data folder that cannot be', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    await writeFile(join(folder, 'file'), '')
    const dataDir = join(folder, 'file', 'x')
    await assert.rejects(startEmbedded({ port: 0, dataDir, admin }), {
      name: 'EmbeddedError',
      code: 'data_unusable',
      message: `The embedded server cannot keep its data in ${dataDir} (ENOTDIR). Set EMBEDDED_DATA to a folder that can be written to.`,
    })
    // One that is there, and in which nothing can be made.
    for (const none of ['/proc/self', '/proc/nope', '/proc/nope/data'])
      await assert.rejects(startEmbedded({ port: 0, dataDir: none, admin }), { code: 'data_unusable' })
    await rm(folder, { recursive: true })
  })
})

for (const kind of ['memory', 'disk'] as const) {
  describe(`embedded server: ${kind}`, () => {
    let server: EmbeddedServer
    let couch: Client
    let dataDir: string | null = null

    before(async () => {
      if (kind === 'disk') dataDir = await mkdtemp(join(tmpdir(), 'embedded-'))
      server = await startEmbedded({ port: 0, dataDir, admin })
      couch = new Client(server.url)
    })

    after(async () => {
      const begun = Date.now()
      await server.stop()
      assert.ok(Date.now() - begun < 2_000)
      if (dataDir !== null) await rm(dataDir, { recursive: true })
    })

    it('lets nobody but the admin do what is an admin’s', async () => {
      const bare = (to: string, headers = {}) => fetch(server.url + to, { headers })
      for (const to of [
        '/_all_dbs',
        '/_replicator',
        '/_db_updates',
        '/_node/_local/_config',
        '/_active_tasks',
      ]) {
        const response = await bare(to)
        assert.equal(response.status, 401, to)
        assert.equal(((await response.json()) as Body)['error'], 'unauthorized')
      }
      for (const wrong of [basic('admin', 'x'), basic('x', admin.pass), 'Bearer x', 'Basic', 'Basic !!!']) {
        assert.equal((await bare('/_all_dbs', { authorization: wrong })).status, 401, wrong)
      }
      assert.equal((await bare('/', { authorization: basic('admin', 'x') })).status, 401)
      const root = (await (await bare('/')).json()) as { couchdb: string; vendor: Body }
      assert.equal(root.couchdb, 'Welcome')
      assert.deepEqual(root.vendor, { name: 'couch-shares embedded' })
      assert.deepEqual(await (await bare('/_up')).json(), { status: 'ok' })
      assert.equal((await couch.get('/_all_dbs')).status, 200)
    })

    it('creates, lists, describes and drops databases of all names', async () => {
      const names = ['emb-a', 'emb/a', 'emb/b/$shares', 'emb(c)+d_e']
      for (const name of names) {
        assert.equal((await couch.get(path(name))).status, 404)
        assert.equal((await couch.put(`${path(name)}?q=1&n=1`)).status, 201)
        assert.deepEqual((await couch.put(path(name))).body.error, 'file_exists')
        assert.equal((await couch.get(path(name))).body.db_name, name)
      }
      assert.equal((await couch.put(path(names[0] ?? ''))).status, 412)
      assert.deepEqual((await couch.get('/_all_dbs')).body, [...names].sort())
      const range = `startkey=${encodeURIComponent('"emb/"')}&end_key=${encodeURIComponent('"emb/b/$shares"')}`
      assert.deepEqual((await couch.get(`/_all_dbs?${range}`)).body, ['emb/a', 'emb/b/$shares'])
      assert.deepEqual((await couch.get(`/_all_dbs?${range}&limit=1`)).body, ['emb/a'])
      for (const name of ['Emb', '_foo', 'a b']) {
        const refused = await couch.put(path(name))
        assert.equal(refused.status, 400)
        assert.equal(refused.body.error, 'illegal_database_name')
      }
      assert.deepEqual(
        (await couch.post('/_dbs_info', { keys: ['emb/a', 'emb-none'] })).body.map((row: Body) => [
          row['key'],
          (row['info'] as Body | undefined)?.['db_name'],
          row['error'],
        ]),
        [
          ['emb/a', 'emb/a', undefined],
          ['emb-none', undefined, 'not_found'],
        ],
      )
      for (const name of names) assert.equal((await couch.delete(path(name))).status, 200)
      assert.equal((await couch.delete('/emb-a')).status, 404)
      assert.deepEqual((await couch.get('/_all_dbs')).body, [])
      assert.equal((await couch.get('/emb-a/doc')).status, 404)
    })

    it('counts documents that are deleted, however they came', async () => {
      const counts = async (name: string): Promise<unknown[]> => {
        const { doc_count, doc_del_count } = (await couch.get(`/${name}`)).body
        return [doc_count, doc_del_count]
      }
      await couch.put('/emb-counted')
      assert.deepEqual(await counts('emb-counted'), [0, 0])
      const { rev } = (await couch.put('/emb-counted/a', {})).body
      await couch.put('/emb-counted/b', { _attachments: { text: { data: 'aGk=' } } })
      await couch.put('/emb-counted/b', {})
      await couch.put('/emb-counted/_local/l', {})
      await couch.delete(`/emb-counted/a?rev=${rev}`)
      assert.deepEqual(await counts('emb-counted'), [1, 1])
      const docs = [
        { _id: 'c', _rev: '1-abc' },
        { _id: 'd', _rev: '3-abc', _deleted: true },
        { _id: 'd', _rev: '3-abd', _deleted: true },
      ]
      await couch.post('/emb-counted/_bulk_docs', { docs, new_edits: false })
      await couch.post('/emb-counted/_bulk_docs', {
        docs: [{ _id: 'e', _rev: '1-abc' }, { _id: 'c' }, { _id: '_local/m' }],
      })
      assert.deepEqual(await counts('emb-counted'), [2, 2])
      await couch.put('/emb-counted-copy')
      await couch.post('/_replicate', { source: end('emb-counted'), target: end('emb-counted-copy') })
      assert.deepEqual(await counts('emb-counted-copy'), [2, 2])
      await couch.delete('/emb-counted')
      await couch.put('/emb-counted')
      assert.deepEqual(await counts('emb-counted'), [0, 0])
      for (const name of ['emb-counted', 'emb-counted-copy']) await couch.delete(`/${name}`)
    })

    it('tells one creation of a database from the next, which is empty', async () => {
      await couch.put('/emb-again')
      await couch.put('/emb-again/a', {})
      await couch.put('/emb-again/b', {})
      const { rev } = (await couch.put('/emb-again/c', {})).body
      await couch.delete(`/emb-again/c?rev=${rev}`)
      const first = (await couch.get('/emb-again')).body
      assert.equal(typeof first.instance_start_time, 'string')
      assert.equal((await couch.get('/emb-again')).body.instance_start_time, first.instance_start_time)
      assert.deepEqual([first.doc_count, first.doc_del_count], [2, 1])
      const feed = await couch.follow('/emb-again/_changes?feed=continuous&heartbeat=50')
      const seen = (await couch.get('/emb-again/_changes')).body.last_seq
      await couch.delete('/emb-again')
      assert.equal((await couch.put('/emb-again')).status, 201)
      await feed.ended
      const second = (await couch.get('/emb-again')).body
      assert.notEqual(second.instance_start_time, first.instance_start_time)
      assert.notEqual(second.update_seq, first.update_seq)
      assert.equal(second.doc_count, 0)
      assert.deepEqual((await couch.get('/emb-again/_all_docs')).body.rows, [])
      await couch.put('/emb-again/x', {})
      // A sequence of the first one leads nowhere but to the beginning.
      assert.equal((await couch.get(`/emb-again/_changes?since=${seen}`)).body.results.length, 1)
      await couch.delete('/emb-again')
    })

    it('reports databases in _db_updates, however they are written', async () => {
      const since = (await couch.get('/_db_updates?since=now')).body.last_seq
      const feed = await couch.follow('/_db_updates?feed=continuous&since=now&heartbeat=30')
      const events = () => feed.lines.filter(Boolean).map((line) => JSON.parse(line) as Body)
      let count = 0
      const next = async (type: string, act: () => Promise<unknown>) => {
        await act()
        count += 1
        await couch.waitFor(`event ${count} (${type})`, () => Promise.resolve(events().length >= count))
        assert.equal(events().length, count)
        const { db_name, type: seen } = events().at(-1) ?? {}
        assert.deepEqual([db_name, seen], ['emb/updates', type])
      }
      await next('created', () => couch.put('/emb%2Fupdates'))
      await next('updated', () => couch.put('/emb%2Fupdates/a', {}))
      await next('updated', () =>
        couch.post('/emb%2Fupdates/_bulk_docs', { docs: [{ _id: 'b' }, { _id: 'c' }] }),
      )
      await next('updated', () => couch.put('/emb%2Fupdates/att/x', 'text'))
      const updates = { u: 'function (doc, req) { return [{_id: req.id, n: 1}, "done"] }' }
      await next('updated', () => couch.put('/emb%2Fupdates/_design/d', { updates }))
      await next('updated', () => couch.post('/emb%2Fupdates/_design/d/_update/u/e'))
      const { _rev: rev } = (await couch.get('/emb%2Fupdates/a')).body
      await next('updated', () => couch.delete(`/emb%2Fupdates/a?rev=${rev}`))
      // What changes nothing is no event.
      await couch.put('/emb%2Fupdates/b', {})
      await couch.put('/emb%2Fupdates/_local/x', {})
      await next('deleted', () => couch.delete('/emb%2Fupdates'))
      await sleep(80)
      assert.ok(feed.lines.includes(''), 'heartbeats')
      feed.stop()
      await feed.ended

      const { results, last_seq } = (await couch.get(`/_db_updates?since=${since}`)).body
      assert.deepEqual(
        results.map((row: Body) => [row['db_name'], row['type']]),
        [['emb/updates', 'deleted']],
      )
      assert.equal(typeof last_seq, 'string')
      const poll = couch.get(`/_db_updates?feed=longpoll&since=${last_seq}`)
      await sleep(30)
      await couch.put('/emb-polled')
      assert.deepEqual((await poll).body.results[0].db_name, 'emb-polled')
      await couch.delete('/emb-polled')
      const idle = (await couch.get('/_db_updates?feed=longpoll&since=now&timeout=30')).body
      assert.deepEqual(idle.results, [])
      assert.equal((await couch.get('/_db_updates?since=x')).status, 400)
    })

    it('feeds changes', async () => {
      await couch.put('/emb-changes')
      const docs = ['a', 'b', 'c'].map((_id) => ({ _id, kind: _id < 'c' ? 1 : 2 }))
      await couch.post('/emb-changes/_bulk_docs', { docs })
      const ids = (answer: Answer) => answer.body.results.map((row: Body) => row['id'])
      const all = await couch.get('/emb-changes/_changes?include_docs=true')
      assert.deepEqual(ids(all), ['a', 'b', 'c'])
      assert.equal(all.body.results[0].doc.kind, 1)
      assert.equal(all.body.pending, 0)
      assert.equal(all.body.last_seq, (await couch.get('/emb-changes')).body.update_seq)
      const first = await couch.get('/emb-changes/_changes?limit=2')
      assert.deepEqual([ids(first), first.body.pending], [['a', 'b'], 1])
      assert.deepEqual(ids(await couch.get(`/emb-changes/_changes?since=${first.body.last_seq}`)), ['c'])
      assert.deepEqual(ids(await couch.post(`/emb-changes/_changes?since=${first.body.last_seq}`)), ['c'])
      assert.deepEqual(ids(await couch.get('/emb-changes/_changes?since=now')), [])
      assert.deepEqual(
        ids(await couch.post('/emb-changes/_changes?filter=_doc_ids', { doc_ids: ['b', 'z'] })),
        ['b'],
      )
      const selected = await couch.post('/emb-changes/_changes?filter=_selector', { selector: { kind: 1 } })
      assert.deepEqual(ids(selected), ['a', 'b'])

      for (const [to, status] of [
        ['filter=foo', 400],
        ['filter=no/filter', 404],
        ['filter=_view', 400],
        ['filter=_doc_ids', 400],
        ['since=foo', 400],
        ['feed=foo', 400],
        ['limit=foo', 400],
        ['feed=continuous&filter=no/filter', 404],
      ] as const) {
        assert.equal((await couch.get(`/emb-changes/_changes?${to}`)).status, status, to)
      }

      const filters = {
        throws: 'function () { throw new Error("no") }',
        odd: 'function (doc, req) { return doc.kind == req.query.kind }',
        broken: '(',
      }
      await couch.put('/emb-changes/_design/f', { filters })
      assert.deepEqual(ids(await couch.get('/emb-changes/_changes?filter=f/odd&kind=2')), ['c'])
      assert.equal((await couch.get('/emb-changes/_changes?filter=f/throws')).status, 400)
      assert.equal((await couch.get('/emb-changes/_changes?filter=f/broken')).status, 500)
      assert.equal((await couch.get('/emb-changes/_changes?filter=f/none')).status, 404)
      const bad = await couch.post('/emb-changes/_changes?filter=_selector', {
        selector: { kind: { $bad: 1 } },
      })
      assert.equal(bad.status, 400)

      const conflicting = ['2-x', '2-y'].map((_rev) => ({
        _id: 'd',
        _rev,
        _revisions: { start: 2, ids: [_rev.slice(2), 'root'] },
      }))
      await couch.post('/emb-changes/_bulk_docs', { docs: conflicting, new_edits: false })
      const open = (
        await couch.get(
          '/emb-changes/_changes?doc_ids=["d"]&filter=_doc_ids&include_docs=true&conflicts=true&style=all_docs',
        )
      ).body.results[0]
      assert.deepEqual(open.doc._conflicts, ['2-x'])
      assert.deepEqual(open.changes.map(({ rev }: { rev: string }) => rev).sort(), ['2-x', '2-y'])

      const feed = await couch.follow('/emb-changes/_changes?feed=continuous&since=now&heartbeat=20')
      await couch.put('/emb-changes/e', {})
      await couch.waitFor('e', () => Promise.resolve(feed.lines.some((line) => line.includes('"id":"e"'))))
      await couch.waitFor('a heartbeat', () => Promise.resolve(feed.lines.includes('')))
      feed.stop()
      const poll = couch.get('/emb-changes/_changes?feed=longpoll&since=now')
      await sleep(30)
      await couch.put('/emb-changes/f', {})
      assert.deepEqual(ids(await poll), ['f'])
      const timedOut = await couch.follow('/emb-changes/_changes?feed=continuous&since=now&timeout=30')
      await timedOut.ended
      assert.equal(JSON.parse(timedOut.lines.at(-1) ?? '').pending, 0)
      await couch.delete('/emb-changes')
    })

    it('reads and writes documents as CouchDB does', async () => {
      await couch.put('/emb-docs')
      for (const id of [
        'a/b',
        'q?x=1',
        '#',
        'ä',
        'with space',
        '$share/x',
        'a%2Fb',
        '+',
        '_local/l',
        '_design/x',
      ]) {
        const to = id.startsWith('_') ? `/emb-docs/${id}` : path('emb-docs', id)
        const written = await couch.put(to, { at: id })
        assert.deepEqual([written.status, written.body.id], [201, id])
        const { body } = await couch.get(to)
        assert.deepEqual([body._id, body.at, body._rev], [id, id, written.body.rev])
      }
      const one = (await couch.put('/emb-docs/one', { n: 1 })).body.rev
      assert.deepEqual(
        [(await couch.put('/emb-docs/one', { n: 2 })).status, (await couch.delete('/emb-docs/one')).status],
        [409, 409],
      )
      assert.equal((await couch.put('/emb-docs/one', { _rev: '1-0', n: 2 })).body.error, 'conflict')
      const two = (await couch.put(`/emb-docs/one?rev=${one}`, { n: 2 })).body.rev
      assert.equal((await couch.get(`/emb-docs/one?rev=${one}`)).body.n, 1)
      assert.deepEqual((await couch.get('/emb-docs/one?revs=true')).body._revisions, {
        start: 2,
        ids: [two.slice(2), one.slice(2)],
      })
      const deleted = await couch.delete(`/emb-docs/one?rev=${two}`)
      assert.match(deleted.body.rev, /^3-/)
      assert.deepEqual((await couch.get('/emb-docs/one')).body, { error: 'not_found', reason: 'deleted' })
      assert.deepEqual((await couch.get('/emb-docs/none')).body, { error: 'not_found', reason: 'missing' })
      assert.equal((await couch.delete('/emb-docs/none?rev=1-a')).status, 404)
      assert.equal((await couch.put('/emb-docs/_bad', {})).body.error, 'illegal_docid')
      assert.equal((await couch.put('/emb-docs/x', '{')).status, 400)
      assert.equal((await couch.put('/emb-docs/x', [])).status, 400)
      assert.equal((await couch.ask('HEAD', '/emb-docs/%C3%A4')).headers.get('etag')?.slice(0, 3), '"1-')
      assert.match((await couch.post('/emb-docs', { a: 1 })).body.id, /^[0-9a-f]{32}$/)
      const { rev } = (await couch.put('/emb-docs/put', {})).body
      assert.equal((await couch.put('/emb-docs/put', { _rev: rev, _deleted: true })).status, 200)
      await couch.delete('/emb-docs')
    })

    it('writes and reads many documents', async () => {
      await couch.put('/emb-bulk')
      const bulk = await couch.post('/emb-bulk/_bulk_docs', {
        docs: [
          { _id: 'a', n: 1 },
          { _id: 'a' },
          { _id: 'b', _rev: '1-x' },
          { n: 2 },
          { _id: 'gone', _deleted: true },
        ],
      })
      assert.equal(bulk.status, 201)
      assert.deepEqual(
        bulk.body.map((row: Body) => row['ok'] ?? row['error']),
        [true, 'conflict', 'conflict', true, true],
      )
      assert.deepEqual(bulk.body[1], { id: 'a', error: 'conflict', reason: 'Document update conflict.' })
      for (const [body, error] of [
        [{}, 'bad_request'],
        [{ docs: 1 }, 'bad_request'],
        [{ docs: [1] }, 'bad_request'],
        [{ docs: [{ _id: '_x' }] }, 'illegal_docid'],
        [{ docs: [{ _id: 'x', _odd: 1 }] }, 'doc_validation'],
        [{ docs: [{ _id: 'x' }], new_edits: false }, 'bad_request'],
      ] as const) {
        const refused = await couch.post('/emb-bulk/_bulk_docs', body)
        assert.deepEqual([refused.status, refused.body.error], [400, error], JSON.stringify(body))
      }
      const leaves = ['2-x', '2-y'].map((_rev) => ({
        _id: 'c',
        _rev,
        _revisions: { start: 2, ids: [_rev.slice(2), 'root'] },
        _attachments: { t: { content_type: 'text/plain', data: 'aGk=' } },
      }))
      assert.deepEqual(
        (await couch.post('/emb-bulk/_bulk_docs', { docs: leaves, new_edits: false })).body,
        [],
      )
      assert.deepEqual((await couch.get('/emb-bulk/c?conflicts=true')).body._conflicts, ['2-x'])
      assert.equal((await couch.get('/emb-bulk/c?open_revs=all')).body.length, 2)
      const open = (await couch.get('/emb-bulk/c?open_revs=["2-x","9-z"]&revs=true')).body
      assert.deepEqual(open[0].ok._revisions.ids, ['x', 'root'])
      assert.deepEqual(open[1], { missing: '9-z' })
      assert.deepEqual((await couch.get('/emb-bulk/c?rev=2-x')).body._rev, '2-x')

      const got = (
        await couch.post('/emb-bulk/_bulk_get?revs=true&attachments=true', {
          docs: [{ id: 'c', rev: '2-x' }, { id: 'c' }, { id: 'c', rev: '9-z' }, { id: 'none' }],
        })
      ).body.results
      assert.equal(got[0].docs[0].ok._attachments.t.data, 'aGk=')
      assert.equal(got[0].docs[0].ok._revisions.start, 2)
      assert.equal(got[1].docs.length, 2)
      assert.deepEqual(got[2].docs[0].error, { id: 'c', rev: '9-z', error: 'not_found', reason: 'missing' })
      assert.deepEqual(got[3].docs[0].error.rev, 'undefined')

      const rows = (answer: Answer) => answer.body.rows as Body[]
      const keyed = rows(
        await couch.post('/emb-bulk/_all_docs?include_docs=true&conflicts=true', {
          keys: ['c', 'none', 'gone'],
        }),
      )
      assert.deepEqual((keyed[0]?.['doc'] as Body)['_conflicts'], ['2-x'])
      assert.deepEqual(keyed[1], { key: 'none', error: 'not_found' })
      assert.deepEqual([(keyed[2]?.['value'] as Body)['deleted'], keyed[2]?.['doc']], [true, null])
      const ranged = await couch.get('/emb-bulk/_all_docs?startkey="bz"&endkey="c"')
      assert.deepEqual(
        rows(ranged).map((row) => row['id']),
        ['c'],
      )
      const exclusive = await couch.get('/emb-bulk/_all_docs?startkey="bz"&endkey="c"&inclusive_end=false')
      assert.deepEqual(rows(exclusive), [])
      assert.equal(rows(await couch.get('/emb-bulk/_all_docs?limit=1')).length, 1)
      await couch.delete('/emb-bulk')
    })

    it('keeps attachments', async () => {
      await couch.put('/emb-att')
      const data = Buffer.from('some bytes').toString('base64')
      const { rev } = (
        await couch.put('/emb-att/d', { _attachments: { f: { content_type: 'text/plain', data } } })
      ).body
      const stub = (await couch.get('/emb-att/d')).body._attachments.f
      assert.deepEqual([stub.stub, stub.length, stub.content_type], [true, 10, 'text/plain'])
      assert.equal((await couch.get('/emb-att/d?attachments=true')).body._attachments.f.data, data)
      const file = await couch.get('/emb-att/d/f')
      assert.deepEqual(
        [file.body, file.headers.get('content-type')?.split(';')[0]],
        ['some bytes', 'text/plain'],
      )
      const kept = await couch.put('/emb-att/d', { _rev: rev, n: 1, _attachments: { f: { stub: true } } })
      assert.equal(kept.status, 201)
      assert.equal((await couch.get('/emb-att/d/f')).body, 'some bytes')
      assert.equal((await couch.get('/emb-att/d/none')).status, 404)
      assert.equal((await couch.put('/emb-att/e', { _attachments: { f: { stub: true } } })).status, 412)
      assert.equal((await couch.put('/emb-att/e', { _attachments: { f: { data: '%' } } })).status, 400)
      await couch.delete('/emb-att')
    })

    it('runs views, update functions and _security', async () => {
      await couch.put('/emb-views')
      await couch.put('/emb-views/_design/d', {
        views: { k: { map: 'function (doc) { if (doc.k) emit(doc.k, doc._id) }', reduce: '_count' } },
        updates: {
          touch:
            'function (doc, req) { return [{_id: req.id, _rev: doc ? doc._rev : undefined, was: !!doc, sent: JSON.parse(req.body).v}, {json: {ok: true}}] }',
          none: 'function () { return [null, "nothing"] }',
          throws: 'function () { throw({forbidden: "no"}) }',
          odd: 'function () { return 1 }',
        },
      })
      await couch.post('/emb-views/_bulk_docs', { docs: [1, 2, 3].map((k) => ({ _id: `d${k}`, k })) })
      const ids = async (query: string) =>
        (await couch.get(`/emb-views/_design/d/_view/k?reduce=false&${query}`)).body.rows.map(
          (row: Body) => row['id'],
        )
      assert.deepEqual(await ids(''), ['d1', 'd2', 'd3'])
      assert.deepEqual(await ids('key=2'), ['d2'])
      assert.deepEqual(await ids('keys=[3,1]'), ['d3', 'd1'])
      assert.deepEqual(await ids('start_key=2&endkey=3'), ['d2', 'd3'])
      assert.equal((await couch.get('/emb-views/_design/d/_view/k')).body.rows[0].value, 3)
      const posted = await couch.post('/emb-views/_design/d/_view/k?reduce=false&include_docs=true', {
        keys: [2],
      })
      assert.equal(posted.body.rows[0].doc._id, 'd2')
      assert.equal((await couch.get('/emb-views/_design/d/_view/none')).status, 404)
      assert.equal((await couch.get('/emb-views/_design/none/_view/k')).status, 404)

      for (const [method, was] of [
        ['PUT', false],
        ['POST', true],
      ] as const) {
        const touched = await couch.ask(method, '/emb-views/_design/d/_update/touch/share%2Fx%2F1', { v: 7 })
        assert.deepEqual([touched.status, touched.body], [201, { ok: true }])
        const { body } = await couch.get('/emb-views/share%2Fx%2F1')
        assert.deepEqual([body.was, body.sent], [was, 7])
      }
      const nothing = await couch.post('/emb-views/_design/d/_update/none')
      assert.deepEqual([nothing.status, nothing.body], [200, 'nothing'])
      for (const [name, status] of [
        ['throws', 500],
        ['odd', 500],
        ['missing', 404],
      ] as const) {
        assert.equal((await couch.post(`/emb-views/_design/d/_update/${name}/x`, {})).status, status)
      }

      const open = { members: { roles: ['_admin'] }, admins: { roles: ['_admin'] } }
      assert.deepEqual((await couch.get('/emb-views/_security')).body, open)
      for (const security of [{ members: { names: ['a'] }, writers: { names: ['b'] } }, {}]) {
        assert.deepEqual((await couch.put('/emb-views/_security', security)).body, { ok: true })
        assert.deepEqual((await couch.get('/emb-views/_security')).body, security)
      }
      await couch.delete('/emb-views')
    })

    it('finds by a view what is written again at that moment', async () => {
      await couch.put('/emb-moving')
      const map = 'function (doc) { emit(doc.kind) }'
      await couch.put('/emb-moving/_design/d', { views: { kind: { map } } })
      const missed: string[] = []
      for (let round = 0; round < 30; round += 1) {
        const path = `/emb-moving/moving-${round}`
        let { rev } = (await couch.put(path, { kind: round })).body
        // Not in an index yet when it is written again.
        const rewrite = async (): Promise<void> => {
          for (let edit = 0; edit < 5; edit += 1)
            rev = (await couch.put(path, { _rev: rev, kind: round, edit })).body.rev
        }
        const [found] = await Promise.all([
          couch.get(`/emb-moving/_design/d/_view/kind?key=${round}`),
          rewrite(),
        ])
        if (found.body.rows.length !== 1) missed.push(path)
      }
      assert.deepEqual(missed, [])
      await couch.delete('/emb-moving')
    })

    it('keeps no password in _users', async () => {
      await couch.put('/_users')
      await couch.put('/_users/org.couchdb.user:x', { name: 'x', type: 'user', roles: [], password: 'p' })
      const { body } = await couch.get('/_users/org.couchdb.user:x')
      assert.equal(body.password, undefined)
      assert.deepEqual([body.password_scheme, body.derived_key.length], ['pbkdf2', 64])
      await couch.delete('/_users')
    })

    it('says no cleanly to what it does not have, and survives', async () => {
      await couch.put('/emb-no')
      for (const to of ['/_scheduler/jobs', '/_scheduler/docs', '/_node/_local/_config', '/_cluster_setup']) {
        const { status, body } = await couch.get(to)
        assert.deepEqual([status, body.error], [501, 'not_implemented'], to)
      }
      assert.equal((await couch.post('/emb-no/_purge', { a: ['1-a'] })).status, 501)
      assert.equal((await couch.get('/emb-no/_nothing')).status, 404)
      assert.equal((await couch.get('/_nothing/x')).status, 404)
      assert.equal((await couch.post('/emb-no/_nothing', {})).body.error !== undefined, true)
      assert.equal((await couch.get('/emb-no/%zz')).status, 400)
      assert.equal((await couch.post('/emb-no/_find', {})).status, 400)
      assert.equal((await couch.get('/emb-no')).status, 200)
      await couch.delete('/emb-no')
    })

    const end = (db: string, pass = admin.pass) => ({
      url: server.url + path(db),
      headers: { Authorization: basic(admin.user, pass) },
    })
    const selector = { _id: { $gte: 'share/abc/', $lt: 'share/abc0' } }

    it('replicates continuously, only what the selector takes', async () => {
      for (const db of ['_replicator', 'emb/outbox', 'emb/share']) await couch.put(path(db))
      await couch.put(path('emb/outbox', 'share/abc/old'), { n: 1 })
      await couch.put(path('emb/outbox', 'private'), {})
      const id = 'emb/outbox => emb/share'
      const doc = { source: end('emb/outbox'), target: end('emb/share'), continuous: true, selector }
      await couch.put(path('_replicator', id), doc)
      assert.ok((await couch.state(id, 'triggered'))['_replication_state_time'])
      await couch.exists('emb/share', 'share/abc/old')

      const feed = await couch.follow('/_db_updates?feed=continuous&since=now')
      const begun = Date.now()
      const attachments = { f: { content_type: 'text/plain', data: 'aGk=' } }
      const { rev } = (await couch.put(path('emb/outbox', 'share/abc/new'), { _attachments: attachments }))
        .body
      await couch.exists('emb/share', 'share/abc/new')
      assert.ok(Date.now() - begun < 500, `took ${Date.now() - begun} ms`)
      assert.equal((await couch.get(path('emb/share', 'share/abc/new', 'f'))).body, 'hi')
      await couch.waitFor('the event of the target', () =>
        Promise.resolve(feed.lines.some((line) => line.includes('"emb/share"'))),
      )
      feed.stop()
      const gone = (await couch.delete(`${path('emb/outbox', 'share/abc/new')}?rev=${rev}`)).body.rev
      await couch.waitFor('the tombstone', async () => {
        const { body } = await couch.get(`${path('emb/share', 'share/abc/new')}?open_revs=all`)
        return body[0].ok._rev === gone && body[0].ok._deleted === true
      })
      const there = (await couch.get(`${path('emb/share')}/_all_docs`)).body.rows.map(
        (row: Body) => row['id'],
      )
      assert.deepEqual(there, ['share/abc/old'])

      const tasks = async (): Promise<unknown> => (await couch.get('/_active_tasks')).body
      const idle = [{ type: 'replication', doc_id: id, changes_pending: 0 }]
      await couch.waitFor('it to rest', async () => isDeepStrictEqual(await tasks(), idle))
      const docs = Array.from({ length: 50 }, (_, n) => ({ _id: `share/abc/${n}` }))
      await couch.post(`${path('emb/outbox')}/_bulk_docs`, { docs })
      await couch.waitFor('it to rest again', async () => isDeepStrictEqual(await tasks(), idle))
      assert.equal((await couch.get(path('emb/share'))).body.doc_count, 51)

      // Changed, it runs as it says now; deleted, it has stopped when the answer comes.
      const current = (await couch.get(path('_replicator', id))).body
      await couch.put(path('_replicator', id), { ...doc, selector: { _id: 'private' }, _rev: current._rev })
      await couch.exists('emb/share', 'private')
      await couch.put(path('emb/outbox', 'share/abc/later'), {})
      const last = (await couch.state(id, 'triggered'))['_rev'] as string
      assert.equal((await couch.delete(`${path('_replicator', id)}?rev=${last}`)).status, 200)
      await couch.put(path('emb/outbox', 'private2'), {})
      assert.deepEqual(await tasks(), [])
      const before = (await couch.get(path('emb/share'))).body.update_seq
      await sleep(100)
      assert.equal((await couch.get(path('emb/share'))).body.update_seq, before)
      assert.equal((await couch.get(path('emb/share', 'share/abc/later'))).status, 404)
      for (const db of ['_replicator', 'emb/outbox', 'emb/share']) await couch.delete(path(db))
    })

    it('reports what cannot be replicated, creates nothing, and goes on when it can', async () => {
      for (const db of ['_replicator', 'emb-s']) await couch.put(path(db))
      const put = (id: string, doc: Body) => couch.put(path('_replicator', id), { continuous: true, ...doc })
      await put('target', { source: end('emb-s'), target: end('emb-t') })
      await put('source', { source: end('emb-none'), target: end('emb-s') })
      await put('password', { source: end('emb-s', 'wrong'), target: end('emb-s') })
      await put('anonymous', { source: { url: end('emb-s').url }, target: end('emb-s') })
      await put('elsewhere', {
        source: end('emb-s'),
        target: { ...end('emb-s'), url: 'http://example.org/x' },
      })
      await put('odd', { source: 'emb-s', target: 1 })
      await couch.put('/emb-s/_design/f', { filters: { broken: '(' } })
      await put('broken', { source: end('emb-s'), target: end('emb-s'), filter: 'f/broken' })
      await put('filter', { source: end('emb-s'), target: end('emb-s'), filter: 'no/filter' })
      for (const [id, reason] of [
        ['target', /db_not_found.*emb-t/],
        ['source', /db_not_found.*emb-none/],
        ['password', /replication_auth_error/],
        ['anonymous', /replication_auth_error/],
        ['elsewhere', /example\.org/],
        ['odd', /full URLs/],
        ['filter', /not_found/],
        ['broken', /compilation_error/],
      ] as const) {
        assert.match(String((await couch.state(id, 'error'))['_replication_state_reason']), reason)
      }
      assert.deepEqual((await couch.get('/_all_dbs')).body, ['_replicator', 'emb-s'])
      await couch.put('/emb-s/x', {})
      await couch.put('/emb-t')
      assert.equal((await couch.state('target', 'triggered'))['_replication_state_reason'], undefined)
      await couch.exists('emb-t', 'x')
      // Dropped under a running replication, and there again.
      await couch.delete('/emb-t')
      await couch.put('/emb-t')
      await couch.exists('emb-t', 'x')
      await couch.delete('/emb-s')
      await couch.state('target', 'error')
      await couch.delete('/_replicator')
      await couch.delete('/emb-t')
    })

    it('replicates once', async () => {
      for (const db of ['_replicator', 'emb-s', 'emb-t']) await couch.put(path(db))
      await couch.post('/emb-s/_bulk_docs', {
        docs: Array.from({ length: 250 }, (_, n) => ({ _id: `d${n}` })),
      })
      await couch.put('/_replicator/once', { source: end('emb-s'), target: end('emb-t') })
      const stats = (await couch.state('once', 'completed'))['_replication_stats'] as Body
      assert.equal(stats['docs_written'], 250)
      assert.equal((await couch.get('/emb-t')).body.doc_count, 250)
      await couch.delete('/_replicator')

      const once = await couch.post('/_replicate', {
        source: end('emb-s'),
        target: end('emb-u'),
        doc_ids: ['d1'],
        create_target: true,
      })
      assert.deepEqual([once.status, once.body.ok, once.body.history[0].docs_written], [200, true, 1])
      assert.equal((await couch.get('/emb-u')).body.doc_count, 1)
      assert.equal(
        (await couch.post('/_replicate', { source: end('emb-s'), target: end('emb-no') })).status,
        404,
      )
      for (const db of ['emb-s', 'emb-t', 'emb-u']) await couch.delete(path(db))
    })

    it('takes a body of 64 MB, and writes side by side', async () => {
      await couch.put('/emb-big')
      if (kind === 'memory') {
        const docs = Array.from({ length: 64 }, (_, n) => ({ _id: `d${n}`, text: 'x'.repeat(1024 * 1024) }))
        assert.equal((await couch.post('/emb-big/_bulk_docs', { docs })).status, 201)
      }
      const written = await Promise.all(
        Array.from({ length: 50 }, (_, n) => couch.put(`/emb-big/s${n}`, { n })),
      )
      assert.ok(written.every(({ status }) => status === 201))
      const dropped = [
        couch.delete('/emb-big'),
        couch.put('/emb-big/late', {}),
        couch.get('/emb-big/_all_docs'),
      ]
      for (const { status } of await Promise.all(dropped)) assert.ok([200, 201, 404].includes(status))
    })
  })
}

describe('embedded server: its process', () => {
  const source = JSON.stringify(new URL('../../../src/embedded/server.ts', import.meta.url).href)
  const program = `
    const { startEmbedded } = await import(${source})
    const server = await startEmbedded({ port: 0, dataDir: null, admin: { user: 'a', pass: 'b' } })
    process.on('SIGINT', () => console.log('interrupted'))
    console.log(server.url)
    setInterval(() => {}, 1000)`

  it('lives through Ctrl-C as long as its parent does, and dies with it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    const tsx = new URL('../../../node_modules/tsx/dist/esm/index.mjs', import.meta.url).href
    // A process group of its own, as a terminal makes one.
    const parent = spawn(process.execPath, ['--import', tsx, '--input-type=module', '-e', program], {
      cwd: folder,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let errors = ''
    parent.stdout.on('data', (text: Buffer) => (out += String(text)))
    parent.stderr.on('data', (text: Buffer) => (errors += String(text)))
    const until = async (look: () => Promise<boolean> | boolean) => {
      for (const limit = Date.now() + 60_000; Date.now() < limit; await sleep(20)) if (await look()) return
      throw new Error(`waited in vain; ${out}${errors}`)
    }
    await until(() => out.includes('http://'))
    const url = out.trim()
    process.kill(-(parent.pid ?? 0), 'SIGINT')
    await until(() => out.includes('interrupted'))
    await sleep(100)
    assert.equal((await fetch(`${url}/_up`)).status, 200)
    parent.kill('SIGKILL')
    await until(() =>
      fetch(`${url}/_up`).then(
        () => false,
        () => true,
      ),
    )
    assert.equal(errors, '')
    assert.deepEqual(await readdir(folder), [])
    await rm(folder, { recursive: true })
  })
})

describe('embedded server: over restarts', () => {
  it('keeps data, creation times and continuous replications, and re-runs nothing that is finished', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'embedded-'))
    const dataDir = join(folder, 'new', 'data')
    const port = await freePort()
    const start = () => startEmbedded({ port, dataDir, admin })
    let server = await start()
    let couch = new Client(server.url)
    for (const db of ['_replicator', 'emb/$s', 'emb-t', 'emb-gone', 'emb-u']) await couch.put(path(db))
    await couch.put(path('emb/$s', 'a'), { n: 1 })
    const { rev } = (await couch.put(path('emb/$s', 'gone'), {})).body
    await couch.delete(`${path('emb/$s', 'gone')}?rev=${rev}`)
    await couch.put('/emb-t/_security', { writers: { names: ['w'] } })
    const end = (db: string) => ({ url: server.url + path(db), headers: { authorization } })
    await couch.put('/_replicator/live', { source: end('emb/$s'), target: end('emb-t'), continuous: true })
    await couch.put('/_replicator/once', { source: end('emb/$s'), target: end('emb-u') })
    await couch.exists('emb-t', 'a')
    const once = await couch.state('once', 'completed')
    const info = (await couch.get(path('emb/$s'))).body
    assert.equal(info.doc_del_count, 1)
    await couch.delete('/emb-gone')
    const begun = Date.now()
    await server.stop()
    assert.ok(Date.now() - begun < 2_000)
    assert.equal(await server.exited, 0)
    await assert.rejects(fetch(server.url))

    server = await start()
    couch = new Client(server.url)
    assert.deepEqual((await couch.get('/_all_dbs')).body, ['_replicator', 'emb-t', 'emb-u', 'emb/$s'])
    assert.deepEqual((await couch.get(path('emb/$s'))).body, info)
    assert.equal((await couch.get(path('emb/$s', 'a'))).body.n, 1)
    assert.deepEqual((await couch.get('/emb-t/_security')).body, { writers: { names: ['w'] } })
    assert.equal((await couch.get('/_db_updates?since=0')).body.results.length >= 4, true)
    await couch.put(path('emb/$s', 'b'), {})
    await couch.exists('emb-t', 'b')
    assert.equal((await couch.get('/_replicator/once')).body._rev, once['_rev'])
    assert.equal((await couch.get('/emb-u/b')).status, 404)
    await server.stop()
    await server.stop()
    assert.ok((await readdir(dataDir)).every((entry) => !entry.includes('gone')))
    await rm(folder, { recursive: true })
  })
})

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer()
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => resolve(port))
    })
  })
}
