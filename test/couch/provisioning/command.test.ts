// `couch-shares provision` on a server: without a daemon, and beside one that works for the same users.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { provision } from '../../../src/commands/provision.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { CHECKPOINTS, PROVISIONING, REGISTRY } from '../../../src/documents/names.ts'
import {
  claimId,
  personalSecurity,
  provisionedUserId,
  type ProvisionedUser,
} from '../../../src/provisioning/provisioned-user.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { ProvisionedUsers } from '../../../src/provisioning/provisioned-users.ts'
import { compiled } from '../../support/compiled.ts'
import { haveInstalled } from '../../support/installed.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const DOMAIN = 'number_domain:a.example'
const OTHER_DOMAIN = 'number_domain:b.example'

interface Ran {
  code: number | null
  out: string
  err: string
}

/** A master of a test, and users whose names nobody else has. */
class Stage {
  readonly space: Space
  readonly master: Database
  readonly users: Database
  readonly people: ProvisionedUsers
  readonly #before: ReadonlySet<string>
  #names: string[] = []

  private constructor(space: Space, before: ReadonlySet<string>) {
    this.space = space
    this.master = space.couch.database(`m${space.prefix.slice(0, 7)}`)
    this.users = space.couch.database('_users')
    this.people = new ProvisionedUsers(space.couch, new OwnWrites(), Date.now)
    this.#before = before
    Object.assign(space.config, { masters: [{ database: this.master.name, kind: 'provisioning' }] })
  }

  /** Runs a test, and takes out what it left, also with users of others whom a daemon found. */
  static async use(space: Space, test: (stage: Stage) => Promise<void>): Promise<void> {
    await haveInstalled(space)
    const entries = await space.couch.database(REGISTRY).range({ startKey: 'person/', endKey: 'person0' })
    const stage = new Stage(space, new Set(entries.map(({ id }) => id)))
    await stage.master.create()
    await stage.master.bulk([
      { _id: 'number:1@a.example' },
      { _id: 'endpoint:phone@a.example' },
      { _id: 'number:2@b.example' },
    ])
    try {
      await test(stage)
    } finally {
      await space.stop()
      await stage.#clear()
    }
  }

  name(called: string): string {
    return `${called}-${this.space.prefix.slice(1, 7)}`
  }

  async signUp(called: string, roles: string[], more: object = {}): Promise<string> {
    const name = this.name(called)
    this.#names.push(name)
    await this.space.write(this.users, {
      _id: userDocumentId(name),
      ...{ type: 'user', name, roles, password: 'secret' },
      ...more,
    })
    return name
  }

  async giveRoles(name: string, roles: string[]): Promise<void> {
    const doc = await this.users.get(userDocumentId(name))
    await this.space.write(this.users, { ...doc, _id: userDocumentId(name), roles })
  }

  get env(): Record<string, string> {
    const { server, config } = this.space
    return {
      HOODIE_SERVER: server.url,
      HOODIE_ADMIN_USER: server.user,
      HOODIE_ADMIN_PASS: server.pass,
      USER_DATABASES: config.userDatabases.template,
      MASTER_DATABASES: this.master.name,
    }
  }

  async run(...args: string[]): Promise<Ran> {
    const said = { out: '', err: '' }
    const code = await provision(args, this.env, {
      print: (text) => void (said.out += text),
      complain: (text) => void (said.err += text),
      progress: {
        begin: () => undefined,
        step: () => undefined,
        end: (text) => void (said.err += `${text}\n`),
      },
    })
    return { code, ...said }
  }

  /** As an operator runs it. */
  async runProgram(...args: string[]): Promise<Ran> {
    const { PATH = '', HOME = '' } = process.env
    const child = spawn(process.execPath, [compiled('main'), 'provision', ...args], {
      cwd: tmpdir(),
      env: { PATH, HOME, ...this.env },
    })
    const said = { out: '', err: '' }
    child.stdout.on('data', (chunk: Buffer) => (said.out += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (said.err += chunk.toString()))
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, ...said }
  }

