// The watch over leases: what is told, when, what is started again, and which leases are idle.
import assert from 'node:assert/strict'
import type { ReplicationStatus } from '../../../src/couch/replicator.ts'
import type { Replication } from '../../../src/documents/replication.ts'
import { Leases } from '../../../src/engine/leases.ts'
import { LeaseWatch, type LeaseStatus } from '../../../src/engine/lease-watch.ts'
import type { Logger } from '../../../src/log.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'
import { masterReplication } from '../../../src/provisioning/replication.ts'

const IDLE_MS = 1_000
const CHECK_MS = 5_000
const FAILED: ReplicationStatus = { kind: 'failed', reason: 'no such function' }
const CRASHING: ReplicationStatus = { kind: 'crashing', reason: 'away' }

interface NamedLease {
  name: string
  usedAt: number
}

/** Of each name there is one, from a database of that name. */
class NamedLeases extends Leases<NamedLease> {
  use(name: string): Promise<void> {
    return this.inTurn(name, async () => {
      const lease = { name, usedAt: this.now() }
      await this.replicator.ensure(this.replicationOf(lease))
      this.hold(lease)
    })
  }

  stop(name: string): Promise<void> {
    return this.end(name, [idOf(name)])
  }

  protected keyOf({ name }: NamedLease): string {
    return name
  }

  protected replicationOf({ name }: NamedLease): Replication {
    const server = { url: 'http://couch:5984', user: 'admin', pass: 'secret' }
    const filter = { kind: 'selector', selector: {} } as const
    return masterReplication({ master: name, database: 'target', name: 'joe', server, filter })
  }

  protected idsOf({ name }: NamedLease): string[] {
    return [idOf(name)]
  }
}

const idOf = (name: string): string => `${name} => target`

class Ground {
  readonly replicator = new MemoryReplicator()
  readonly logged: string[] = []
  /** What is done at intervals, by these. */
  readonly atIntervals = new Map<number, () => Promise<void>>()
  readonly idle: string[] = []
  now = 0
  #told: string[] = []
  /** Called with what is told. */
  onTold: () => void = () => undefined
  readonly leases = new NamedLeases({
    replicator: this.replicator.asReplicator(),
    now: () => this.now,
    idleTimeoutMs: IDLE_MS,
  })
  readonly watch = new LeaseWatch<NamedLease>({
    leases: this.leases,
    checkIntervalMs: CHECK_MS,
    every: (ms, work) => Promise.resolve(void this.atIntervals.set(ms, work)),
    log: {
      warn: (_: object, line: string) => void this.logged.push(line),
      debug: () => undefined,
    } as unknown as Logger,
    fieldsOf: ({ name }) => ({ name }),
    onStatus: (lease, status) => {
      this.onTold()
      this.#told.push(`${lease.name} ${wordsOf(status)}`)
    },
    onIdle: ({ name }) => this.idle.push(name),
  })

  /** A ground on which a lease called news is held. */
  static async withNews(): Promise<Ground> {
    const ground = new Ground()
    await ground.leases.use('news')
    ground.done()
    return ground
  }

  /** Looks, at a replication of news that is said to stand so. @returns what was told */
  async look(status?: ReplicationStatus): Promise<string[]> {
    if (status) this.replicator.said.set(idOf('news'), status)
    await this.watch.look()
    return this.told()
  }

  /** Looks once for each of these. @returns what was told at each look */
  async looks(statuses: readonly ReplicationStatus[]): Promise<string[]> {
    const seen: string[] = []
    for (const status of statuses) seen.push((await this.look(status)).join())
    return seen
  }

  told(): string[] {
    const told = this.#told
    this.#told = []
    return told
  }

  done(): string[] {
    return this.replicator.done.splice(0)
  }
}

