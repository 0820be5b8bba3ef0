// What is held back until it is known that this daemon works: every request that writes, and none that reads.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { Readable } from 'node:stream'
import { Couch, type Request } from '../../../src/couch/client.ts'
import { CouchFault, isFault } from '../../../src/couch/fault.ts'

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
})
