// What provisioning remembers of users between their turns, and what it must not lose.
import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { setImmediate as nextRound } from 'node:timers/promises'
import PQueue from 'p-queue'
import { Checkpoints } from '../../../src/engine/checkpoints.ts'
import { partitionOf, portionOf, WHOLE } from '../../../src/engine/portion.ts'
import { NO_METER } from '../../../src/engine/meter.ts'
import { Pulse } from '../../../src/engine/pulse.ts'
import { Provisioning, type ProvisioningOptions } from '../../../src/provisioning/controller.ts'
import { install } from '../../../src/skeletons/install.ts'
import { createLogger } from '../../../src/log.ts'
import { PROVISIONING, userDatabases } from '../../../src/documents/names.ts'
import { provisionedUserId } from '../../../src/provisioning/provisioned-user.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { UPDATED_AT } from '../../../src/documents/time.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'
import { AccountIndex } from '../../../src/users/account-index.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { ProvisionedUsers } from '../../../src/provisioning/provisioned-users.ts'
import { PersonalLeases } from '../../../src/provisioning/leases.ts'
import { Removals } from '../../../src/mirror/removals.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'
import { SKELETON } from '../../support/space.ts'

const DATABASE = 'u00000000-0000-4000-8000-000000000000'
const GRACE_MS = 3_600_000

const LONG_MS = 6 * 60_000

/** Of the case that runs: whoever waits for a grace time would keep the process. */
const started: Provisioning[] = []

/** A server, and a daemon whose pauses never end. */
async function world({ portion = WHOLE, server = new MemoryCouch() } = {}) {
  /** Requests are answered when this is. */
  let answer = Promise.resolve()
  const couch = server.client(() => answer.then(() => null))
  const log = createLogger({ level: 'silent', pretty: false })
  await install(couch, await readSkeleton(SKELETON), log)
  for (const name of [DATABASE, PROVISIONING, 'user/hash1'])
    if (!server.databases.has(name)) server.create(name)
  const replicator = new MemoryReplicator()
  const ownWrites = new OwnWrites()
  const provisionedUsers = new ProvisionedUsers(couch, ownWrites, () => 0)
  const failures: unknown[] = []
  const queue = new PQueue({ concurrency: 4 })
  const clock = { ms: 0 }
  const provisioning = new Provisioning({
    ...{
      couch,
      provisionedUsers,
      ownWrites,
      log,
      queue,
      concurrency: 4,
      now: () => 0,
      updatedAt: UPDATED_AT,
    },
    accounts: new AccountIndex(couch),
    users: userDatabases('user/{id}'),
    portion,
    creator: { open: () => Promise.resolve(false), apply: () => Promise.resolve() },
    leases: new PersonalLeases({
      replicator: replicator.asReplicator(),
      server: { url: 'http://couch:5984', user: 'admin', pass: 'secret' },
      ...{ now: () => 0, idleTimeoutMs: 1_000 },
    }),
    removals: new Removals({ couch, ownWrites, canPurge: true }),
    checkpoints: new Checkpoints(couch),
    kinds: { masters: [] },
    skeletons: { of: () => null, designsOf: () => null },
    ...{ attributes: [], onDeparture: 'keep', graceMs: GRACE_MS, newDatabase: () => DATABASE },
    checkIntervalMs: 1_000,
    onFailure: (_db: string, error: unknown) => failures.push(error),
    onIdle: () => undefined,
    pulse: new Pulse(() => clock.ms),
    meter: NO_METER,
    signal: new AbortController().signal,
    sleep: () => new Promise(() => undefined),
  } as unknown as ProvisioningOptions)
  started.push(provisioning)
  const rest = async (): Promise<void> => {
    while (provisioning.busy > 0 && failures.length === 0) await nextRound()
    assert.deepEqual(failures, [])
  }
  const registry = server.databases.get('shares')
  const users = server.databases.get('_users')
  assert(registry && users)
  return {
    ...{ server, provisioning, provisionedUsers, registry, users, rest, clock },
    /** Nothing is answered until what this gives is called. */
    hold: (): (() => void) => {
      let open: () => void = () => undefined
      answer = new Promise<void>((resolve) => (open = resolve))
      return open
    },
  }
}

