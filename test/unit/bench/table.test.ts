// How rows and profiles look for people.
import assert from 'node:assert/strict'
import { toRow, type Findings } from '../../bench/report.ts'
import { STAGES } from '../../bench/stage-profile.ts'
import { goalText, toTable } from '../../bench/table.ts'

const row = toRow(
  'latency',
  'ms',
  'a replication',
  [
    { subject: 20, baseline: 100 },
    { subject: 30, baseline: 100 },
  ],
  { median: 0.2, tail: 0.5 },
)
const linesOf = (findings: Findings): string[] => toTable(findings).split('\n')

describe('bench/table', () => {
  it('has a line a row, with its ratio, tail and goal', () => {
    const [, line = ''] = linesOf({ rows: [row], profiles: [] })
    const cells = line.split(/\s{2,}/)
    const expected = [
      'latency',
      '25.0 ms',
      '100 ms',
      '0.25',
      '0.23–0.28',
      '0.30 (max)',
      '0.20, p99 0.50',
      '✗',
      '2',
    ]
    assert.deepEqual(cells, [...expected, 'a replication'])
  })

  it('leaves out what one pair cannot say', () => {
    const single = toRow('a', '', 'b', [{ subject: 3, baseline: 0 }])
    const [, line = ''] = linesOf({ rows: [single], profiles: [] })
    assert.deepEqual(line.split(/\s{2,}/), ['a', '3.0', '0', '–', '–', '–', '1', 'b'])
  })

  it('shows of a profile what each stage cost, and of a plan no requests', () => {
    const cost = { requests: 2, sent: 1500, received: 3000, waitedMs: 40, daemonMs: 5 }
    const stages = STAGES.map((stage) => ({ stage, ...cost, beamMs: 7, javascriptMs: null }))
    const endpoints = [{ endpoint: 'GET user/_changes', count: 4, ms: 8 }]
    const lines = linesOf({ rows: [row], profiles: [{ name: 'a run', ms: 100, stages, endpoints }] })
    const cellsOf = (start: string): string[] | undefined =>
      lines.find((line) => line.startsWith(start))?.split(/\s{2,}/)
    assert.deepEqual(cellsOf('copy'), ['copy', '2', '1.5', '3.0', '40.0', '5.0', '7.0', '–'])
    assert.deepEqual(cellsOf('plan'), ['plan', '5.0', '7.0', '–'])
    assert.deepEqual(cellsOf('GET user'), ['GET user/_changes', '4', '8.0', '2.0'])
  })

  it('says a goal', () => {
    assert.equal(goalText({}), '')
    assert.equal(goalText({ median: 1 }), '1.00')
    assert.equal(goalText({ tail: 3 }), 'p99 3.00')
  })
})
