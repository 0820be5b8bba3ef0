// The feed: user databases found, followed and forgotten, and nothing lost to a network or a server that fails.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { REGISTRY } from '../../../src/documents/names.ts'
import { ADMIN_ONLY } from '../../../src/documents/security.ts'
import { FaultProxy } from '../../support/fault-proxy.ts'
import { couchdbSource } from '../../support/servers.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { baseId, copyId, entryId } from '../../../src/shares/model/ids.ts'
import { USER_PAGE } from '../../../src/shares/reconciler.ts'

/** A server whose databases a test may drop: not one that was given by its URL. */
const ownCouchdb = couchdbSource === 'couchdb on the PATH'

const hex = (name: string): string => Buffer.from(name, 'utf8').toString('hex')
const exists = async (space: Space, db: string): Promise<boolean> =>
  (await space.couch.database(db).info()) !== null

/** Creates a user database where it is missing, asks for a share in it, and waits until it is active. */
async function openShare(space: Space, owner: string, share: string): Promise<void> {
  const user = space.user(owner)
  await user.create()
  await space.write(user, { _id: `$share/${share}`, type: '$share' })
  await space.until(
    `the share ${share} is active`,
    async () => (await user.get(`$share/${share}`))?.['$state'] === 'active',
  )
}

const put = (space: Space, owner: string, share: string, object: string, name: string): Promise<string> =>
  space.write(space.user(owner), { _id: object, name, secret: 'mine', $shares: { [share]: ['name'] } })

const untilCopied = (space: Space, share: string, object: string, name: string | null): Promise<void> =>
  space.until(`the copy of ${object} in ${share} shows ${name}`, async () => {
    const copy = await space.copy(share, object)
    return name === null ? copy === null : copy?.['name'] === name
  })

/** Runs a test behind a proxy, which ends with it. */
async function behindProxy(space: Space, test: (proxy: FaultProxy) => Promise<void>): Promise<void> {
  const proxy = await FaultProxy.start(space.server.url)
  try {
    await test(proxy)
    await proxy.heal()
    await space.stop()
  } finally {
    await proxy.refuse()
  }
}

