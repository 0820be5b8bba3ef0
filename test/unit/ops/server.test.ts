// The health endpoints as a supervisor sees them.
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { probe } from '../../../src/ops/probe.ts'
import { CouchFault } from '../../../src/couch/fault.ts'
import type { ProbeResult } from '../../../src/engine/controller.ts'
import type { Part, Standing } from '../../../src/engine/meter.ts'
import { Metrics } from '../../../src/ops/metrics.ts'
import type { Watched } from '../../../src/ops/watched.ts'
import { isLoopback, OpsListenError, startOps } from '../../../src/ops/server.ts'
import type { DaemonStatus } from '../../../src/ops/status.ts'
import { VERSION } from '../../../src/version.ts'

describe('ops', () => {
  const metrics = new Metrics()
  const state: { health: ProbeResult; ready: ProbeResult } = { health: { ok: true }, ready: { ok: true } }
  const standings = new Map<Part, Standing>()
  const watched: Watched = {
    health: () => state.health,
    ready: () => state.ready,
    ...{ isAtWork: true, standings },
  }
  let ops: Awaited<ReturnType<typeof startOps>>
  let base: string

  before(async () => {
    ops = await startOps({
      host: '127.0.0.1',
      port: 0,
      ...{ watched, metrics },
    })
    base = `http://127.0.0.1:${ops.port}`
  })
  beforeEach(() => {
    state.health = { ok: true }
    state.ready = { ok: true }
  })
  after(() => ops.close())

  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(base + path, { method })
    return {
      status: response.status,
      type: response.headers.get('content-type'),
      text: await response.text(),
    }
  }
  const json = (status: number, body: object) => ({
    status,
    type: 'application/json',
    text: `${JSON.stringify(body)}\n`,
  })

  for (const [path, question] of [
    ['/healthz', 'health'],
    ['/readyz', 'ready'],
  ] as const) {
    it(`answers ${path}`, async () => assert.deepEqual(await ask(path), json(200, { status: 'ok' })))

    it(`answers ${path} with the reason of a failure, and nothing else fails`, async () => {
      state[question] = { ok: false, reason: 'CouchDB does not answer' }
      assert.deepEqual(await ask(path), json(503, { status: 'fail', reason: 'CouchDB does not answer' }))
      assert.equal((await ask(path === '/healthz' ? '/readyz' : '/healthz')).status, 200)
      assert.equal(await probe(base + path), 'it answers with status 503')
    })

    it(`answers HEAD of ${path} without a body`, async () => {
      assert.deepEqual(await ask(path, 'HEAD'), { status: 200, type: 'application/json', text: '' })
      state[question] = { ok: false }
      assert.equal((await ask(path, 'HEAD')).status, 503)
    })

    it(`answers ${path} with a query`, async () => assert.equal((await ask(`${path}?x=1`)).status, 200))
  }

  it('says for which partitions it works, where users are divided', async () => {
    let partitions = [0, 3]
    const divided = await startOps({
      ...{ host: '127.0.0.1', port: 0, watched, metrics },
      partitions: () => partitions,
    })
    try {
      const says = async (path: string): Promise<unknown> =>
        (await fetch(`http://127.0.0.1:${divided.port}${path}`)).json()
      assert.deepEqual(await says('/healthz'), { status: 'ok', partitions: [0, 3] })
      partitions = []
      state.ready = { ok: false, reason: 'others have all' }
      assert.deepEqual(await says('/readyz'), { status: 'fail', reason: 'others have all', partitions: [] })
    } finally {
      await divided.close()
    }
  })

  it('has nothing elsewhere', async () => {
    for (const path of ['/', '/healthz/', '/metrics/']) {
      const { status, text } = await ask(path)
      assert.equal(status, 404, path)
      assert.equal((JSON.parse(text) as { status: string }).status, 'fail')
    }
  })

  it('answers /metrics with the metrics as text', async () => {
    const { status, type, text } = await ask('/metrics')
    assert.equal(status, 200)
    assert.equal(type, 'text/plain; version=0.0.4; charset=utf-8')
    assert.match(text, /^couch_shares_build_info\{/m)
    assert.deepEqual(await ask('/metrics', 'HEAD'), { status, type, text: '' })
  })

  it('answers /status with what waits, and for whom turns fail, without secrets', async () => {
    state.ready = { ok: false, reason: '1 user database to catch up with' }
    const failures = [
      {
        ...{ key: 'joe', sinceMs: 90_000, tries: 7 },
        fault: new CouchFault('forbidden', 'PUT /user%2Fjoe/a', 'no, http://ann:secret@db'),
      },
      { key: 'ann', sinceMs: 1_000, tries: 1, fault: new Error('no') },
    ]
    standings.set('shares', { busy: 3, failing: 2, failures, oldestMs: 91_040 })
    try {
      const begun = Date.now()
      const { status, type, text } = await ask('/status')
      assert.deepEqual([status, type], [200, 'application/json'])
      assert.ok(!text.includes('secret'))
      const told = JSON.parse(text) as DaemonStatus
      const { startedAt, parts, ...rest } = told
      assert.ok(Date.parse(startedAt) <= begun)
      assert.deepEqual(rest, {
        ...{ version: VERSION, pid: process.pid, healthy: true, atWork: true },
        ...{ ready: false, reason: '1 user database to catch up with' },
      })
      assert.deepEqual(Object.keys(parts), ['shares'])
      const { failures: said = [], ...counts } = parts.shares ?? {}
      assert.deepEqual(counts, { busy: 3, failing: 2, oldestChangeSeconds: 91 })
      assert.deepEqual(
        said.map(({ key, tries, code, reason }) => [key, tries, code, reason]),
        [
          ['joe', 7, 'forbidden', 'PUT /user%2Fjoe/a: no, http://***@db'],
          ['ann', 1, undefined, 'no'],
        ],
      )
      assert.ok(Math.abs(Date.parse(said[0]?.since ?? '') - (begun - 90_000)) < 10_000)
    } finally {
      standings.clear()
    }
  })

  it('tells /status to this machine alone', async () => {
    const [elsewhere] = Object.values(networkInterfaces())
      .flatMap((addresses) => addresses ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4')
    if (!elsewhere) return assert.equal(isLoopback('192.0.2.1'), false)
    const open = await startOps({ host: '0.0.0.0', port: 0, watched, metrics })
    try {
      const ask = async (host: string, path: string): Promise<number> =>
        (await fetch(`http://${host}:${open.port}${path}`)).status
      assert.equal(await ask(elsewhere.address, '/status'), 403)
      assert.equal(await ask(elsewhere.address, '/healthz'), 200)
      assert.equal(await ask('127.0.0.1', '/status'), 200)
    } finally {
      await open.close()
    }
  })

  it('says that metrics cannot be read, and goes on', async () => {
    const broken = await startOps({
      ...{ host: '127.0.0.1', port: 0, watched },
      metrics: { contentType: 'text/plain', text: () => Promise.reject(new Error('no')) },
    })
    try {
      assert.equal((await fetch(`http://127.0.0.1:${broken.port}/metrics`)).status, 500)
      assert.equal((await fetch(`http://127.0.0.1:${broken.port}/healthz`)).status, 200)
    } finally {
      await broken.close()
    }
  })

  it('takes only GET and HEAD', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      assert.equal((await fetch(`${base}/metrics`, { method })).status, 405, method)
      const response = await fetch(`${base}/healthz`, { method })
      assert.equal(response.status, 405, method)
      assert.equal(response.headers.get('allow'), 'GET, HEAD')
      assert.equal(((await response.json()) as { status: string }).status, 'fail')
    }
  })

  it('says that a port is taken', async () => {
    const again = startOps({
      host: '127.0.0.1',
      port: ops.port,
      ...{ watched, metrics },
    })
    await assert.rejects(again, (error) => {
      assert.ok(error instanceof OpsListenError)
      assert.equal(error.code, 'EADDRINUSE')
      assert.match(error.message, new RegExp(`127\\.0\\.0\\.1:${ops.port} is taken`))
      return true
    })
  })

  it('frees its port when closed, with connections still open', async () => {
    const first = await startOps({
      host: '127.0.0.1',
      port: 0,
      ...{ watched, metrics },
    })
    await (await fetch(`http://127.0.0.1:${first.port}/healthz`)).text()
    await first.close()
    const second = await startOps({
      host: '127.0.0.1',
      port: first.port,
      ...{ watched, metrics },
    })
    await second.close()
    assert.match((await probe(`http://127.0.0.1:${first.port}/healthz`)) ?? '', /ECONNREFUSED/)
  })

  it('probes', async () => {
    assert.equal(await probe(`${base}/healthz`), null)
    assert.equal(await probe(`${base}/nowhere`), 'it answers with status 404')
    assert.equal(await probe('no url'), 'Invalid URL')
  })

  it('gives up on a server that never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    try {
      const { port } = silent.address() as AddressInfo
      assert.equal(await probe(`http://127.0.0.1:${port}/`, 50), 'no answer within 50 ms')
    } finally {
      silent.closeAllConnections()
      silent.close()
    }
  })
})
