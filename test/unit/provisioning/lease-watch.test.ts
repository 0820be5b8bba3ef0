// The watch over replications into personal databases: what is told, when, and what is started again.
import assert from 'node:assert/strict'
import type { ReplicationStatus } from '../../../src/couch/replicator.ts'
import type { Logger } from '../../../src/log.ts'
import type { MasterFilter } from '../../../src/documents/replication.ts'
import { PersonalLeases } from '../../../src/provisioning/leases.ts'
import { PersonalWatch } from '../../../src/provisioning/lease-watch.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'

const DATABASE = 'u0c3f7c1e-9f0b-4b6e-8d3a-2f1e5d6c7b8a'
const JOE = { master: 'content', database: DATABASE, name: 'joe' }
const ID = `content => ${DATABASE}`
const NEWS: MasterFilter = { kind: 'selector', selector: { type: 'news' } }
const EVENTS: MasterFilter = { kind: 'selector', selector: { type: 'event' } }
const FAILED: ReplicationStatus = { kind: 'failed', reason: 'no such function' }

class Ground {
  readonly replicator = new MemoryReplicator()
  readonly told: string[] = []
  readonly logged: string[] = []
  /** Called with what is told. */
  onTold: () => void = () => undefined
  readonly leases = new PersonalLeases({
    replicator: this.replicator.asReplicator(),
    server: { url: 'http://couch:5984', user: 'admin', pass: 'secret' },
    now: () => 0,
    idleTimeoutMs: 1000,
  })
  readonly watch = new PersonalWatch({
    leases: this.leases,
    log: { warn: (_: object, line: string) => void this.logged.push(line) } as unknown as Logger,
    onStatus: (lease, status) => {
      this.onTold()
      const more = 'reason' in status ? status.reason : 'refused' in status ? String(status.refused) : ''
      this.told.push(`${lease.name} ${status.kind} ${more}`.trim())
    },
  })

  /** Looks, at a replication that is said to stand so. @returns what was told */
  async look(status?: ReplicationStatus): Promise<string[]> {
    if (status) this.replicator.said.set(ID, status)
    await this.watch.look()
    return this.told.splice(0)
  }

  did(): string[] {
    return this.replicator.done.splice(0)
  }
}

const accepted = (
  caughtUp: boolean,
  more: { refused?: number; uncounted?: string } = {},
): ReplicationStatus => ({
  kind: 'accepted',
  caughtUp,
  refused: 0,
  ...more,
})

describe('write/personal-watch', () => {
  it('asks nothing without a lease', async () => {
    const ground = new Ground()
    assert.deepEqual(await ground.look(), [])
    assert.deepEqual(ground.did(), [])
  })

  it('tells what changes, once', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const seen: string[][] = []
    for (const status of [
      { kind: 'waiting' } as const,
      { kind: 'waiting' } as const,
      accepted(false),
      accepted(false),
      accepted(true),
      accepted(true),
      accepted(true, { refused: 2 }),
      accepted(false, { refused: 2 }),
    ])
      seen.push(await ground.look(status))
    assert.deepEqual(seen, [
      ['joe starting'],
      [],
      ['joe behind 0'],
      [],
      ['joe caught-up 0'],
      [],
      ['joe caught-up 2'],
      ['joe behind 2'],
    ])
  })

  it('takes one that was not counted for caught up when it gets no further', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const seen: string[][] = []
    for (const uncounted of ['"1-a"', '"10-a"', '"10-a"', '"11-a"', '"11-a"'])
      seen.push(await ground.look(accepted(true, { uncounted })))
    assert.deepEqual(seen, [['joe behind 0'], [], ['joe caught-up 0'], ['joe behind 0'], ['joe caught-up 0']])
  })

  it('starts again what is gone', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    ground.replicator.docs.clear()
    assert.deepEqual(await ground.look(), ['joe starting'])
    assert.equal(ground.replicator.docs.size, 1)
    assert.deepEqual(await ground.look(), ['joe caught-up 0'])
    assert.deepEqual(ground.logged, ['replication is gone, started again'])
  })

  it('does not put back what was stopped, nor tells of it', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    await ground.leases.use({ ...JOE, master: 'places' }, NEWS)
    ground.replicator.docs.clear()
    const statuses = ground.replicator.statuses.bind(ground.replicator)
    ground.replicator.statuses = async () => {
      const found = await statuses()
      await ground.leases.stop('content', DATABASE)
      return found
    }
    await ground.watch.look()
    assert.deepEqual([...ground.replicator.docs.keys()], [`places => ${DATABASE}`])
    assert.deepEqual(ground.told, ['joe starting'])
  })

  it('tells of trouble at the third look, and retries what failed after growing pauses', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const retried: number[] = []
    for (let look = 1; look <= 20; look += 1) {
      ground.did()
      const told = await ground.look(FAILED)
      assert.deepEqual(told, look === 3 ? ['joe failing no such function'] : [], `look ${look}`)
      if (ground.did().includes(`ensure ${ID}`)) retried.push(look)
    }
    assert.deepEqual(retried, [1, 3, 7, 15])
    assert.deepEqual(ground.logged, ['replication in trouble'])
  })

  it('leaves to CouchDB what it tries again itself', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    ground.did()
    for (let look = 1; look <= 4; look += 1) await ground.watch.look()
    for (let look = 1; look <= 4; look += 1) await ground.look({ kind: 'crashing', reason: 'away' })
    assert(!ground.did().includes(`ensure ${ID}`))
  })

  it('counts anew after it was well', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const seen: string[][] = []
    for (const status of [FAILED, FAILED, accepted(true), FAILED, FAILED, FAILED, accepted(true)])
      seen.push(await ground.look(status))
    assert.deepEqual(seen, [
      [],
      [],
      ['joe caught-up 0'],
      [],
      [],
      ['joe failing no such function'],
      ['joe caught-up 0'],
    ])
  })

  it('does not take for well what was only started again', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const seen: string[][] = []
    for (const status of [FAILED, { kind: 'waiting' } as const, FAILED, FAILED, { kind: 'waiting' } as const])
      seen.push(await ground.look(status))
    assert.deepEqual(seen, [[], [], [], ['joe failing no such function'], []])
  })

  it('tells anew of a lease that was replaced, or ended and began again', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    assert.deepEqual(await ground.look(), ['joe caught-up 0'])
    await ground.leases.use(JOE, EVENTS)
    assert.deepEqual(await ground.look(), ['joe caught-up 0'])
    await ground.leases.stop('content', DATABASE)
    await ground.leases.use(JOE, EVENTS)
    assert.deepEqual(await ground.look(), ['joe caught-up 0'])
    assert.deepEqual(await ground.look(), [])
  })

  it('tells again what nobody could take in', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    ground.onTold = () => {
      throw new Error('away')
    }
    await assert.rejects(ground.watch.look(), /away/)
    ground.onTold = () => undefined
    assert.deepEqual(await ground.look(), ['joe caught-up 0'])
  })

  it('keeps nobody from hearing of his own where another one cannot be started again', async () => {
    const ground = new Ground()
    const ann = { ...JOE, database: DATABASE.replace('u0', 'u1'), name: 'ann' }
    await ground.leases.use(JOE, NEWS)
    await ground.leases.use(ann, NEWS)
    ground.replicator.said.set(ID, { kind: 'absent' })
    ground.replicator.ensure = () => Promise.reject(new Error('refused'))
    await assert.rejects(ground.watch.look(), /refused/)
    assert.deepEqual(ground.told, ['ann caught-up 0'])
  })
})
