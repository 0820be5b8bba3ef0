// Routes of the embedded server where nobody but CouchDB says what is right: each case runs against both.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import type { Space } from '../../support/space.ts'
import { onEachServer, type Suite } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

interface Said {
  status: number | undefined
  headers: NodeJS.Dict<string | string[]>
  bytes: Buffer
}

/** An admin, in a database of its own. Not by `fetch`, which adds headers, and unpacks what it gets. */
class Admin {
  readonly #space: Space

  constructor(space: Space) {
    this.#space = space
  }

  /** @param to what stands after the database in the address */
  async ask(
    method: string,
    to: string,
    body?: object | string,
    more: Record<string, string> = {},
  ): Promise<Said> {
    const { url, user, pass } = this.#space.server
    const at = `${url}/${encodeURIComponent(`${this.#space.prefix}routes`)}${to}`
    const data =
      body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
    const headers = {
      authorization: basic(user, pass),
      ...(data === undefined
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(data) }),
      ...more,
    }
    const sent = httpRequest(at, { method, headers })
    sent.end(data)
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const parts: Buffer[] = []
    for await (const part of response) parts.push(part as Buffer)
    return { status: response.statusCode, headers: response.headers, bytes: Buffer.concat(parts) }
  }

  /** Writes, and returns the revision. */
  async put(to: string, body: object, headers: Record<string, string> = {}): Promise<string> {
    const said = await this.ask('PUT', to, body, headers)
    assert.equal(said.status, 201, said.bytes.toString())
    return String(json(said)['rev'])
  }
}

const json = ({ bytes }: Said): Record<string, unknown> =>
  JSON.parse(bytes.toString()) as Record<string, unknown>

const refusal = (said: Said): unknown[] => [said.status, json(said)['error'], json(said)['reason']]

const BINARY = { 'content-type': 'application/octet-stream' }
const TEXT = { 'content-type': 'text/plain' }
const MISSING = [404, 'not_found', 'missing']

