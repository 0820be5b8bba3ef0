// Who gets a database of a gateway where several accounts name one user database: what becomes of one concerns the others.
import assert from 'node:assert/strict'
import { setImmediate as pause } from 'node:timers/promises'
import PQueue from 'p-queue'
import { Checkpoints } from '../../../src/engine/checkpoints.ts'
import { GatewayFeed } from '../../../src/gateways/controller.ts'
import { Pulse } from '../../../src/engine/pulse.ts'
import { compileGateway } from '../../../src/gateways/gateway.ts'
import { install } from '../../../src/skeletons/install.ts'
import { createLogger } from '../../../src/log.ts'
import { userDatabases } from '../../../src/documents/names.ts'
import { UPDATED_AT } from '../../../src/documents/time.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'
import { AccountIndex } from '../../../src/users/account-index.ts'
import { NO_METER } from '../../../src/engine/meter.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { Removals } from '../../../src/mirror/removals.ts'
import { Routes } from '../../../src/gateways/routes.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { SKELETON } from '../../support/space.ts'

const GATEWAY = 'fleet'
/** What `{id}` stands for in the name of the one user database. */
const HOME = 'abc123'
/** One of a user database that is not there. */
const AWAY = 'def456'
const DATABASE = `user/${HOME}/${GATEWAY}`

const log = createLogger({ level: 'silent', pretty: false })

/** A server with a user database, and a daemon that looks when it is told to. */
async function world() {
  const memory = new MemoryCouch()
  const couch = memory.client(() => Promise.resolve(null))
  const users = userDatabases('user/{id}')
  await install(couch, await readSkeleton(SKELETON), log, {
    ...{ policies: [], userKinds: [], masters: [] },
    gateways: [GATEWAY],
  })
  memory.create(users.database(HOME))
  const checkpoints = new Checkpoints(couch)
  const ownWrites = new OwnWrites()
  const feed = new GatewayFeed({
    ...{
      couch,
      meter: NO_METER,
      accounts: new AccountIndex(couch),
      users,
      updatedAt: UPDATED_AT,
      checkpoints,
      ownWrites,
      log,
      now: Date.now,
      graceMs: 60_000,
    },
    gateway: await compileGateway(GATEWAY, 'function (doc) { channel(doc.lists) }'),
    removals: new Removals({ couch, ownWrites, canPurge: true }),
    ...{
      queue: new PQueue({ concurrency: 3 }),
      concurrency: 3,
      pulse: new Pulse(() => 0),
      signal: new AbortController().signal,
    },
    onFailure: () => undefined,
    onIdle: () => undefined,
    every: () => Promise.resolve(),
    sleep: () => new Promise(() => undefined),
  })
  const accounts = memory.databases.get('_users')
  assert(accounts)
  const rest = async (): Promise<void> => {
    while (feed.busy > 0) await pause()
  }
  const sweep = async (): Promise<void> => {
    await feed.sweep(() => Promise.resolve())
    await rest()
  }
  await sweep()
  return {
    accounts,
    sweep,
    account: (name: string, ...roles: string[]): void => {
      const _id = userDocumentId(name)
      const { _rev } = accounts.read(_id) ?? {}
      assert(accounts.write({ ...(_rev === undefined ? {} : { _rev }), _id, type: 'user', name, roles }).ok)
    },
    leave: (name: string): void => {
      const { _id, _rev } = accounts.read(userDocumentId(name)) ?? assert.fail(name)
      assert(accounts.write({ _id, _rev, _deleted: true }).ok)
    },
    /** What is new in `_users` comes in, as `_db_updates` tells. */
    hear: async (): Promise<void> => {
      const heard: Promise<void>[] = []
      feed.onUpdate({ db: '_users', type: 'updated' }, (_name, work) => void heard.push(work()))
      await Promise.all(heard)
      await rest()
    },
    /** Whose the gateway's database is. */
    holder: async (): Promise<unknown> => {
      const [name] = await new Routes(couch, GATEWAY, Date.now).usersOf(DATABASE)
      const security = memory.databases.get(DATABASE)?.security.members
      return security?.names?.includes(name ?? '') ? name : null
    },
  }
}

describe('a user database that several accounts name', () => {
  it('is nobody’s for the gateway, and the other’s when one is gone', async () => {
    const { account, leave, hear, holder } = await world()
    account('one', HOME)
    await hear()
    assert.equal(await holder(), 'one')
    account('two', HOME)
    await hear()
    assert.equal(await holder(), null)
    leave('one')
    await hear()
    assert.equal(await holder(), 'two')
  })

  it('is the other’s, too, when one has another role', async () => {
    const { account, hear, holder } = await world()
    account('one', HOME)
    account('two', HOME)
    await hear()
    assert.equal(await holder(), null)
    account('one', AWAY)
    await hear()
    assert.equal(await holder(), 'two')
  })

  it('goes over with its role, whoever is heard of first', async () => {
    for (const order of [
      ['one', 'two'],
      ['two', 'one'],
    ]) {
      const { account, hear, holder } = await world()
      account('one', HOME)
      await hear()
      for (const name of order) account(name, ...(name === 'two' ? [HOME] : []))
      await hear()
      assert.equal(await holder(), 'two', order.join())
    }
  })

  it('is found by a sweep where nothing tells any more what an account had', async () => {
    const { accounts, account, leave, hear, sweep, holder } = await world()
    account('one', HOME)
    account('two', HOME)
    await hear()
    leave('one')
    accounts.compact()
    await hear()
    assert.equal(await holder(), null)
    await sweep()
    assert.equal(await holder(), 'two')
  })
})
