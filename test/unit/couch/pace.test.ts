// How requests are sent to a server that refuses for the time being: how often, how far apart, and for how long.
import assert from 'node:assert/strict'
import { CouchFault, faultOfStatus, isFault } from '../../../src/couch/fault.ts'
import { Pace } from '../../../src/couch/pace.ts'

const refusal = (status: number): CouchFault =>
  new CouchFault(faultOfStatus(status, null), 'GET /', `status ${status}`, status)

/** A pace with a clock of its own, and what it waited for. */
class Trial {
  now = 0
  readonly pauses: number[] = []
  readonly told: number[] = []
  readonly pace = new Pace({
    now: () => this.now,
    random: () => 1,
    sleep: (ms) => {
      this.pauses.push(Math.round(ms))
      this.now += ms
      return Promise.resolve()
    },
    onRefused: (_, distanceMs) => this.told.push(distanceMs),
  })

  /** Sends what is answered so, a status after the other. @returns the requests that it took */
  async send(answers: number[], { above = [] as AbortSignal[], patienceMs = 1e9 } = {}): Promise<number> {
    let sent = 0
    await this.pace.keep(
      () => {
        const status = answers[sent] ?? answers.at(-1) ?? 200
        sent += 1
        return status < 300 ? Promise.resolve() : Promise.reject(refusal(status))
      },
      { above, patienceMs },
    )
    return sent
  }
}

describe('couch/pace', () => {
  for (const status of [429, 502, 503])
    it(`sends again after ${status}, after pauses that grow`, async () => {
      const trial = new Trial()
      assert.equal(await trial.send([status, status, status, 200]), 4)
      assert.deepEqual(
        trial.pauses.filter((ms) => ms >= 100),
        [100, 200, 400],
      )
    })

  for (const status of [400, 401, 403, 404, 409, 412, 413, 500, 504])
    it(`does not send again after ${status}`, async () => {
      const trial = new Trial()
      await assert.rejects(trial.send([status, 200]), (error) => isFault(error) && error.status === status)
      assert.deepEqual(trial.pauses, [])
    })

  it('gives up after ten tries', async () => {
    const trial = new Trial()
    let sent = 0
    const send = (): Promise<never> => {
      sent += 1
      return Promise.reject(refusal(502))
    }
    await assert.rejects(trial.pace.keep(send, { above: [], patienceMs: 1e9 }), (error) => isFault(error))
    assert.equal(sent, 10)
    assert.deepEqual(trial.pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
  })

  it('gives up when the time of the request is over, and when it is to stop', async () => {
    const late = new Trial()
    await assert.rejects(late.send([502], { patienceMs: 500 }))
    assert.deepEqual(late.pauses, [100, 200])
    const stopped = new Trial()
    await assert.rejects(stopped.send([502], { above: [AbortSignal.abort()] }))
    assert.equal(stopped.pauses.length, 1)
  })

  it('keeps a distance that grows with refusals, and shrinks with answers until there is none', async () => {
    const trial = new Trial()
    await trial.send([429, 429, 200])
    trial.pauses.length = 0
    for (let sent = 0; sent < 40; sent += 1) await trial.send([200])
    const [first = 0, second = 0] = trial.pauses
    assert.ok(first > second && second > 0, `Expected it to shrink, got ${first} and ${second} ms`)
    assert.ok(trial.pauses.length < 40, 'Expected no distance in the end')
    trial.pauses.length = 0
    await trial.send([502, 502, 200])
    assert.deepEqual(trial.pauses, [100, 200], 'Expected a lost connection to slow down nothing')
  })

  it('finds the rate that a server takes', async () => {
    const trial = new Trial()
    let takenAt = -Infinity
    let refused = 0
    const send = (): Promise<void> => {
      if (trial.now - takenAt < 50) {
        refused += 1
        return Promise.reject(refusal(429))
      }
      takenAt = trial.now
      return Promise.resolve()
    }
    for (let sent = 0; sent < 200; sent += 1) await trial.pace.keep(send, { above: [], patienceMs: 1e9 })
    assert.ok(refused < 80, `Expected fewer refusals, got ${refused} of ${200 + refused}`)
    assert.ok(trial.now < 200 * 50 * 2.5, `Expected some 20 requests a second, got 200 in ${trial.now} ms`)
  })

  for (const [header, ms] of [
    ['7', 7_000],
    ['Thu, 01 Jan 1970 00:00:07 GMT', 7_000],
    ['86400', 60_000],
    ['soon', 0],
  ] as const)
    it(`sends nothing before the server wants to be asked again (${header})`, async () => {
      const trial = new Trial()
      const answer = trial.pace.heedRetryAfter((_, handler) => {
        handler.onResponseStart?.(undefined as never, 429, { 'retry-after': header })
        return true
      })
      answer({ path: '/', method: 'GET' }, {})
      await trial.send([200])
      assert.deepEqual(trial.pauses, ms === 0 ? [] : [ms])
    })

  it('says so once a minute', async () => {
    const trial = new Trial()
    await trial.send([429, 429, 429, 200])
    assert.deepEqual(trial.told, [10])
    trial.now += 60_000
    await trial.send([502, 200])
    assert.equal(trial.told.length, 2)
  })
})
