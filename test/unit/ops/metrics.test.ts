// The metrics as Prometheus reads them, and what stands on them: the docs, the alerts and the dashboard.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProbeResult } from '../../../src/engine/controller.ts'
import type { Part, Standing } from '../../../src/engine/meter.ts'
import { Metrics } from '../../../src/ops/metrics.ts'
import { VERSION } from '../../../src/version.ts'

const TOP = join(import.meta.dirname, '../../..')
const read = (file: string): string => readFileSync(join(TOP, file), 'utf8')

/** Lines such as `name{label="value"} 1`, by what stands before the number. */
async function samples(metrics: Metrics): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  )
}

/** The daemon, as a case has it stand. */
class Stand {
  isReady = true
  isHealthy = true
  isAtWork = true
  standings = new Map<Part, Standing>()
  readonly metrics = new Metrics()

  constructor() {
    this.metrics.watch(this)
  }

  ready(): ProbeResult {
    return this.isReady ? { ok: true } : { ok: false, reason: 'a case has it so' }
  }

  health(): ProbeResult {
    return this.isHealthy ? { ok: true } : { ok: false, reason: 'a case has it so' }
  }
}

/** The names of everything that is there, without what histograms add. */
async function names(): Promise<Set<string>> {
  const stand = new Stand()
  stand.metrics.answered({ endpoint: 'document', method: 'GET', status: 200, ms: 1 })
  stand.metrics.turn('shares', { outcome: 'done', waitedMs: 1, ms: 1 })
  const text = await stand.metrics.text()
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
}

/** The metrics that a PromQL text names. */
const namedIn = (text: string): string[] => [
  ...new Set(
    [...text.matchAll(/\b(?:couch_shares|nodejs|process)_\w+/g)].map(([name]) =>
      name.replace(/^(couch_shares_.*_seconds)_(?:bucket|count|sum)$/, '$1'),
    ),
  ),
]

describe('ops/metrics', () => {
  it('says what runs', async () => {
    const found = await samples(new Metrics())
    assert.equal(
      found.get(`couch_shares_build_info{version="${VERSION}",node="${process.versions.node}"}`),
      1,
    )
  })

  it('counts requests by class, method and status, and those without an answer', async () => {
    const { metrics } = new Stand()
    for (const status of [200, 200, 409, null])
      metrics.answered({ endpoint: 'bulk_docs', method: 'POST', status, ms: 30 })
    const found = await samples(metrics)
    const count = (status: string): number | undefined =>
      found.get(
        `couch_shares_couchdb_request_duration_seconds_count{endpoint="bulk_docs",method="POST",status="${status}"}`,
      )
    assert.deepEqual(['200', '409', 'none'].map(count), [2, 1, 1])
    const within = (le: string): number | undefined =>
      found.get(
        `couch_shares_couchdb_request_duration_seconds_bucket{le="${le}",endpoint="bulk_docs",method="POST",status="200"}`,
      )
    assert.deepEqual([within('0.025'), within('0.05')], [0, 2])
  })

  it('counts turns by part and outcome, in seconds, and how long they were waited for', async () => {
    const { metrics } = new Stand()
    metrics.turn('shares', { outcome: 'done', waitedMs: 500, ms: 250 })
    metrics.turn('shares', { outcome: 'failed', waitedMs: 1_500, ms: 10 })
    const found = await samples(metrics)
    assert.equal(found.get('couch_shares_turn_duration_seconds_sum{part="shares",outcome="done"}'), 0.25)
    assert.equal(found.get('couch_shares_turn_duration_seconds_count{part="shares",outcome="failed"}'), 1)
    assert.equal(found.get('couch_shares_turn_wait_seconds_sum{part="shares"}'), 2)
  })

  it('says how the daemon stands whenever it is asked', async () => {
    const stand = new Stand()
    stand.standings.set('shares', { busy: 3, failing: 1, failures: [], oldestMs: 2_500 })
    const flags = async (): Promise<unknown[]> => {
      const found = await samples(stand.metrics)
      return ['ready', 'healthy', 'at_work'].map((name) => found.get(`couch_shares_${name}`))
    }
    assert.deepEqual(await flags(), [1, 1, 1])
    stand.isReady = false
    stand.isHealthy = false
    stand.isAtWork = false
    assert.deepEqual(await flags(), [0, 0, 0])
    const found = await samples(stand.metrics)
    assert.equal(found.get('couch_shares_queue_depth{part="shares"}'), 3)
    assert.equal(found.get('couch_shares_queue_failing{part="shares"}'), 1)
    assert.equal(found.get('couch_shares_oldest_change_seconds{part="shares"}'), 2.5)
    assert.equal(found.has('couch_shares_queue_depth{part="gateways"}'), false)
    // Whoever has lost the work says nothing of what it had.
    stand.standings.clear()
    assert.equal((await samples(stand.metrics)).has('couch_shares_queue_depth{part="shares"}'), false)
  })

  it('has what docs/operating.md lists, and lists what it has', async () => {
    const listed = [...read('docs/operating.md').matchAll(/^\| `(couch_shares_\w+)/gm)].map(
      ([, name = '']) => name,
    )
    assert.deepEqual(listed.sort(), [...(await names())].filter((name) => name.startsWith('couch_')).sort())
  })

  for (const file of ['deploy/prometheus/alerts.yaml', 'deploy/grafana/couch-shares.json'])
    it(`has all that ${file} names`, async () => {
      const there = await names()
      const named = namedIn(read(file))
      assert.ok(named.length > 5, named.join(', '))
      assert.deepEqual(
        named.filter((name) => !there.has(name)),
        [],
      )
    })

  it('has a dashboard that is JSON, with a query in each panel, and no panel over another', () => {
    const { panels } = JSON.parse(read('deploy/grafana/couch-shares.json')) as {
      panels: {
        title: string
        gridPos: Record<'x' | 'y' | 'w' | 'h', number>
        targets: { expr: string }[]
      }[]
    }
    for (const { title, targets } of panels)
      assert.ok(
        targets.every(({ expr }) => expr !== ''),
        title,
      )
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`),
    )
    assert.equal(new Set(cells).size, cells.length)
  })

  it('has alerts of which each fires on a series that should make it, and on no other', function () {
    const promtool = (...args: string[]) => spawnSync('promtool', args, { cwd: TOP, encoding: 'utf8' })
    if (promtool('--version').error) return this.skip()
    for (const args of [
      ['check', 'rules', 'deploy/prometheus/alerts.yaml'],
      ['test', 'rules', 'test/unit/ops/alerts.yaml'],
    ]) {
      const { status, stdout, stderr } = promtool(...args)
      assert.equal(status, 0, stdout + stderr)
    }
  })

  it('has a test for each alert, where it fires and where it does not', () => {
    const alerts = [...read('deploy/prometheus/alerts.yaml').matchAll(/- alert: (\w+)/g)].map(
      ([, name]) => name,
    )
    const tests = read('test/unit/ops/alerts.yaml')
    for (const name of alerts) {
      assert.match(tests, new RegExp(`alertname: ${name}, exp_alerts: \\[\\]`))
      assert.match(tests, new RegExp(`alertname: ${name}\\n +exp_alerts:\\n +- exp_labels`))
    }
  })
})
