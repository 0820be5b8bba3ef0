// When a loop that does not turn is taken for one that is stuck: after five minutes in which somebody waited and nothing ended.
import assert from 'node:assert/strict'
import { Pulse } from '../../../src/engine/pulse.ts'

const MINUTE_MS = 60_000

describe('engine/pulse', () => {
  for (const [title, beatAt, since, now, isStill] of [
    ['at once', 0, 0, 0, false],
    ['after five minutes', 0, 0, 5, false],
    ['after more than five', 0, 0, 6, true],
    ['where somebody began to wait later', 0, 4, 6, false],
    ['where a turn ended later, or the server came back', 4, 0, 6, false],
    ['long after both', 4, 3, 10, true],
  ] as const)
    it(`${isStill ? 'is' : 'is not'} still ${title}`, () => {
      let minutes = 0
      const pulse = new Pulse(() => minutes * MINUTE_MS)
      minutes = beatAt
      pulse.beat()
      minutes = now
      assert.equal(pulse.isStill(since * MINUTE_MS), isStill)
    })
})
