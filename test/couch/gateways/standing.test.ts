// What a user of a gateway reads in `$gateway`: how many documents there are, and what did not reach the gateway.
import assert from 'node:assert/strict'
import { complete, GatewayGround, type GatewayUser } from '../../support/gateway.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** Notes in channels, and lists that say who has them. */
const SOURCE = `function (doc) {
  if (doc.members) { requireAdmin(); access(doc.members, doc._id) }
  else channel(doc.lists)
}`

/** Ann has two notes, and there is another one. */
const withNotes = (
  space: Space,
  test: (ground: GatewayGround, ann: GatewayUser) => Promise<void>,
): Promise<void> =>
  GatewayGround.use(space, SOURCE, async (ground) => {
    const ann = ground.user('ann')
    await ann.signUp()
    await space.start()
    await ground.put(
      { _id: 'list', members: [ann.name] },
      { _id: 'other', members: [] },
      { _id: 'note-1', text: 'one', lists: ['list'] },
      { _id: 'note-2', text: 'two', lists: ['list'] },
      { _id: 'hidden', text: 'three', lists: ['other'] },
    )
    await ann.stands(complete(2))
    await test(ground, ann)
  })

onEachServer('how a user stands with a gateway', ({ it }) => {
  it('counts what was deleted at the gateway no more', (space) =>
    withNotes(space, async (ground, ann) => {
      await ground.delete('note-1')
      await ann.stands(complete(1))
      await ground.put({ _id: 'note-1', text: 'again', lists: ['list'] })
      await ann.stands(complete(2))
    }))

  it('does not count what is only called as a document that the user may not have', (space) =>
    withNotes(space, async (ground, ann) => {
      const rejected = { hidden: 'hidden_document' }
      await ann.write({ _id: 'hidden', text: 'mine', lists: ['list'] })
      await ann.stands({ state: 'denied', documents: 2, rejected })
      // The same where all documents are compared.
      await space.stop()
      await ann.write({ _id: 'hidden', text: 'mine', lists: ['list'] })
      await ground.put({ _id: 'note-4', text: 'four', lists: ['more'] })
      await ground.put({ _id: 'more', members: [ann.name] })
      await space.start()
      await ann.stands({ state: 'denied', documents: 3, rejected })
      const there = await ground.database.get('hidden')
      assert.equal(there?.['text'], 'three')
    }))

  it('tells of a change that came after the document was deleted', (space) =>
    withNotes(space, async (ground, ann) => {
      await space.stop()
      await ann.edit('note-1', { text: 'one of ann' })
      await ground.delete('note-1')
      await space.start()
      await ann.stands({ state: 'denied', documents: 1, rejected: { 'note-1': 'deleted_at_master' } })
    }))
})