onEachServer('the feed', ({ it }) => {
  it('finds user databases at the start and while it runs, and makes their outboxes', async (space) => {
    await space.user('early').create()
    await space.start()
    await space.until('the outbox is there', () => exists(space, space.config.userDatabases.outbox('early')))
    await space.settled()
    await space.user('late').create()
    await space.until('the outbox is there', () => exists(space, space.config.userDatabases.outbox('late')))
    await space.settled()
    for (const owner of ['early', 'late'])
      assert.deepEqual(await space.outbox(owner).security(), ADMIN_ONLY, owner)
    // The outbox of an outbox would be one too many.
    assert.equal((await space.couch.allDbs({ startKey: space.prefix, endKey: `${space.prefix}~` })).length, 4)
  })

  it(
    'makes outboxes at first need where they are asked for like that',
    async (space) => {
      const share = space.shareId()
      const outbox = space.config.userDatabases.outbox('joe')
      await space.user('joe').create()
      await space.start()
      await space.write(space.user('joe'), { _id: 'todo/1', name: 'milk', $shares: { [share]: true } })
      await space.write(space.user('joe'), { _id: 'todo/2', name: 'private' })
      await space.settled()
      assert.equal(await exists(space, outbox), false)
      await openShare(space, 'joe', share)
      await untilCopied(space, share, 'todo/1', 'milk')
      assert.deepEqual(await space.outbox('joe').security(), ADMIN_ONLY)
    },
    { outbox: 'first-share' },
  )

  it(
    'follows databases of couch_peruser, and knows their owners by name',
    async (space) => {
      const name = `jöe-${space.prefix.slice(0, 7)}`
      const owner = hex(name)
      const share = space.shareId()
      const users = space.couch.database('_users')
      const id = `org.couchdb.user:${name}`
      await users.create()
      await users.put({ _id: id, type: 'user', name, roles: [], password: 'a' })
      try {
        await space.user(owner).create()
        assert.equal(space.user(owner).name, `${space.prefix}userdb-${owner}`)
        await space.start()
        await openShare(space, owner, share)
        await put(space, owner, share, 'todo/1', 'milk')
        await untilCopied(space, share, 'todo/1', 'milk')
        const grants = { names: [name], roles: [owner] }
        assert.deepEqual(await space.share(share).security(), {
          ...ADMIN_ONLY,
          members: grants,
          writers: grants,
        })
      } finally {
        const there = await users.get(id)
        if (there) await users.put({ _id: id, _rev: there._rev, _deleted: true })
      }
    },
    { template: (prefix) => `${prefix}userdb-{id}` },
  )

  it('catches up with what happened while it was down', async (space) => {
    const [share, later] = [space.shareId(), space.shareId('later')]
    const joe = space.user('joe')
    await space.start()
    await openShare(space, 'joe', share)
    for (const object of ['edited', 'deleted', 'unshared', 'kept'])
      await put(space, 'joe', share, object, 'old')
    for (const object of ['edited', 'deleted', 'unshared', 'kept'])
      await untilCopied(space, share, object, 'old')
    await space.settled()
    await space.stop()

    await put(space, 'joe', share, 'edited', 'new')
    await put(space, 'joe', share, 'added', 'new')
    await space.write(joe, { _id: 'deleted', _deleted: true })
    await space.write(joe, { _id: 'unshared', name: 'old', $shares: { [share]: false } })
    const sue = space.user('sue')
    await sue.create()
    await sue.bulk([
      { _id: `$share/${later}`, type: '$share' },
      { _id: 'todo/1', name: 'sue', $shares: { [later]: true } },
    ])
    const kept = await space.share(share).get(copyId(share, 'kept'))
    await space.start()
    await untilCopied(space, share, 'edited', 'new')
    await untilCopied(space, share, 'added', 'new')
    await untilCopied(space, share, 'deleted', null)
    await untilCopied(space, share, 'unshared', null)
    await untilCopied(space, later, 'todo/1', 'sue')
    await space.settled()
    assert.equal('$shares' in ((await joe.get('unshared')) ?? {}), false)
    assert.deepEqual(await space.share(share).get(copyId(share, 'kept')), kept)
  })

  it(
    'meets a database anew that was dropped and created again while it was down',
    async (space) => {
      const [share, other] = [space.shareId(), space.shareId('other')]
      const joe = space.user('joe')
      await space.start()
      await openShare(space, 'joe', share)
      await openShare(space, 'joe', other)
      await put(space, 'joe', share, 'both', 'old')
      await put(space, 'joe', share, 'only-before', 'old')
      await put(space, 'joe', other, 'both-other', 'old')
      await untilCopied(space, share, 'both', 'old')
      await untilCopied(space, share, 'only-before', 'old')
      await untilCopied(space, other, 'both-other', 'old')
      await space.settled()
      await space.stop()

      await joe.drop()
      // CouchDB tells a database from a later one by the second in which it was created.
      await delay(1_100)
      await joe.create()
      await joe.bulk([
        { _id: `$share/${share}`, type: '$share' },
        { _id: 'both', name: 'new', $shares: { [share]: ['name'] } },
        { _id: 'only-after', name: 'new', $shares: { [share]: ['name'] } },
      ])
      await space.start()
      await untilCopied(space, share, 'both', 'new')
      await untilCopied(space, share, 'only-after', 'new')
      await untilCopied(space, share, 'only-before', null)
      await space.until('the share that was not asked for again ends', async () => {
        return (await space.entry(other))?.['state'] === 'ended' && !(await exists(space, `share/${other}`))
      })
      await space.settled()
      assert.equal((await joe.get(`$share/${share}`))?.['$state'], 'active')
      assert.equal(await space.outbox('joe').get(copyId(other, 'both-other')), null)
      assert.equal(await space.outbox('joe').get(baseId('only-before')), null)
    },
    { deletionGraceMs: 2_000 },
  )

  it('meets a database anew that is dropped and created again while it runs', async (space) => {
    const share = space.shareId()
    const joe = space.user('joe')
    await space.start()
    await openShare(space, 'joe', share)
    await put(space, 'joe', share, 'both', 'old')
    await put(space, 'joe', share, 'only-before', 'old')
    await untilCopied(space, share, 'only-before', 'old')
    await space.settled()
    await joe.drop()
    await joe.create()
    await joe.bulk([
      { _id: `$share/${share}`, type: '$share' },
      { _id: 'both', name: 'new', $shares: { [share]: ['name'] } },
    ])
    await untilCopied(space, share, 'both', 'new')
    await untilCopied(space, share, 'only-before', null)
    await space.settled()
    assert.equal((await joe.get(`$share/${share}`))?.['$state'], 'active')
  })

  it('puts right what an admin changes in an outbox, while it runs and while it was down', async (space) => {
    const share = space.shareId()
    const outbox = space.outbox('joe')
    await space.start()
    await openShare(space, 'joe', share)
    for (const object of ['changed', 'deleted']) {
      await put(space, 'joe', share, object, 'right')
      await untilCopied(space, share, object, 'right')
    }
    const meddle = async (): Promise<void> => {
      await space.settled()
      const changed = await outbox.get(copyId(share, 'changed'))
      const deleted = await outbox.get(copyId(share, 'deleted'))
      assert(changed && deleted)
      const written = await outbox.bulk([
        { ...changed, name: 'wrong', secret: 'not mine' },
        { _id: deleted._id, _rev: deleted._rev, _deleted: true },
      ])
      assert(written.every(({ ok }) => ok))
    }
    const untilRight = async (): Promise<void> => {
      for (const object of ['changed', 'deleted'])
        for (const database of [outbox, space.share(share)])
          await space.until(`${object} is put right in ${database.name}`, async () => {
            const { _id, _rev, ...content } = (await database.get(copyId(share, object))) ?? { _id: '' }
            return JSON.stringify(content) === '{"name":"right"}'
          })
    }
    await meddle()
    await untilRight()
    await meddle()
    await space.stop()
    await meddleDown(space, share)
    await space.start()
    await untilRight()
  })

  it(
    'reads a large database in pages, and serves others in between',
    async (space) => {
      const [large, small] = [space.shareId('large'), space.shareId('small')]
      const count = 4 * USER_PAGE
      await space.start()
      await openShare(space, 'large', large)
      await openShare(space, 'small', small)
      await space.settled()
      await space.stop()
      await space.user('large').bulk(
        Array.from({ length: count }, (_, at) => ({
          _id: `object/${at}`,
          number: at,
          $shares: { [large]: ['number'] },
        })),
      )
      await put(space, 'small', small, 'todo/1', 'milk')
      space.lines.length = 0
      await space.start()
      await space.until(
        'all copies are there',
        async () => {
          const rows = await space.share(large).range({ startKey: 'share/', endKey: 'share0' })
          return rows.length === count
        },
        60_000,
      )
      await untilCopied(space, small, 'todo/1', 'milk')
      await space.settled()
      const written = space.lines.filter(({ msg }) => msg === 'copies written').map(({ share }) => share)
      const pages = written.filter((share) => share === large).length
      assert(pages >= 4, `Expected several pages, got ${pages}`)
      assert(written.includes(small) && written.lastIndexOf(small) < written.lastIndexOf(large))
      const copies = await space.share(large).range({
        startKey: 'share/',
        endKey: 'share0',
        includeDocs: true,
      })
      assert.deepEqual(
        copies.map(({ doc }) => Number(doc?.['number'])).sort((one, other) => one - other),
        Array.from({ length: count }, (_, at) => at),
      )
    },
    { concurrency: 1 },
  )

  it(
    'finds by its sweeps what `_db_updates` lost',
    (space) =>
      behindProxy(space, async (proxy) => {
        const share = space.shareId()
        const sue = space.user('sue')
        // Without a change of her own, her database is not listened to directly.
        await sue.create()
        await space.start({ url: proxy.url, replicationServer: space.server.url })
        await space.settled()
        proxy.swallowAnswersTo(/^GET \/_db_updates\?feed=continuous/)
        proxy.cut()
        await space.until('the feed is open again', () =>
          Promise.resolve(space.lines.some(({ msg }) => msg === 'feed opened again')),
        )
        await space.settled()
        const before = proxy.swallowed
        await sue.bulk([
          { _id: `$share/${share}`, type: '$share' },
          { _id: 'todo/1', name: 'milk', $shares: { [share]: ['name'] } },
        ])
        await untilCopied(space, share, 'todo/1', 'milk')
        assert(proxy.swallowed > before, 'Expected the feed to have lost something')
      }),
    { sweepIntervalMs: 500 },
  )

  it('looks once more where it could not look into what `_db_updates` told', (space) =>
    behindProxy(space, async (proxy) => {
      const share = space.shareId()
      await space.start({ url: proxy.url, replicationServer: space.server.url })
      await openShare(space, 'joe', share)
      await space.settled()
      const before = proxy.swallowed
      proxy.cutNext(/^GET \/shares /)
      const registry = space.couch.database(REGISTRY)
      const entry = await registry.get(entryId(share))
      assert(entry)
      await space.write(registry, { ...entry, order: 'suspend' })
      await space.until(
        'the order is carried out',
        async () => (await registry.get(entryId(share)))?.['state'] === 'suspended',
      )
      assert.equal(proxy.swallowed, before + 1)
    }))

  it('goes on where its connections are cut', (space) =>
    behindProxy(space, async (proxy) => {
      const share = space.shareId()
      await space.start({ url: proxy.url, replicationServer: space.server.url })
      await openShare(space, 'joe', share)
      for (let round = 0; round < 5; round += 1) {
        const written = put(space, 'joe', share, `todo/${round}`, `round ${round}`)
        proxy.cut()
        await written
        proxy.cut()
        await untilCopied(space, share, `todo/${round}`, `round ${round}`)
      }
      const before = proxy.connections
      proxy.cut()
      await space.user('new').create()
      await space.until('a new database is found', () =>
        exists(space, space.config.userDatabases.outbox('new')),
      )
      assert(proxy.connections > before)
    }))

  it('is not ready while the server refuses connections, and catches up afterwards', (space) =>
    behindProxy(space, async (proxy) => {
      const share = space.shareId()
      await space.start({ url: proxy.url, replicationServer: space.server.url })
      await openShare(space, 'joe', share)
      await put(space, 'joe', share, 'todo/1', 'before')
      await untilCopied(space, share, 'todo/1', 'before')
      await space.settled()
      await proxy.refuse()
      await space.until('the daemon is not ready', () => Promise.resolve(!space.daemon.ready().ok))
      await put(space, 'joe', share, 'todo/1', 'meanwhile')
      await put(space, 'joe', share, 'todo/2', 'meanwhile')
      await space.user('new').create()
      await delay(2_000)
      assert.equal(space.daemon.ready().ok, false)
      assert.equal(space.daemon.health().ok, true)
      await proxy.heal()
      await space.until('the daemon is ready', () => Promise.resolve(space.daemon.ready().ok), 40_000)
      await untilCopied(space, share, 'todo/1', 'meanwhile')
      await untilCopied(space, share, 'todo/2', 'meanwhile')
      await space.until('the new database is found', () =>
        exists(space, space.config.userDatabases.outbox('new')),
      )
    }))
})

