// Errands: what fails is done again, for a while, and what is one and the same waits once.
import assert from 'node:assert/strict'
import { setImmediate as nextRound } from 'node:timers/promises'
import { CouchFault } from '../../../src/couch/fault.ts'
import { Errands } from '../../../src/engine/errands.ts'

const AWAY = new CouchFault('unreachable', 'GET /_users', 'other side closed')

/** Errands, and a clock that moves when it is let. */
function open() {
  const stop = new AbortController()
  const failures: unknown[] = []
  const pauses: number[] = []
  const waiting: (() => void)[] = []
  const errands = new Errands({
    onFailure: (error) => failures.push(error),
    signal: stop.signal,
    sleep: (ms) => {
      pauses.push(ms)
      return new Promise((resolve) => waiting.push(resolve))
    },
  })
  return {
    ...{ errands, failures, pauses, stop },
    /** All pauses are over. */
    go: async (): Promise<void> => {
      for (const resolve of waiting.splice(0)) resolve()
      await nextRound()
    },
  }
}

/** @param times how often it fails first */
function failing(times: number, error: Error = AWAY) {
  const work = { tries: 0, run: (): Promise<void> => Promise.resolve() }
  work.run = () => {
    work.tries += 1
    return work.tries > times ? Promise.resolve() : Promise.reject(error)
  }
  return work
}

describe('engine/errands', () => {
  it('are done at once, and again with growing pauses where CouchDB fails', async () => {
    const { errands, failures, pauses, go } = open()
    const work = failing(3)
    errands.run('users', work.run)
    assert.deepEqual([work.tries, errands.busy], [1, 1])
    for (let rounds = 0; rounds < 5; rounds += 1) {
      await nextRound()
      await go()
    }
    assert.deepEqual([work.tries, errands.busy], [4, 0])
    assert.deepEqual(pauses, [200, 400, 800])
    // That it is tried again is said once.
    assert.deepEqual(failures, [AWAY])
  })

  it('are left to the next sweep when they have failed for long', async () => {
    const { errands, failures, pauses, go } = open()
    const work = failing(100)
    errands.run('users', work.run)
    for (let rounds = 0; rounds < 20; rounds += 1) {
      await nextRound()
      await go()
    }
    assert.deepEqual([work.tries, errands.busy, failures.length], [10, 0, 2])
    assert.equal(
      pauses.reduce((sum, ms) => sum + ms, 0),
      102_200,
    )
  })

  it('are not done again where the fault is the daemon’s own', async () => {
    const { errands, failures } = open()
    const work = failing(1, new TypeError('x is not a function'))
    errands.run('users', work.run)
    await nextRound()
    assert.deepEqual([work.tries, errands.busy, failures.length], [1, 0, 1])
  })

  it('wait once under each name: whoever comes later does it for both', async () => {
    const { errands, go } = open()
    const [first, second, other] = [failing(100), failing(1), failing(1)]
    errands.run('users', first.run)
    errands.run('registry', other.run)
    await nextRound()
    errands.run('users', second.run)
    for (let rounds = 0; rounds < 3; rounds += 1) {
      await nextRound()
      await go()
    }
    assert.deepEqual([first.tries, second.tries, other.tries, errands.busy], [1, 2, 2, 0])
  })

  it('end with the daemon, and nothing more is said', async () => {
    const { errands, failures, stop, go } = open()
    const work = failing(100)
    errands.run('users', work.run)
    await nextRound()
    stop.abort()
    await go()
    assert.deepEqual([work.tries, errands.busy, failures.length], [1, 0, 1])
  })
})
