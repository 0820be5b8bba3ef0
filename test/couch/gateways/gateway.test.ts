// A gateway with its users: who reads what, who may write what, and how that changes.
import assert from 'node:assert/strict'
import { complete, GatewayGround } from '../../support/gateway.ts'
import { onEachServer } from '../../support/suites.ts'

/** Notes in channels; who is in `members` of a list has its channel; `admins` of it may write it. */
const SOURCE = `function (doc, oldDoc) {
  if (doc._deleted) { requireUser(oldDoc.owner); return }
  if (doc.type === 'list') {
    requireAdmin()
    channel(doc._id)
    access(doc.members, doc._id)
    role(doc.editors, 'role:editor')
    return
  }
  if (!doc.text) throw({ forbidden: 'a note has a text' })
  if (oldDoc) requireRole('editor')
  else requireUser(doc.owner)
  channel(doc.lists)
}`

onEachServer('a gateway', ({ it }) => {
  it('gives each user what is in the user’s channels, and takes what the function lets pass', (space) =>
    GatewayGround.use(space, SOURCE, async (ground) => {
      const [ann, bob] = [ground.user('ann'), ground.user('bob')]
      for (const user of [ann, bob]) await user.signUp()
      await space.start()
      await ground.put(
        { _id: 'list-1', type: 'list', members: [ann.name, bob.name], editors: [ann.name] },
        { _id: 'list-2', type: 'list', members: [ann.name] },
        { _id: 'note-1', text: 'one', owner: 'x', lists: ['list-1'] },
        { _id: 'note-2', text: 'two', owner: 'x', lists: ['list-2'] },
        { _id: 'note-3', text: 'three', owner: 'x', lists: ['!'] },
        { _id: 'note-4', text: 'four', owner: 'x' },
      )
      await ann.sees('list-1', 'list-2', 'note-1', 'note-2', 'note-3')
      await bob.sees('list-1', 'note-1', 'note-3')
      await bob.stands(complete(3))

      await ann.edit('note-1', { text: 'one of ann' })
      await ground.reads(ground.database, 'note-1', { text: 'one of ann' })
      await bob.reads('note-1', { text: 'one of ann' })
      const made = await bob.write({ _id: 'note-5', text: 'five', owner: bob.name, lists: ['list-2'] })
      assert(made.ok, JSON.stringify(made))
      await ann.sees('list-1', 'list-2', 'note-1', 'note-2', 'note-3', 'note-5')
      // In a channel that bob does not have.
      await bob.sees('list-1', 'note-1', 'note-3')
      await space.settled()
      assert.deepEqual(await ground.routes.unsettled(), [])
    }))
})
