// Sweeps: the first at once, the next after a while, and again where one fails; each part in its order.
import assert from 'node:assert/strict'
import { setImmediate as nextRound } from 'node:timers/promises'
import pino from 'pino'
import { CouchFault } from '../../../src/couch/fault.ts'
import { Outage } from '../../../src/couch/outage.ts'
import { FINE, type Controller } from '../../../src/engine/controller.ts'
import { Failures } from '../../../src/engine/failures.ts'
import { Sweeps } from '../../../src/engine/sweeps.ts'

const INTERVAL_MS = 60_000

/** Two parts, and a clock that moves when somebody sleeps. @param failing how many sweeps of the first part fail */
function open({ failing = 0, isAway = false } = {}) {
  const told: string[] = []
  const slept: number[] = []
  const logged: string[] = []
  const stop = new AbortController()
  let left = failing
  const part = (name: string): Controller => ({
    ...{ part: 'shares', standing: { busy: 0, failing: 0, failures: [], oldestMs: 0 } },
    ...{ busy: 0, turns: 0, onUpdate: () => false, ready: () => FINE, healthy: () => FINE },
    ...{ run: () => Promise.resolve(), save: () => Promise.resolve(), stop: () => Promise.resolve() },
    sweep: async (rest, isSlow) => {
      told.push(`${name}${isSlow ? ' slowly' : ''}`)
      if (name === 'shares' && left > 0) {
        left -= 1
        throw new CouchFault('unreachable', 'GET /', 'nobody there')
      }
      await rest()
    },
  })
  const log = pino({ level: 'debug' }, { write: (line: string) => void logged.push(line) })
  const sleep = async (ms: number): Promise<void> => {
    slept.push(ms)
    await nextRound()
  }
  const outage = new Outage({
    ...{ signal: stop.signal, sleep, log, onBegin: () => undefined, onEnd: () => undefined },
    probe: () =>
      isAway ? Promise.reject(new CouchFault('unreachable', 'GET /', 'nobody there')) : Promise.resolve(),
    ask: () => Promise.resolve(),
  })
  const sweeps = new Sweeps({
    controllers: () => [part('shares'), part('skeletons')],
    intervalMs: INTERVAL_MS,
    putBack: async () => void (await Promise.resolve(told.push('put back'))),
    onFirst: () => told.push('first'),
    failures: new Failures({ outage, log, signal: stop.signal }),
    status: () => ({ users: 3 }),
    ...{ log, signal: stop.signal, now: () => 0 },
    sleep: async (ms) => {
      await sleep(ms)
      if (slept.filter((one) => one === INTERVAL_MS).length > 1) stop.abort()
    },
  })
  return { sweeps, told, slept, logged, stop }
}

describe('engine/sweeps', () => {
  it('are done part by part, first at once and then slowly', async () => {
    const { sweeps, told, slept } = open()
    assert.equal(sweeps.isFirstDone, false)
    await sweeps.run()
    assert.equal(sweeps.isFirstDone, true)
    assert.deepEqual(told, [
      ...['shares', 'skeletons', 'first'],
      ...['put back', 'shares slowly', 'skeletons slowly'],
    ])
    assert.deepEqual(slept, [INTERVAL_MS, 1_000, 1_000, INTERVAL_MS])
  })

  it('begin anew where one fails, ever more slowly, and the first is the one that ends', async () => {
    const { sweeps, told, slept, logged } = open({ failing: 3 })
    await sweeps.run()
    assert.deepEqual(told.slice(0, 6), ['shares', 'shares', 'shares', 'shares', 'skeletons', 'first'])
    assert.deepEqual(slept.slice(0, 4), [500, 1_000, 2_000, INTERVAL_MS])
    assert.equal(logged.filter((line) => line.includes('sweep failed')).length, 3)
  })

  it('say nothing of a failure while the server is away', async () => {
    const { sweeps, logged } = open({ failing: 1, isAway: true })
    await sweeps.run()
    assert.deepEqual(
      logged.filter((line) => line.includes('sweep failed')),
      [],
    )
    assert.equal(logged.filter((line) => line.includes('CouchDB does not answer')).length, 1)
  })

  it('tell in the log what the parts say of themselves', async () => {
    const { sweeps, logged } = open()
    await sweeps.run()
    const ends = logged.map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      ends.map(({ level, users, msg }) => [level, users, msg]),
      [
        [30, 3, 'sweep finished'],
        [20, 3, 'sweep finished'],
      ],
    )
  })
})
