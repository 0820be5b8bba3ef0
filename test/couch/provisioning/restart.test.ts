// The daemon goes away and comes back between all steps, and what its functions say changes: nothing is missed, nothing done twice.
import assert from 'node:assert/strict'
import { complete, Ground } from '../../support/provisioning.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const X = 'number_domain:x.test'
const Y = 'number_domain:y.test'
const NUMBER_X = 'number:1@x.test'
const NUMBER_Y = 'number:1@y.test'
const ENDPOINT = 'endpoint:1'

const DOCUMENTS = [
  { _id: NUMBER_X, label: 'one' },
  { _id: NUMBER_Y, label: 'two' },
  { _id: ENDPOINT, number_domain: 'x.test', label: 'phone' },
]

/** Does something while nobody looks. */
async function meanwhile(space: Space, work: () => Promise<unknown>): Promise<void> {
  await space.stop()
  await work()
  await space.start()
}

onEachServer('provisioning that was interrupted', ({ it, kind }) => {
  it('misses nothing of what happened meanwhile', (space) =>
    Ground.use(space, async (ground) => {
      const { master, cdrs } = ground
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ground.put(master, ...DOCUMENTS)
      await space.start()
      await meanwhile(space, async () => {
        await ann.sign({ roles: [X] })
        await bob.sign({ roles: [X] })
      })
      await ann.has(ENDPOINT, NUMBER_X)
      await bob.has(ENDPOINT, NUMBER_X)
      const name = await ann.database()
      // At the master: an edit, a new document, one that is held back, one that moves.
      await meanwhile(space, async () => {
        await ground.edit(NUMBER_X, { label: 'edited' })
        await ground.put(master, { _id: 'number:2@x.test' })
        await ground.edit(ENDPOINT, { number_domain: 'y.test' })
        await ground.put(cdrs, { _id: 'cdr:1', number: '1@x.test', duration: 3 })
      })
      for (const user of [ann, bob]) {
        await user.has('cdr:1', NUMBER_X, 'number:2@x.test')
        await user.reads(NUMBER_X, { label: 'edited' })
      }
      // In the personal database, on both sides at once, and by somebody who may not.
      await meanwhile(space, async () => {
        await ann.write(NUMBER_X, { label: 'by ann' })
        await bob.write(NUMBER_X, { note: 'by bob' })
        await ground.edit(NUMBER_X, { more: 'by the admin' })
        await ann.delete('number:2@x.test')
        await ann.write(NUMBER_Y, { label: 'not hers' })
      })
      const all = { label: 'by ann', note: 'by bob', more: 'by the admin' }
      await ground.reads(master, NUMBER_X, all)
      await ann.reads(NUMBER_X, all)
      await bob.reads(NUMBER_X, all)
      await bob.has('cdr:1', NUMBER_X)
      await ground.eventually('what was rejected', async () => (await ann.standing())?.rejected, {
        [NUMBER_Y]: 'outside_roles',
      })
      assert.equal((await master.get(NUMBER_Y))?.['label'], 'two')
      await ann.write(NUMBER_Y, { $restore: true })
      await ann.has('cdr:1', NUMBER_X)
      // Roles: lost, regained, and both at once.
      await meanwhile(space, () => ann.sign({ roles: [Y] }))
      await ann.has(ENDPOINT, NUMBER_Y)
      await meanwhile(space, async () => {
        await ann.sign({ roles: [] })
        await ann.sign({ roles: [X] })
      })
      await ann.has('cdr:1', NUMBER_X)
      await ann.reads(NUMBER_X, all)
      await ann.write(NUMBER_X, { label: 'at last' })
      await bob.reads(NUMBER_X, { label: 'at last' })
      // Her database itself.
      await meanwhile(space, async () => ground.couch.database(name).drop())
      await ann.has('cdr:1', NUMBER_X)
      assert.equal(await ann.database(), name)
      await ann.write(NUMBER_X, { label: 'again' })
      await bob.reads(NUMBER_X, { label: 'again' })
      await space.settled()
      await ground.hasNoConflicts()
      assert.equal((await ann.standing())?.documents, 1)
      assert.equal((await ann.standing(cdrs))?.documents, 1)
    }))

  it('tells of what did not reach the master, where both were changed meanwhile', (space) =>
    Ground.use(space, async (ground) => {
      const ann = ground.user('ann')
      await ground.put(ground.master, ...DOCUMENTS)
      await space.start()
      await ann.sign({ roles: [X] })
      await ann.has(ENDPOINT, NUMBER_X)
      // At rest: she is looked at for the first time because of what is new at the master.
      await space.settled(3_000)
      await meanwhile(space, async () => {
        await ann.write(NUMBER_X, { label: 'late' })
        await space.write(ground.master, { _id: NUMBER_X, _deleted: true })
      })
      await ann.has(ENDPOINT)
      await ground.eventually('what was rejected', async () => (await ann.standing())?.rejected, {
        [NUMBER_X]: 'deleted_at_master',
      })
    }))

  it('writes nothing where nothing has happened', (space) =>
    Ground.use(space, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      await ground.put(ground.master, ...DOCUMENTS)
      await ground.put(ground.cdrs, { _id: 'cdr:1', number: '1@x.test', duration: 3 })
      await space.start({ replicationIdleTimeoutMs: 1_000, replicationCheckIntervalMs: 300 })
      await ann.sign({ roles: [X] })
      await bob.sign({ roles: [X, Y] })
      await ann.has('cdr:1', ENDPOINT, NUMBER_X)
      await bob.has('cdr:1', ENDPOINT, NUMBER_X, NUMBER_Y)
      await ann.write(NUMBER_X, { label: 'mine' })
      await bob.reads(NUMBER_X, { label: 'mine' })
      await ann.write(NUMBER_Y, { label: 'not hers' })
      await ground.eventually('the state', async () => (await ann.standing())?.state, 'denied')
      await bob.sign({ roles: [X] })
      await bob.has('cdr:1', ENDPOINT, NUMBER_X)
      await ground.hasNoJobs()
      await bob.stands(complete(2))
      await space.settled()
      for (const _ of [1, 2]) {
        await space.stop()
        const before = await ground.sequences()
        await space.start()
        await space.settled()
        assert.deepEqual(await ground.sequences(), before)
      }
    }))

  it('goes on with the other masters while one is not to be had', (space) =>
    Ground.use(space, async (ground) => {
      const { master, cdrs } = ground
      const ann = ground.user('ann')
      await ground.useOwnKind()
      await ground.put(master, ...DOCUMENTS)
      await space.start()
      await ann.sign({ roles: [X] })
      await ann.has(ENDPOINT, NUMBER_X)
      const skeleton = ground.couch.database(`skeleton/${ground.kind}`)
      const another = { _id: '_design/another', filters: { from: 'function () { return true }' } }
      await meanwhile(space, async () => {
        await space.write(skeleton, another)
        await ground.edit(NUMBER_X, { label: 'edited' })
        await ground.put(cdrs, { _id: 'cdr:1', number: '1@x.test', duration: 3 })
      })
      await ann.has('cdr:1', ENDPOINT, NUMBER_X)
      await ground.eventually(
        'what ann is told',
        async () => (await ann.standing())?.error,
        'master_unavailable',
      )
      // Nor is one that somebody has dropped in the way of the others.
      await cdrs.drop()
      await space.write(skeleton, { _id: another._id, _deleted: true })
      await ann.reads(NUMBER_X, { label: 'edited' })
      await ground.eventually('what ann is told', async () => (await ann.standing())?.error, undefined)
    }))

  it('applies what the functions of a master have come to say, live and after a restart', (space) =>
    Ground.use(space, async (ground) => {
      const { master, mark } = ground
      const ann = ground.user('ann')
      await ground.useOwnKind()
      await ground.put(master, ...DOCUMENTS, { _id: `note:${mark}`, for: X })
      await space.start()
      await ann.sign({ roles: [X] })
      await ann.has(ENDPOINT, NUMBER_X)
      await ann.stands(complete(2))
      const skeleton = ground.couch.database(`skeleton/${ground.kind}`)
      const design = await skeleton.get('_design/provisioning')
      assert(design)
      const [from, selector, views] = [design['filters'], design['selectors'], design['views']]

      // Notes come, too; what was said before holds still.
      const widened = {
        filters: {
          from: `function (doc, req) { return JSON.parse(req.query.roles).indexOf(doc.for || 'number_domain:' + (doc.number_domain || doc._id.split('@')[1])) >= 0 }`,
        },
        selectors: undefined,
        views: {
          roles: {
            map: `function (doc) { emit(doc.for || 'number_domain:' + (doc.number_domain || doc._id.split('@')[1]), null) }`,
          },
        },
      }
      const change = async (attributes: Record<string, unknown>): Promise<void> => {
        const doc = Object.entries({ ...design, _rev: undefined, ...attributes })
        await space.write(skeleton, {
          ...Object.fromEntries(doc.filter(([, value]) => value !== undefined)),
          _id: design._id,
        })
      }
      await change(widened)
      await ann.has(ENDPOINT, `note:${mark}`, NUMBER_X)
      await ann.write(`note:${mark}`, { text: 'by ann' })
      await ground.reads(master, `note:${mark}`, { text: 'by ann' })
      await ann.stands({ state: 'paused', isReady: true, documents: 3 })

      // Back, while the daemon is away.
      await meanwhile(space, () => change({ filters: from, selectors: selector, views }))
      await ann.has(ENDPOINT, NUMBER_X)
      const before = await master.get(`note:${mark}`)
      assert.equal(before?.['text'], 'by ann')
      await ann.write(NUMBER_X, { label: 'still mine' })
      await ground.reads(master, NUMBER_X, { label: 'still mine' })
      await space.settled()
      await ann.has(ENDPOINT, NUMBER_X)
      assert.equal((await ann.standing())?.documents, 2)
      if (kind === 'couchdb')
        assert.equal(
          (await ann.at(await ann.database()).leaves([{ id: `note:${mark}` }]))[0]?.['text'],
          undefined,
        )
      if (kind === 'couchdb') await ground.hasNoConflicts()
    }))

  it('takes nothing for new that a master had before it was made again', (space) =>
    Ground.use(space, async (ground) => {
      const { master } = ground
      const ann = ground.user('ann')
      const [lost, edited, made] = ['number:2@x.test', 'number:3@x.test', 'number:4@x.test'] as const
      await ground.put(master, { _id: NUMBER_X, label: 'z, of before' }, { _id: lost }, { _id: edited })
      await space.start()
      await ann.sign({ roles: [X] })
      await ann.has(NUMBER_X, lost, edited)
      await ground.eventually('a standing', async () => (await ann.standing())?.state, 'complete')
      await meanwhile(space, async () => {
        await master.drop()
        await master.create()
        await ground.put(master, { _id: NUMBER_X, label: 'a, made again' })
        await ann.write(edited, { label: 'by ann' })
        await ann.write(made, { label: 'by ann' })
      })
      await ann.has(NUMBER_X, made)
      for (const database of [master, await ann.personal()])
        await ground.reads(database, NUMBER_X, { label: 'a, made again' })
      await ground.reads(master, made, { label: 'by ann' })
      await ground.eventually('what was rejected', async () => (await ann.standing())?.rejected, {
        [edited]: 'deleted_at_master',
      })
      await space.settled()
      for (const id of [lost, edited]) assert.equal((await master.fetch([id]))[0]?.rev, null)
    }))
})
