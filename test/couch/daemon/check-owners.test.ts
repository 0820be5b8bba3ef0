// What `couch-shares check` says of user databases: how many there are, and whose they are.
import assert from 'node:assert/strict'
import { userDatabases } from '../../../src/documents/names.ts'
import { checkOwners } from '../../../src/commands/check-owners.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { withUsers } from '../../support/logins.ts'
import { withPeople } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const said = async ({ couch, config }: Space, accountRole?: string): Promise<string[]> => {
  const connection = {
    couch,
    config: { ...config, userDatabases: userDatabases(config.userDatabases.template, accountRole) },
  }
  return (await checkOwners(connection as never)).map(({ level, text }) => `${level} ${text}`)
}

onEachServer('couch-shares check, of user databases,', ({ it }) => {
  it('says that there is none', async (space) => {
    await space.start()
    assert.deepEqual(await said(space), [
      `note no database is called as USER_DATABASES, ${space.prefix}{id}, says`,
    ])
  })

  it('says which databases look like some, and so does the log', async (space) => {
    const mine = ['joe', 'ann'].map((name) =>
      space.couch.database(`userdb-${Buffer.from(`${space.prefix}${name}`).toString('hex')}`),
    )
    try {
      for (const database of mine) await database.create()
      await space.start()
      const note =
        /USER_DATABASES is .*\{id\}, which fits 0 databases.* is USER_DATABASES=userdb-\{id\} meant\?$/
      assert.ok((await said(space)).some((text) => text.startsWith('note ') && note.test(text)))
      await space.until('the log says so', () =>
        Promise.resolve(space.lines.some(({ level, msg }) => level === 'warn' && note.test(String(msg)))),
      )
    } finally {
      for (const database of mine) await database.drop()
    }
  })

  it('says in the log that a share is made in one that is nobody’s, and of no other', (space) =>
    withPeople(space, ['joe'], async ({ joe }) => {
      await space.start()
      const [share, mine] = [space.shareId('nobodys'), space.shareId('joes')]
      const nobodys = space.user('nobody')
      await nobodys.create()
      await put(nobodys, shareDoc(share))
      await becomesActive(space, 'nobody', share)
      await put(joe.db, shareDoc(mine))
      await becomesActive(space, joe.hash, mine)
      const told = space.lines.filter(({ msg }) =>
        String(msg).startsWith('no account owns this user database'),
      )
      assert.deepEqual(
        told.map(({ level, db, share: of }) => [level, db, of]),
        [['warn', nobodys.name, share]],
      )
    }))

  it('says on the `$share` which accounts lack the role that their databases are called after', async (space) => {
    const [kim, lee, max] = ['kim', 'lee', 'max'].map((name) => `${name}-${space.prefix.slice(1, 7)}`) as [
      string,
      string,
      string,
    ]
    await withUsers(space, { [kim]: [], [`user/${lee}`]: ['other'], [max]: [] }, async () => {
      await space.user(kim).create()
      await space.user(lee).create()
      await space.start()
      const share = space.shareId()
      await put(space.user(kim), shareDoc(share, { access: { read: [lee, max] } }))
      const says = async (): Promise<unknown> => {
        const doc = await space.user(kim).get(`$share/${share}`)
        const waiting = (doc?.['$waiting'] ?? []) as { name: string; code: string; reason: string }[]
        return waiting.map(({ name, code, reason }) => [name, code, /role "(.*)"/.exec(reason)?.[1]])
      }
      await space.eventually('who lacks a role', says, [
        [kim, 'no_role', kim],
        [lee, 'no_role', lee],
        [max, 'no_user_database', undefined],
      ])
      const users = space.couch.database('_users')
      for (const name of [kim, `user/${lee}`]) {
        const doc = await users.get(`org.couchdb.user:${name}`)
        await space.write(users, { ...doc, roles: [name === kim ? kim : lee] } as Doc)
      }
      await space.eventually('nobody lacks one', says, [[max, 'no_user_database', undefined]])
      await space.until(
        'lee is invited',
        async () => (await space.user(lee).get(`$invitation/${share}`)) !== null,
      )
    })
  })

  it('says whose they are, and which are nobody’s', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe }) => {
      await space.start()
      assert.deepEqual(await said(space), ['ok user databases that an account owns: 2 by the role {id}'])
      const nobodys = space.user('nobody')
      await nobodys.create()
      await space.user(Buffer.from(joe.account.name).toString('hex')).create()
      const [owned, note = ''] = await said(space)
      assert.equal(owned, 'ok user databases that an account owns: 2 by the role {id}, 1 by the name in hex')
      assert.match(note, /^note 1 of 4 user databases is no account's/)
      assert.ok(note.includes(nobodys.name), note)
      const [, otherwise = ''] = await said(space, 'id:{id}')
      assert.match(otherwise, /^note 3 of 4 .* none has the role id:\{id\}/)
    }))
})
