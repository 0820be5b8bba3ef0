// The watch over replications into personal databases: which changes are told, and for how long somebody is looked at closely.
import assert from 'node:assert/strict'
import type { ReplicationStatus } from '../../../src/couch/replicator.ts'
import type { Logger } from '../../../src/log.ts'
import { PersonalLeases } from '../../../src/provisioning/leases.ts'
import { PersonalWatch } from '../../../src/provisioning/lease-watch.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'
import type { MasterFilter } from '../../../src/provisioning/replication.ts'

const DATABASE = 'u0c3f7c1e-9f0b-4b6e-8d3a-2f1e5d6c7b8a'
const JOE = { master: 'content', database: DATABASE, name: 'joe' }
const ID = `content => ${DATABASE}`
const NEWS: MasterFilter = { kind: 'selector', selector: { type: 'news' } }
const EVENTS: MasterFilter = { kind: 'selector', selector: { type: 'event' } }
const FAILED: ReplicationStatus = { kind: 'failed', reason: 'no such function' }
const CLOSE_LOOK_MS = 1_000

class Ground {
  readonly replicator = new MemoryReplicator()
  /** What is done at intervals, by these. */
  readonly atIntervals = new Map<number, () => Promise<void>>()
  #told: string[] = []
  readonly leases = new PersonalLeases({
    replicator: this.replicator.asReplicator(),
    server: { url: 'http://couch:5984', user: 'admin', pass: 'secret' },
    now: () => 0,
    idleTimeoutMs: 60_000,
  })
  readonly watch = new PersonalWatch({
    leases: this.leases,
    checkIntervalMs: 5_000,
    every: (ms, work) => Promise.resolve(void this.atIntervals.set(ms, work)),
    log: { warn: () => undefined, debug: () => undefined } as unknown as Logger,
    onChanged: ({ name }) => this.#told.push(`${name} ${this.kind}`),
    onIdle: () => undefined,
  })

  /** How joe's replication stood at the last look. */
  get kind(): string {
    return this.watch.state(JOE.master, JOE.database).kind
  }

  /** Looks, at a replication that is said to stand so. @returns what was told */
  async look(status?: ReplicationStatus): Promise<string> {
    if (status) this.replicator.said.set(ID, status)
    await this.watch.look()
    return this.#told.splice(0).join()
  }

  /** Lets so many seconds go by. @returns how often it was looked */
  async closeLooks(seconds: number): Promise<number> {
    this.replicator.done.splice(0)
    for (let second = 0; second < seconds; second += 1) await this.atIntervals.get(CLOSE_LOOK_MS)?.()
    return this.replicator.done.filter((done) => done === 'statuses').length
  }
}

const accepted = (caughtUp: boolean, refused = 0): ReplicationStatus => ({
  kind: 'accepted',
  caughtUp,
  refused,
})

describe('provisioning/lease-watch', () => {
  it('tells what changes, once', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const seen: string[] = []
    for (const status of [
      { kind: 'waiting' } as const,
      { kind: 'waiting' } as const,
      accepted(false),
      accepted(false),
      accepted(true),
      accepted(true),
      accepted(true, 2),
      accepted(false, 2),
      ...[FAILED, FAILED, FAILED, FAILED],
    ])
      seen.push(await ground.look(status))
    assert.deepEqual(seen, [
      ...['joe starting', ''],
      ...['joe behind', ''],
      ...['joe caught-up', ''],
      ...['joe caught-up', 'joe behind'],
      ...['', '', 'joe failing', ''],
    ])
  })

  it('tells anew of a lease that was replaced, or ended and began again', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    assert.equal(await ground.look(), 'joe caught-up')
    await ground.leases.use(JOE, EVENTS)
    assert.equal(await ground.look(), 'joe caught-up')
    await ground.leases.stop('content', DATABASE)
    await ground.leases.use(JOE, EVENTS)
    assert.equal(await ground.look(), 'joe caught-up')
    assert.equal(await ground.look(), '')
  })

  it('says of a lease that was not looked at that it starts, and of none that there is none', async () => {
    const ground = new Ground()
    assert.equal(ground.kind, 'none')
    await ground.leases.use(JOE, NEWS)
    assert.equal(ground.kind, 'starting')
    await ground.look()
    assert.equal(ground.kind, 'caught-up')
    await ground.leases.use(JOE, EVENTS)
    assert.equal(ground.kind, 'starting')
    await ground.leases.stop('content', DATABASE)
    assert.equal(ground.kind, 'none')
  })

  describe('looks closely', () => {
    const CASES: { what: string; said: ReplicationStatus; isAwaited: boolean; looks: number }[] = [
      { what: 'at nothing that nobody waits for', said: accepted(false), isAwaited: false, looks: 0 },
      { what: 'until it has caught up', said: accepted(true), isAwaited: true, looks: 1 },
      {
        what: 'half a minute long at one that stays behind',
        said: accepted(false),
        isAwaited: true,
        looks: 30,
      },
      { what: 'half a minute long at one in trouble', said: FAILED, isAwaited: true, looks: 30 },
    ]
    for (const { what, said, isAwaited, looks } of CASES)
      it(what, async () => {
        const ground = new Ground()
        await ground.watch.run()
        await ground.leases.use(JOE, NEWS)
        ground.replicator.said.set(ID, said)
        if (isAwaited) ground.watch.expect()
        assert.equal(await ground.closeLooks(40), looks)
      })

    it('again where another one is awaited', async () => {
      const ground = new Ground()
      await ground.watch.run()
      await ground.leases.use(JOE, NEWS)
      ground.watch.expect()
      assert.equal(await ground.closeLooks(5), 1)
      ground.watch.expect()
      assert.equal(await ground.closeLooks(5), 1)
    })
  })
})
