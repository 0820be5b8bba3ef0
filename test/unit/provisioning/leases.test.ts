// Leases of provisioned users: which replications run, with which filter, and which end; and what a start makes of them.
import assert from 'node:assert/strict'
import { setImmediate as nextRound } from 'node:timers/promises'
import type { Logger } from '../../../src/log.ts'
import type { ProvisionedUser, ProvisionedUserState } from '../../../src/provisioning/provisioned-user.ts'
import { masterReplication, type MasterFilter } from '../../../src/provisioning/replication.ts'
import { shareReplication } from '../../../src/shares/model/replication.ts'
import { adoptPersonalReplications } from '../../../src/provisioning/adoption.ts'
import { PersonalLeases } from '../../../src/provisioning/leases.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'

const SERVER = { url: 'http://couch:5984', user: 'admin', pass: 'secret' }
const DATABASE = 'u0c3f7c1e-9f0b-4b6e-8d3a-2f1e5d6c7b8a'
const ANOTHER = 'u1c3f7c1e-9f0b-4b6e-8d3a-2f1e5d6c7b8a'
const JOE = { master: 'content', database: DATABASE, name: 'joe' }
const ID = `content => ${DATABASE}`
const NEWS: MasterFilter = { kind: 'selector', selector: { type: 'news' } }
const EVENTS: MasterFilter = { kind: 'selector', selector: { type: 'event' } }
const IDLE_MS = 1000

class Ground {
  readonly replicator = new MemoryReplicator()
  now = 0
  readonly leases = new PersonalLeases({
    replicator: this.replicator.asReplicator(),
    server: SERVER,
    now: () => this.now,
    idleTimeoutMs: IDLE_MS,
  })

  /** A replication that another run of the daemon has left. */
  leave(subject: { master: string; database: string; name: string }, filter: MasterFilter): void {
    const replication = masterReplication({ ...subject, server: SERVER, filter })
    this.replicator.docs.set(replication._id, replication)
  }

  selector(): unknown {
    return (this.replicator.docs.get(ID) as { selector?: unknown } | undefined)?.selector
  }

  /** Takes what was done since it was asked last. */
  did(): string[] {
    return this.replicator.done.splice(0)
  }
}