/** Changes a copy by hand while the daemon is down. */
async function meddleDown(space: Space, share: string): Promise<void> {
  const outbox = space.outbox('joe')
  const changed = await outbox.get(copyId(share, 'changed'))
  const written = await outbox.put({ _id: copyId(share, 'changed'), _rev: changed?._rev ?? '', name: 'down' })
  assert(written.ok)
}

// Silence is noticed only after the heartbeats that did not come: what goes on here takes minutes.
describe('the feed, in a black hole', () => {
  onEachServer(
    'nothing passes and nobody is told',
    ({ it }) => {
      it('is not ready, and catches up afterwards', (space) =>
        behindProxy(space, async (proxy) => {
          const share = space.shareId()
          await space.start({ url: proxy.url, replicationServer: space.server.url })
          await openShare(space, 'joe', share)
          await space.settled()
          proxy.blackHole()
          await put(space, 'joe', share, 'todo/1', 'meanwhile')
          await space.until(
            'the daemon is not ready',
            () => Promise.resolve(!space.daemon.ready().ok),
            120_000,
          )
          assert.equal(await space.copy(share, 'todo/1'), null)
          await proxy.heal()
          await space.until('the daemon is ready', () => Promise.resolve(space.daemon.ready().ok), 120_000)
          await untilCopied(space, share, 'todo/1', 'meanwhile')
        }))
    },
    { kinds: ['couchdb'] },
  )
})

onEachServer(
  'the feed, where `_global_changes` goes away',
  ({ it }) => {
    it('makes it again, and finds what changed in between', async (space) => {
      const share = space.shareId()
      const changes = space.couch.database('_global_changes')
      await space.user('idle').create()
      await space.start()
      await openShare(space, 'joe', share)
      await space.settled()
      assert.equal(await changes.drop(), true)
      await put(space, 'joe', share, 'todo/1', 'meanwhile')
      await put(space, 'idle', share, 'todo/x', 'not mine')
      await space.user('new').create()
      await untilCopied(space, share, 'todo/1', 'meanwhile')
      await space.until('the new database is found', () =>
        exists(space, space.config.userDatabases.outbox('new')),
      )
      await space.until('the other one is looked at', async () => {
        return '$error' in ((await space.user('idle').get('todo/x')) ?? {})
      })
      await space.until('`_global_changes` is back', () => exists(space, '_global_changes'))
      await space.settled()
      await space.user('newer').create()
      await space.until('a newer database is found', () =>
        exists(space, space.config.userDatabases.outbox('newer')),
      )
    })
  },
  { kinds: ownCouchdb ? ['couchdb'] : [] },
)
