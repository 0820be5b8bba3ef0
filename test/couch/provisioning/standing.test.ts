// What users read of their documents' standing: when they ask, when something of theirs was refused, and as replications come and go.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import { read } from '../../support/people.ts'
import { complete, Ground, standingOf, type Standing, type User } from '../../support/provisioning.ts'
import { onEachServer } from '../../support/suites.ts'

const X = 'number_domain:x.test'
const NUMBER_X = 'number:1@x.test'
const NUMBER_Y = 'number:1@y.test'
const ENDPOINT = 'endpoint:1'

const DOCUMENTS = [
  { _id: NUMBER_X, label: 'one' },
  { _id: NUMBER_Y, label: 'two' },
  { _id: ENDPOINT, number_domain: 'x.test', label: 'phone' },
]

/** A master's own no, which holds for admins, too. */
const GUARD = {
  _id: '_design/guard',
  language: 'javascript',
  validate_doc_update: `function (newDoc) { if (newDoc.label === 'bad') throw { forbidden: 'Not that label.' } }`,
}

async function standingIn(database: Database, master: string): Promise<Standing | null> {
  const doc = await database.get(`$provision/${master}`)
  return doc && standingOf(doc)
}

/** What a user reads of what was refused, whatever else is said. */
const isRejected = (
  ground: Ground,
  user: User,
  expected: Record<string, string> | undefined,
): Promise<void> =>
  ground.eventually('what was rejected', async () => (await user.standing())?.rejected, expected)