describe('provisioning/leases', () => {
  it('start at the first use; while they run, a use asks nothing and begins the idle time anew', async () => {
    const ground = new Ground()
    assert.equal(await ground.leases.use(JOE, NEWS), true)
    assert.deepEqual(ground.did(), [`put ${ID}`])
    ground.now = IDLE_MS - 1
    assert.equal(await ground.leases.use(JOE, structuredClone(NEWS)), false)
    assert.deepEqual(ground.did(), [])
    const [lease] = ground.leases.held()
    assert(lease)
    assert.equal(lease.usedAt, IDLE_MS - 1)
    ground.now = IDLE_MS
    assert.equal(ground.leases.isIdle(lease), false)
  })

  it('take what another run has left, where it says the same', async () => {
    const ground = new Ground()
    ground.leave(JOE, NEWS)
    assert.equal(await ground.leases.use(JOE, NEWS), false)
    assert.deepEqual(ground.did(), [])
    assert.equal(ground.leases.held().length, 1)
  })

  it('are replaced for another filter, and the one before ends first', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const [before] = ground.leases.held()
    ground.did()
    assert.equal(await ground.leases.use(JOE, EVENTS), true)
    assert.deepEqual(ground.did(), [`stop ${ID}`, `put ${ID}`])
    assert.deepEqual(ground.selector(), { type: 'event' })
    assert(before && !ground.leases.isHeld(before))
    assert.equal(ground.leases.held().length, 1)
  })

  it('are held no more where replacing fails, so that nothing puts the one before back', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    ground.replicator.ending = Promise.reject(new Error('away'))
    await assert.rejects(ground.leases.use(JOE, EVENTS), /away/)
    assert.deepEqual(ground.leases.held(), [])
    ground.replicator.ending = Promise.resolve()
    assert.equal(await ground.leases.use(JOE, EVENTS), true)
    assert.deepEqual(ground.selector(), { type: 'event' })
  })

  it('are idle later after a touch, which starts nothing', async () => {
    const ground = new Ground()
    ground.leases.touch('content', DATABASE)
    assert.deepEqual([ground.leases.held(), ground.did()], [[], []])
    await ground.leases.use(JOE, NEWS)
    ground.now = IDLE_MS
    ground.leases.touch('content', DATABASE)
    assert.equal(await ground.leases.endIfIdle('content', DATABASE), false)
    ground.now = 2 * IDLE_MS
    assert.equal(await ground.leases.endIfIdle('content', DATABASE), true)
  })

  it('end when idle, but not with something left to do, and begin again', async () => {
    const ground = new Ground()
    assert.equal(await ground.leases.endIfIdle('content', DATABASE), false)
    await ground.leases.use(JOE, NEWS)
    ground.now = IDLE_MS
    for (const status of [
      { kind: 'accepted', caughtUp: false, refused: 0 },
      { kind: 'waiting' },
      { kind: 'crashing', reason: 'away' },
    ] as const) {
      ground.replicator.said.set(ID, status)
      assert.equal(await ground.leases.endIfIdle('content', DATABASE), false)
    }
    ground.replicator.said.clear()
    assert.equal(await ground.leases.endIfIdle('content', DATABASE), true)
    assert.deepEqual([ground.leases.held(), ground.selector()], [[], undefined])
    assert.deepEqual(await ground.leases.status('content', DATABASE), { kind: 'absent' })
    assert.equal(await ground.leases.use(JOE, NEWS), true)
    assert.deepEqual(ground.selector(), { type: 'news' })
  })

  it('are stopped whether or not they are held', async () => {
    const ground = new Ground()
    ground.leave(JOE, NEWS)
    for (let times = 0; times < 2; times += 1) await ground.leases.stop('content', DATABASE)
    assert.equal(ground.replicator.docs.size, 0)
  })

  it('are not put back while they end', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    const [lease] = ground.leases.held()
    assert(lease)
    let end = (): void => undefined
    ground.replicator.ending = new Promise((resolve) => (end = resolve))
    const stopping = ground.leases.stop('content', DATABASE)
    const restarting = ground.leases.restart(lease)
    await nextRound()
    assert.deepEqual(ground.leases.held(), [])
    end()
    await Promise.all([stopping, restarting])
    assert.deepEqual(ground.did(), [`put ${ID}`, `stop ${ID}`])
    assert.equal(ground.replicator.docs.size, 0)
  })

  it('begin again after they have ended, where they are used meanwhile', async () => {
    const ground = new Ground()
    await ground.leases.use(JOE, NEWS)
    let end = (): void => undefined
    ground.replicator.ending = new Promise((resolve) => (end = resolve))
    const stopping = ground.leases.stop('content', DATABASE)
    const using = ground.leases.use(JOE, NEWS)
    await nextRound()
    assert.deepEqual(ground.did(), [`put ${ID}`, `stop ${ID}`])
    end()
    await stopping
    assert.equal(await using, true)
    assert.equal(ground.leases.held().length, 1)
    assert.deepEqual(ground.selector(), { type: 'news' })
  })

  it('of other users and masters go their own ways', async () => {
    const ground = new Ground()
    const ann = { master: 'content', database: ANOTHER, name: 'ann' }
    await ground.leases.use(JOE, NEWS)
    await ground.leases.use({ ...JOE, master: 'places' }, NEWS)
    await ground.leases.use(ann, EVENTS)
    await ground.leases.stop('content', DATABASE)
    assert.deepEqual(
      ground.leases.held().map(({ master, name }) => `${master} ${name}`),
      ['places joe', 'content ann'],
    )
  })
})

