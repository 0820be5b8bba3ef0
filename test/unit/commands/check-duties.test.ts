// What `couch-shares check` says of who works, by what stands in the documents.
import assert from 'node:assert/strict'
import { sayDuties } from '../../../src/commands/check-duties.ts'
import type { Duty } from '../../../src/engine/duty-document.ts'

const NOW = Date.parse('2026-01-01T00:00:10Z')

const duty = (pid: number, more: Partial<Duty> = {}): Duty => ({
  ...{ holder: `life ${pid}`, host: 'here', pid },
  ...{ since: '2026-01-01T00:00:00Z', at: '2026-01-01T00:00:09Z' },
  ...more,
})

describe('commands/check-duties', () => {
  it('says whether one daemon works for all users', () => {
    assert.equal(sayDuties([null], NOW).text, 'no daemon works on this server')
    assert.equal(sayDuties([duty(1, { holder: null })], NOW).level, 'note')
    const { level, text } = sayDuties([duty(1)], NOW)
    assert.equal(level, 'ok')
    assert.match(text, /process 1, .* works, and was heard of 1 s ago/)
    assert.match(sayDuties([duty(1, { at: '2025-12-31T00:00:00Z' })], NOW).text, /it works no more/)
  })

  it('says who has how many partitions, and which are nobody’s', () => {
    const three = { partitions: 3 }
    assert.deepEqual(sayDuties([duty(1, three), duty(2, three), duty(1, three)], NOW), {
      level: 'ok',
      text: 'all 3 partitions are worked on: here (process 1) has 2, here (process 2) has 1',
    })
    const silent = duty(2, { ...three, at: '2025-12-31T00:00:00Z' })
    assert.deepEqual(sayDuties([duty(1, three), silent, null], NOW), {
      level: 'note',
      text: 'nobody works on 2 of 3 partitions, or clocks differ: 1, 2; here (process 1) has 1',
    })
  })

  it('says that another value of PARTITIONS is in force, whichever is asked for', () => {
    assert.match(sayDuties([duty(1), null], NOW).text, /works with PARTITIONS=1: one with 2 waits/)
    assert.match(
      sayDuties([duty(1, { partitions: 6 })], NOW).text,
      /works with PARTITIONS=6: one with 1 waits/,
    )
  })
})