onEachServer(
  'routes',
  (suite) => {
    const asAdmin = (title: string, test: (admin: Admin, kind: Suite['kind']) => Promise<void>): void =>
      suite.it(title, async (space) => {
        const admin = new Admin(space)
        assert.equal((await admin.ask('PUT', '')).status, 201)
        try {
          await test(admin, suite.kind)
        } finally {
          await admin.ask('DELETE', '')
        }
      })

    asAdmin('of attachments give their bytes, with what caches need', async (admin) => {
      const bytes = randomBytes(1000)
      let rev = await admin.put('/d/a/b%20c', bytes, { ...BINARY })
      rev = await admin.put(`/d/text?rev=${rev}`, Buffer.from('some text'), TEXT)
      rev = await admin.put(`/d/none?rev=${rev}`, Buffer.alloc(0), BINARY)
      const stubs = json(await admin.ask('GET', '/d'))['_attachments'] as Record<string, { digest: string }>
      const etagOf = (name: string): string => `"${stubs[name]?.digest.replace('md5-', '')}"`
      for (const [to, name, type, content, ranges] of [
        ['/d/a/b%20c', 'a/b c', 'application/octet-stream', bytes, 'bytes'],
        ['/d/a%2Fb%20c', 'a/b c', 'application/octet-stream', bytes, 'bytes'],
        ['/d/text', 'text', 'text/plain', Buffer.from('some text'), 'none'],
        [`/d/text?rev=${rev}`, 'text', 'text/plain', Buffer.from('some text'), 'none'],
        ['/d/none', 'none', 'application/octet-stream', Buffer.alloc(0), 'bytes'],
      ] as const)
        for (const method of ['GET', 'HEAD']) {
          const said = await admin.ask(method, to)
          assert.deepEqual(
            [said.status, said.headers['content-type'], said.headers['content-length'], said.headers.etag],
            [200, type, String(content.length), etagOf(name)],
          )
          assert.equal(said.headers['accept-ranges'], ranges)
          assert.equal(said.headers['cache-control'], 'must-revalidate')
          assert.deepEqual(said.bytes, method === 'GET' ? content : Buffer.alloc(0))
        }
      const etag = etagOf('a/b c')
      for (const [known, status] of [
        [etag, 304],
        [`"x", ${etag}`, 304],
        ['"x"', 200],
        ['*', 200],
      ] as const) {
        const said = await admin.ask('GET', '/d/a/b%20c', undefined, { 'if-none-match': known })
        assert.deepEqual(
          [said.status, said.headers.etag, said.bytes.length],
          [status, etag, status === 200 ? 1000 : 0],
        )
      }
    })

    asAdmin('of attachments give a part where one is asked for', async (admin) => {
      const text = '0123456789abcdefghijklmnopqrstuvwxyz'
      await admin.put('/d/bin', Buffer.from(text), BINARY)
      await admin.put('/e/text', Buffer.from(text), TEXT)
      const read = (range: string, to = '/d/bin') => admin.ask('GET', to, undefined, { range })
      for (const [range, part, said] of [
        ['bytes=0-4', '01234', '0-4'],
        ['bytes=5-', text.slice(5), '5-35'],
        ['bytes=-3', 'xyz', '33-35'],
        ['bytes=30-100', 'uvwxyz', '30-35'],
        ['bytes=35-35', 'z', '35-35'],
      ] as const) {
        const { status, headers, bytes } = await read(range)
        assert.deepEqual(
          [status, bytes.toString(), headers['content-range']],
          [206, part, `bytes ${said}/36`],
          range,
        )
        assert.equal(headers['content-length'], String(part.length))
      }
      for (const range of ['bytes=40-50', 'bytes=5-2', 'bytes=36-', 'bytes=-0'])
        assert.deepEqual(refusal(await read(range)), [
          416,
          'requested_range_not_satisfiable',
          'Requested range not satisfiable',
        ])
      for (const [range, to] of [
        ['items=0-3', '/d/bin'],
        ['bytes=x', '/d/bin'],
        ['bytes=0-4', '/e/text'],
      ] as const) {
        const { status, bytes } = await read(range, to)
        assert.deepEqual([status, bytes.toString()], [200, text])
      }
    })

    asAdmin('of attachments say what is missing', async (admin) => {
      const rev = await admin.put('/d/f', Buffer.from('x'), BINARY)
      await admin.put('/gone', {})
      const [gone] = [json(await admin.ask('GET', '/gone'))['_rev'] as string]
      await admin.ask('DELETE', `/gone?rev=${gone}`)
      const absent = [404, 'not_found', 'Document is missing attachment']
      for (const [method, to, expected] of [
        ['GET', '/d/none', absent],
        ['GET', '/d/_none', absent],
        ['GET', '/d/constructor', absent],
        ['DELETE', `/d/none?rev=${rev}`, absent],
        ['GET', '/none/f', MISSING],
        ['GET', '/_none/f', MISSING],
        ['GET', '/gone/f', [404, 'not_found', 'deleted']],
        ['GET', '/d/f?rev=9-00000000000000000000000000000000', MISSING],
        ['GET', '/d/f?rev=x', [400, 'bad_request', 'Invalid rev format']],
        ['GET', '/_local/x/f', [400, 'bad_request', '_local documents do not accept attachments.']],
        ['PUT', '/_local/x/f', [400, 'bad_request', '_local documents do not accept attachments.']],
        ['DELETE', '/d/f', [409, 'conflict', 'Document update conflict.']],
        ['PUT', '/d/f', [409, 'conflict', 'Document update conflict.']],
      ] as const)
        assert.deepEqual(
          refusal(await admin.ask(method, to, method === 'PUT' ? 'x' : undefined)),
          expected,
          to,
        )
      assert.equal((await admin.ask('GET', '/d/f')).bytes.toString(), 'x')
    })

    asAdmin(
      'of documents give attachments as parts to who asks for them, and take them back',
      async (admin) => {
        const bytes = randomBytes(1000)
        const attachments = {
          bin: { content_type: 'application/octet-stream', data: bytes.toString('base64') },
          more: { content_type: 'application/octet-stream', data: 'c29tZSBieXRlcw==' },
        }
        const rev = await admin.put('/d', { n: 1, _attachments: attachments })
        await admin.put('/plain', { n: 1 })
        const related = { accept: 'multipart/related, application/json;q=0.5' }
        const flow = await admin.ask('GET', `/d?attachments=true&revs=true&rev=${rev}`, undefined, related)
        const type = String(flow.headers['content-type'])
        assert.match(type, /^multipart\/related; boundary="[^"]+"$/)
        assert.deepEqual([flow.status, flow.headers.etag], [200, `"${rev}"`])
        assert.ok(flow.bytes.includes(bytes), 'Expected the bytes as they are')
        const as = { 'content-type': type }
        assert.equal((await admin.ask('PUT', '/e?new_edits=false', flow.bytes, as)).status, 201)
        const copy = json(
          await admin.ask('GET', '/e?attachments=true', undefined, { accept: 'application/json' }),
        )
        assert.deepEqual([copy['n'], copy['_rev']], [1, rev])
        const copied = copy['_attachments'] as typeof attachments
        assert.deepEqual([copied.bin.data, copied.more.data], [attachments.bin.data, attachments.more.data])
        for (const to of ['/d', '/plain?attachments=true', '/d?open_revs=all&attachments=true']) {
          const { headers } = await admin.ask('GET', to, undefined, { accept: 'multipart/related' })
          assert.equal(headers['content-type'], 'application/json', to)
        }
        const stub = { content_type: 'text/plain', length: 3, follows: true }
        const body = (doc: string, ...parts: string[]): string =>
          [`--b\r\ncontent-type: application/json\r\n\r\n${doc}`, ...parts, '--b--'].join('\r\n')
        const doc = JSON.stringify({ _attachments: { f: stub } })
        const put = (to: string, text: string) =>
          admin.ask('PUT', to, text, { 'content-type': 'multipart/related; boundary=b' })
        assert.equal((await put('/f', body(doc, '--b\r\n\r\nabc'))).status, 201)
        assert.equal((await admin.ask('GET', '/f/f')).bytes.toString(), 'abc')
        assert.deepEqual(refusal(await put('/g', body(doc))), [
          400,
          'bad_request',
          'attachment shorter than expected',
        ])
        assert.deepEqual(refusal(await put('/g', body('{"a":'))), [400, 'bad_request', 'invalid UTF-8 JSON'])
        assert.deepEqual(refusal(await admin.ask('GET', '/g')), MISSING)
      },
    )

    asAdmin('of documents give the latest of revisions, also where one is not there', async (admin) => {
      const first = await admin.put('/d', { n: 1 })
      const second = await admin.put('/d', { _rev: first, n: 2 })
      const none = '1-00000000000000000000000000000000'
      const as = { accept: 'application/json' }
      const latest = json(await admin.ask('GET', `/d?rev=${first}&latest=true`))
      assert.deepEqual([latest['_rev'], latest['n']], [second, 2])
      const leaves = async (id: string, ...revs: string[]): Promise<unknown[]> => {
        const asked = encodeURIComponent(JSON.stringify(revs))
        const said = await admin.ask('GET', `/${id}?latest=true&open_revs=${asked}`, undefined, as)
        return (json(said) as unknown as { ok?: { _rev: string }; missing?: string }[]).map(
          ({ ok, missing }) => ok?._rev ?? { missing },
        )
      }
      assert.deepEqual(await leaves('d', first, none), [second, { missing: none }])
      assert.deepEqual(await leaves('d', none), [{ missing: none }])
      assert.deepEqual(await leaves('none', none), [{ missing: none }])
      assert.deepEqual(refusal(await admin.ask('GET', `/none?rev=${none}&latest=true`)), MISSING)
      assert.equal(json(await admin.ask('GET', '/d'))['n'], 2)
    })

    asAdmin('of many documents list those that are asked for by their ids', async (admin) => {
      const rev = await admin.put('/a', { n: 1 })
      const gone = await admin.put('/b', {})
      await admin.ask('DELETE', `/b?rev=${gone}`)
      const leaves = ['1-a', '1-b'].map((_rev) => ({ _id: 'c', _rev }))
      await admin.ask('POST', '/_bulk_docs', { new_edits: false, docs: leaves })
      const list = async (query: string, keys: string[]): Promise<unknown[]> =>
        json(await admin.ask('POST', `/_all_docs?${query}`, { keys }))['rows'] as unknown[]
      const a = { id: 'a', key: 'a', value: { rev } }
      const absent = (key: string) => ({ key, error: 'not_found' })
      const [first, second, b, ...rest] = await list('', ['a', 'none', 'b', 'a'])
      assert.deepEqual([first, second, ...rest], [a, absent('none'), a])
      const { value } = b as { value: { rev: string; deleted: boolean } }
      assert.match(value.rev, /^2-/)
      assert.equal(value.deleted, true)
      const docs = await list('include_docs=true&conflicts=true', ['c', 'none', 'b', 'a'])
      assert.deepEqual(
        docs.map((row) => (row as { doc?: unknown }).doc),
        [{ _id: 'c', _rev: '1-b', _conflicts: ['1-a'] }, undefined, null, { _id: 'a', _rev: rev, n: 1 }],
      )
      assert.deepEqual(await list('skip=1&limit=2', ['a', 'a', 'none', 'a']), [a, absent('none')])
      assert.deepEqual(await list('limit=0', ['a']), [])
    })

    asAdmin('of documents copy them', async (admin) => {
      const inline = { f: { content_type: 'application/octet-stream', data: 'c29tZSBieXRlcw==' } }
      await admin.put('/a', { n: 1, _attachments: inline })
      const copy = (from: string, destination?: string) =>
        admin.ask('COPY', from, undefined, destination === undefined ? {} : { destination })
      const first = await copy('/a', 'b%2Fc')
      assert.deepEqual([first.status, json(first)['id'], json(first)['ok']], [201, 'b/c', true])
      assert.equal((await admin.ask('GET', '/b%2Fc/f')).bytes.toString(), 'some bytes')
      assert.equal(json(await admin.ask('GET', '/b%2Fc'))['n'], 1)
      const again = await copy('/a', `b%2Fc?rev=${String(json(first)['rev'])}`)
      assert.match(String(json(again)['rev']), /^2-/)
      for (const [from, destination, expected] of [
        ['/a', undefined, [400, 'bad_request', 'Destination header is mandatory for COPY.']],
        ['/a', 'http://x/b', [400, 'bad_request', 'Destination URL must be relative.']],
        ['/a', 'b%2Fc', [409, 'conflict', 'Document update conflict.']],
        ['/a', '_x', [400, 'illegal_docid', 'Only reserved document ids may start with underscore.']],
        ['/none', 'x', MISSING],
        ['/a?rev=1-00000000000000000000000000000000', 'x', MISSING],
      ] as const)
        assert.deepEqual(refusal(await copy(from, destination)), expected, `${from} ${destination}`)
    })

    asAdmin('of the database compact it, clean up its views, and describe them', async (admin) => {
      const old = await admin.put('/d', { n: 1 })
      await admin.put('/d', { _rev: old, n: 2 })
      await admin.put('/_design/v', { views: { k: { map: 'function (doc) { emit(doc._id) }' } } })
      for (const [to, status] of [
        ['/_compact', 202],
        ['/_compact/v', 202],
        ['/_compact/none', 404],
        ['/_view_cleanup', 202],
      ] as const) {
        const said = await admin.ask('POST', to, {})
        assert.deepEqual(
          [said.status, status === 202 ? json(said) : null],
          [status, status === 202 ? { ok: true } : null],
          to,
        )
      }
      assert.equal((await admin.ask('GET', '/_design/v/_view/k')).status, 200)
      const info = json(await admin.ask('GET', '/_design/v/_info'))
      assert.equal(info['name'], 'v')
      const index = info['view_index'] as Record<string, unknown>
      assert.deepEqual(Object.keys(index).sort(), [
        ...[
          'collator_versions',
          'compact_running',
          'language',
          'purge_seq',
          'signature',
          'sizes',
          'update_seq',
        ],
        ...['updater_running', 'updates_pending', 'waiting_clients', 'waiting_commit'],
      ])
      assert.deepEqual([index['language'], typeof index['update_seq']], ['javascript', 'number'])
      assert.deepEqual(refusal(await admin.ask('GET', '/_design/none/_info')), MISSING)
      for (const method of ['GET', 'POST'])
        assert.deepEqual(
          refusal(await admin.ask(method, '/_temp_view', method === 'POST' ? {} : undefined)),
          [410, 'gone', 'Temporary views are not supported in CouchDB'],
        )
    })

    asAdmin('say which methods they have, and what is not there', async (admin) => {
      await admin.put('/d', {})
      await admin.put('/_design/v', { views: { k: { map: 'function (doc) { emit(doc._id) }' } } })
      for (const [method, to, allowed] of [
        ['GET', '/_bulk_docs', ['POST']],
        ['GET', '/_find', ['POST']],
        ['PUT', '/_compact', ['POST']],
        ['GET', '/_view_cleanup', ['POST']],
        ['PUT', '/_all_docs', ['GET', 'HEAD', 'POST']],
        ['DELETE', '/_changes', ['GET', 'HEAD', 'POST']],
        ['PUT', '/_design/v/_view/k', ['GET', 'HEAD', 'POST']],
        ['POST', '/d/f', ['DELETE', 'GET', 'HEAD', 'PUT']],
        ['PATCH', '/d/f', ['DELETE', 'GET', 'HEAD', 'PUT']],
      ] as const) {
        const said = await admin.ask(method, to, method === 'GET' || method === 'DELETE' ? undefined : {})
        assert.deepEqual([said.status, json(said)['error']], [405, 'method_not_allowed'], `${method} ${to}`)
        assert.deepEqual(String(said.headers['allow']).split(',').sort(), allowed)
      }
      for (const [method, to, expected] of [
        ['GET', '/_nothing', MISSING],
        ['DELETE', '/_nothing', MISSING],
        ['PUT', '/_nothing', [400, 'illegal_docid', 'Only reserved document ids may start with underscore.']],
        ['GET', '-none', [404, 'not_found', 'Database does not exist.']],
        ['GET', '-none/d/f', [404, 'not_found', 'Database does not exist.']],
        ['POST', '-none/_compact', [404, 'not_found', 'Database does not exist.']],
      ] as const)
        assert.deepEqual(
          refusal(await admin.ask(method, to, method === 'GET' ? undefined : {})),
          expected,
          to,
        )
    })

    asAdmin('take packed bodies, and paths that end with a slash', async (admin) => {
      const packed = { 'content-encoding': 'gzip' }
      assert.equal((await admin.ask('PUT', '/d', gzipSync('{"n":1}'), packed)).status, 201)
      for (const to of ['/d', '/d/']) assert.equal(json(await admin.ask('GET', to))['n'], 1)
      const docs = gzipSync(JSON.stringify({ docs: [{ _id: 'e', n: 2 }] }))
      assert.equal((await admin.ask('POST', '/_bulk_docs', docs, packed)).status, 201)
      assert.equal(json(await admin.ask('GET', '/e'))['n'], 2)
      assert.equal((await admin.ask('GET', '/')).status, 200)
      assert.deepEqual(refusal(await admin.ask('POST', '/_bulk_docs', '{"docs":')), [
        400,
        'bad_request',
        'invalid UTF-8 JSON',
      ])
    })
  },
  { isOfEmbedded: true },
)

onEachServer(
  'routes',
  (suite) => {
    suite.it('of functions that CouchDB calls deprecated are not there', async (space) => {
      const admin = new Admin(space)
      await admin.ask('PUT', '')
      await admin.put('/_design/f', { shows: { s: 'function () { return "x" }' } })
      for (const [to, name] of [
        ['/_design/f/_show/s/d', '_show'],
        ['/_design/f/_show', '_show'],
        ['/_design/f/_list/l/v', '_list'],
        ['/_design/f/_rewrite/x', '_rewrite'],
      ] as const)
        assert.deepEqual(refusal(await admin.ask('GET', to)), [
          501,
          'not_implemented',
          `The embedded server has no /{db}/_design/{ddoc}/${name}.`,
        ])
      await admin.ask('DELETE', '')
    })
  },
  { kinds: ['embedded'] },
)
