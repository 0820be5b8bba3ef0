// What happens to a gateway over time: another function, documents that expire, users who come late or leave, databases that go.
import assert from 'node:assert/strict'
import { gateway } from '../../../src/commands/gateway.ts'
import type { GatewayStatus } from '../../../src/commands/gateway-status.ts'
import { routesDatabase } from '../../../src/documents/names.ts'
import { complete, GatewayGround } from '../../support/gateway.ts'
import { losersOf } from '../../support/people.ts'
import { SkeletonFolder } from '../../support/skeleton-folder.ts'
import { onEachServer } from '../../support/suites.ts'

/** Everybody's list has its notes; where `BROKEN` stands, the function is changed. */
const SOURCE = `function (doc, oldDoc) {
  if (doc.breaks) throw new Error('broken')
  if (doc.expires) expiry(doc.expires)
  channel(doc.lists)
  access(doc.members, doc.lists)
}`

/** The same, and notes of the list `old` are in no channel any more, those of `new` in one of their own. */
const CHANGED = SOURCE.replace(
  'channel(doc.lists)',
  "channel(doc.lists === 'old' ? null : doc.lists, doc.lists === 'new' ? 'more' : null)",
)

onEachServer('the upkeep of a gateway', ({ it }) => {
  it('evaluates all documents by a changed function while everybody goes on', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      for (const user of [ann, bob]) await user.signUp()
      await space.start()
      await ground.put(
        { _id: 'a', lists: 'old', members: [ann.name] },
        { _id: 'b', lists: 'more', members: [bob.name] },
        { _id: 'c', lists: 'new', members: [ann.name] },
        { _id: 'z', lists: 'new' },
      )
      await ground.database.bulk(
        Array.from({ length: 250 }, (_none, at) => ({ _id: `n${1000 + at}`, lists: 'old' })),
      )
      await ann.stands(complete(253))
      await bob.sees('b')
      await space.stop()

      await ground.setFunction(CHANGED)
      await ground.put({ _id: 'late', lists: 'new' })
      await space.start()
      await ann.sees('c', 'late', 'z')
      await bob.sees('b', 'c', 'late', 'z')
      await space.settled()
      const { state, documents, failed } = (await ground.routes.evaluation()) ?? {}
      assert.deepEqual({ state, documents, failed }, { state: 'done', documents: 255, failed: 0 })
      assert.deepEqual(await ground.routes.unsettled(), [])

      // A start with the same function evaluates nothing again.
      const before = (await ground.routes.evaluation())?._rev
      await space.stop()
      await space.start()
      await space.settled()
      assert.equal((await ground.routes.evaluation())?._rev, before)
    }))

  it('says how far all documents are, what fails, and how the users stand', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      await SkeletonFolder.use(space, async (folder) => {
        await folder.write(`gateway/${ground.name}/sync.js`, SOURCE)
        const status = async (): Promise<{ code: number; status: GatewayStatus | null }> => {
          const { url, user, pass } = space.server
          const env = {
            ...{ HOODIE_SERVER: url, HOODIE_ADMIN_USER: user, HOODIE_ADMIN_PASS: pass },
            ...{ SKELETON: folder.path, USER_DATABASES: space.config.userDatabases.template },
          }
          let printed = ''
          const code = await gateway(['status', ground.name, '--json'], env, new AbortController().signal, {
            print: (text) => (printed += text),
            complain: (text) => assert.fail(text),
            progress: { begin: () => undefined, step: () => undefined, end: () => undefined },
          })
          return { code, status: (JSON.parse(printed) as GatewayStatus[])[0] ?? null }
        }
        const ann = ground.user('ann')
        await ann.signUp()
        await ground.put(
          { _id: 'a', lists: 'x', members: [ann.name] },
          { _id: 'b', breaks: true, lists: 'x' },
        )
        const { status: first } = await status()
        assert.equal(first?.evaluation.state, 'waiting')
        await space.start()
        await ann.sees('a')
        await space.settled()
        const { code, status: then } = await status()
        assert.equal(code, 1)
        assert.equal(then?.evaluation.state, 'done')
        assert.deepEqual(then.failed, { count: 1, examples: ['b'] })
        assert.deepEqual(then.users, { count: 1, due: 0, denied: 0, leaving: 0 })

        const warned = space.lines.filter(({ msg }) => msg === 'document is in no channel')
        assert.deepEqual(
          warned.map(({ doc, code }) => [doc, code]),
          [['b', 'sync_function_failed']],
        )
        await ground.put({ _id: 'b', lists: 'x' })
        await ann.sees('a', 'b')
        assert.equal((await status()).code, 0)
        const done = (await status()).status?.evaluation
        assert.deepEqual([done?.state, done?.documents, done?.of], ['done', 2, 2])

        // What comes later is evaluated as it comes; what no daemon has seen is not done.
        await ground.put({ _id: 'c', lists: 'x' }, { _id: '$own', lists: 'x' }, { _id: '_design/own' })
        await ann.sees('a', 'b', 'c')
        const later = await status()
        assert.deepEqual(
          [later.code, later.status?.evaluation.state, later.status?.evaluation.documents],
          [0, 'done', 3],
        )
        await space.stop()
        await ground.put({ _id: 'd', lists: 'x' })
        const behind = await status()
        const { state, documents, of } = behind.status?.evaluation ?? {}
        assert.deepEqual([behind.code, state, documents, of], [1, 'behind', 3, 4])
      })
    }))

  it('deletes what has expired, unless it was changed', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      const ann = ground.user('ann')
      await ann.signUp()
      await ground.put(
        { _id: 'a', lists: 'x', members: [ann.name] },
        { _id: 'past', lists: 'x', expires: '2026-01-01T00:00:00Z' },
        { _id: 'never', lists: 'x', expires: '2096-01-01T00:00:00Z' },
      )
      await space.start()
      await ann.sees('a', 'never')
      assert.equal(await ground.database.get('past'), null)
      assert.notEqual(await ground.database.get('never'), null)
    }))

  it('has a database for who has a user database, and for nobody else', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ann.setRoles([])
      await space.start()
      await ground.put({ _id: 'a', lists: '!' })
      await bob.signUp()
      await bob.sees('a')
      await space.settled()
      assert.equal(await ann.database.info(), null)
      await space.user(ann.owner).create()
      await ann.sees('a')

      // An account that is gone, and one that is made again under the same name.
      await bob.leave()
      await ground.eventually('no database', () => bob.database.info(), null)
      await space.settled()
      assert.equal(await ground.routes.user(bob.name), null)
      await bob.setRoles([])
      await bob.sees('a')

      await space.user(ann.owner).drop()
      await ground.eventually('no database', () => ann.database.info(), null)
    }))

  it('gives an account that is made again none of what the one before has left', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      Object.assign(space.config, { deletionGraceMs: 60_000 })
      const ann = ground.user('ann')
      await ann.signUp()
      await ground.put({ _id: 'a', lists: 'x', members: [ann.name] })
      await space.start()
      await ann.sees('a')
      // In no channel: it stays hers alone.
      await ann.write({ _id: '$private', secret: 'of ann' })
      await ann.leave()
      await ground.eventually(
        'ann is leaving',
        async () => (await ground.routes.user(ann.name))?.state,
        'leaving',
      )
      assert.deepEqual((await ann.database.security()).members, { names: [], roles: ['_admin'] })
      await ann.setRoles([])
      await ann.sees('a')
      await space.settled()
      assert.equal(await ann.database.get('$private'), null)
    }))

  it('fills a database again that somebody dropped', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      const ann = ground.user('ann')
      await ann.signUp()
      await ground.put({ _id: 'a', lists: 'x', members: [ann.name] })
      await space.start()
      await ann.sees('a')
      await space.settled()
      await ann.database.drop()
      await ann.sees('a')
      await space.settled()

      // The gateway itself: users keep what they have until there is another one, and then get what that has.
      await ground.database.drop()
      await space.settled()
      await ann.sees('a')
      await ground.database.create()
      await ground.put(
        { _id: 'b', lists: 'y', members: [ann.name], text: 'z, of before' },
        { _id: 'c', lists: 'y' },
      )
      // What it had before was not written since, and goes.
      await ann.sees('b', 'c')
      await ann.stands(complete(2))
      await space.settled()
      assert.equal((await ground.database.fetch(['a']))[0]?.rev, null)

      // The same while the daemon is stopped; what was made of it is told of, and what is new is carried.
      await space.stop()
      await ground.database.drop()
      await ground.database.create()
      await ann.edit('c', { text: 'of ann' })
      await ann.write({ _id: 'new', lists: 'z', members: [ann.name] })
      const again = { lists: 'z', text: 'a, made again' }
      await ground.put({ _id: 'b', ...again }, { _id: 'd', lists: 'z' })
      await space.start()
      await ann.sees('b', 'd', 'new')
      await ann.stands({ state: 'denied', documents: 3, rejected: { c: 'deleted_at_master' } })
      for (const database of [ground.database, ann.own]) await ground.reads(database, 'b', again)
      assert.deepEqual(
        (await losersOf(ann.database, 'c')).map(({ text }) => text),
        ['of ann'],
      )
      assert.equal((await ground.database.fetch(['c']))[0]?.rev, null)
      // Whoever wants it writes it anew, when everybody has lost it.
      await ground.eventually('the routes', async () => [...(await ground.routes.of(['c'])).keys()], [])
      await ann.write({ _id: 'c', lists: 'z' })
      await ann.sees('b', 'c', 'd', 'new')
      await ann.stands(complete(4))
    }))

  it('tells who makes anew, by chance, just what was deleted before', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      for (const user of [ann, bob]) await user.signUp()
      await space.start()
      await ground.put({ _id: 'a', lists: 'x', members: [ann.name] })
      await ann.sees('a')
      await ground.delete('a')
      await ann.sees()
      await space.settled()
      await ground.eventually('what is unsettled', () => ground.routes.unsettled(), [])
      await ground.eventually('the routes', async () => [...(await ground.routes.of(['a'])).keys()], [])
      // The same content is the same revision, of which the gateway has a tombstone.
      await bob.write({ _id: 'a', lists: 'x', members: [ann.name] })
      await bob.sees()
      await bob.stands({ state: 'denied', documents: 0, rejected: { a: 'deleted_before' } })
      await ann.stands(complete(0))
      // As it says: once more.
      await bob.write({ _id: 'a', lists: 'x', members: [ann.name] })
      await ann.sees('a')
      await bob.stands(complete(0))
    }))

  it('makes an index anew that was dropped while the daemon did not run', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      for (const user of [ann, bob]) await user.signUp()
      await ground.put(
        { _id: 'a', lists: 'x', members: [ann.name] },
        { _id: 'b', lists: 'y', members: [bob.name] },
      )
      await space.start()
      await ann.sees('a')
      await bob.sees('b')
      await space.settled()
      await space.stop()
      await space.couch.database(routesDatabase(ground.name)).drop()
      await ground.put({ _id: 'a', lists: 'x', members: [bob.name] })
      await space.start()
      await bob.sees('a', 'b')
      await ann.sees()
    }))

  it('says where much is granted, and lets the router decide then', (space) =>
    GatewayGround.use(
      space,
      SOURCE.replace('channel(doc', 'if (doc.needs) requireAccess(doc.needs)\n  channel(doc'),
      async (ground) => {
        const ann = ground.user('ann')
        await ann.signUp()
        const many = (from: number): string[] =>
          Array.from({ length: 600 }, (_none, at) => `channel-${from + at}`)
        await ground.put(
          { _id: 'a', lists: many(0), members: [ann.name] },
          { _id: 'b', lists: many(600), members: [ann.name] },
        )
        await space.start()
        await ann.sees('a', 'b')
        await ann.stands(complete(2))
        assert.deepEqual((await ann.database.security())['gateway'], { roles: null, channels: null })
        const told = space.lines.map(({ msg }) => msg)
        for (const message of [
          'document is in many channels',
          'document grants much',
          'a user has very much',
        ])
          assert(told.includes(message), message)

        for (const needs of ['channel-7', 'another'])
          assert.equal((await ann.write({ _id: `needs ${needs}`, needs, lists: 'channel-1' })).ok, true)
        await ground.eventually(
          'what was carried',
          async () => (await ground.database.range({})).map(({ id }) => id),
          ['a', 'b', 'needs channel-7'],
        )
        await ann.stands({
          state: 'denied',
          documents: 3,
          rejected: { 'needs another': 'refused_by_function' },
        })
      },
    ))
})