  async entry(name: string): Promise<ProvisionedUser> {
    const entry = await this.people.entry(name)
    assert(entry, `Expected ${name} to be known`)
    return entry
  }

  async personal(name: string): Promise<Database> {
    const { database } = await this.entry(name)
    assert(database, `Expected ${name} to have a database`)
    return this.space.couch.database(database)
  }

  /** What of the master the user has. */
  async documents(name: string): Promise<string[]> {
    const rows = await (await this.personal(name)).range({})
    return rows.map(({ id }) => id).filter((id) => !/^[_$]/.test(id))
  }

  /** Databases that are there and that the registry has for a user, with whatever became of them. */
  async databasesOf(name: string): Promise<string[]> {
    const rows = await this.space.couch
      .database(REGISTRY)
      .range({ startKey: 'database/', endKey: 'database0', includeDocs: true })
    const claimed = rows.flatMap(({ doc }) => (doc?.['name'] === name ? [String(doc['database'])] : []))
    return [...(await this.space.couch.dbsInfo(claimed)).keys()]
  }

  async #clear(): Promise<void> {
    const { couch } = this.space
    await remove(this.users, this.#names.map(userDocumentId))
    const registry = couch.database(REGISTRY)
    const rows = await registry.range({ startKey: 'person/', endKey: 'person0', includeDocs: true })
    const added = rows.filter(({ id }) => !this.#before.has(id))
    const names = new Set([...this.#names, ...added.map(({ doc }) => String(doc?.['name']))])
    const claims = await registry.range({ startKey: 'database/', endKey: 'database0', includeDocs: true })
    const databases = claims.flatMap(({ doc }) =>
      names.has(String(doc?.['name'])) ? [String(doc?.['database'])] : [],
    )
    for (const database of databases) await couch.database(database).drop()
    await remove(registry, [...[...names].map(provisionedUserId), ...databases.map(claimId)])
    const jobs = await couch.database('_replicator').range({ includeDocs: true })
    await remove(
      couch.database('_replicator'),
      jobs.flatMap(({ id, doc }) => (names.has(String(doc?.['provision'])) ? [id] : [])),
    )
    const index = await couch
      .database(PROVISIONING)
      .range({ startKey: `roles ${this.master.name} `, endKey: `roles ${this.master.name}!` })
    await remove(
      couch.database(PROVISIONING),
      index.map(({ id }) => id),
    )
    await remove(couch.database(CHECKPOINTS), databases)
    await this.master.drop()
  }
}

async function remove(database: Database, ids: string[]): Promise<void> {
  const rows = await database.fetchIfThere(ids)
  await database.bulk(
    rows.flatMap(({ doc }) => (doc ? [{ _id: doc._id, _rev: doc._rev, _deleted: true }] : [])),
  )
}

onEachServer('couch-shares provision', ({ it, kind }) => {
  it('does all there is to do for one user, and then nothing', (space) =>
    Stage.use(space, async (stage) => {
      const ann = await stage.signUp('ann', [DOMAIN])
      const first = await stage.runProgram(ann)
      assert.equal(first.code, 0, first.err)
      const personal = await stage.personal(ann)
      assert.match(first.out, new RegExp(`^${personal.name}\n`))
      assert.match(first.out, new RegExp(`│ ${stage.master.name} +│ complete +│ 2 +│ \\d{4}-`))
      assert.equal(first.err, '')
      assert.deepEqual(await stage.documents(ann), ['endpoint:phone@a.example', 'number:1@a.example'])
      const user = await stage.users.get(userDocumentId(ann))
      assert.equal(user?.['database'], personal.name)
      assert.deepEqual(await personal.security(), personalSecurity(ann, personal.name))
      assert((await personal.get('_design/provisioning'))?.['validate_doc_update'])
      assert.equal((await personal.get(`$provision/${stage.master.name}`))?.['$state'], 'complete')

      const before = await space.couch.dbsInfo([stage.master.name])
      const revision = (await stage.master.get('number:1@a.example'))?._rev
      const second = await stage.run(ann)
      assert.equal(second.code, 0, second.err)
      assert.match(second.out, /│ complete +│ 2 +│/)
      assert.deepEqual(await space.couch.dbsInfo([stage.master.name]), before)
      assert.equal((await personal.get('number:1@a.example'))?._rev, revision)
    }))

  it('leaves ready who is ready, with a daemon or without one', (space) =>
    Stage.use(space, async (stage) => {
      const ann = await stage.signUp('ann', [DOMAIN])
      assert.equal((await stage.run(ann)).code, 0)
      const personal = await stage.personal(ann)
      const id = `$provision/${stage.master.name}`
      const ready = async () => (await personal.get(id))?.['ready']
      const since = await ready()
      assert.equal(typeof since, 'string')
      // What anybody could read meanwhile: each revision of the document.
      const seen = async (): Promise<unknown[]> => {
        const found: unknown[] = []
        const at = (await personal.get(id))?._rev ?? ''
        const [leaf] = await personal.leaves([{ id, rev: at }])
        const { start, ids } = leaf?.['_revisions'] as { start: number; ids: string[] }
        for (const [back, hash] of ids.entries()) {
          const [older] = await personal.leaves([{ id, rev: `${start - back}-${hash}` }])
          if (older) found.push(older['ready'])
        }
        return found
      }
      const before = (await seen()).filter((one) => one !== since)
      for (const withDaemon of [false, true]) {
        if (withDaemon) await space.start()
        assert.equal((await stage.run(ann)).code, 0)
        if (withDaemon) await space.settled()
        assert.equal(await ready(), since)
        assert.deepEqual(
          (await seen()).filter((one) => one !== since),
          before,
        )
      }
      await space.stop()
      await stage.giveRoles(ann, [DOMAIN, OTHER_DOMAIN])
      assert.equal((await stage.run(ann)).code, 0)
      assert.notEqual(await ready(), since)
    }))

  it('carries out which roles were gained and lost, and carries what the user wrote', (space) =>
    Stage.use(space, async (stage) => {
      const ann = await stage.signUp('ann', [DOMAIN])
      assert.equal((await stage.run(ann)).code, 0)
      const personal = await stage.personal(ann)
      await space.write(personal, { _id: 'number:1@a.example', colour: 'red', updated_by: ann })
      await space.write(personal, { _id: 'number:9@c.example', updated_by: ann })
      await stage.giveRoles(ann, [OTHER_DOMAIN, 'endpoint:phone@a.example'])
      await stage.giveRoles(ann, [DOMAIN, OTHER_DOMAIN])
      const gained = await stage.run(ann)
      // What the user may not write is shown, and is no failure.
      assert.equal(gained.code, 0, gained.err)
      assert.match(gained.out, /denied/)
      assert.match(gained.out, /number:9@c\.example: Your roles do not cover this document/)
      assert.equal((await stage.master.get('number:1@a.example'))?.['colour'], 'red')
      assert.equal(await stage.master.get('number:9@c.example'), null)
      assert.deepEqual(await stage.documents(ann), [
        'endpoint:phone@a.example',
        'number:1@a.example',
        'number:2@b.example',
        'number:9@c.example',
      ])
      await stage.giveRoles(ann, [OTHER_DOMAIN])
      assert.equal((await stage.run(ann)).code, 0)
      assert.deepEqual(await stage.documents(ann), ['number:2@b.example', 'number:9@c.example'])
      assert.equal((await stage.master.get('number:1@a.example'))?.['colour'], 'red')
    }))

  it('names what is wrong, of everybody where it is asked for all', (space) =>
    Stage.use(space, async (stage) => {
      const nobody = await stage.run(stage.name('nobody'))
      assert.deepEqual(nobody, {
        code: 1,
        out: '',
        err: `There is no user "${stage.name('nobody')}" in \`_users\`.\n`,
      })
      const ann = await stage.signUp('ann', [DOMAIN])
      const bob = await stage.signUp('bob', [DOMAIN], { database: '_users' })
      const cid = await stage.signUp('cid', [OTHER_DOMAIN])
      const alone = await stage.run(bob)
      assert.equal(alone.code, 1)
      assert.match(alone.err, new RegExp(`^${bob}: Expected \`database\` of the user .+, got "_users"\\.\n$`))
      const all = await stage.run('--all')
      assert.equal(all.code, 1)
      assert.match(all.err, new RegExp(`^${bob}: Expected \`database\``, 'm'))
      assert.match(all.err, /^users: \d+ provisioned, \d+ failed$/m)
      assert(!all.err.includes(ann) && !all.err.includes(cid), all.err)
      assert.deepEqual(await stage.documents(ann), ['endpoint:phone@a.example', 'number:1@a.example'])
      assert.deepEqual(await stage.documents(cid), ['number:2@b.example'])
      assert.equal((await stage.entry(bob)).database, null)
    }))

  it('works beside a daemon for the same users at once', (space) =>
    Stage.use(space, async (stage) => {
      const names: string[] = []
      for (let at = 0; at < 4; at += 1) names.push(await stage.signUp(`user${at}`, [DOMAIN]))
      const [ran] = await Promise.all([
        Promise.all([...names, ...names, ...names].map((name) => stage.run(name))),
        space.start({ replicationCheckIntervalMs: 500 }),
      ])
      for (const { code, err } of ran) assert.equal(code, 0, err)
      await space.settled()
      for (const name of names) {
        const { database, due, state } = await stage.entry(name)
        assert.deepEqual([state, due], ['active', undefined])
        assert.deepEqual(await stage.databasesOf(name), [database])
        assert.equal((await stage.users.get(userDocumentId(name)))?.['database'], database)
        assert.deepEqual(await stage.documents(name), ['endpoint:phone@a.example', 'number:1@a.example'])
      }
      // Roles that are lost while both are at it, with a replication that would bring what goes.
      const [ann = ''] = names
      const personal = await stage.personal(ann)
      await space.write(personal, { _id: `$provision/${stage.master.name}`, please: true })
      const job = async (): Promise<Doc | null> => {
        const rows = await space.couch.database('_replicator').range({ includeDocs: true })
        return rows.find(({ doc }) => doc?.['provision'] === ann)?.doc ?? null
      }
      await space.until('a replication runs', async () => (await job()) !== null)
      await stage.giveRoles(ann, [OTHER_DOMAIN])
      const lost = await stage.run(ann)
      assert.equal(lost.code, 0, lost.err)
      await space.until('the daemon has it as the roles say', async () =>
        JSON.stringify(await job()).includes('b.example'),
      )
      await space.settled()
      assert(!JSON.stringify(await job()).includes('a.example'))
      await space.write(stage.master, { _id: 'number:1@a.example', colour: 'blue' })
      await space.settled()
      assert.deepEqual(await stage.documents(ann), ['number:2@b.example'])
      assert.deepEqual((await stage.entry(ann)).roles, [OTHER_DOMAIN])
    }))

  if (kind === 'couchdb')
    it('cancels a replication with roles that are lost, where no daemon runs', (space) =>
      Stage.use(space, async (stage) => {
        const ann = await stage.signUp('ann', [DOMAIN])
        await space.start()
        await space.until('ann is known', async () => (await stage.people.entry(ann))?.database != null)
        await space.settled()
        const personal = await stage.personal(ann)
        await space.write(personal, { _id: `$provision/${stage.master.name}`, please: true })
        const jobs = async (): Promise<Doc[]> => {
          const rows = await space.couch.database('_replicator').range({ includeDocs: true })
          return rows.flatMap(({ doc }) => (doc?.['provision'] === ann ? [doc] : []))
        }
        await space.until('a replication runs', async () => (await jobs()).length === 1)
        await space.settled()
        await space.stop()
        const same = await stage.run(ann)
        assert.equal(same.code, 0, same.err)
        assert.equal((await jobs()).length, 1)
        await stage.giveRoles(ann, [OTHER_DOMAIN])
        assert.equal((await stage.run(ann)).code, 0)
        assert.deepEqual(await jobs(), [])
        assert.deepEqual(await stage.documents(ann), ['number:2@b.example'])
      }))
})
