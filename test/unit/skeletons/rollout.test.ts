// Rollouts over databases that are only names: what fails, where it goes on, and what a change in the middle does.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { Couch } from '../../../src/couch/client.ts'
import type { KindDatabase } from '../../../src/skeletons/databases.ts'
import { Rollout } from '../../../src/skeletons/rollout.ts'
import type { RefreshResult } from '../../../src/skeletons/refresh-results.ts'
import { createLogger } from '../../../src/log.ts'
import { kindsOf } from '../../../src/skeletons/kinds.ts'
import { userDatabases } from '../../../src/documents/names.ts'
import type { RolloutProgress, RolloutRecord } from '../../../src/skeletons/rollout-record.ts'
import type { Skeletons } from '../../../src/skeletons/wanted.ts'

const users = userDatabases('user/{id}')
const SAME: RefreshResult = { kind: 'same', foreign: [] }
const CHANGED: RefreshResult = { kind: 'changed', foreign: [] }

/** A server of so many databases, and a record that outlives the daemon. */
class Ground {
  readonly names: string[]
  readonly kept = new Map<string, RolloutProgress>()
  readonly visits: string[] = []
  readonly lines: Record<string, unknown>[] = []
  /** Milliseconds of each pause. */
  readonly sleeps: number[] = []
  hash = 'one'
  visit: (db: string) => RefreshResult | Promise<RefreshResult> = () => CHANGED
  most = 0
  #underWay = 0
  #stop = new AbortController()
  #running: Promise<void> = Promise.resolve()
  rollout!: Rollout

  constructor(count: number) {
    this.names = Array.from({ length: count }, (_, at) => `p-${String(at).padStart(5, '0')}`)
  }

  start(concurrency = 4, settleMs?: number): void {
    this.#stop = new AbortController()
    const { signal } = this.#stop
    const allDbs = ({ startKey = '', limit = Infinity }): Promise<string[]> =>
      Promise.resolve(this.names.filter((name) => name >= startKey).slice(0, limit))
    const record: Pick<RolloutRecord, 'of' | 'save'> = {
      of: (kind) => Promise.resolve(this.kept.get(kind) ?? null),
      save: (kind, progress) => Promise.resolve(void this.kept.set(kind, progress)),
    }
    const skeletons: Pick<Skeletons, 'kinds' | 'hash'> = { kinds: ['policy'], hash: () => this.hash }
    let clock = 0
    this.rollout = new Rollout({
      couch: { allDbs } as unknown as Couch,
      users,
      kinds: kindsOf([{ pattern: 'p-*', kind: 'policy' }], users),
      ownership: {
        ownersOfShares: () => Promise.resolve(new Map()),
        personalAmong: () => Promise.resolve(new Set()),
      },
      skeletons: skeletons as Skeletons,
      record: record as RolloutRecord,
      ...{ concurrency, settleMs },
      visit: (database) => this.#visit(database),
      log: createLogger({
        level: 'debug',
        pretty: false,
        destination: { write: (line) => void this.lines.push(JSON.parse(line) as Record<string, unknown>) },
      }),
      signal,
      sleep: (ms) => {
        this.sleeps.push(ms)
        return delay(1)
      },
      // A second for each look at the clock: every other visit is written down.
      now: () => (clock += 1_000),
    })
    this.#running = this.rollout.run()
  }

