// Who has which role, by an index of the daemon's own: what of a user's own writing it does not believe, and that nothing
// which was written before a question is unknown to its answer.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import type { Couch } from '../../../src/couch/client.ts'
import type { Database } from '../../../src/couch/database.ts'
import { AccountIndex } from '../../../src/users/account-index.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

type Attributes = Record<string, unknown>

const user = (name: string, roles: unknown, more: Attributes = {}): Attributes & { _id: string } => ({
  _id: `org.couchdb.user:${name}`,
  ...{ type: 'user', name, roles },
  ...more,
})

function ground() {
  const couch = new MemoryCouch()
  couch.create('_users')
  const users = couch.asCouch().database('_users')
  const index = new AccountIndex(couch.asCouch())
  const write = async (doc: Attributes & { _id: string }): Promise<void> => {
    const there = await users.get(doc._id)
    assert((await users.put({ ...doc, ...(there ? { _rev: there._rev } : {}) })).ok)
  }
  const rolesOf = async (name: string): Promise<readonly string[] | undefined> =>
    (await index.rolesOf([name])).get(name)
  const namesWith = async (role: string): Promise<string[]> =>
    [...((await index.namesWith([role])).get(role) ?? [])].sort()
  return { couch, users, write, index, rolesOf, namesWith }
}

describe('AccountIndex', () => {
  const rows: [string, Attributes & { _id: string }, readonly string[] | undefined][] = [
    ['a user with roles', user('joe', ['h', '_x']), ['h', '_x']],
    ['a user without', user('joe', undefined), []],
    ['a name that every object has', user('__proto__', ['h']), ['h']],
    ['another type', user('joe', ['h'], { type: 'todo' }), undefined],
    ['another _id', user('joe', ['h'], { _id: 'org.couchdb.user:jim' }), undefined],
    ['a name that is no text', user('joe', ['h'], { name: ['joe'] }), undefined],
    ['roles that are no texts', user('joe', ['h', 5, null, ['i']]), ['h']],
    ['what users say of themselves', user('joe', [], { role: 'h', hash: 'h', names: ['h'] }), []],
    [
      'a document that ends CouchDB’s JavaScript',
      user('joe', ['h'], { a: decodeJson('['.repeat(20_000) + ']'.repeat(20_000)) }),
      ['h'],
    ],
  ]
  for (const [what, doc, roles] of rows)
    it(`reads ${what}`, async () => {
      const { write, rolesOf, namesWith } = ground()
      await write(doc)
      const name = doc['name'] === '__proto__' ? '__proto__' : 'joe'
      assert.deepEqual(await rolesOf(name), roles)
      assert.deepEqual(await namesWith('h'), roles?.includes('h') ? [name] : [])
    })

  it('follows roles that come and go, and accounts', async () => {
    const { users, write, namesWith, rolesOf } = ground()
    await write(user('joe', ['h']))
    await write(user('ann', ['h', 'i']))
    assert.deepEqual(await namesWith('h'), ['ann', 'joe'])
    await write(user('joe', ['i']))
    assert.deepEqual([await namesWith('h'), await namesWith('i')], [['ann'], ['ann', 'joe']])
    await users.put({
      ...(await users.get('org.couchdb.user:ann')),
      _id: 'org.couchdb.user:ann',
      _deleted: true,
    })
    assert.deepEqual([await namesWith('h'), await rolesOf('ann')], [[], undefined])
  })

  it('asks for nothing but what has changed', async () => {
    const { couch, write, rolesOf } = ground()
    for (const name of ['joe', 'ann']) await write(user(name, ['h']))
    await rolesOf('joe')
    const before = couch.requests
    await rolesOf('ann')
    assert.equal(couch.requests - before, 1)
  })

  it('knows nobody of a database that was there before, nor who was purged', async () => {
    const { couch, users, write, namesWith } = ground()
    await write(user('joe', ['h']))
    await write(user('ann', ['h']))
    assert.deepEqual(await namesWith('h'), ['ann', 'joe'])
    await users.purge({ 'org.couchdb.user:joe': [(await users.get('org.couchdb.user:joe'))?._rev ?? ''] })
    assert.deepEqual(await namesWith('h'), ['ann'])
    couch.recreate('_users')
    assert.deepEqual(await namesWith('h'), [])
  })

  it('answers with what was written before it was asked, also while it reads', async () => {
    const { write, index } = ground()
    const early = index.namesWith(['h'])
    await write(user('joe', ['h']))
    const late = await index.namesWith(['h'])
    await early
    assert.deepEqual([...(late.get('h') ?? [])], ['joe'])
  })

  it('is none without `_users`, and one again when that is there', async () => {
    const { couch, index, namesWith } = ground()
    couch.drop('_users')
    await assert.rejects(index.namesWith(['h']), { code: 'not_found' })
    couch.create('_users')
    assert.deepEqual(await namesWith('h'), [])
  })

  it('reads on where another node of a cluster answers, and anew after a purge', async () => {
    const { couch, write } = ground()
    await write(user('joe', ['h']))
    const users = couch.asCouch().database('_users')
    let purgeSeq = '0-node1'
    const reads: unknown[] = []
    const clustered = {
      info: async () => {
        const info = await users.info()
        return info && { ...info, purge_seq: purgeSeq, update_seq: `${info.update_seq} of ${purgeSeq}` }
      },
      changes: (options: Parameters<Database['changes']>[0]) => {
        reads.push(options.since)
        return users.changes(options)
      },
    }
    const index = new AccountIndex({ database: () => clustered } as unknown as Couch)
    await index.rolesOf(['joe'])
    purgeSeq = '0-node2'
    await index.rolesOf(['joe'])
    purgeSeq = '1-node2'
    await index.rolesOf(['joe'])
    assert.deepEqual(
      reads.map((since) => since === '0'),
      [true, false, true],
    )
  })
})
