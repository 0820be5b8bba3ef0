// Whose a personal database is: what `_users` may say of it and what not, and what is left when a user is gone.
import assert from 'node:assert/strict'
import { isFault } from '../../../src/couch/fault.ts'
import { ADMIN_ONLY } from '../../../src/documents/security.ts'
import { personalSecurity } from '../../../src/provisioning/provisioned-user.ts'
import { ask, logIn, pathOf } from '../../support/logins.ts'
import { read } from '../../support/people.ts'
import { complete, Ground, standingOf } from '../../support/provisioning.ts'
import { onEachServer } from '../../support/suites.ts'

const X = 'number_domain:x.test'
const NUMBER_X = 'number:1@x.test'
const DOCUMENT = { _id: NUMBER_X, label: 'one' }

const said = async (ground: Ground, database: string): Promise<unknown> => {
  const doc = await ground.couch.database(database).get(`$provision/${ground.master.name}`)
  return doc && standingOf(doc)
}

onEachServer('users who leave', ({ it }) => {
  it('lose access and keep nothing running, and whoever comes under their name gets another database', (space) =>
    Ground.use(space, async (ground) => {
      const { master } = ground
      const ann = ground.user('ann')
      await ground.put(master, DOCUMENT)
      await space.start()
      await ann.sign({ roles: [X], voicemail_db: (await ground.strange()).name })
      await ann.has(NUMBER_X)
      await ann.write(NUMBER_X, { label: 'one of ann' })
      await ground.reads(master, NUMBER_X, { label: 'one of ann' })
      await ground.eventually('the jobs', async () => (await ground.jobs()).length, 1)
      const first = await ann.database()
      const voicemail = String((await ann.account())?.['voicemail_db'])
      await space.settled()

      await ann.leave()
      await ground.eventually('the state', async () => (await ann.entry())?.state, 'kept')
      await space.settled()
      for (const name of [first, voicemail])
        assert.deepEqual(await ground.couch.database(name).security(), ADMIN_ONLY)
      assert.deepEqual(await ground.jobs(), [])
      assert.equal((await read(ground.couch.database(first), NUMBER_X))?.['label'], 'one of ann')
      assert.deepEqual(await said(ground, first), { ...complete(1), state: 'canceled' })
      // What happens at the master is none of the database's business any more, nor the other way round.
      await ground.edit(NUMBER_X, { label: 'later' })
      await space.write(ground.couch.database(first), { _id: NUMBER_X, label: 'ghost', updated_by: ann.name })
      await space.settled()
      assert.equal((await master.get(NUMBER_X))?.['label'], 'later')

      // The same name, another person; even where the account names the old database.
      await ann.sign({ roles: [X], database: first, voicemail_db: voicemail })
      await ground.eventually('the problem', async () => (await ann.entry())?.problem?.code, 'database_taken')
      await space.settled()
      assert.deepEqual(await ground.couch.database(first).security(), ADMIN_ONLY)
      assert.equal((await ann.account())?.['database'], first)
      await ann.sign({ database: undefined, voicemail_db: undefined })
      await ann.reads(NUMBER_X, { label: 'later' })
      const second = await ann.database()
      assert.notEqual(second, first)
      await ann.write(NUMBER_X, { label: 'of the other ann' })
      await ground.reads(master, NUMBER_X, { label: 'of the other ann' })
      for (const name of [first, voicemail])
        assert.deepEqual(await ground.couch.database(name).security(), ADMIN_ONLY)
      await ground.hasNoConflicts()
    }))

  it('may come back for a while, as they were, and not after it nor as somebody else', (space) =>
    Ground.use(space, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ground.put(ground.master, DOCUMENT)
      await space.start({ deletionGraceMs: 3_000 })
      const voicemail = await ground.strange()
      await ann.sign({ roles: [X] })
      await bob.sign({ roles: [X], voicemail_db: voicemail.name })
      await ann.has(NUMBER_X)
      await bob.has(NUMBER_X)
      const [hers, his] = [await ann.database(), await bob.database()]
      const state = async (user: typeof ann): Promise<unknown> => (await user.entry())?.state
      for (const user of [ann, bob]) {
        await user.leave()
        await ground.eventually('the state', () => state(user), 'leaving')
        assert.deepEqual(await ground.couch.database(user === ann ? hers : his).security(), ADMIN_ONLY)
      }
      await ann.sign({ roles: [X], database: hers })
      await ground.eventually('the state of ann', () => state(ann), 'active')
      await ann.has(NUMBER_X)
      assert.equal(await ann.database(), hers)
      // Somebody else, who names the voicemail of the one before.
      await bob.sign({ roles: [X], voicemail_db: voicemail.name })
      await bob.has(NUMBER_X)
      assert.notEqual(await bob.database(), his)
      assert.equal((await bob.entry())?.problem?.code, 'database_taken')
      assert.deepEqual(await voicemail.security(), ADMIN_ONLY)
      await ann.leave()
      await ground.eventually('the state of ann', () => state(ann), 'kept')
    }))

  it('leave nothing where their databases are to be dropped', (space) =>
    Ground.use(space, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ground.put(ground.master, DOCUMENT)
      await space.start({ deprovision: 'drop' })
      await ann.sign({ roles: [X] })
      await bob.sign({ roles: [X] })
      await ann.has(NUMBER_X)
      await bob.has(NUMBER_X)
      const before = await ground.master.get(NUMBER_X)
      const [first, other] = [await ann.database(), await bob.database()]
      await ann.leave()
      await ground.eventually('the database', () => ground.couch.database(first).info(), null)
      await space.settled()
      assert.equal((await ann.entry())?.state, 'dropped')
      assert.deepEqual(await ground.master.get(NUMBER_X), before)
      assert.deepEqual(await ground.jobs(), [])
      await bob.has(NUMBER_X)
      assert.equal(await bob.database(), other)
      // Nobody gets what was ann's, not even in name.
      await ann.sign({ roles: [X], database: first })
      await ground.eventually('the problem', async () => (await ann.entry())?.problem?.code, 'database_taken')
      await space.settled()
      assert.equal(await ground.couch.database(first).info(), null)
    }))

  it('are found gone by a daemon that was away', (space) =>
    Ground.use(space, async (ground) => {
      const ann = ground.user('ann')
      await ground.put(ground.master, DOCUMENT)
      await space.start()
      await ann.sign({ roles: [X] })
      await ann.has(NUMBER_X)
      await ann.write(NUMBER_X, { label: 'mine' })
      const first = await ann.database()
      await ground.reads(ground.master, NUMBER_X, { label: 'mine' })
      await ground.eventually('the jobs', async () => (await ground.jobs()).length, 1)
      await space.stop()
      // Deleted and made anew between two looks.
      await ann.leave()
      await space.start()
      await ground.eventually('the state', async () => (await ann.entry())?.state, 'kept')
      await space.settled()
      assert.deepEqual(await ground.jobs(), [])
      assert.deepEqual(await ground.couch.database(first).security(), ADMIN_ONLY)
    }))
})

