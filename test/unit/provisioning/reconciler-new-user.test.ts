// The first turn of a user of whom nothing is known: what it costs the server, and what of it a crash or another writer may find.
import assert from 'node:assert/strict'
import { CouchFault, isFault } from '../../../src/couch/fault.ts'
import { JoinedCouch } from '../../../src/couch/joined-database.ts'
import type { MasterPolicy, User } from '../../../src/provisioning/master-policy.ts'
import { Checkpoints } from '../../../src/engine/checkpoints.ts'
import { createLogger } from '../../../src/log.ts'
import { CHECKPOINTS, PROVISIONING, REGISTRY } from '../../../src/documents/names.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { UPDATED_AT } from '../../../src/documents/time.ts'
import {
  reconcileProvisionedUser,
  type ProvisioningDeps,
  type ProvisioningResult,
} from '../../../src/provisioning/reconciler.ts'
import { personalSecurity, provisionedUserId } from '../../../src/provisioning/provisioned-user.ts'
import type { ProvisioningWork } from '../../../src/provisioning/work.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { ProvisionedUsers } from '../../../src/provisioning/provisioned-users.ts'
import { PersonalLeases } from '../../../src/provisioning/leases.ts'
import { Removals } from '../../../src/mirror/removals.ts'
import { DatabaseCreator } from '../../../src/skeletons/create-database.ts'
import { marked } from '../../../src/skeletons/design.ts'
import type { Skeletons } from '../../../src/skeletons/wanted.ts'
import { MemoryCouch, type Gate } from '../../support/memory-couch.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'

const ANN = userDocumentId('ann')
const DATABASE = 'u00000000-0000-4000-8000-000000000000'
const OTHER_DATABASE = 'u00000000-0000-4000-8000-000000000001'
/** Others, who come together. */
const MANY = Array.from({ length: 20 }, (_, at) => `user${at}`)
const THREE = MANY.slice(0, 3)
const MASTER = 'master'
const STATUS = `$provision/${MASTER}`

const lets = ({ role }: { role?: string }, { roles }: User): boolean => roles.includes(role ?? '')

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

/** Where every user has something. */
const COMMON = ['_users', MASTER, REGISTRY, PROVISIONING]

const GUARD = marked({ _id: '_design/guard', validate_doc_update: 'function () {}' })

/** A server with a master, `count` documents of which are for the user, and one that is not. */
function serverWith(count: number): MemoryCouch {
  const server = new MemoryCouch()
  server.request = () => Promise.reject(new CouchFault('not_found', '_config', 'unknown_config_value', 404))
  for (const name of ['_users', MASTER, REGISTRY, PROVISIONING, CHECKPOINTS]) server.create(name)
  const master = server.databases.get(MASTER)
  master?.write({
    _id: '_design/notes',
    views: { roles: { map: 'function (doc) { emit(doc.role || null) }' } },
  })
  for (let at = 0; at < count; at += 1) master?.write({ _id: `note:${at}`, role: 'a', text: 'one' })
  master?.write({ _id: 'note:x', role: 'b' })
  server.databases.get('_users')?.write({ _id: ANN, name: 'ann', roles: ['a'] })
  return server
}

/** A client, and its databases, of which each request is told; what asks for nothing is none. */
function counting<Client extends object>(client: Client, onRequest: () => void): Client {
  return new Proxy(client, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]): unknown => {
        if (name === 'database') return counting(Reflect.apply(member, target, args) as object, onRequest)
        const [asked] = args
        if (!Array.isArray(asked) || asked.length > 0) onRequest()
        return Reflect.apply(member, target, args)
      }
    },
  })
}

/** The same with users who have just signed up. */
function serverWithUsers(names: readonly string[]): MemoryCouch {
  const server = serverWith(3)
  for (const name of names)
    server.databases.get('_users')?.write({ _id: userDocumentId(name), name, roles: ['a'] })
  return server
}

/** Names of databases that nobody has had. */
function freshNames(daemon: number): () => string {
  let last = 0
  return () => `u0000000${daemon}-0000-4000-8000-${String((last += 1)).padStart(12, '0')}`
}

