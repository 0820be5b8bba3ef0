// Leases of provisioned users on a server: what they bring and do not, how they end, and what a start makes of them.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Replicator } from '../../../src/couch/replicator.ts'
import { LeaseWatch } from '../../../src/engine/lease-watch.ts'
import { createLogger } from '../../../src/log.ts'
import type { ProvisionedUser } from '../../../src/provisioning/provisioned-user.ts'
import {
  masterReplication,
  masterReplicationId,
  type MasterFilter,
} from '../../../src/provisioning/replication.ts'
import { adoptPersonalReplications } from '../../../src/provisioning/adoption.ts'
import { PersonalLeases, type PersonalLease } from '../../../src/provisioning/leases.ts'
import { haveInstalled } from '../../support/installed.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const IDLE_MS = 1_000
/** CouchDB tells how far a job is only some 5 to 15 s after it began. */
const COUNTED_MS = 60_000

const bySelector = (selector: object): MasterFilter => ({ kind: 'selector', selector })
const NEWS = bySelector({ type: 'news' })
const EVENTS = bySelector({ type: 'event' })

/** A master, a user's personal database, and the leases of a daemon. */
class Ground {
  readonly space: Space
  readonly master: string
  readonly database = `u${randomUUID()}`
  readonly name = 'joe@example.com'
  readonly server: { url: string; user: string; pass: string }
  readonly replicator: Replicator
  now = Date.now()
  leases: PersonalLeases

  private constructor(space: Space) {
    this.space = space
    this.master = `${space.prefix}master`
    const { url, user, pass } = space.server
    this.server = { url, user, pass }
    this.replicator = new Replicator(space.couch, {
      hasScheduler: space.server.kind === 'couchdb',
      sleep: (ms) => delay(ms),
    })
    this.leases = this.start()
  }

  static async run(space: Space, test: (ground: Ground) => Promise<void>): Promise<void> {
    await haveInstalled(space)
    const ground = new Ground(space)
    for (const name of [ground.master, ground.database]) await space.couch.database(name).create()
    await test(ground)
    for (const lease of ground.leases.held()) await ground.leases.stop(lease.master, lease.database)
    await space.couch.database(ground.database).drop()
  }

  /** Leases that nobody has used yet, as after a start. */
  start(): PersonalLeases {
    const { replicator, server } = this
    return new PersonalLeases({ replicator, server, now: () => this.now, idleTimeoutMs: IDLE_MS })
  }

  get subject(): { master: string; database: string; name: string } {
    return { master: this.master, database: this.database, name: this.name }
  }

  get id(): string {
    return masterReplicationId(this.master, this.database)
  }

  async write(...docs: ({ _id: string } & Record<string, unknown>)[]): Promise<void> {
    for (const doc of docs) await this.space.write(this.space.couch.database(this.master), doc)
  }

  /** The documents that the user has. */
  async ids(): Promise<string[]> {
    return (await this.space.couch.database(this.database).range({ limit: 100 })).map(({ id }) => id)
  }

  untilThere(...ids: string[]): Promise<void> {
    return this.space.until(`${ids.join(', ')} are there, and nothing else`, async () => {
      const there = await this.ids()
      return there.join() === [...ids].sort().join()
    })
  }

  /** The ids of the jobs into the personal database; always none on the embedded server, which has no scheduler. */
  async jobs(): Promise<string[]> {
    if (this.space.server.kind === 'embedded') return []
    const { jobs } = await this.space.couch.request<{ jobs: { id: string; target: string }[] }>({
      path: ['_scheduler', 'jobs'],
      query: { limit: 10_000 },
    })
    return jobs.filter(({ target }) => target.includes(this.database)).map(({ id }) => id)
  }

  /** Design documents reach the personal database by no filter of these tests. */
  async putFilter(name: string, source: string): Promise<void> {
    await this.write({ _id: `_design/${name}`, filters: { from: source } })
  }

  document(): Promise<Record<string, unknown> | null> {
    return this.space.couch.database('_replicator').get(this.id)
  }

  /** What an earlier run has left, or another daemon. */
  async leave(filter: MasterFilter, more: object = {}): Promise<string> {
    const replication = { ...masterReplication({ ...this.subject, server: this.server, filter }), ...more }
    const written = await this.space.couch.database('_replicator').put({ ...replication })
    assert(written.ok)
    return replication._id
  }