function wordsOf(status: LeaseStatus): string {
  if (status.kind === 'failing') return `${status.kind} ${status.state} ${status.reason}`
  return 'refused' in status ? `${status.kind} ${status.refused}` : status.kind
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

const times = (count: number, status: ReplicationStatus): ReplicationStatus[] =>
  Array.from({ length: count }, () => status)

describe('engine/lease-watch', () => {
  it('asks nothing without a lease', async () => {
    const ground = new Ground()
    assert.deepEqual(await ground.look(), [])
    assert.deepEqual(ground.done(), [])
  })

  const HISTORIES: { what: string; said: ReplicationStatus[]; told: string[] }[] = [
    {
      what: 'one that begins, and goes on',
      said: [{ kind: 'waiting' }, accepted(false), accepted(true), accepted(true)],
      told: ['news starting', 'news behind 0', 'news caught-up 0', 'news caught-up 0'],
    },
    {
      what: 'documents that the target refuses',
      said: [accepted(true), accepted(true, { refused: 2 }), accepted(false, { refused: 2 })],
      told: ['news caught-up 0', 'news caught-up 2', 'news behind 2'],
    },
    {
      what: 'one that was not counted: it has caught up when it gets no further',
      said: ['1-a', '10-a', '10-a', '11-a', '11-a'].map((uncounted) => accepted(true, { uncounted })),
      told: ['news behind 0', 'news behind 0', 'news caught-up 0', 'news behind 0', 'news caught-up 0'],
    },
    {
      what: 'one that CouchDB gave up, from the third look on',
      said: times(4, FAILED),
      told: ['', '', 'news failing failed no such function', 'news failing failed no such function'],
    },
    {
      what: 'one that crashes, from the eighth look on: CouchDB tries it again itself',
      said: times(9, CRASHING),
      told: [...Array<string>(7).fill(''), 'news failing crashing away', 'news failing crashing away'],
    },
    {
      what: 'trouble that is counted anew after it was well',
      said: [FAILED, FAILED, accepted(true), FAILED, FAILED, FAILED, accepted(true)],
      told: ['', '', 'news caught-up 0', '', '', 'news failing failed no such function', 'news caught-up 0'],
    },
    {
      what: 'one in trouble that was only started again: it is not well yet',
      said: [FAILED, { kind: 'waiting' }, FAILED, FAILED, { kind: 'waiting' }],
      told: ['', '', '', 'news failing failed no such function', ''],
    },
  ]

  for (const { what, said, told } of HISTORIES)
    it(`tells of ${what}`, async () => {
      const ground = await Ground.withNews()
      assert.deepEqual(await ground.looks(said), told)
    })

  it('starts again what is gone', async () => {
    const ground = await Ground.withNews()
    ground.replicator.docs.clear()
    assert.deepEqual(await ground.look(), ['news starting'])
    assert.equal(ground.replicator.docs.size, 1)
    assert.deepEqual(await ground.look(), ['news caught-up 0'])
    assert.deepEqual(ground.logged, ['replication is gone, started again'])
  })

  it('retries what CouchDB gave up after growing pauses, and logs it once', async () => {
    const ground = await Ground.withNews()
    const retried: number[] = []
    for (let look = 1; look <= 20; look += 1) {
      await ground.look(FAILED)
      if (ground.done().includes(`ensure ${idOf('news')}`)) retried.push(look)
    }
    assert.deepEqual(retried, [1, 3, 7, 15])
    assert.deepEqual(ground.logged, ['replication in trouble'])
  })

  it('leaves to CouchDB what it tries again itself', async () => {
    const ground = await Ground.withNews()
    await ground.looks(times(20, CRASHING))
    assert(!ground.done().includes(`ensure ${idOf('news')}`))
  })

  it('does not put back what was stopped, nor tells of it', async () => {
    const ground = await Ground.withNews()
    await ground.leases.use('places')
    ground.replicator.docs.clear()
    const statuses = ground.replicator.statuses.bind(ground.replicator)
    ground.replicator.statuses = async () => {
      const found = await statuses()
      await ground.leases.stop('news')
      return found
    }
    assert.deepEqual(await ground.look(), ['places starting'])
    assert.deepEqual([...ground.replicator.docs.keys()], [idOf('places')])
  })

  it('does not tell of one that is stopped while the one before it is looked at', async () => {
    const ground = await Ground.withNews()
    await ground.leases.use('places')
    let stopped = Promise.resolve()
    ground.onTold = () => {
      stopped = ground.leases.stop('places')
    }
    assert.deepEqual(await ground.look(), ['news caught-up 0'])
    await stopped
  })

  it('forgets the trouble of one that ended and began again', async () => {
    const ground = await Ground.withNews()
    await ground.looks(times(3, FAILED))
    await ground.leases.stop('news')
    await ground.leases.use('news')
    assert.deepEqual(await ground.looks(times(3, FAILED)), ['', '', 'news failing failed no such function'])
  })

  it('tells of all the others where one cannot be started again, and then fails', async () => {
    const ground = await Ground.withNews()
    await ground.leases.use('places')
    ground.replicator.said.set(idOf('news'), { kind: 'absent' })
    ground.replicator.ensure = () => Promise.reject(new Error('refused'))
    await assert.rejects(ground.watch.look(), /refused/)
    assert.deepEqual(ground.told(), ['places caught-up 0'])
  })

  it('tells again what could not be taken in', async () => {
    const ground = await Ground.withNews()
    ground.onTold = () => {
      throw new Error('away')
    }
    await assert.rejects(ground.watch.look(), /away/)
    ground.onTold = () => undefined
    assert.deepEqual(await ground.look(), ['news caught-up 0'])
  })

  it('looks at intervals, and for those that were not used for the idle timeout', async () => {
    const ground = await Ground.withNews()
    await ground.watch.run()
    assert.deepEqual([...ground.atIntervals.keys()], [CHECK_MS, IDLE_MS / 4])
    ground.now = IDLE_MS / 2
    await ground.leases.use('places')
    ground.now = IDLE_MS
    await ground.atIntervals.get(IDLE_MS / 4)?.()
    assert.deepEqual(ground.idle, ['news'])
    await ground.atIntervals.get(CHECK_MS)?.()
    assert.deepEqual(ground.told(), ['news caught-up 0', 'places caught-up 0'])
  })
})