/** A daemon that has just started. */
function daemonOn(
  server: MemoryCouch,
  { gate = () => Promise.resolve(null), fresh = () => DATABASE }: { gate?: Gate; fresh?: () => string } = {},
) {
  let requests = 0
  const client = counting(server.client(gate), () => (requests += 1))
  const couch = new JoinedCouch(
    client,
    (name) => COMMON.includes(name),
    (wait) => wait(),
  )
  const ownWrites = new OwnWrites()
  const skeletons = {
    of: () => ({ designs: [GUARD], security: null, isStrict: false }),
  } as unknown as Skeletons
  const deps = {
    ...{ couch, ownWrites, now: () => 0, updatedAt: UPDATED_AT },
    leases: new PersonalLeases({
      replicator: new MemoryReplicator().asReplicator(),
      server: { url: 'http://couch:5984', user: 'admin', pass: 'secret' },
      ...{ now: () => 0, idleTimeoutMs: 1_000 },
    }),
    provisionedUsers: new ProvisionedUsers(couch, ownWrites, () => 0),
    creator: new DatabaseCreator(client, skeletons),
    removals: new Removals({ couch, ownWrites, canPurge: true }),
    checkpoints: new Checkpoints(client),
    configured: [MASTER],
    masters: () => [{ name: MASTER, database: couch.database(MASTER), policy: POLICY }],
    leaseState: () => ({ kind: 'none' }),
    resumed: new Set<string>(),
    ...{ attribute: 'database', attributes: [], onDeparture: 'keep', graceMs: 0, newDatabase: fresh },
    log: createLogger({ level: 'silent', pretty: false }),
  } as unknown as ProvisioningDeps
  const turn = (work: ProvisioningWork, name = 'ann'): Promise<ProvisioningResult> =>
    reconcileProvisionedUser(deps, name, work)
  /** Turns until nothing is left to do. */
  const turns = async (first: ProvisioningWork, name = 'ann'): Promise<void> => {
    for (let [work, left]: [ProvisioningWork | null, number] = [first, 10]; work !== null; left -= 1) {
      assert(left > 0, 'Expected the turns to come to an end')
      work = (await turn(work, name)).next
    }
  }
  /** The same of several at once. */
  const allTurns = async (first: ProvisioningWork, names: readonly string[]): Promise<void> => {
    const all = await Promise.allSettled(names.map((name) => turns(first, name)))
    for (const one of all) if (one.status === 'rejected') throw one.reason
  }
  /** How many requests something takes. */
  const costOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = requests
    await work()
    return requests - before
  }
  return { deps, turn, turns, allTurns, costOf }
}

/** What is there in the end, whatever happened on the way. */
function outcome(server: MemoryCouch, name = 'ann') {
  const entry = server.databases.get(REGISTRY)?.read(provisionedUserId(name))
  const personal = server.databases.get(String(entry?.['database']))
  return {
    documents: [...(personal?.trees.keys() ?? [])].filter((id) => personal?.read(id)).sort(),
    isGuarded: personal?.read(GUARD._id) != null,
    security: personal?.security,
    said: [personal?.read(STATUS)?.['$state'], personal?.read(STATUS)?.['documents']],
    recorded: server.databases.get('_users')?.read(userDocumentId(name))?.['database'],
    entry: [entry?.['state'], entry?.['due'], entry?.['otherDocuments']],
  }
}

const allInPlace = (name: string, database: string) => ({
  documents: [STATUS, GUARD._id, 'note:0', 'note:1', 'note:2'],
  isGuarded: true,
  security: personalSecurity(name, database),
  said: ['complete', 3],
  recorded: database,
  entry: ['active', undefined, 2],
})

const ALL_IN_PLACE = allInPlace('ann', DATABASE)

/** Each of them has a database of the user's own, in which all is in place. */
function assertAllInPlace(server: MemoryCouch, names: readonly string[], when?: string): void {
  const databases = new Set<string>()
  for (const name of names) {
    const database = server.databases.get(REGISTRY)?.read(provisionedUserId(name))?.['database'] as string
    assert.deepEqual(outcome(server, name), allInPlace(name, database), when)
    databases.add(database)
  }
  assert.equal(databases.size, names.length)
  assert.equal([...server.databases.keys()].filter((name) => name.startsWith('u0')).length, databases.size)
}

/** Tries as often as a daemon would. */
async function insist(turns: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries += 1)
    try {
      return await turns()
    } catch (error) {
      if (tries > 3 || !isFault(error)) throw error
    }
}

