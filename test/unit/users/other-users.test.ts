// Which databases are taken for users' under another USER_DATABASES, on servers that are lists of names.
import assert from 'node:assert/strict'
import { findOtherUsers, sayOtherUsers } from '../../../src/users/other-users.ts'
import { userDatabases } from '../../../src/documents/names.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const hex = (name: string): string => Buffer.from(name).toString('hex')

/** A server with these databases, which says how many names it gave at the most. */
function serverOf(databases: string[]) {
  const memory = new MemoryCouch()
  for (const name of databases) memory.create(name)
  const couch = memory.client(() => Promise.resolve(null))
  const server = {
    most: 0,
    allDbs: async (range?: Parameters<typeof couch.allDbs>[0]) => {
      const names = await couch.allDbs(range)
      server.most = Math.max(server.most, names.length)
      return names
    },
  }
  return server
}

const find = (template: string, databases: string[], count = 0) =>
  findOtherUsers(serverOf(databases), userDatabases(template), count)

const OURS = ['_users', '_replicator', 'shares', 'shares/checkpoints', 'share/milk', 'skeleton/user']

describe('databases that look like users’', () => {
  it('are those of couch_peruser, and those of Hoodie', async () => {
    const databases = [...OURS, `userdb-${hex('joe')}`, `userdb-${hex('ann')}`, 'user/abc1234']
    assert.deepEqual(await find('people/{id}', databases), [
      { template: 'userdb-{id}', count: 2, example: `userdb-${hex('ann')}` },
      { template: 'user/{id}', count: 1, example: 'user/abc1234' },
    ])
    assert.deepEqual(await find('user/{id}', databases, 1), [
      { template: 'userdb-{id}', count: 2, example: `userdb-${hex('ann')}` },
    ])
    assert.deepEqual(await find('userdb-{id}', databases, 2), [])
  })

  it('are none that are called so for another reason', async () => {
    const password = `userdb-${hex('share-milk-1cc926005617164690615a5dfc76cf45')}`
    assert.deepEqual(
      await find('people/{id}', [...OURS, 'user/abc/$shares', 'user/abc/notes', 'userdb-x', password]),
      [],
    )
    assert.deepEqual(await find('user/{id}', ['user/abc1234'], 1), [])
    assert.deepEqual(await find('userdb-{id}-x', [`userdb-${hex('joe')}-x`], 1), [])
  })

  it('are told only where they are more than those that are followed', async () => {
    const databases = [`userdb-${hex('joe')}`, 'people/a', 'people/b']
    assert.equal((await find('people/{id}', databases, 1)).length, 0)
    assert.equal((await find('people/{id}', databases, 0)).length, 1)
  })

  it('are counted a page at a time, however many there are', async () => {
    const server = serverOf(Array.from({ length: 2_500 }, (_, at) => `userdb-${hex(`user ${at}`)}`))
    const [other] = await findOtherUsers(server, userDatabases('user/{id}'), 0)
    assert.equal(other?.count, 2_500)
    assert.ok(server.most <= 1_000)
  })

  it('are told with the setting that fits', () =>
    assert.equal(
      sayOtherUsers(userDatabases('user/{id}'), 0, {
        template: 'userdb-{id}',
        count: 2,
        example: 'userdb-616e6e',
      }),
      'USER_DATABASES is user/{id}, which fits 0 databases, and 2 are called like userdb-616e6e: is USER_DATABASES=userdb-{id} meant?',
    ))
})
