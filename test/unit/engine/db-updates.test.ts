// The feed of `_db_updates`, against a server made of streams: it goes on through everything but an abort.
import assert from 'node:assert/strict'
import { PassThrough, type Readable } from 'node:stream'
import { setImmediate as nextRound } from 'node:timers/promises'
import type { Couch } from '../../../src/couch/client.ts'
import { CouchFault } from '../../../src/couch/fault.ts'
import { followUpdates, type Update } from '../../../src/engine/db-updates.ts'
import { createLogger } from '../../../src/log.ts'
import type { Request } from '../../../src/couch/request.ts'

/** A follower, and the streams that it opened. */
function follow(options: { heartbeatMs?: number; open?: (nth: number) => Readable | Error } = {}) {
  const asked: Request[] = []
  const streams: PassThrough[] = []
  const updates: Update[] = []
  const gaps: string[] = []
  const slept: number[] = []
  const lines: string[] = []
  const stop = new AbortController()
  const couch = {
    stream: (request: Request): Promise<Readable> => {
      asked.push(request)
      const given = options.open?.(asked.length)
      if (given instanceof Error) return Promise.reject(given)
      const stream = new PassThrough()
      request.signal?.addEventListener('abort', () => stream.destroy(new Error('aborted')))
      streams.push(stream)
      return Promise.resolve(stream)
    },
  } as unknown as Couch
  const done = followUpdates('7-start', {
    couch,
    log: createLogger({
      level: 'debug',
      pretty: false,
      destination: { write: (line) => void lines.push(line) },
    }),
    signal: stop.signal,
    sleep: (ms) => {
      slept.push(ms)
      return nextRound()
    },
    onUpdate: (update) => void updates.push(update),
    onGap: () => {
      gaps.push(`gap ${String(gaps.length + 1)}`)
      return Promise.resolve(`8-after-gap-${String(gaps.length)}`)
    },
    heartbeatMs: options.heartbeatMs ?? 60_000,
  })
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2))
  }
  const end = async (): Promise<void> => {
    stop.abort()
    await done
  }
  return { asked, streams, updates, gaps, slept, lines, stop, done, until, end }
}

const event = (db: string, type = 'updated'): string =>
  `${JSON.stringify({ db_name: db, type, seq: '9-x' })}\n`

describe('engine/db-updates', () => {
  it('asks from where it is told, continuously, with a heartbeat', async () => {
    const { asked, until, end, streams } = follow()
    await until(() => streams.length === 1)
    assert.deepEqual(asked[0]?.path, ['_db_updates'])
    assert.deepEqual(asked[0].query, { feed: 'continuous', since: '7-start', heartbeat: 60_000 })
    await end()
  })

  it('passes events on, in their order, however they are cut', async () => {
    const { updates, streams, until, end } = follow()
    await until(() => streams.length === 1)
    const text = event('user/a', 'created') + '\n' + event('user/b') + event('user/a', 'deleted')
    for (const piece of [text.slice(0, 10), text.slice(10, 11), text.slice(11, 90), text.slice(90)])
      streams[0]?.write(piece)
    await until(() => updates.length === 3)
    assert.deepEqual(updates, [
      { db: 'user/a', type: 'created' },
      { db: 'user/b', type: 'updated' },
      { db: 'user/a', type: 'deleted' },
    ])
    await end()
  })

  for (const broken of [
    '{"db_name":',
    'x',
    'null',
    '[]',
    '1',
    '{}',
    '{"last_seq":"9-x","pending":0}',
    '{"db_name":"x"}',
  ])
    it(`goes on after the line ${broken}`, async () => {
      const { updates, streams, gaps, until, end } = follow()
      await until(() => streams.length === 1)
      streams[0]?.write(`${broken}\n${event('user/a')}`)
      await until(() => updates.length > 0)
      assert.deepEqual(updates, [{ db: 'user/a', type: 'updated' }])
      assert.deepEqual(gaps, [])
      await end()
    })

  it('a feed that ended is a gap, and is opened again where the gap says', async () => {
    const { asked, updates, streams, gaps, until, end } = follow()
    await until(() => streams.length === 1)
    streams[0]?.end(event('user/a'))
    await until(() => streams.length === 2)
    assert.deepEqual(gaps, ['gap 1'])
    assert.equal(asked[1]?.query?.['since'], '8-after-gap-1')
    streams[1]?.write(event('user/b'))
    await until(() => updates.length === 2)
    assert.deepEqual(
      updates.map(({ db }) => db),
      ['user/a', 'user/b'],
    )
    await end()
  })

  it('a feed that broke, likewise', async () => {
    const { asked, streams, gaps, until, end } = follow()
    await until(() => streams.length === 1)
    streams[0]?.destroy(new Error('socket hang up'))
    await until(() => streams.length === 2)
    assert.deepEqual(gaps, ['gap 1'])
    assert.equal(asked[1]?.query?.['since'], '8-after-gap-1')
    await end()
  })

  it('a server that is away: waits longer and longer, and from the start after a sign of life', async () => {
    const away = new CouchFault('unreachable', 'GET /_db_updates', 'ECONNREFUSED')
    const { slept, streams, gaps, until, end } = follow({
      open: (nth) => (nth <= 4 || nth === 6 ? away : (undefined as never)),
    })
    await until(() => streams.length === 1)
    assert.equal(gaps.length, 4)
    const [first, ...more] = slept
    assert.ok(
      more.every((pause, index) => pause > (slept[index] ?? 0)),
      String(slept),
    )
    streams[0]?.write('\n')
    await new Promise((resolve) => setTimeout(resolve, 10))
    streams[0]?.end()
    await until(() => streams.length === 2)
    assert.equal(slept[4], first)
    await end()
  })

  it('a silent feed counts as lost; one that beats does not', async () => {
    const { streams, gaps, until, end } = follow({ heartbeatMs: 20 })
    await until(() => streams.length === 1)
    for (let beat = 0; beat < 10; beat += 1) {
      streams[0]?.write('\n')
      await new Promise((resolve) => setTimeout(resolve, 15))
    }
    assert.deepEqual(gaps, [], 'heartbeats are signs of life')
    await until(() => gaps.length === 1)
    assert.ok(streams[0]?.destroyed, 'the silent connection is closed')
    await until(() => streams.length === 2)
    await end()
  })

  it('an abort ends it, without a gap, and closes the connection', async () => {
    const { streams, gaps, end, until, lines } = follow()
    await until(() => streams.length === 1)
    await end()
    assert.ok(streams[0]?.destroyed)
    assert.deepEqual(gaps, [])
    assert.deepEqual(lines, [])
  })

  it('an abort ends it between two connections, too', async () => {
    const followed = follow({ open: () => new CouchFault('unreachable', 'GET /_db_updates', 'away') })
    await followed.until(() => followed.gaps.length > 2)
    followed.stop.abort()
    await followed.done
  })
})
