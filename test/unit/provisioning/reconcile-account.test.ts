// What `_users` says of a user, carried out while somebody else is at it.
import assert from 'node:assert/strict'
import { isFault } from '../../../src/couch/fault.ts'
import { createLogger } from '../../../src/log.ts'
import { REGISTRY } from '../../../src/documents/names.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { ProvisionedUsers } from '../../../src/provisioning/provisioned-users.ts'
import { reconcileAccount, type AccountDeps } from '../../../src/provisioning/reconcile-account.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const ANN = userDocumentId('ann')
const [FIRST, SECOND] = ['1', '2'].map((digit) => `u${digit}0000000-0000-4000-8000-000000000000`) as [
  string,
  string,
]

function world() {
  const server = new MemoryCouch()
  const users = server.create('_users')
  server.create(REGISTRY)
  users.write({ _id: ANN, type: 'user', name: 'ann', roles: ['a'] })
  const couch = server.client(() => Promise.resolve(null))
  const opened: string[] = []
  const creator = {
    open: (name: string) => Promise.resolve(opened.push(name) > 0),
    apply: (name: string) => Promise.resolve(void opened.push(name)),
  }
  const daemon = (newDatabase: () => string) => {
    const ownWrites = new OwnWrites()
    const deps = {
      ...{ couch, ownWrites, creator, newDatabase, now: () => 0 },
      provisionedUsers: new ProvisionedUsers(couch, ownWrites, () => 0),
      leases: { stop: () => Promise.resolve() },
      checkpoints: { remove: () => undefined },
      configured: ['master'],
      ...{ attribute: 'database', attributes: [] },
      onDeparture: 'keep',
      log: createLogger({ level: 'silent', pretty: false }),
    } as unknown as AccountDeps
    return deps
  }
  const isOwn = ({ ownWrites }: AccountDeps): boolean =>
    ownWrites.includes('_users', ANN, users.read(ANN)?._rev ?? '')
  return { server, users, opened, isOwn, daemon }
}

describe('reconcileAccount', () => {
  it('gives a user one database, whoever else is at it', async () => {
    const { users, opened, daemon } = world()
    const { entry } = await reconcileAccount(
      daemon(() => FIRST),
      'ann',
      null,
    )
    assert.equal(entry?.database, FIRST)
    // Whoever read before that does not know of it.
    await assert.rejects(
      reconcileAccount(
        daemon(() => SECOND),
        'ann',
        null,
      ),
      (error) => isFault(error, 'conflict'),
    )
    const other = daemon(() => SECOND)
    const again = await reconcileAccount(other, 'ann', await other.provisionedUsers.entry('ann'))
    assert.equal(again.entry?.database, FIRST)
    assert.equal(users.read(ANN)?.['database'], FIRST)
    assert(!opened.includes(SECOND))
  })

  it('names the database in the attribute that is set for it, and leaves others as they are', async () => {
    const { users, daemon } = world()
    // As Hoodie's accounts have it: the user database.
    users.write({ ...users.read(ANN, { conflicts: false }), _id: ANN, database: 'user/abc' })
    const deps = { ...daemon(() => FIRST), attribute: 'personal_db' }
    const { entry } = await reconcileAccount(deps, 'ann', null)
    assert.deepEqual([entry?.state, entry?.database], ['active', FIRST])
    const { database, personal_db } = users.read(ANN) as Record<string, unknown>
    assert.deepEqual([database, personal_db], ['user/abc', FIRST])
    const otherwise = world()
    otherwise.users.write({
      ...otherwise.users.read(ANN, { conflicts: false }),
      _id: ANN,
      database: 'user/abc',
    })
    const refused = await reconcileAccount(
      otherwise.daemon(() => FIRST),
      'ann',
      null,
    )
    assert.equal(refused.entry?.problem?.code, 'illegal_database')
  })

  it('knows its record in `_users` for its own, unless it covers what it did not know', async () => {
    const quiet = world()
    const deps = quiet.daemon(() => FIRST)
    await reconcileAccount(deps, 'ann', null)
    assert(quiet.isOwn(deps))

    const busy = world()
    busy.server.onWrite = (db, id) => {
      if (db !== REGISTRY || !id.startsWith('database/')) return
      busy.users.write({ ...busy.users.read(ANN, { conflicts: false }), _id: ANN, roles: ['b'] })
    }
    const late = busy.daemon(() => FIRST)
    const { roles } = await reconcileAccount(late, 'ann', null)
    assert.deepEqual(roles, ['a'])
    assert.deepEqual(busy.users.read(ANN)?.['roles'], ['b'])
    assert.equal(busy.users.read(ANN)?.['database'], FIRST)
    assert(!busy.isOwn(late), 'Expected the change of roles to be looked at')
  })

  it('changes what it has read before, and reads again where that is over', async () => {
    const { server, daemon } = world()
    const { provisionedUsers } = daemon(() => FIRST)
    const first = await provisionedUsers.change('ann', { due: true })
    await provisionedUsers.change('ann', { asked: ['user/ann'] })
    const changed = await provisionedUsers.change('ann', { due: undefined }, { known: first })
    assert.deepEqual([changed.due, changed.asked], [undefined, ['user/ann']])
    assert.deepEqual(await provisionedUsers.entry('ann'), changed)
    const writes = server.writes.length
    await provisionedUsers.change('ann', { due: undefined }, { known: changed })
    assert.equal(server.writes.length, writes)
    await assert.rejects(provisionedUsers.change('ann', { state: 'kept' }, { over: first }), (error) =>
      isFault(error, 'conflict'),
    )
    await assert.rejects(provisionedUsers.change('ann', { state: 'kept' }, { over: null }), (error) =>
      isFault(error, 'conflict'),
    )
    assert.deepEqual(await provisionedUsers.entry('ann'), changed)
  })
})
