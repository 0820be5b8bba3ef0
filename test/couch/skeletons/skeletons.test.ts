// Skeletons kept current: each kind, now and after a change, live and after a restart, and nothing written for nothing.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { check } from '../../../src/commands/check.ts'
import { lines } from '../../../src/commands/progress.ts'
import { skeletonApply } from '../../../src/commands/skeleton-apply.ts'
import { skeletonDiff } from '../../../src/commands/skeleton-diff.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Seq } from '../../../src/couch/document.ts'
import { createLogger } from '../../../src/log.ts'
import { REGISTRY } from '../../../src/documents/names.ts'
import { claimId, personalSecurity } from '../../../src/provisioning/provisioned-user.ts'
import { ADMIN_ONLY } from '../../../src/documents/security.ts'
import { DatabaseCreator } from '../../../src/skeletons/create-database.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { ProvisionedUsers } from '../../../src/provisioning/provisioned-users.ts'
import { Skeletons } from '../../../src/skeletons/wanted.ts'
import { SkeletonFolder } from '../../support/skeleton-folder.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const silent = createLogger({ level: 'silent', pretty: false })
const PUBLIC = { admins: { names: [], roles: ['_admin'] }, members: { names: [], roles: [] } }

/** The word of a policy's validation function, or null. */
async function wordIn(database: Database): Promise<string | null> {
  const design = await database.get('_design/guard')
  return /forbidden: '(.*?)'/.exec(String(design?.['validate_doc_update']))?.[1] ?? null
}

/** Every database of a test and how far it was written. */
async function sequences(space: Space, prefix: string): Promise<Map<string, Seq>> {
  const names = await space.couch.allDbs({ startKey: prefix, endKey: `${prefix}\ufff0` })
  return new Map([...(await space.couch.dbsInfo(names))].map(([name, { update_seq }]) => [name, update_seq]))
}

const rolledOut = (space: Space, kind: string) =>
  space.lines.filter((line) => line['msg'] === 'rollout finished' && line['kind'] === kind)

const env = (
  { server, config }: Space,
  { path, policy, prefix }: SkeletonFolder,
): Record<string, string> => ({
  HOODIE_SERVER: server.url,
  HOODIE_ADMIN_USER: server.user,
  HOODIE_ADMIN_PASS: server.pass,
  USER_DATABASES: config.userDatabases.template,
  DATABASES: `${prefix}*=${policy}`,
  SKELETON: path,
})

/** A master of a test, the folders of its kind, and personal databases. */
class Provisioning {
  readonly kind: string
  readonly master: Database
  readonly #space: Space
  readonly #folder: SkeletonFolder
  readonly #made: Database[] = []

  private constructor(space: Space, folder: SkeletonFolder) {
    const mark = space.prefix.slice(0, 7)
    this.kind = `master-${mark}`
    this.master = space.couch.database(`m-${mark}`)
    this.#space = space
    this.#folder = folder
    Object.assign(space.config, { masters: [{ database: this.master.name, kind: this.kind }] })
  }

  /** Runs a test with a master of its own, and drops what belongs to it. */
  static async use(
    space: Space,
    test: (provisioning: Provisioning, folder: SkeletonFolder) => Promise<void>,
  ): Promise<void> {
    await SkeletonFolder.use(space, async (folder) => {
      const provisioning = new Provisioning(space, folder)
      await provisioning.write('one')
      await test(provisioning, folder)
      await space.stop()
      await provisioning.#clear()
    })
  }