describe('provisioning/reconciler, a new user', () => {
  it('costs eighteen requests, and two more for each time that CouchDB tells of what was written', async () => {
    const server = serverWith(3)
    const { turn, turns, costOf, deps } = daemonOn(server)
    assert.equal(await costOf(() => turns({ user: true })), 18)
    assert.deepEqual(outcome(server), ALL_IN_PLACE)
    const updates = async (): Promise<void> => {
      const updateSeq = server.databases.get(DATABASE)?.info().update_seq
      assert.equal((await turn({ personal: true, updateSeq })).next, null)
    }
    assert.equal(await costOf(updates), 2)
    await deps.checkpoints.flush()
    assert.equal(await costOf(updates), 2)
  })

  it('has the documents guarded before there are any, and says that they are complete when they are there', async () => {
    const server = serverWith(3)
    await daemonOn(server).turns({ user: true })
    const order = server.writes.filter((write) => write.startsWith(`${DATABASE} `))
    const at = (id: string): number => order.indexOf(`${DATABASE} ${id}`)
    assert(at(GUARD._id) < at('note:0'))
    assert(at('note:2') < at(STATUS))
    assert.equal(order.filter((write) => write === `${DATABASE} ${STATUS}`).length, 1)
  })

  it('comes to the same wherever the daemon is killed', async () => {
    const death = new Error('the daemon died')
    for (let dies = 0, isDead = true; isDead; dies += 1) {
      const server = serverWith(3)
      let left = dies
      isDead = false
      server.onWrite = () => {
        if (left === 0) isDead = true
        left -= 1
        if (isDead) throw death
      }
      await daemonOn(server)
        .turns({ user: true })
        .catch((error: unknown) => assert.equal(error, death))
      server.onWrite = () => undefined
      const { deps, turns } = daemonOn(server)
      await turns({ user: true, personal: true })
      assert.deepEqual(outcome(server), ALL_IN_PLACE, `after ${dies} writes`)
      // The registry notes the account as it is now that it names the database.
      await turns({ user: true })
      const written = server.writes.length
      await turns({ user: true, personal: true })
      await deps.checkpoints.flush()
      const later = server.writes.slice(written).filter((write) => !write.startsWith(CHECKPOINTS))
      assert.deepEqual(later, [], `after ${dies} writes`)
    }
  })

  it('hears of what the user writes while the first documents are brought', async () => {
    for (const before of ['note:0', STATUS]) {
      const server = serverWith(3)
      let hasWritten = false
      server.onWrite = (db, id) => {
        if (hasWritten || db !== DATABASE || id !== before) return
        hasWritten = true
        server.databases.get(DATABASE)?.write({ _id: 'note:mine', role: 'a', text: 'mine' })
      }
      await daemonOn(server).turns({ user: true })
      assert(hasWritten)
      assert.equal(server.databases.get(MASTER)?.read('note:mine')?.['text'], 'mine')
      assert.deepEqual(outcome(server).said, ['complete', 4])
    }
  })

  it('gets one database of two daemons that find the user at the same time', async () => {
    const server = serverWith(3)
    const daemons = [DATABASE, OTHER_DATABASE].map((name) => daemonOn(server, { fresh: () => name }))
    await Promise.all(daemons.map(({ turns }) => insist(() => turns({ user: true }))))
    await Promise.all(daemons.map(({ turns }) => insist(() => turns({ user: true, personal: true }))))
    assert.deepEqual(outcome(server), ALL_IN_PLACE)
    assert.equal(server.databases.get(OTHER_DATABASE), undefined)
  })

  it('has a database that takes turns to be filled, and says so meanwhile, where there is more than a page', async () => {
    const server = serverWith(201)
    const { turn, turns } = daemonOn(server)
    const first = await turn({ user: true })
    assert(first.next?.all)
    const states = new Set<unknown>()
    server.onWrite = (db, id) => {
      if (db === DATABASE && id.startsWith('note:'))
        states.add(server.databases.get(DATABASE)?.read(STATUS)?.['$state'])
    }
    await turns(first.next)
    assert.deepEqual([...states], ['active'])
    assert.deepEqual(outcome(server).said, ['complete', 201])
  })

  it('costs six requests for each of many, and fourteen for all of them together', async () => {
    const server = serverWithUsers(MANY)
    const { allTurns, costOf } = daemonOn(server, { fresh: freshNames(0) })
    const cost = await costOf(() => allTurns({ user: true }, MANY))
    assertAllInPlace(server, MANY)
    // The user's own database is created, gets its design documents, who may enter, its documents, and what is said of them, and its
    // changes are read. Together: registry and account are read; database claimed, entry written, account written; whether new databases
    // are closed; which databases there are, before and after; the master's view, documents and leaves; and the entry once more. Of many documents it is
    // asked first how many leaves they have, which is two more.
    assert.equal(cost, 6 * MANY.length + 14)
  })

  it('comes to the same for several wherever the daemon is killed', async () => {
    const death = new Error('the daemon died')
    for (let dies = 0, isDead = true; isDead; dies += 5) {
      const server = serverWithUsers(THREE)
      let left = dies
      isDead = false
      server.onWrite = () => {
        if (left <= 0) isDead = true
        left -= 1
        if (isDead) throw death
      }
      await daemonOn(server, { fresh: freshNames(0) })
        .allTurns({ user: true }, THREE)
        .catch((error: unknown) => assert.equal(error, death))
      server.onWrite = () => undefined
      await daemonOn(server, { fresh: freshNames(1) }).allTurns({ user: true, personal: true }, THREE)
      assertAllInPlace(server, THREE, `after ${dies} writes`)
    }
  })

  it('gets one database each of two daemons that find several at the same time', async () => {
    const server = serverWithUsers(THREE)
    const daemons = [0, 1].map((daemon) => daemonOn(server, { fresh: freshNames(daemon) }))
    for (const work of [{ user: true }, { user: true, personal: true }])
      await Promise.all(daemons.flatMap(({ turns }) => THREE.map((name) => insist(() => turns(work, name)))))
    assertAllInPlace(server, THREE)
  })
})
