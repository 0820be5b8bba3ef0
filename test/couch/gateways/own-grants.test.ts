// Documents that grant their own channel to their author, as every list, room or mission does.
import assert from 'node:assert/strict'
import type { Doc } from '../../../src/couch/document.ts'
import { Device, loadPouch } from '../../support/device.ts'
import { complete, GatewayGround, type GatewayUser } from '../../support/gateway.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** Who makes a list has its channel, and whoever has that may make tasks in it. */
const LISTS = `function (doc, oldDoc) {
  if (doc._deleted) { requireUser(oldDoc.owner); return }
  requireUser((oldDoc || doc).owner)
  if (doc.type === 'list') {
    channel(doc.room || doc._id)
    access(doc.owner, doc.room || doc._id)
    return
  }
  requireAccess(doc.list)
  channel(doc.list)
}`

const withAnn = (space: Space, test: (ann: GatewayUser, ground: GatewayGround) => Promise<void>) =>
  GatewayGround.use(space, LISTS, async (ground) => {
    const ann = ground.user('ann')
    await ann.signUp()
    await space.start()
    await ann.isIn()
    await test(ann, ground)
  })

const list = (ann: GatewayUser, _id: string): Doc => ({ _id, type: 'list', owner: ann.name })

const task = (_id: string, list: string, owner: GatewayUser): Doc => ({ _id, list, owner: owner.name })

/** What became of documents: their revisions there, by id, tombstones too. */
async function revisionsOf(user: GatewayUser, ids: readonly string[]): Promise<(string | null)[]> {
  const rows = await user.database.fetch([...ids])
  return rows.map(({ rev, deleted }) => (deleted ? `${rev} (deleted)` : rev))
}

onEachServer('a document that grants its own channel', ({ it }) => {
  it('stays with its author as it was written, and never leaves on the way', (space) =>
    withAnn(space, async (ann, ground) => {
      const ids = ['list-1', 'list-2', 'list-3', 'list-4']
      const written: (string | null)[] = []
      for (const id of ids) {
        const made = await ann.write(list(ann, id))
        assert(made.ok, JSON.stringify(made))
        written.push(made.rev)
        await ground.reads(ground.database, id, { owner: ann.name })
      }
      await ann.stands(complete(ids.length))
      await space.settled()
      assert.deepEqual(await revisionsOf(ann, ids), written)
    }))

  it('stays where its author moves it to a channel that it grants only then', (space) =>
    withAnn(space, async (ann, ground) => {
      await ann.write(list(ann, 'list-1'))
      await ann.stands(complete(1))
      const moved = await ann.write({ ...list(ann, 'list-1'), room: 'other' })
      assert(moved.ok, JSON.stringify(moved))
      await ground.reads(ground.database, 'list-1', { room: 'other' })
      await space.settled()
      assert.deepEqual(await revisionsOf(ann, ['list-1']), [moved.rev])
    }))

  it('is carried with what needs it, whichever comes first, and what nothing grants is told of', (space) =>
    withAnn(space, async (ann, ground) => {
      // More than is looked at together, and the list after all of them.
      const tasks = Array.from({ length: 210 }, (_, at) => task(`a-task-${at}`, 'z-list', ann))
      const written = await ann.own.bulk([task('lost-1', 'another', ann), ...tasks, list(ann, 'z-list')])
      assert.deepEqual(
        written.filter(({ ok }) => !ok),
        [],
      )
      await ground.reads(ground.database, 'a-task-209', { list: 'z-list' })
      const denied = { state: 'denied', documents: 211, rejected: { 'lost-1': 'refused_by_function' } }
      await ann.stands(denied)
      assert.equal(await ann.own.get('lost-1'), null)
      assert.equal((await ground.database.range({})).length, 211)
      // Written once more, when there is a grant, it is in order.
      await ann.write(list(ann, 'another'))
      await ann.write(task('lost-1', 'another', ann))
      await ann.stands(complete(213))
    }))

  it('is carried with what needs it from a device that was offline', (space) =>
    withAnn(space, async (ann, ground) => {
      const Pouch = loadPouch()
      const { server, prefix } = space
      const { user, pass } = server.kind === 'couchdb' ? { user: ann.name, pass: ann.password } : server
      const options = { auth: { username: user, password: pass }, skip_setup: true }
      const phone = new Device(
        'phone',
        new Pouch(`${prefix}phone`, { adapter: 'memory' }),
        () => new Pouch(`${server.url}/${encodeURIComponent(ann.database.name)}`, options),
      )
      try {
        for (const doc of [list(ann, 'list-1'), task('task-1', 'list-1', ann), task('task-2', 'list-1', ann)])
          await phone.local.put(doc)
        phone.goOnline()
        for (const id of ['list-1', 'task-1', 'task-2'])
          await ground.reads(ground.database, id, { owner: ann.name })
        await ann.stands(complete(3))
        assert.deepEqual(phone.denied, [])
      } finally {
        await phone.destroy()
      }
    }))
})