  /** What the master, and personal databases, are to say. */
  async write(word: string): Promise<void> {
    for (const kind of [this.kind, `${this.kind}-user`])
      await this.#folder.write(
        `${kind}/_design/guard/validate_doc_update.js`,
        `function (newDoc, oldDoc, userCtx) { if (userCtx.roles.indexOf('_admin') < 0) throw { forbidden: '${kind} ${word}' } }`,
      )
  }

  /** The words of a database. */
  words(word: string, of: 'master' | 'user'): string {
    return `${of === 'master' ? this.kind : `${this.kind}-user`} ${word}`
  }

  /** A database that is called as personal ones are; @param attribute by which it is a user's, null: it is nobody's */
  async make(attribute: string | null): Promise<Database> {
    const database = this.#space.couch.database(`u${randomUUID()}`)
    this.#made.push(database)
    if (attribute !== null) assert(await this.people.claim(database.name, `joe-${this.kind}`, attribute))
    await database.create()
    return database
  }

  get people(): ProvisionedUsers {
    return new ProvisionedUsers(this.#space.couch, new OwnWrites(), Date.now)
  }

  get env(): Record<string, string> {
    return {
      ...env(this.#space, this.#folder),
      DATABASES: '',
      MASTER_DATABASES: `${this.master.name}=${this.kind}`,
    }
  }

  async #clear(): Promise<void> {
    const { couch } = this.#space
    const kept = [this.kind, `${this.kind}-user`].map((kind) => couch.database(`skeleton/${kind}`))
    for (const database of [...this.#made, this.master, ...kept]) await database.drop()
    const registry = couch.database(REGISTRY)
    const claims = await registry.fetch(this.#made.map(({ name }) => claimId(name)))
    await registry.bulk(
      claims.flatMap(({ doc }) => (doc ? [{ _id: doc._id, _rev: doc._rev, _deleted: true }] : [])),
    )
  }
}

onEachServer('skeletons', ({ it }) => {
  it('puts a policy on the databases that fit, whenever they are made, and on no other', (space) =>
    SkeletonFolder.use(space, async (folder) => {
      await folder.writePolicy('one')
      await folder.write('policy/_security.json', JSON.stringify(PUBLIC))
      const [before, live, away] = ['before', 'live', 'away'].map((name) =>
        space.couch.database(folder.prefix + name),
      ) as [Database, Database, Database]
      const other = space.couch.database(`${space.prefix}other`)
      await before.create()
      await other.create()
      await space.start()
      const isApplied = (database: Database) => async () =>
        (await wordIn(database)) === 'one' && ((await database.security()).members?.roles ?? []).length === 0
      await space.until('the policy is on what was there', isApplied(before))
      await live.create()
      await space.until('the policy is on what is made', isApplied(live))
      await space.settled()
      await space.stop()
      await away.create()
      await space.start()
      await space.until('the policy is on what was made meanwhile', isApplied(away))
      assert.deepEqual(await before.security(), PUBLIC)
      assert.equal(await wordIn(other), null)
      assert.deepEqual(await space.couch.database(`skeleton/${folder.policy}`).security(), ADMIN_ONLY)
    }))

  it('brings each kind up to a changed folder at the next start, and then has nothing to do', (space) =>
    SkeletonFolder.use(space, async (folder) => {
      const share = space.shareId()
      const policed = space.couch.database(`${folder.prefix}a`)
      const foreign = { _id: '_design/mine', filters: { all: 'function () { return true }' } }
      await folder.writePolicy('one')
      await policed.create()
      await space.user('joe').create()
      await space.start()
      await space.write(space.user('joe'), { _id: `$share/${share}`, type: '$share' })
      await space.until(
        'the share is active',
        async () => (await space.user('joe').get(`$share/${share}`))?.['$state'] === 'active',
      )
      const databases = [space.user('joe'), space.outbox('joe'), space.share(share), policed]
      for (const database of databases) await database.put(foreign)
      await space.settled()
      await space.stop()
      const before = await Promise.all(databases.map((database) => database.security()))

      for (const kind of ['user', 'outbox', 'share', 'policy'])
        await folder.write(`${kind}/_design/extra-${share}/filters/all.js`, 'function all() { return true }')
      await folder.writePolicy('two')
      await space.start()
      for (const database of databases)
        await space.until(
          `${database.name} has the new design document`,
          async () => (await database.get(`_design/extra-${share}`)) !== null,
        )
      await space.until('the policy changed', async () => (await wordIn(policed)) === 'two')
      for (const [at, database] of databases.entries()) {
        assert(await database.get('_design/mine'))
        assert.deepEqual(await database.security(), before[at])
      }
      await space.settled()
      await space.stop()

      const quiet = async () => [
        ...(await sequences(space, space.prefix)),
        ...(await sequences(space, folder.prefix)),
        ...(await sequences(space, `share/${share}`)),
        ...(await sequences(space, 'skeleton/')),
      ]
      const there = await quiet()
      space.lines.length = 0
      await space.start()
      await space.settled()
      assert.deepEqual(await quiet(), there)
      assert.deepEqual(
        space.lines.filter((line) => String(line['msg']).startsWith('rollout')),
        [],
      )
      await space.stop()

      for (const kind of ['user', 'outbox', 'share', 'policy'])
        await folder.remove(`${kind}/_design/extra-${share}`)
      await space.start()
      for (const database of databases)
        await space.until(
          `${database.name} has it no more`,
          async () => (await database.get(`_design/extra-${share}`)) === null,
        )
      for (const database of databases) assert(await database.get('_design/mine'))
      assert(await space.share(share).get('_design/write_access'))
    }))

  it('rolls a change of skeleton/<kind> out without a restart, its security too', (space) =>
    SkeletonFolder.use(space, async (folder) => {
      await folder.writePolicy('one')
      const databases = ['a', 'b', 'c'].map((name) => space.couch.database(folder.prefix + name))
      for (const database of databases) await database.create()
      await space.start()
      const kept = space.couch.database(`skeleton/${folder.policy}`)
      const all = (word: string) => async () =>
        (await Promise.all(databases.map(wordIn))).every((found) => found === word)
      await space.until('the policy is there', all('one'))
      await space.settled()

      const design = await kept.get('_design/guard')
      const text = String(design?.['validate_doc_update']).replace("'one'", "'two'")
      await space.write(kept, { ...design, _id: '_design/guard', validate_doc_update: text })
      await space.until('the policy changed', all('two'))
      await space.write(kept, { _id: 'security', security: PUBLIC })
      await space.until('the databases are open', async () =>
        (await Promise.all(databases.map((database) => database.security()))).every(
          ({ members }) => members?.roles?.length === 0,
        ),
      )
      await space.settled()
      const [line] = rolledOut(space, folder.policy).slice(-1)
      assert.equal(line?.['changed'], 3)
      assert.equal(line?.['failed'], 0)
    }))

  it('leaves alone what somebody else wrote in the place of a skeleton’s, and says so', (space) =>
    SkeletonFolder.use(space, async (folder) => {
      await folder.writePolicy('one')
      const database = space.couch.database(`${folder.prefix}a`)
      await database.create()
      const written = await database.put({ _id: '_design/guard', validate_doc_update: 'function () {}' })
      assert(written.ok)
      await space.start()
      await space.settled()
      assert.equal((await database.get('_design/guard'))?._rev, written.rev)
      const warned = space.lines.filter((line) => String(line['msg']).includes('did not write'))
      assert.deepEqual(
        warned.map((line) => line['examples']),
        [[`${database.name} _design/guard`]],
      )
    }))

  it(
    'puts back what is deleted or changed by hand',
    (space) =>
      SkeletonFolder.use(space, async (folder) => {
        await folder.writePolicy('one')
        const policed = space.couch.database(`${folder.prefix}a`)
        await policed.create()
        await space.user('joe').create()
        await space.start()
        await space.until('the policy is there', async () => (await wordIn(policed)) === 'one')
        await space.settled()
        const design = await policed.get('_design/guard')
        await space.write(policed, { ...design, _id: '_design/guard', validate_doc_update: 'function () {}' })
        const filter = await space.user('joe').get('_design/share_filters')
        assert(filter)
        await space.write(space.user('joe'), { ...filter, _deleted: true })
        await space.until(
          'the user database has its filter',
          async () => (await space.user('joe').get('_design/share_filters')) !== null,
        )
        await space.until('the policy is as it was', async () => (await wordIn(policed)) === 'one')
      }),
    { sweepIntervalMs: 500 },
  )

  it(
    'goes on where it was stopped, and lets the feed work meanwhile',
    (space) =>
      SkeletonFolder.use(space, async (folder) => {
        const share = space.shareId()
        const count = 100
        await folder.writePolicy('one')
        const databases = Array.from({ length: count }, (_, at) =>
          space.couch.database(`${folder.prefix}${String(at).padStart(3, '0')}`),
        )
        await Promise.all(databases.map((database) => database.create()))
        await space.user('joe').create()
        await space.start()
        await space.write(space.user('joe'), { _id: `$share/${share}`, type: '$share' })
        await space.until('the policy is there', () =>
          Promise.resolve(rolledOut(space, folder.policy).length > 0),
        )
        await space.until(
          'the share is active',
          async () => (await space.user('joe').get(`$share/${share}`))?.['$state'] === 'active',
        )
        await space.settled()
        await space.stop()

        const last = databases.at(-1)
        const changed = async () =>
          (await Promise.all(databases.map(wordIn))).filter((word) => word === 'two').length
        assert(last)
        await folder.writePolicy('two')
        // One at a time, so that it is stopped before the last however long a look takes here.
        await space.start({ concurrency: 1 })
        await space.until('some have the change', async () => (await wordIn(databases[3] ?? last)) === 'two')
        await space.stop()
        const first = await changed()
        assert(first > 0 && first < count, `Expected some of ${count}, got ${first}`)

        space.lines.length = 0
        await space.start()
        await space.write(space.user('joe'), { _id: 'todo/1', name: 'milk', $shares: { [share]: true } })
        await space.until('the copy is there', async () => (await space.copy(share, 'todo/1')) !== null)
        await space.until('all have the change', async () => (await changed()) === count)
        await space.settled()
        for (const database of databases)
          assert.match((await database.get('_design/guard'))?._rev ?? '', /^2-/, database.name)
        const [line] = rolledOut(space, folder.policy)
        assert.equal(line?.['done'], count)
        assert.equal(
          space.lines.filter((one) => one['msg'] === 'skeleton changed meanwhile, rollout begins anew')
            .length,
          0,
        )
      }),
    { concurrency: 1 },
  )

  it('tells what a rollout would change and writes nothing; then does it', (space) =>
    SkeletonFolder.use(space, async (folder) => {
      await folder.writePolicy('one')
      await folder.write('policy/_security.json', JSON.stringify(PUBLIC))
      const databases = ['a', 'b'].map((name) => space.couch.database(folder.prefix + name))
      for (const database of databases) await database.create()
      await space.user('joe').create()
      await space.start()
      await space.settled()
      await space.stop()
      const settings = env(space, folder)
      let said = ''
      const diff = async () => {
        said = ''
        return skeletonDiff(settings, (text) => (said += text))
      }
      assert.equal(await diff(), 0, said)
      assert.match(said, new RegExp(`^${folder.policy}: 2 databases, 0 differ$`, 'm'))

      await folder.writePolicy('two')
      await folder.write('policy/_design/more/filters/all.js', 'function all() { return true }')
      await folder.write('policy/_security.json', JSON.stringify(ADMIN_ONLY))
      const there = [...(await sequences(space, folder.prefix)), ...(await sequences(space, 'skeleton/'))]
      assert.equal(await diff(), 1)
      assert.match(said, new RegExp(`^${folder.policy}: 2 databases, 2 differ$`, 'm'))
      for (const line of [
        '~ _design/guard: validate_doc_update',
        '+ _design/more',
        '~ _security: members.roles',
        '~ security',
      ])
        assert(said.includes(`  ${line}\n`), `Expected ${line} in\n${said}`)
      assert.deepEqual(
        [...(await sequences(space, folder.prefix)), ...(await sequences(space, 'skeleton/'))],
        there,
      )

      const told: string[] = []
      const apply = () =>
        skeletonApply(
          settings,
          { warm: false },
          lines((line) => told.push(line)),
        )
      assert.equal(await apply(), 0)
      for (const database of databases) {
        assert.equal(await wordIn(database), 'two')
        assert.deepEqual(await database.security(), ADMIN_ONLY)
      }
      assert(told.includes(`${folder.policy}: 2 changed, 0 as they should be, 0 failed`), told.join('\n'))
      assert.equal(await diff(), 0, said)
      told.length = 0
      assert.equal(await apply(), 0)
      assert(told.includes(`${folder.policy}: 0 changed, 2 as they should be, 0 failed`), told.join('\n'))
    }))

  it('checks a server', (space) =>
    SkeletonFolder.use(space, async (folder) => {
      await folder.writePolicy('one')
      await folder.write('policy/_security.json', JSON.stringify(PUBLIC))
      const settings = {
        ...env(space, folder),
        DATABASES: `${folder.prefix}*=${folder.policy}, none-${folder.prefix}=${folder.policy}`,
      }
      let said = ''
      const look = async (more: Record<string, string> = {}) => {
        said = ''
        return check({ ...settings, ...more }, (text) => (said += text))
      }
      await space.start()
      assert.equal(await look(), 0, said)
      assert.match(said, /· no database is called as none-p-/)
      const open = space.couch.database(`${folder.prefix}open`)
      await open.create()
      await space.until('the policy is there', async () => (await wordIn(open)) === 'one')
      await space.until('it is open', async () => (await open.security()).members?.roles?.length === 0)
      // Where the server keeps anonymous out, all is well.
      const code = await look()
      assert.match(
        said,
        code === 1 ? /✗ everybody on the network may read p-/ : /✓ who is logged in may read p-/,
      )
      assert.equal(await look({ HOODIE_ADMIN_PASS: 'wrong' }), 77)
      assert.match(said, /✗ .*refuses the admin/)
      assert.equal(await look({ HOODIE_SERVER: 'http://127.0.0.1:9' }), 1)
      assert.match(said, /✗ .*does not answer/)
    }))
})

onEachServer('skeletons of masters', ({ it }) => {
  it('makes a master, for admins alone, and gives it its design documents', (space) =>
    Provisioning.use(space, async (provisioning) => {
      await space.start()
      await space.until(
        'the master has its guard',
        async () => (await wordIn(provisioning.master)) === provisioning.words('one', 'master'),
      )
      assert.deepEqual(await provisioning.master.security(), ADMIN_ONLY)
      assert.deepEqual(
        await space.couch.database(`skeleton/${provisioning.kind}-user`).security(),
        ADMIN_ONLY,
      )
      await space.settled()
      await space.stop()

      await provisioning.master.putSecurity(PUBLIC)
      const there = [
        ...(await sequences(space, provisioning.master.name)),
        ...(await sequences(space, 'skeleton/')),
      ]
      await space.start()
      await space.settled()
      assert.deepEqual(
        [...(await sequences(space, provisioning.master.name)), ...(await sequences(space, 'skeleton/'))],
        there,
      )
      await space.stop()
      await provisioning.write('two')
      await space.start()
      await space.until(
        'the master has the change',
        async () => (await wordIn(provisioning.master)) === provisioning.words('two', 'master'),
      )
      assert.deepEqual(await provisioning.master.security(), PUBLIC)
    }))

  it('brings a change to the personal databases that are somebody’s, and to nothing else that is called so', (space) =>
    Provisioning.use(space, async (provisioning) => {
      await space.start()
      await space.settled()
      const mine = [await provisioning.make('database'), await provisioning.make('database')]
      const others = [await provisioning.make(null), await provisioning.make('voicemail_db')]
      const ended = await provisioning.make('database')
      await provisioning.people.endClaim(ended.name)
      for (const database of [...mine, ...others, ended]) await database.put({ _id: 'a' })
      await space.settled()
      // Their creator are somebody else's to do.
      for (const database of mine) assert.equal(await wordIn(database), null)

      const kept = space.couch.database(`skeleton/${provisioning.kind}-user`)
      const design = await kept.get('_design/guard')
      const text = String(design?.['validate_doc_update']).replace(' one', ' two')
      await space.write(kept, { ...design, _id: '_design/guard', validate_doc_update: text })
      const isChanged = async (database: Database) =>
        (await wordIn(database)) === provisioning.words('two', 'user')
      await space.until('the personal databases have the change', async () =>
        (await Promise.all(mine.map(isChanged))).every(Boolean),
      )
      await space.settled()
      await space.stop()
      const [line] = rolledOut(space, 'personal').slice(-1)
      // A test that failed may have left some of its own on this server.
      assert(Number(line?.['changed']) >= mine.length, JSON.stringify(line))
      assert.equal(line?.['failed'], 0)

      await provisioning.write('three')
      await space.start()
      await space.until('the personal databases have the folder’s', async () =>
        (await Promise.all(mine.map(wordIn))).every((word) => word === provisioning.words('three', 'user')),
      )
      await space.settled()
      for (const database of [...others, ended])
        assert.deepEqual(
          (await database.range({ startKey: '_design/', endKey: '_design0' })).map(({ id }) => id),
          [],
        )
    }))

  it('puts no policy on personal databases, however broad its pattern', (space) =>
    Provisioning.use(space, async (provisioning, folder) => {
      await folder.writePolicy('one')
      const database = await provisioning.make(null)
      // Narrow enough for no other test's.
      const prefix = database.name.slice(0, 9)
      const policed = space.couch.database(`${prefix}/policed`)
      await policed.create()
      try {
        await space.start({ databases: [{ pattern: `${prefix}*`, kind: folder.policy }] })
        await database.put({ _id: 'a' })
        await space.until('the policy is there', async () => (await wordIn(policed)) === 'one')
        await space.settled()
        assert.equal(await wordIn(database), null)
      } finally {
        await space.stop()
        await policed.drop()
      }
    }))

  it('applies its skeleton to a personal database before its user may enter', (space) =>
    Provisioning.use(space, async (provisioning) => {
      await space.start()
      await space.settled()
      const database = await provisioning.make('database')
      const skeletons = new Skeletons({
        couch: space.couch,
        log: silent,
        policies: [provisioning.kind],
        userKinds: [`${provisioning.kind}-user`],
      })
      await skeletons.load()
      const security = personalSecurity('joe', database.name)
      await new DatabaseCreator(space.couch, skeletons).apply(database.name, 'personal', security)
      assert.equal(await wordIn(database), provisioning.words('one', 'user'))
      assert.deepEqual(await database.security(), security)
    }))

  it('tells what a rollout would change in masters and personal databases; then does it', (space) =>
    Provisioning.use(space, async (provisioning) => {
      let said = ''
      const diff = async () => {
        said = ''
        return skeletonDiff(provisioning.env, (text) => (said += text))
      }
      const { kind, master } = provisioning
      await space.start()
      await space.settled()
      await space.stop()
      const personal = await provisioning.make('database')
      const unclaimed = await provisioning.make(null)
      await master.drop()
      await provisioning.write('two')
      assert.equal(await diff(), 1)
      for (const line of [
        `${master.name}, from MASTER_DATABASES\n  + the database\n`,
        `skeleton/${kind}-user, from the folder\n  ~ _design/guard: validate_doc_update\n`,
        `${kind}: 0 databases, 0 differ\n`,
      ])
        assert(said.includes(line), `Expected ${line} in\n${said}`)
      // Other tests, with other masters, may have personal databases on the same server.
      assert.match(said, /^personal: \d+ databases?, \d+ differs?\n/m)
      assert(said.includes(personal.name), said)
      assert(!said.includes(unclaimed.name), said)
      assert.equal(await master.info(), null)

      const told: string[] = []
      const code = await skeletonApply(
        provisioning.env,
        { warm: false },
        lines((line) => told.push(line)),
      )
      assert.equal(code, 0)
      assert(told.includes(`${kind}: 1 changed, 0 as they should be, 0 failed`), told.join('\n'))
      assert.equal(await wordIn(master), provisioning.words('two', 'master'))
      assert.equal(await wordIn(personal), provisioning.words('two', 'user'))
      assert.equal(await wordIn(unclaimed), null)
      assert.equal(await diff(), 0, said)

      said = ''
      await check(provisioning.env, (text) => (said += text))
      assert.match(said, new RegExp(`^✓ the master database ${master.name} is there$`, 'm'))
      assert.match(said, /^✓ \d+ personal databases? (is its user’s|are their users’)$/m)
      const isReadable = space.server.kind === 'embedded'
      assert.equal(/^· users cannot read their own documents in _users/m.test(said), !isReadable, said)
    }))
})

onEachServer(
  'skeletons with views',
  ({ it }) => {
    const map = (field: string): string => `function map(doc) { emit(doc.${field}) }`
    interface Info {
      view_index: { signature: string; update_seq?: unknown }
    }

    it(
      'builds indexes before a design document takes its place',
      (space) =>
        SkeletonFolder.use(space, async (folder) => {
          const file = 'policy/_design/stats/views/by/map.js'
          await folder.write(file, map('a'))
          const database = space.couch.database(`${folder.prefix}a`)
          await database.create()
          await database.bulk(Array.from({ length: 300 }, (_, at) => ({ _id: `d${at}`, a: at, b: -at })))
          await space.start()
          await space.until('the view is there', async () => (await database.get('_design/stats')) !== null)
          await database.view('stats', 'by', ['1'])
          const request = <T>(path: string[], query = {}): Promise<T> =>
            space.couch.request<T>({ path: [database.name, ...path], query })
          const old = (await request<Info>(['_design', 'stats', '_info'])).view_index.signature
          await space.settled()
          await space.stop()

          await folder.write(file, map('b'))
          await space.start()
          await space.until('the new view is there', async () =>
            JSON.stringify(await database.get('_design/stats')).includes('doc.b'),
          )
          // `update=false` gives what is in the index, and builds nothing.
          const { total_rows } = await request<{ total_rows: number }>(['_design', 'stats', '_view', 'by'], {
            update: false,
            limit: 0,
          })
          assert.equal(total_rows, 300)
          assert.notEqual((await request<Info>(['_design', 'stats', '_info'])).view_index.signature, old)
          await space.settled()
          const designs = await database.range({ startKey: '_design/', endKey: '_design0' })
          assert.deepEqual(
            designs.map(({ id }) => id),
            ['_design/stats'],
          )
        }),
      { skeletonWarm: true },
    )

    it('takes out what a crash left of the building', (space) =>
      SkeletonFolder.use(space, async (folder) => {
        await folder.write('policy/_design/stats/views/by/map.js', map('a'))
        const database = space.couch.database(`${folder.prefix}a`)
        await database.create()
        await database.put({
          _id: '_design/couch-shares-warming-stats',
          views: { by: { map: map('a') } },
          couch_shares: { hash: 'left' },
        })
        await space.start()
        await space.until('only the view is there', async () => {
          const designs = await database.range({ startKey: '_design/', endKey: '_design0' })
          return designs.map(({ id }) => id).join() === '_design/stats'
        })
      }))
  },
  { kinds: ['couchdb'] },
)