describe('provisioning/adoption', () => {
  const lines: string[] = []
  const log = { info: (_: object, line: string) => void lines.push(line) } as unknown as Logger

  const entry = (
    name: string,
    database: string,
    state: ProvisionedUserState = 'active',
  ): ProvisionedUser => ({
    _id: `person/${name}`,
    type: 'person',
    name,
    database,
    state,
    roles: ['reader'],
    others: {},
    masters: {},
    updatedAt: '2024-01-01T00:00:00.000Z',
  })

  async function adopt(
    ground: Ground,
    entries: ProvisionedUser[],
    filterOf: (entry: ProvisionedUser, master: string) => MasterFilter | null = () => NEWS,
  ): Promise<void> {
    lines.length = 0
    await adoptPersonalReplications({
      isHere: () => true,
      replicator: ground.replicator.asReplicator(),
      leases: ground.leases,
      provisionedUsers: {
        entry: (name) => Promise.resolve(entries.find((one) => one.name === name) ?? null),
      },
      masters: new Set(['content']),
      log,
      filterOf,
    })
  }

  it('takes over what is as it should be', async () => {
    const ground = new Ground()
    ground.leave(JOE, NEWS)
    await adopt(ground, [entry('joe', DATABASE)])
    assert.deepEqual(
      ground.leases.held().map(({ master, database, name }) => ({ master, database, name })),
      [JOE],
    )
    assert.deepEqual([ground.did(), lines], [[], []])
  })

  it('corrects what is not', async () => {
    const ground = new Ground()
    ground.leave(JOE, EVENTS)
    await adopt(ground, [entry('joe', DATABASE)])
    assert.deepEqual(ground.selector(), { type: 'news' })
    assert.equal(ground.leases.held().length, 1)
    assert.deepEqual(lines, ['replication brought up to date'])
  })

  const strangers: [string, ProvisionedUser[]][] = [
    ['a user who is not known', []],
    ['a user who is gone', [entry('joe', DATABASE, 'kept')]],
    ['a user whose database is dropped', [entry('joe', DATABASE, 'dropped')]],
    ['a user with another database', [entry('joe', ANOTHER)]],
  ]
  for (const [whose, entries] of strangers)
    it(`cancels that of ${whose}`, async () => {
      const ground = new Ground()
      ground.leave(JOE, NEWS)
      await adopt(ground, entries)
      assert.deepEqual([ground.replicator.docs.size, ground.leases.held()], [0, []])
      assert.deepEqual(lines, ['replication without a user, cancelled'])
    })

  it('cancels what a user is to have nothing of', async () => {
    const ground = new Ground()
    ground.leave(JOE, NEWS)
    await adopt(ground, [entry('joe', DATABASE)], () => null)
    assert.deepEqual([ground.replicator.docs.size, ground.leases.held()], [0, []])
  })

  it('leaves masters alone that are not configured here, and what is none of provisioning', async () => {
    const ground = new Ground()
    ground.leave({ ...JOE, master: 'places' }, NEWS)
    const share = shareReplication('x', 'user/joe/$shares', SERVER)
    const named = { ...masterReplication({ ...JOE, server: SERVER, filter: NEWS }), _id: 'by hand' }
    for (const doc of [share, named]) ground.replicator.docs.set(doc._id, doc)
    await adopt(ground, [])
    assert.equal(ground.replicator.docs.size, 3)
    assert.deepEqual([ground.did(), ground.leases.held()], [[], []])
    assert.equal(lines.length, 2)
  })

  it('leaves as it is what a turn has seen to before it', async () => {
    const ground = new Ground()
    ground.leave(JOE, NEWS)
    await ground.leases.use(JOE, EVENTS)
    await adopt(ground, [])
    assert.deepEqual(ground.selector(), { type: 'event' })
    // While the entry is read, the turn ends it.
    ground.did()
    await adopt(ground, [entry('joe', DATABASE)], () => {
      void ground.leases.stop('content', DATABASE)
      return NEWS
    })
    assert.deepEqual([ground.replicator.docs.size, ground.leases.held()], [0, []])
  })
})