  async #visit({ db }: KindDatabase): Promise<RefreshResult> {
    this.#underWay += 1
    this.most = Math.max(this.most, this.#underWay)
    this.visits.push(db)
    await delay(0)
    const visited = this.#stop.signal.aborted ? ({ kind: 'stopped' } as const) : await this.visit(db)
    this.#underWay -= 1
    return visited
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async done(): Promise<void> {
    for (let tries = 0; tries < 2000; tries += 1) {
      await delay(1)
      if (!this.rollout.isRunning && this.kept.get('policy')?.hash && this.kept.get('policy')?.isDone) return
    }
    assert.fail('Expected the rollout to end')
  }

  get finished(): Record<string, unknown>[] {
    return this.lines.filter(({ msg }) => msg === 'rollout finished')
  }
}

describe('skeletons/rollout', () => {
  it('visits every database once, a few at a time, and counts', async () => {
    const ground = new Ground(1_200)
    ground.visit = (db) => (db.endsWith('7') ? SAME : CHANGED)
    ground.start(4)
    await ground.done()
    await ground.stop()
    assert.deepEqual([...ground.visits].sort(), ground.names)
    assert.equal(ground.most, 4)
    const { done, total, changed, skipped, failed } = ground.finished[0] ?? {}
    assert.deepEqual(
      { done, total, changed, skipped, failed },
      { done: 1200, total: 1200, changed: 1080, skipped: 120, failed: 0 },
    )
  })

  it('begins when other processes have heard of it, too: one that has not may create a database as it was', async () => {
    const ground = new Ground(4)
    // Each look at the clock takes a second.
    ground.start(4, 5_000)
    await ground.done()
    assert.equal(ground.sleeps[0], 4_000)
    const { length } = ground.sleeps
    await ground.stop()
    ground.start(4, 5_000)
    await ground.done()
    await ground.stop()
    assert.equal(ground.sleeps.length, length, 'what is done is not waited for')
    assert.equal(ground.visits.length, 4)
  })

  it('has nothing to do when it has been done', async () => {
    const ground = new Ground(10)
    ground.start()
    await ground.done()
    await ground.stop()
    ground.start()
    ground.rollout.wake({ retry: true })
    await delay(20)
    await ground.stop()
    assert.equal(ground.visits.length, 10)
  })

  it('goes on where it was stopped: nothing is left out, and little is visited twice', async () => {
    const ground = new Ground(700)
    const stopped = new Promise<void>((resolve) => {
      ground.visit = (db) => {
        if (db === 'p-00300') resolve(ground.stop())
        return CHANGED
      }
    })
    ground.start(4)
    await stopped
    const first = ground.visits.length
    assert(first >= 300 && first < 320, String(first))
    ground.visit = () => CHANGED
    ground.start(4)
    await ground.done()
    await ground.stop()
    assert.deepEqual([...new Set(ground.visits)].sort(), ground.names)
    assert(ground.visits.length < 700 + 20, String(ground.visits.length))
    assert(ground.lines.some(({ msg }) => msg === 'rollout goes on'))
  })

  it('begins anew when the skeleton changes in the middle', async () => {
    const ground = new Ground(100)
    ground.visit = (db) => {
      if (db === 'p-00050') ground.hash = 'two'
      return CHANGED
    }
    ground.start(1)
    await ground.done()
    await ground.stop()
    assert(ground.lines.some(({ msg }) => String(msg).startsWith('skeleton changed meanwhile')))
    assert.deepEqual(ground.visits.slice(-100), ground.names)
  })

  it('does the others when one fails, tries that one again with the next sweep, and only that one', async () => {
    const ground = new Ground(20)
    ground.visit = (db) => (db === 'p-00003' ? { kind: 'failed', error: new Error('refused') } : CHANGED)
    ground.start()
    await ground.done()
    assert.deepEqual(ground.kept.get('policy')?.failed, ['p-00003'])
    ground.visits.length = 0
    ground.rollout.wake()
    await delay(20)
    assert.deepEqual(ground.visits, [])
    ground.visit = () => CHANGED
    ground.rollout.wake({ retry: true })
    await delay(20)
    assert.deepEqual(ground.visits, ['p-00003'])
    assert.deepEqual(ground.kept.get('policy')?.failed, [])
    ground.rollout.noteFailure('policy', 'p-00005')
    ground.rollout.wake({ retry: true })
    await delay(20)
    assert.deepEqual(ground.visits, ['p-00003', 'p-00005'])
    await ground.stop()
  })
})
