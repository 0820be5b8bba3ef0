// What owners are told of copies that their replications left out, and what stays between CouchDB and its admin.
import assert from 'node:assert/strict'
import type { ReplicationStatus } from '../../../src/couch/replicator.ts'
import { LeaseWatch } from '../../../src/engine/lease-watch.ts'
import type { Logger } from '../../../src/log.ts'
import type { ShareEntry } from '../../../src/shares/model/entry.ts'
import { claimedEntry } from '../../../src/shares/model/entry.ts'
import { shareDatabase, userDatabases } from '../../../src/documents/names.ts'
import { problem } from '../../../src/documents/problem.ts'
import type { Home } from '../../../src/shares/plan/object-facts.ts'
import { ShareLeases, type ShareLease } from '../../../src/shares/leases.ts'
import type { Registry } from '../../../src/shares/registry.ts'
import { MissingCopies } from '../../../src/shares/missing-copies.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { MemoryReplicator } from '../../support/memory-replicator.ts'
import type { EntryChange } from '../../../src/shares/plan/share-facts.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

const SHARE = 'garden'
const REASON =
  '{session_request_failed,"http://10.0.0.7:5984/_session","root",{conn_failed,{error,econnrefused}}}'
const CRASHING: ReplicationStatus = { kind: 'crashing', reason: REASON }
const FAILED: ReplicationStatus = { kind: 'failed', reason: REASON }
const WELL: ReplicationStatus = { kind: 'accepted', caughtUp: true, refused: 0 }

class Ground {
  readonly couch = new MemoryCouch()
  readonly users = userDatabases('user/{id}')
  readonly outbox = this.couch.create(this.users.outbox('joe'))
  readonly share = this.couch.create(shareDatabase(SHARE))
  readonly replicator = new MemoryReplicator()
  readonly logged: string[] = []
  readonly leases = new ShareLeases({
    replicator: this.replicator.asReplicator(),
    users: this.users,
    server: { url: 'http://couch:5984', user: 'admin', pass: 'secret' },
    now: () => 0,
    idleTimeoutMs: 1000,
  })
  readonly entry: ShareEntry = {
    ...claimedEntry(SHARE, 'joe', this.users.database('joe'), '2026-01-01T00:00:00.000Z'),
    state: 'active',
  }
  readonly log = {
    warn: (_: object, line: string) => void this.logged.push(line),
    debug: () => undefined,
  } as unknown as Logger
  readonly missing = new MissingCopies({
    couch: this.couch.asCouch(),
    users: this.users,
    registry: {
      entry: () => Promise.resolve(this.entry),
      change: (_: string, change: EntryChange) => Promise.resolve(void Object.assign(this.entry, change)),
    } as unknown as Registry,
    log: this.log,
    onChanged: () => undefined,
  })
  readonly watch = new LeaseWatch<ShareLease>({
    leases: this.leases,
    log: this.log,
    ...{ checkIntervalMs: 1_000, every: () => Promise.resolve() },
    fieldsOf: ({ share }) => ({ share }),
    onStatus: (lease, status) => this.missing.report(lease, status),
    onIdle: () => undefined,
  })

  async look(times: number, status: ReplicationStatus, home: Home = 'outbox'): Promise<void> {
    this.replicator.said.set(this.leases.id(SHARE, 'joe', home), status)
    for (let look = 0; look < times; look += 1) await this.watch.look()
  }
}

async function groundWith(home: Home): Promise<Ground> {
  const ground = new Ground()
  await ground.leases.use(SHARE, 'joe', home)
  return ground
}

describe('shares/missing-copies', () => {
  for (const status of [CRASHING, FAILED]) {
    it(`says nothing to the owner of a replication that is ${status.kind} while no copy is missing`, async () => {
      const ground = await groundWith('outbox')
      const leaf = ground.outbox.write({ _id: copyId(SHARE, 'rose'), name: 'rose' })
      assert.ok(leaf.ok)
      const copy = ground.outbox.leaf(copyId(SHARE, 'rose'), leaf.rev)
      assert.ok(copy)
      ground.share.merge(copy)
      await ground.look(50, status)
      assert.equal(ground.entry.problem, undefined)
      assert.deepEqual(ground.logged, ['replication in trouble'])
    })

    it(`tells the owner of one that stays ${status.kind} and leaves copies out, and when it is over`, async () => {
      const ground = await groundWith('outbox')
      ground.outbox.write({ _id: copyId(SHARE, 'rose'), name: 'rose' })
      await ground.look(2, status)
      assert.equal(ground.entry.problem, undefined, 'a hiccup')
      await ground.look(10, status)
      assert.deepEqual(ground.entry.problem, problem('replication_failed'))
      await ground.look(1, WELL)
      assert.equal(ground.entry.problem, undefined)
    })
  }

  it('takes back what was told where the copies have arrived otherwise', async () => {
    const ground = await groundWith('outbox')
    const leaf = ground.outbox.write({ _id: copyId(SHARE, 'rose'), name: 'rose' })
    await ground.look(20, CRASHING)
    assert.ok(ground.entry.problem)
    const copy = leaf.ok ? ground.outbox.leaf(copyId(SHARE, 'rose'), leaf.rev) : null
    assert.ok(copy)
    ground.share.merge(copy)
    await ground.look(1, CRASHING)
    assert.equal(ground.entry.problem, undefined)
  })

  it('waits for no copies where others write into the share', async () => {
    const ground = await groundWith('share')
    ground.outbox.write({ _id: copyId(SHARE, 'rose'), name: 'rose' })
    await ground.look(20, FAILED, 'share')
    assert.equal(ground.entry.problem, undefined)
  })

  it('shows neither addresses nor the admin of the server', async () => {
    const ground = await groundWith('outbox')
    ground.outbox.write({ _id: copyId(SHARE, 'rose'), name: 'rose' })
    await ground.look(20, FAILED)
    const { reason = '' } = ground.entry.problem ?? {}
    assert.match(reason, /log/)
    assert.doesNotMatch(reason, /10\.0\.0\.7|root|http/)
  })

  it('looks at the others where one share database is gone', async () => {
    const ground = await groundWith('outbox')
    ground.couch.databases.delete(ground.share.name)
    await ground.look(20, CRASHING)
    assert.equal(ground.entry.problem, undefined)
  })
})