onEachServer('databases that accounts name', ({ it, kind }) => {
  it('are taken where they are free, and nobody else is let in', (space) =>
    Ground.use(space, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ground.put(ground.master, DOCUMENT)
      await space.start()
      const [named, voicemail] = [await ground.strange(), await ground.strange()]
      await ann.sign({ roles: [X], database: named.name, voicemail_db: voicemail.name })
      await ann.has(NUMBER_X)
      assert.equal(await ann.database(), named.name)
      await space.settled()
      assert.deepEqual(await voicemail.security(), personalSecurity(ann.name, voicemail.name))
      assert.deepEqual((await ann.entry())?.others, { voicemail_db: voicemail.name })

      // One that is not there yet gets its security when somebody makes it.
      const later = `u${'0'.repeat(8)}-0000-4000-8000-${ground.mark}${'0'.repeat(6)}`
      await ann.sign({ voicemail_db: later })
      await ground.eventually('the entry', async () => (await ann.entry())?.others, { voicemail_db: later })
      await space.settled()
      const made = ground.couch.database(later)
      try {
        assert.equal(await made.info(), null)
        await made.create()
        await ground.eventually('its security', () => made.security(), personalSecurity(ann.name, later))
      } finally {
        await made.drop()
      }

      // Not hers: illegal names, bob's, and one that lets somebody else in.
      await bob.sign({ roles: [X] })
      const his = await bob.database()
      await bob.has(NUMBER_X)
      const foreign = await ground.strange()
      const open = { admins: { names: [], roles: ['_admin'] }, members: { names: ['somebody'], roles: [] } }
      await foreign.putSecurity(open)
      for (const [database, code] of [
        ['_users', 'illegal_database'],
        ['shares', 'illegal_database'],
        [ground.master.name, 'illegal_database'],
        [`${named.name}/x`, 'illegal_database'],
        [7, 'illegal_database'],
        [his, 'database_taken'],
        [foreign.name, 'database_taken'],
      ]) {
        await ann.sign({ voicemail_db: database })
        await ground.eventually(
          `the problem with ${String(database)}`,
          async () => (await ann.entry())?.problem?.code,
          code as string,
        )
        await ground.eventually('what she reads of it', async () => (await ann.standing())?.error, code)
      }
      await space.settled()
      assert.deepEqual(await foreign.security(), open)
      assert.deepEqual(await ground.couch.database(his).security(), personalSecurity(bob.name, his))
      await ann.sign({ voicemail_db: undefined })
      await ground.eventually('no problem', async () => (await ann.entry())?.problem, undefined)
      await ann.stands(complete(1))
    }))

  it('give nothing to a user who writes somebody else’s into his account', (space) =>
    Ground.use(space, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ground.put(ground.master, DOCUMENT)
      await space.start()
      await ann.sign({ roles: [X] })
      await bob.sign({ roles: [] })
      const [hers, his] = [await ann.database(), await bob.database()]
      await ann.has(NUMBER_X)
      await space.settled()
      // Where users may write into `_users`, which is the server's setting, each may change his own attributes.
      await bob.sign({ database: hers, voicemail_db: hers })
      await ground.eventually('the problem', async () => (await bob.entry())?.problem?.code, 'database_taken')
      await ground.eventually('what _users records', async () => (await bob.account())?.['database'], his)
      await space.settled()
      assert.deepEqual(await ground.couch.database(hers).security(), personalSecurity(ann.name, hers))
      assert.deepEqual(await ground.couch.database(his).security(), personalSecurity(bob.name, his))
      if (kind === 'couchdb') {
        const self = await logIn(space.server, bob.name)
        assert.equal((await ask(space.server, self, 'GET', pathOf(hers, NUMBER_X))).status, 403)
        await assert.rejects(bob.at(hers).get(NUMBER_X), (error) => isFault(error, 'forbidden'))
      }
      await bob.sign({ voicemail_db: undefined })
      await ground.eventually('no problem', async () => (await bob.entry())?.problem, undefined)
      await ann.has(NUMBER_X)
      await bob.has()
    }))
})