onEachServer('the standing of provisioned users', ({ it, kind }) => {
  it('is told to whoever asks, in the user database and in the personal one', (space) =>
    Ground.use(space, async (ground) => {
      const { master, cdrs, mark } = ground
      const ann = ground.user('ann', `user/ann-${mark}`)
      const hash = `ann-${mark}-hash`
      const home = space.user(hash)
      await home.create()
      await home.putSecurity({
        admins: { names: [], roles: ['_admin'] },
        members: { names: [], roles: [hash] },
      })
      await ground.put(master, ...DOCUMENTS)
      await space.start()
      await ann.sign({ roles: [hash, X] })
      await ann.has(ENDPOINT, NUMBER_X)
      await ann.stands(complete(2))
      const name = await ann.database()
      await space.settled()
      assert.equal(await home.get(`$provision/${master.name}`), null)
      assert.deepEqual(await ground.jobs(), [])

      // As her client does, in her own database, where the answer comes.
      const own = ann.at(home.name)
      await space.write(own, { _id: `$provision/${master.name}`, type: '$provision' })
      await ground.reads(own, `$provision/${master.name}`, { database: name, documents: 2 })
      await ground.eventually('her jobs', () => ground.jobs(), [`${master.name} => ${name}`])
      const paused = { state: 'paused', isReady: true, documents: 2 }
      await ground.eventually('the answer', () => standingIn(own, master.name), paused)
      await ann.stands(paused)
      // The answer keeps up.
      await ground.put(master, { _id: 'number:2@x.test' })
      await ground.eventually('the answer', () => standingIn(own, master.name), { ...paused, documents: 3 })
      await ann.sign({ roles: [hash] })
      await ground.eventually('the answer', () => standingIn(own, master.name), { ...paused, documents: 0 })
      await ann.sign({ roles: [hash, X] })
      await ann.has(ENDPOINT, NUMBER_X, 'number:2@x.test')

      // What nobody has; in both places.
      const unknown = { state: 'error', isReady: false, documents: 0, error: 'unknown_master' }
      for (const database of [own, ann.at(name)])
        for (const other of ['nobody', '__proto__', `${mark}/x`]) {
          const signed = { _id: `$provision/${other}`, type: '$provision', updated_by: ann.name }
          await space.write(database, signed)
          await ground.eventually(`the answer for ${other}`, () => standingIn(database, other), unknown)
        }
      // Asked again in the personal database, with words of her own: answered by what stands there next.
      await space.write(ann.at(name), { _id: `$provision/${cdrs.name}`, updated_by: ann.name, hello: true })
      await ground.eventually(
        'the answer',
        () => read(ann.at(name), `$provision/${cdrs.name}`).then((doc) => doc?.['hello']),
        undefined,
      )
      await ann.stands(complete(0), cdrs)
      await space.settled()
      await ground.hasNoConflicts()
    }))

  it('lists what was refused, until it is mended or the master’s version brought back', (space) =>
    Ground.use(space, async (ground) => {
      const { master } = ground
      const ann = ground.user('ann')
      await ground.put(master, ...DOCUMENTS, ...(kind === 'couchdb' ? [GUARD] : []))
      await space.start()
      await ann.sign({ roles: [X] })
      await ann.has(ENDPOINT, NUMBER_X)
      const own = ann.at(await ann.database())
      const versions = async (): Promise<unknown> =>
        (await master.fetch(DOCUMENTS.map(({ _id }) => _id))).map(({ doc }) => doc)
      const before = await versions()

      const outside = {
        'number:9@y.test': 'outside_roles',
        [NUMBER_Y]: 'outside_roles',
        [ENDPOINT]: 'outside_roles',
      }
      // The master's own no, with its words.
      const isRefused = async (): Promise<void> => {
        await ann.write(NUMBER_X, { label: 'bad' })
        await isRejected(ground, ann, { ...outside, [NUMBER_X]: 'refused_by_master' })
        const list = (await own.get(`$provision/${master.name}`))?.['$rejected'] as Record<string, string>[]
        const line = list.find(({ document }) => document === NUMBER_X)
        assert(line?.['reason']?.includes('Not that label.') === true, JSON.stringify(line))
        assert(Date.parse(String(line['at'])) <= Date.now())
      }
      // Outside her roles: new, under the name of what others have, and moved there.
      await ann.write('number:9@y.test', { label: 'mine' })
      await ann.write(NUMBER_Y, { label: 'mine' })
      await ann.write(ENDPOINT, { number_domain: 'y.test' })
      await isRejected(ground, ann, outside)
      assert.equal((await ann.standing())?.state, 'denied')
      if (kind === 'couchdb') await isRefused()
      await space.settled()
      assert.deepEqual(await versions(), before)
      assert.equal(await master.get('number:9@y.test'), null)
      if (kind === 'couchdb') assert.equal((await own.get(NUMBER_X))?.['label'], 'bad')

      // Mended, or given up.
      await ann.write(NUMBER_X, { label: 'good' })
      await isRejected(ground, ann, outside)
      await ground.reads(master, NUMBER_X, { label: 'good', updated_by: ann.name })
      await ann.write(ENDPOINT, { $restore: true })
      await ann.reads(ENDPOINT, { number_domain: 'x.test', label: 'phone' })
      await ann.write('number:9@y.test', { $restore: true })
      await ann.write(NUMBER_Y, { $restore: true })
      await ann.has(ENDPOINT, NUMBER_X)
      await isRejected(ground, ann, undefined)
      await space.settled()
      assert.deepEqual(await read(own, ENDPOINT), await read(master, ENDPOINT))
      assert.equal((await master.get(ENDPOINT))?._rev.split('-')[0], '1')

      if (kind === 'embedded') return
      // Refused once more, the master changes meanwhile, and is what comes back.
      await ann.write(NUMBER_X, { label: 'bad', note: 'x' })
      await isRejected(ground, ann, { [NUMBER_X]: 'refused_by_master' })
      await ground.edit(NUMBER_X, { more: 'by the admin' })
      await space.settled()
      assert.equal((await master.get(NUMBER_X))?.['label'], 'good')
      await ann.write(NUMBER_X, { $restore: true })
      await isRejected(ground, ann, undefined)
      await ground.eventually('hers', () => read(own, NUMBER_X), await read(master, NUMBER_X))
      await ann.write(NUMBER_X, { label: 'fine' })
      await ground.reads(master, NUMBER_X, { label: 'fine', more: 'by the admin' })
      await ground.hasNoConflicts()
    }))

  it('says that a master is away, and goes on when there is one again', (space) =>
    Ground.use(space, async (ground) => {
      const { master } = ground
      const ann = ground.user('ann')
      await space.start()
      await ann.sign({ roles: [X] })
      await ann.stands(complete(0))
      await master.drop()
      await ann.write('number:3@x.test', { label: 'three' })
      await ground.eventually('the error', async () => (await ann.standing())?.error, 'master_unavailable')
      await ann.has('number:3@x.test')
      await master.create()
      await ground.put(master, ...DOCUMENTS)
      await ann.has(ENDPOINT, NUMBER_X, 'number:3@x.test')
      await ground.reads(master, 'number:3@x.test', { label: 'three' })
      await ground.eventually('no error', async () => (await ann.standing())?.error, undefined)
      await ground.eventually('the count', async () => (await ann.standing())?.documents, 3)
    }))

  it('follows its replications, which run for those alone who are active', (space) =>
    Ground.use(space, async (ground) => {
      const { master } = ground
      const [ann, bob, cid] = [ground.user('ann'), ground.user('bob'), ground.user('cid')]
      await ground.put(master, ...DOCUMENTS)
      await space.start({ replicationIdleTimeoutMs: 10_000, replicationCheckIntervalMs: 500 })
      await ann.sign({ roles: [X] })
      await bob.sign({ roles: [NUMBER_Y] })
      await cid.sign({ roles: [] })
      await ann.has(ENDPOINT, NUMBER_X)
      await bob.has(NUMBER_Y)
      await ann.stands(complete(2))
      await bob.stands(complete(1))
      await cid.stands(complete(0))
      const jobOf = async (user: User): Promise<string> => `${master.name} => ${await user.database()}`
      assert.deepEqual(await ground.jobs(), [])

      await ann.write(NUMBER_X, { label: 'mine' })
      await ground.eventually('the jobs', () => ground.jobs(), [await jobOf(ann)])
      await ann.stands({ state: 'paused', isReady: true, documents: 2 })
      await ground.hasNoJobs()
      await ann.stands(complete(2))
      // A change at the master is brought to those who are at rest without one.
      await ground.edit(NUMBER_Y, { label: 'changed' })
      await bob.reads(NUMBER_Y, { label: 'changed' })
      assert.deepEqual(await ground.jobs(), [])
      // So is what a role brings that changes while none runs; all is there before it is said to be ready.
      await cid.sign({ roles: [X] })
      await cid.has(ENDPOINT, NUMBER_X)
      await cid.write(NUMBER_X, { label: 'for two' })
      for (const user of [ann, cid]) await user.reads(NUMBER_X, { label: 'for two' })
      await ground.eventually('the jobs', () => ground.jobs(), [await jobOf(cid)])
      // A job that runs brings no more of what its user has lost.
      await cid.sign({ roles: [NUMBER_Y] })
      await cid.has(NUMBER_Y)
      await ground.edit(NUMBER_X, { label: 'for one' })
      await ann.reads(NUMBER_X, { label: 'for one' })
      await ground.hasNoJobs()
      await cid.has(NUMBER_Y)
      await ann.stands(complete(2))
      for (const user of [bob, cid]) await user.stands(complete(1))
      await ground.hasNoConflicts()
    }))
})
