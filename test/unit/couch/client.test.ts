// What is sent, what is held back until it is known that this daemon works, and what is made of answers.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { Couch } from '../../../src/couch/client.ts'
import { CouchFault, isFault } from '../../../src/couch/fault.ts'
import type { Flow, Request } from '../../../src/couch/request.ts'

const READS: Request[] = [
  { path: ['_up'] },
  { path: ['db', '_changes'], query: { feed: 'longpoll' } },
  { path: ['db', '_local/x'] },
  ...['_all_docs', '_bulk_get', '_revs_diff', '_find'].map((name): Request => ({
    method: 'POST',
    path: ['db', name],
    body: {},
  })),
  { method: 'POST', path: ['_dbs_info'], body: {} },
  { method: 'POST', path: ['db', '_design', 'shares', '_view', 'by_owner'], body: {} },
]

const WRITES: Request[] = [
  ...['_bulk_docs', '_purge'].map((name): Request => ({ method: 'POST', path: ['db', name], body: {} })),
  { method: 'POST', path: ['_replicate'], body: {} },
  { method: 'POST', path: ['db', '_design', '_view', '_update', 'x'], body: {} },
  { method: 'PUT', path: ['db', '_design', 'x', '_update', 'y', '_view'], body: {} },
  { method: 'PUT', path: ['db'] },
  { method: 'PUT', path: ['db', '_security'], body: {} },
  { method: 'DELETE', path: ['db'] },
]

describe('couch/client', () => {
  it('asks before whatever writes, and before nothing that reads', async () => {
    const seen: string[] = []
    const server = createServer((request, response) => {
      seen.push(`${request.method} ${request.url?.split('?')[0]}`)
      request.resume().on('end', () => response.end('{}'))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const couch = new Couch({
      ...{ url: `http://127.0.0.1:${port}`, user: 'admin', pass: 'secret' },
      beforeWriting: () => Promise.reject(new CouchFault('stopped', '', 'another daemon works')),
    })
    try {
      for (const request of READS) {
        await couch.request(request)
        await couch.request({ ...request, mostBytes: 1000 })
      }
      assert.equal(seen.length, READS.length * 2)
      const isStopped = (error: unknown): boolean => isFault(error, 'stopped')
      for (const request of WRITES) {
        await assert.rejects(couch.request(request), isStopped, request.path.join('/'))
        await assert.rejects(couch.stream(request), isStopped)
      }
      const upload = couch.upload({
        method: 'PUT',
        path: ['db', 'doc'],
        open: () => ({ body: Readable.from([Buffer.from('x')]), contentType: 'text/plain' }),
      })
      await assert.rejects(upload, isStopped)
      assert.equal(seen.length, READS.length * 2)
    } finally {
      await couch.close()
      server.close()
    }
  })

  it('reads answers behind a proxy that compresses them for whoever does not say how they are wanted', async () => {
    const asked: unknown[] = []
    const server = createServer((request, response) => {
      const encodings = request.headers['accept-encoding']
      asked.push(encodings)
      const isCompressed = encodings === undefined
      if (isCompressed) response.setHeader('content-encoding', 'gzip')
      request.resume().on('end', () => response.end(isCompressed ? gzipSync('{"ok":true}') : '{"ok":true}'))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const couch = new Couch({ url: `http://127.0.0.1:${port}`, user: 'admin', pass: 'secret' })
    try {
      assert.deepEqual(await couch.request({ path: ['db'] }), { ok: true })
      const stream = await couch.stream({ path: ['_db_updates'] })
      assert.equal(Buffer.concat(await stream.toArray()).toString(), '{"ok":true}')
      const open = (): Flow => ({ body: Readable.from([Buffer.from('x')]), contentType: 'text/plain' })
      assert.deepEqual(await couch.upload({ method: 'PUT', path: ['db', 'doc'], open }), { ok: true })
      // Attachments are read as they are stored.
      const { signal } = new AbortController()
      const attachment = await couch.database('db').attachment('doc', 'a', '1-a', { signal })
      await attachment[Symbol.asyncIterator]().return?.()
      assert.deepEqual(asked, ['identity', 'identity', 'identity', 'gzip'])
    } finally {
      await couch.close()
      server.close()
    }
  })

  it('says what came in place of an answer', async () => {
    const long = JSON.stringify({ text: 'x'.repeat(2000) })
    const server = createServer((request, response) => {
      const path = request.url ?? ''
      if (path === '/prefix/broken') {
        response.writeHead(200, { 'content-length': '1000' }).write('{"ok":')
        setTimeout(() => response.destroy(), 20)
      } else if (path === '/prefix/closed') request.socket.destroy()
      else if (path === '/prefix/silent') return
      else if (path === '/prefix/long') response.end(long)
      else if (path === '/prefix/elsewhere')
        response.writeHead(302, { location: 'https://user:pass@example.com/login?next=1' }).end()
      else if (path === '/prefix/html') response.end('<html>')
      else response.writeHead(409).end('{"error":"conflict","reason":"Document update conflict."}')
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const couch = new Couch({ url: `http://127.0.0.1:${port}/prefix`, user: 'admin', pass: 'secret' })
    const faultAt = async (path: string, bounds: Partial<Request> = {}): Promise<unknown[]> => {
      const error = await couch.request({ path: [path], ...bounds }).then(
        () => null,
        (fault: unknown) => fault,
      )
      assert(error instanceof CouchFault, `Expected a fault of ${path}`)
      return [error.code, error.status, error.reason]
    }
    try {
      assert.deepEqual(await faultAt('refused'), ['conflict', 409, 'Document update conflict.'])
      assert.equal((await faultAt('broken'))[0], 'unreachable')
      assert.equal((await faultAt('broken', { mostBytes: 5000 }))[0], 'unreachable')
      assert.equal((await faultAt('closed'))[0], 'unreachable')
      assert.deepEqual(await faultAt('silent', { timeoutMs: 50 }), ['timeout', null, 'no answer in time'])
      assert.deepEqual(await faultAt('long', { mostBytes: 1999 }), [
        'answer_too_large',
        null,
        'more than 1999 bytes',
      ])
      assert.deepEqual(await couch.request({ path: ['long'], mostBytes: long.length }), JSON.parse(long))
      assert.deepEqual(await couch.request({ path: ['long'] }), JSON.parse(long))
      assert.deepEqual(await faultAt('elsewhere'), [
        'unreachable',
        302,
        'redirected to https://example.com/login',
      ])
      assert.deepEqual(await faultAt('html'), ['not_couchdb', null, 'the answer is no JSON'])
      const stopped = faultAt('silent')
      setTimeout(() => void couch.close(), 20)
      assert.deepEqual(await stopped, ['stopped', null, 'stopped'])
    } finally {
      await couch.close()
      server.closeAllConnections()
      server.close()
    }
  })
})
