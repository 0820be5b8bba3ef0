// A user's turns, where something fails or changes in the middle of one.
import assert from 'node:assert/strict'
import { CouchFault, isFault } from '../../../src/couch/fault.ts'
import type { MasterPolicy, User } from '../../../src/provisioning/master-policy.ts'
import { Checkpoints } from '../../../src/engine/checkpoints.ts'
import { createLogger } from '../../../src/log.ts'
import { CHECKPOINTS, PROVISIONING, REGISTRY } from '../../../src/documents/names.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { UPDATED_AT } from '../../../src/documents/time.ts'
import { reconcileProvisionedUser, type ProvisioningDeps } from '../../../src/provisioning/reconciler.ts'
import type { ProvisioningWork } from '../../../src/provisioning/work.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { ProvisionedUsers } from '../../../src/provisioning/provisioned-users.ts'
import { PersonalLeases } from '../../../src/provisioning/leases.ts'
import { Removals } from '../../../src/mirror/removals.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'

const ANN = userDocumentId('ann')
const DATABASE = 'u00000000-0000-4000-8000-000000000000'
const MASTER = 'master'

/** Who has a document's `role` has the document; what has none is everybody's. */
const lets = ({ role }: { role?: string }, { roles }: User): boolean =>
  role === undefined || roles.includes(role)

const POLICY = {
  design: 'notes',
  hash: 'h',
  fields: null,
  mayRead: lets,
  decide: lets,
  decideEach: (docs: { role?: string }[], user: User) => docs.map((doc) => lets(doc, user)),
  mayWrite: () => true,
  selector: ({ roles }: User) => ({ role: { $in: roles } }),
} as unknown as MasterPolicy

/** A server with one master, and what a daemon has in memory. */
function world(roles: string[]) {
  const server = new MemoryCouch()
  const [users, master, personal] = ['_users', MASTER, DATABASE].map((name) => server.create(name))
  for (const name of [REGISTRY, PROVISIONING, CHECKPOINTS]) server.create(name)
  assert(users && master && personal)
  const views = { roles: { map: 'function (doc) { emit(doc.role || null) }' } }
  master.write({ _id: '_design/notes', views })
  users.write({ _id: ANN, name: 'ann', roles, database: DATABASE })
  const couch = server.client(() => Promise.resolve(null))
  const replicator = new MemoryReplicator()
  const ownWrites = new OwnWrites()
  const leases = new PersonalLeases({
    replicator: replicator.asReplicator(),
    server: { url: 'http://couch:5984', user: 'admin', pass: 'secret' },
    ...{ now: () => 0, idleTimeoutMs: 1_000 },
  })
  const deps = {
    ...{ couch, ownWrites, leases, now: () => 0, updatedAt: UPDATED_AT },
    provisionedUsers: new ProvisionedUsers(couch, ownWrites, () => 0),
    creator: { open: () => Promise.resolve(false), apply: () => Promise.resolve() },
    removals: new Removals({ couch, ownWrites, canPurge: true }),
    checkpoints: new Checkpoints(couch),
    configured: [MASTER],
    masters: () => [{ name: MASTER, database: couch.database(MASTER), policy: POLICY }],
    leaseState: () => ({ kind: 'none' }),
    resumed: new Set<string>(),
    ...{
      attribute: 'database',
      attributes: [],
      onDeparture: 'keep',
      graceMs: 0,
      newDatabase: () => DATABASE,
    },
    log: createLogger({ level: 'silent', pretty: false }),
  } as unknown as ProvisioningDeps
  /** Turns until nothing is left to do. */
  const turns = async (first: ProvisioningWork): Promise<void> => {
    let work: ProvisioningWork | null = first
    for (let left = 10; work !== null; left -= 1) {
      assert(left > 0, 'Expected the turns to come to an end')
      work = (await reconcileProvisionedUser(deps, 'ann', work)).next
    }
  }
  const setRoles = (...now: string[]): void => {
    users.write({ ...users.read(ANN), _id: ANN, roles: now })
  }
  return { server, users, master, personal, replicator, setRoles, turns }
}

describe('provisioning/reconciler', () => {
  it('leaves no replication with roles that were lost, where ending it failed first', async () => {
    const { master, personal, replicator, setRoles, turns } = world(['a', 'b'])
    for (const role of ['a', 'b']) master.write({ _id: `note:${role}`, role })
    await turns({ user: true, wakes: new Set([MASTER]) })
    assert.deepEqual([...replicator.docs.keys()], [`${MASTER} => ${DATABASE}`])
    assert(personal.read('note:b'))
    setRoles('a')
    const stop = replicator.stop.bind(replicator)
    replicator.stop = () => {
      replicator.stop = stop
      return Promise.reject(new CouchFault('timeout', '_replicator', 'a job did not end in time'))
    }
    await assert.rejects(turns({ user: true }), (error) => isFault(error, 'timeout'))
    await turns({ user: true })
    assert.equal(personal.read('note:b'), null)
    assert(!JSON.stringify([...replicator.docs.values()]).includes('"b"'))
  })

  it('takes away what a lost role gave, and goes on, also where a document has ended the view of the master', async () => {
    const { master, personal, setRoles, turns } = world(['a', 'b'])
    for (const role of ['a', 'b']) master.write({ _id: `note:${role}`, role })
    await turns({ user: true })
    const ended = new CouchFault('server_error', MASTER, '{exit_status,139}', 500)
    const view = master.view.bind(master)
    master.view = () => {
      throw ended
    }
    setRoles('a')
    personal.write({ ...personal.read('note:a'), _id: 'note:a', text: 'two' })
    await assert.rejects(turns({ user: true, personal: true }), ended)
    assert.equal(personal.read('note:b'), null)
    assert.equal(master.read('note:a')?.['text'], 'two')
    const said = (): unknown => (personal.read(`$provision/${MASTER}`)?.['$error'] as { code: string })?.code
    assert.equal(said(), 'master_unavailable')
    master.view = view
    await turns({ user: true })
    assert.equal(said(), undefined)
  })

  it('carries nothing for a user who was deleted meanwhile, with roles or without', async () => {
    const { server, users, master, personal, turns } = world([])
    master.write({ _id: 'note:1', text: 'one' })
    await turns({ user: true })
    personal.write({ ...personal.read('note:1'), _id: 'note:1', text: 'two' })
    server.onWrite = () => {
      server.onWrite = () => undefined
      users.write({ _id: ANN, _rev: users.read(ANN)?._rev ?? '', _deleted: true })
    }
    // The turn's first write is that all is to be compared.
    await turns({ all: true })
    assert.equal(master.read('note:1')?.['text'], 'one')
  })
})
