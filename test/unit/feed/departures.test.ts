// Waiting for user databases that are gone or were made again: as long as there is left to wait, whoever asks again.
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import pino from 'pino'
import { Departures } from '../../../src/feed/departures.ts'

const GRACE_MS = 1000

/** Told at that time, in milliseconds, and what came of it. */
function open(now: number) {
  const told: string[] = []
  const departures = new Departures({
    graceMs: GRACE_MS,
    now: () => now,
    log: pino({ level: 'silent' }),
    onDeparted: (owner) => void told.push(`${owner} departed`),
    onReturned: (owner) => void told.push(`${owner} returned`),
  })
  return { told, departures }
}

describe('feed/departures', () => {
  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
  afterEach(() => mock.timers.reset())

  it('waits for what is left of the time', () => {
    const { told, departures } = open(5_900)
    departures.gone('joe', 'user/joe', 5_000)
    departures.recreated('ann', 4_000)
    mock.timers.tick(0)
    assert.deepEqual(told, ['ann returned'])
    mock.timers.tick(99)
    assert.deepEqual(told, ['ann returned'])
    mock.timers.tick(1)
    assert.deepEqual(told, ['ann returned', 'joe departed'])
  })

  it('waits once, however often it hears of it, and anew from a later time', () => {
    const { told, departures } = open(5_000)
    departures.gone('joe', 'user/joe', 5_000)
    departures.gone('joe', 'user/joe', 5_000)
    departures.recreated('ann', 4_500)
    departures.recreated('ann', 4_900)
    mock.timers.tick(500)
    assert.deepEqual(told, [])
    mock.timers.tick(500)
    assert.deepEqual(told.sort(), ['ann returned', 'joe departed'])
  })

  it('waits no longer where the clock was set back, and not at all when it was stopped', () => {
    const { told, departures } = open(1)
    departures.gone('joe', 'user/joe', 5_000)
    mock.timers.tick(GRACE_MS)
    assert.deepEqual(told, ['joe departed'])
    departures.gone('ann', 'user/ann', 1)
    departures.stop()
    mock.timers.tick(GRACE_MS)
    assert.deepEqual(told, ['joe departed'])
  })
})
