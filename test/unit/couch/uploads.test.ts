// What is carried from one place to another goes as it comes: little of it is in memory, and nothing stays open when it breaks off.
import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Couch } from '../../../src/couch/client.ts'
import { isFault, type CouchFault } from '../../../src/couch/fault.ts'

const MEGABYTE = 1024 * 1024
const PART = Buffer.alloc(64 * 1024, 'x')
/** More than two sockets take by themselves. */
const LARGE_PARTS = (16 * MEGABYTE) / PART.length
/** What may be on its way through this process at once. */
const MOST_HELD = 256 * 1024
const TYPE = 'application/octet-stream'

type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** A server that gives what is read, `GET /db/doc`, and takes what is written, `PUT /db/doc`; and its client. */
async function between(
  { get = () => undefined, put = takeAll, ...options }: { get?: Answer; put?: Answer; timeoutMs?: number },
  run: (couch: Couch, open: () => { gets: number }) => Promise<void>,
): Promise<void> {
  const gets = new Set<Socket>()
  const answer: RequestListener = (request, response) => {
    if (request.method === 'PUT') put(request, response)
    else if (!request.url?.startsWith('/db/doc')) response.end('{"couchdb":"Welcome"}')
    else {
      gets.add(request.socket)
      request.socket.once('close', () => gets.delete(request.socket))
      get(request, response)
    }
  }
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const couch = new Couch({
    ...{ url: `http://127.0.0.1:${port}`, user: 'admin', pass: 'secret' },
    ...options,
  })
  try {
    await run(couch, () => ({ gets: gets.size }))
  } finally {
    await couch.close()
    server.closeAllConnections()
    server.close()
  }
}

const takeAll: Answer = (request, response) => {
  request.resume().on('end', () => response.end('{"ok":true,"rev":"1-a"}'))
}

/** Hands the document on, as src/couch/bring-leaves.ts does. @returns why it was not written, or null */
async function handOn(couch: Couch): Promise<CouchFault | null> {
  const database = couch.database('db')
  try {
    await database.putFlow('doc', (signal) => database.flow('doc', '1-a', { signal }), { newEdits: false })
    return null
  } catch (error) {
    assert(isFault(error), String(error))
    return error
  }
}

/** How many bytes at most were pulled from a body, and had not left this process. */
async function mostHeld(pulledBytes: () => number, upload: () => Promise<unknown>): Promise<number> {
  const sockets: Socket[] = []
  const note = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket)
  const sentBytes = (): number =>
    sockets.reduce((sum, { bytesWritten, writableLength }) => sum + bytesWritten - writableLength, 0)
  let most = 0
  const look = setInterval(() => (most = Math.max(most, pulledBytes() - sentBytes())), 1)
  subscribe('undici:client:sendHeaders', note)
  try {
    await upload()
  } finally {
    clearInterval(look)
    unsubscribe('undici:client:sendHeaders', note)
  }
  return most
}

async function untilNone(open: () => { gets: number }): Promise<void> {
  for (let tries = 0; open().gets > 0 && tries < 200; tries += 1) await delay(5)
  assert.equal(open().gets, 0, 'connections over which something is still read')
}

describe('couch/client: uploads', () => {
  it('hold little of what they send, however late it is taken', async () => {
    let [pulled, taken] = [0, 0]
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let part = 0; part < LARGE_PARTS; part += 1) {
        pulled += 1
        yield await Promise.resolve(PART)
      }
    }
    const late: Answer = (request, response) => {
      const takeWhenStill = (before: number): void => {
        if (pulled > before) setTimeout(takeWhenStill, 20, pulled)
        else request.on('data', (chunk: Buffer) => (taken += chunk.length))
      }
      takeWhenStill(-1)
      request.on('end', () => response.end('{"rev":"1-a"}'))
    }
    await between({ put: late }, async (couch) => {
      const most = await mostHeld(
        () => pulled * PART.length,
        () =>
          couch.upload({
            ...{ method: 'PUT', path: ['db', 'doc'] },
            open: () => ({ body: body(), contentType: TYPE }),
          }),
      )
      assert.equal(taken, LARGE_PARTS * PART.length)
      assert.ok(most <= MOST_HELD, `${most} bytes in memory`)
    })
  })

  it('hand on what is read as it comes', async () => {
    const given = createHash('sha256')
    const taken = createHash('sha256')
    const give: Answer = (_request, response) => {
      response.writeHead(200, { 'content-type': TYPE })
      giveParts(response, LARGE_PARTS, given)
    }
    const take: Answer = (request, response) => {
      assert.equal(request.headers['content-type'], TYPE)
      request.on('data', (chunk: Buffer) => taken.update(chunk))
      request.on('end', () => response.end('{"rev":"1-a"}'))
    }
    await between({ get: give, put: take }, async (couch) => {
      assert.equal(await handOn(couch), null)
      assert.equal(taken.digest('hex'), given.digest('hex'))
    })
  })

  it('end in time where what they send is never answered, or falls silent, and close its connection', async () => {
    const silent: Answer = () => undefined
    const stalled: Answer = (_request, response) => void response.writeHead(200).write(PART)
    for (const get of [silent, stalled])
      await between({ get, timeoutMs: 100 }, async (couch, open) => {
        assert.equal((await handOn(couch))?.code, 'timeout')
        await untilNone(open)
      })
  })

  it('close the connection of what they send where it is refused', async () => {
    const give: Answer = (_request, response) => {
      response.writeHead(200)
      giveParts(response, Infinity, null)
    }
    const refuse: Answer = (_request, response) =>
      void response.writeHead(403).end('{"error":"forbidden","reason":"no"}')
    await between({ get: give, put: refuse }, async (couch, open) => {
      assert.equal((await handOn(couch))?.code, 'forbidden')
      await untilNone(open)
    })
  })

  it('are tried again later where what they send breaks off: it is not the body that is too large', async () => {
    const breakOff: Answer = (_request, response) => {
      response.writeHead(200, { 'content-length': String(2 * PART.length) }).write(PART)
      setTimeout(() => response.destroy(), 5)
    }
    let written = 0
    const take: Answer = (request, response) => {
      request.resume().on('end', () => {
        written += 1
        response.end('{"rev":"1-a"}')
      })
    }
    await between({ get: breakOff, put: take }, async (couch) => {
      const fault = await handOn(couch)
      assert.deepEqual([fault?.code, fault?.retryable], ['unreachable', true])
      assert.equal(written, 0)
    })
  })
})

function giveParts(response: ServerResponse, left: number, hash: Hash | null): void {
  if (response.destroyed) return
  if (left === 0) {
    response.end()
    return
  }
  const part = Buffer.from(PART)
  if (hash) {
    part.writeUInt32LE(left, 0)
    hash.update(part)
  }
  const goOn = (): void => giveParts(response, left - 1, hash)
  if (response.write(part)) setImmediate(goOn)
  else response.once('drain', goOn)
}