  async adopt(entry: Partial<ProvisionedUser> | null, filter: MasterFilter | null = NEWS): Promise<void> {
    const { leases, replicator, master, database, name } = this
    const person = entry && ({ name, database, state: 'active', ...entry } as ProvisionedUser)
    await adoptPersonalReplications({
      isHere: () => true,
      replicator,
      leases,
      provisionedUsers: { entry: (asked) => Promise.resolve(asked === name ? person : null) },
      masters: new Set([master]),
      log: createLogger({ level: 'silent', pretty: false }),
      filterOf: () => filter,
    })
  }
}

onEachServer('personal leases', ({ kind, it }) => {
  it('bring the documents that a selector takes', async (space) => {
    await Ground.run(space, async (ground) => {
      await ground.write(
        { _id: 'a-news', type: 'news', roles: ['reader'] },
        { _id: 'b-draft', type: 'news', roles: ['reader'], state: 'draft' },
        { _id: 'c-event', type: 'event', roles: ['guest'] },
        { _id: 'd-secret', type: 'event', roles: ['board'] },
        { _id: 'e-open', type: 'news' },
      )
      const selector = {
        $and: [
          { $or: [{ roles: { $elemMatch: { $in: ['reader', 'guest'] } } }, { roles: { $exists: false } }] },
          { type: { $in: ['news', 'event'] } },
          { $or: [{ state: { $exists: false } }, { $not: { state: 'draft' } }] },
        ],
      }
      assert.equal(await ground.leases.use(ground.subject, bySelector(selector)), true)
      await ground.untilThere('a-news', 'c-event', 'e-open')
      await ground.write(
        { _id: 'f-secret', type: 'event', roles: ['board'] },
        { _id: 'g-news', type: 'news', roles: ['guest'] },
      )
      await ground.untilThere('a-news', 'c-event', 'e-open', 'g-news')
      assert.equal(await ground.leases.use(ground.subject, bySelector(selector)), false)
    })
  })

  it("bring the documents that a function of the master's takes, by roles and by name", async (space) => {
    await Ground.run(space, async (ground) => {
      await ground.putFilter(
        'provisioning',
        `function (doc, req) {
          var roles = JSON.parse(req.query.roles)
          return doc.owner === req.query.name || roles.indexOf(doc.role) !== -1
        }`,
      )
      await ground.write(
        { _id: 'a', role: 'reader' },
        { _id: 'b', role: 'board' },
        { _id: 'c', owner: 'joe@example.com' },
        { _id: 'd', owner: 'ann@example.com' },
      )
      const filter = (roles: string[]): MasterFilter => ({
        kind: 'function',
        filter: 'provisioning/from',
        roles,
        name: ground.name,
      })
      await ground.leases.use(ground.subject, filter(['reader', 'ünïcode & "more"']))
      await ground.untilThere('a', 'c')
      await ground.write({ _id: 'e', role: 'board' }, { _id: 'f', role: 'ünïcode & "more"' })
      await ground.untilThere('a', 'c', 'f')
      await ground.leases.use(ground.subject, filter(['board', 'reader']))
      await ground.untilThere('a', 'b', 'c', 'e', 'f')
    })
  })

  it('with another selector bring nothing any more that the one before took', async (space) => {
    await Ground.run(space, async (ground) => {
      await ground.write({ _id: 'a', type: 'news' }, { _id: 'b', type: 'event' })
      await ground.leases.use(ground.subject, NEWS)
      await ground.untilThere('a')
      const before = await ground.jobs()
      assert.equal(await ground.leases.use(ground.subject, EVENTS), true)
      const between = await ground.jobs()
      assert(
        before.every((job) => !between.includes(job)),
        'no job of the one before is left',
      )
      await ground.write({ _id: 'c', type: 'news' }, { _id: 'd', type: 'event' })
      await ground.untilThere('a', 'b', 'd')
      assert.equal((await ground.jobs()).length, kind === 'couchdb' ? 1 : 0)
    })
  })

  it('end when idle, whatever else is written into the master, and begin again', async (space) => {
    await Ground.run(space, async (ground) => {
      const { master, database } = ground
      await ground.write({ _id: 'a', type: 'news' })
      await ground.leases.use(ground.subject, NEWS)
      await ground.untilThere('a')
      assert.equal(await ground.leases.endIfIdle(master, database), false)
      await ground.write({ _id: 'b', type: 'event' }, { _id: 'c', type: 'event' })
      ground.now += IDLE_MS
      await space.until('it ends', () => ground.leases.endIfIdle(master, database), COUNTED_MS)
      assert.deepEqual([await ground.document(), await ground.jobs()], [null, []])
      assert.deepEqual(await ground.leases.status(master, database), { kind: 'absent' })
      await ground.write({ _id: 'd', type: 'news' })
      assert.equal(await ground.leases.use(ground.subject, NEWS), true)
      await ground.untilThere('a', 'd')
    })
  })

  it('that are stopped bring nothing any more', async (space) => {
    await Ground.run(space, async (ground) => {
      const { master, database } = ground
      await ground.leases.stop(master, database)
      await ground.write({ _id: 'a', type: 'news' })
      await ground.leases.use(ground.subject, NEWS)
      await ground.untilThere('a')
      await ground.leases.stop(master, database)
      assert.deepEqual([await ground.document(), await ground.jobs(), ground.leases.held()], [null, [], []])
      await ground.write({ _id: 'b', type: 'news' }, { _id: 'c', type: 'event' })
      await ground.leases.use(ground.subject, EVENTS)
      await ground.untilThere('a', 'c')
    })
  })

  it('of an earlier run are taken over, corrected or cancelled', async (space) => {
    await Ground.run(space, async (ground) => {
      await ground.write({ _id: 'a', type: 'news' }, { _id: 'b', type: 'event' })
      await ground.leave(NEWS)
      await ground.untilThere('a')
      const rev = (await ground.document())?.['_rev']
      await ground.adopt({})
      assert.equal(ground.leases.held().length, 1)
      // The embedded server writes states into the document.
      if (kind === 'couchdb') assert.equal((await ground.document())?.['_rev'], rev)

      ground.leases = ground.start()
      await ground.adopt({}, EVENTS)
      assert.deepEqual((await ground.document())?.['selector'], { type: 'event' })
      await ground.untilThere('a', 'b')

      ground.leases = ground.start()
      await ground.adopt({ state: 'kept' })
      assert.deepEqual([await ground.document(), await ground.jobs(), ground.leases.held()], [null, [], []])
    })
  })

  it('of masters that are not configured here are left alone, and so are those of shares', async (space) => {
    await Ground.run(space, async (ground) => {
      const other = await ground.leave(NEWS, { _id: `${space.prefix}other => ${ground.database}` })
      const { provision: _, ...plain } = masterReplication({
        ...ground.subject,
        server: ground.server,
        filter: NEWS,
      })
      const share = { ...plain, _id: `${space.prefix}share`, share: space.shareId() }
      assert((await space.couch.database('_replicator').put(share)).ok)
      await ground.adopt(null)
      for (const id of [other, share._id])
        assert(await space.couch.database('_replicator').get(id), `${id} is there`)
      const marked = async (mark: 'share' | 'provision'): Promise<string[]> => {
        const ids: string[] = []
        for await (const { _id } of ground.replicator.documents(mark))
          if (_id.startsWith(space.prefix)) ids.push(_id)
        return ids
      }
      assert.deepEqual([await marked('share'), await marked('provision')], [[share._id], [other]])
    })
  })

  it('are watched: what is lost comes back, and a function that is missing is told', async (space) => {
    await Ground.run(space, async (ground) => {
      const told: string[] = []
      const watch = new LeaseWatch<PersonalLease>({
        leases: ground.leases,
        log: createLogger({ level: 'silent', pretty: false }),
        ...{ checkIntervalMs: 1_000, every: () => Promise.resolve() },
        fieldsOf: () => ({}),
        onStatus: (_, status) => void told.push(status.kind),
        onIdle: () => undefined,
      })
      const untilTold = (status: string): Promise<void> =>
        space.until(
          `it is told to be ${status}`,
          async () => {
            await watch.look()
            return told.at(-1) === status
          },
          COUNTED_MS,
        )
      await ground.write({ _id: 'a', type: 'news' })
      await ground.leases.use(ground.subject, NEWS)
      await untilTold('caught-up')
      await ground.untilThere('a')
      await ground.replicator.stop(ground.id)
      await watch.look()
      assert.equal(told.at(-1), 'starting')
      await ground.write({ _id: 'b', type: 'news' })
      await ground.untilThere('a', 'b')

      const filter = { filter: 'provisioning/from', roles: [], name: ground.name }
      await ground.leases.use(ground.subject, { kind: 'function', ...filter })
      await untilTold('failing')
      await ground.leases.use(ground.subject, NEWS)
      await untilTold('caught-up')
    })
  })
})