describe('provisioning/controller', () => {
  afterEach(async () => {
    for (const provisioning of started.splice(0)) await provisioning.stop()
  })

  it('comes back to a user who is gone when the grace time is over', async () => {
    const { provisioning, provisionedUsers, rest } = await world()
    await provisionedUsers.change('ann', { database: DATABASE, state: 'active', due: true })
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      await provisioning.sweep(() => Promise.resolve())
      await rest()
      assert.equal((await provisionedUsers.entry('ann'))?.state, 'leaving')
      mock.timers.tick(GRACE_MS - 1)
      assert.equal(provisioning.busy, 0)
      mock.timers.tick(1)
      assert.equal(provisioning.busy, 1)
      await rest()
    } finally {
      mock.timers.reset()
    }
  })

  it('does not forget with a crash that a user asked, the first time or later', async () => {
    const { provisioning, registry, users, provisionedUsers, rest } = await world()
    users.write({
      _id: userDocumentId('ann'),
      type: 'user',
      name: 'ann',
      roles: ['hash1'],
      database: DATABASE,
    })
    await provisionedUsers.change('ann', { database: DATABASE, state: 'active', roles: ['hash1'] })
    for (const wish of ['one', 'two']) {
      const asked = provisioning.onUserDocs('hash1', [{ _id: '$provision/master', wish } as { _id: string }])
      await asked
      // As it stands before anything is done about it.
      assert.equal(registry.read(provisionedUserId('ann'))?.['due'], true, wish)
      await rest()
      assert.equal(registry.read(provisionedUserId('ann'))?.['due'], undefined, wish)
    }
  })

  it('hears of a user who asks where the lane of the user database is another process’s, each time', async () => {
    const ann = partitionOf('ann', 2)
    const here = await world({ portion: portionOf([ann], 2) })
    const elsewhere = await world({ portion: portionOf([1 - ann], 2), server: here.server })
    here.users.write({
      _id: userDocumentId('ann'),
      ...{ type: 'user', name: 'ann', roles: ['hash1'], database: DATABASE },
    })
    const look = async (): Promise<void> => {
      const heard: Promise<void>[] = []
      here.provisioning.onUpdate({ db: 'shares', type: 'updated' }, (_name, work) => void heard.push(work()))
      await Promise.all(heard)
    }
    const ask = (wish: string): Promise<void> =>
      elsewhere.provisioning.onUserDocs('hash1', [{ _id: '$provision/master', wish } as { _id: string }])
    await assert.rejects(ask('too early'), /not provisioned yet/)

    await here.provisionedUsers.change('ann', { database: DATABASE, state: 'active', roles: ['hash1'] })
    await look()
    for (const wish of ['one', 'two']) {
      await ask(wish)
      assert.equal(elsewhere.provisioning.busy, 0)
      const { _rev } = here.registry.read(provisionedUserId('ann')) ?? {}
      await ask(`${wish} once more, before anybody has looked`)
      assert.notEqual(here.registry.read(provisionedUserId('ann'))?._rev, _rev, 'it is said again')
      await look()
      assert.equal(here.provisioning.busy, 1, wish)
      await here.rest()
      assert.equal(here.registry.read(provisionedUserId('ann'))?.['due'], undefined, wish)
      await look()
      assert.equal(here.provisioning.busy, 0, 'its own answer is nothing to hear of')
    }
  })

  it('does not follow the registry where nothing is divided', async () => {
    const { provisioning } = await world()
    const heard: string[] = []
    provisioning.onUpdate({ db: 'shares', type: 'updated' }, (name) => void heard.push(name))
    assert.deepEqual(heard, [])
  })

  it('is ready when those are done who had something to do at the start', async () => {
    const { provisioning, provisionedUsers, rest, hold } = await world()
    await provisionedUsers.change('ann', { database: DATABASE, state: 'active', due: true })
    assert.deepEqual(provisioning.ready(), { ok: false, reason: 'the first sweep is not finished' })
    let open = (): void => undefined
    // At the end of the first page: nobody has had a turn yet.
    await provisioning.sweep(() => {
      open = hold()
      return Promise.resolve()
    })
    assert.deepEqual(provisioning.ready(), { ok: false, reason: '1 user of masters to catch up with' })
    open()
    await rest()
    assert.deepEqual(provisioning.ready(), { ok: true })
    // Whoever comes later keeps nobody from taking the daemon for ready.
    await provisionedUsers.change('bob', { state: 'active', due: true })
    await provisioning.sweep(() => Promise.resolve())
    assert.deepEqual(provisioning.ready(), { ok: true })
    await rest()
  })

  it('is not healthy while a user waits for long, however long nobody had anything to do before', async () => {
    const { provisioning, provisionedUsers, rest, hold, clock } = await world()
    await provisionedUsers.change('ann', { database: DATABASE, state: 'active', due: true })
    clock.ms += LONG_MS
    let open = (): void => undefined
    await provisioning.sweep(() => {
      open = hold()
      return Promise.resolve()
    })
    assert(provisioning.busy > 0)
    assert.deepEqual(provisioning.healthy(), { ok: true })
    clock.ms += LONG_MS
    assert.deepEqual(provisioning.healthy(), {
      ok: false,
      reason: 'no turn was finished for five minutes',
    })
    open()
    await rest()
    assert.deepEqual(provisioning.healthy(), { ok: true })
  })
})
