// What a device deleted offline, while the daemon wrote its own attributes, goes: as the server keeps leaves and bodies.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import type { StoredDoc } from '../../../src/couch/document.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** A document as a device has it. */
async function seen(database: Database, id: string): Promise<StoredDoc> {
  const [leaf] = await database.leaves([{ id }])
  assert(leaf)
  return leaf
}

/** The device sends that it was deleted. */
async function remove(database: Database, from: StoredDoc): Promise<void> {
  const { start = 0, ids = [] } = from._revisions ?? {}
  const hash = 'd'.repeat(32)
  await database.bulk(
    [
      {
        ...{ _id: from._id, _rev: `${start + 1}-${hash}`, _deleted: true },
        _revisions: { start: start + 1, ids: [hash, ...ids] },
      },
    ],
    { newEdits: false },
  )
}

onEachServer('a deletion on a device', (suite) => {
  const begin = async (space: Space): Promise<{ id: string; joe: Database; ann: Database }> => {
    const [joe, ann] = [space.user('joe'), space.user('ann')]
    for (const database of [joe, ann]) await database.create()
    return { id: space.shareId(), joe, ann }
  }

  suite.it('of a share, a subscription and an object counts', async (space) => {
    const { id, joe, ann } = await begin(space)
    await space.write(joe, { _id: `$share/${id}`, type: '$share', access: true })
    await space.write(joe, { _id: 'a', name: 'a', $shares: { [id]: true, 'no id': true } })
    await space.write(ann, { _id: `$subscription/${id}`, type: '$subscription' })
    const [share, object, part] = [
      await seen(joe, `$share/${id}`),
      await seen(joe, 'a'),
      await seen(ann, `$subscription/${id}`),
    ]
    await space.start()
    await space.until('all is marked', async () => {
      const docs = [await joe.get(share._id), await joe.get('a'), await ann.get(part._id)]
      return (
        docs[0]?.['$participants'] !== undefined &&
        docs[1]?.['$error'] !== undefined &&
        docs[2]?.['$state'] === 'active'
      )
    })
    await remove(joe, object)
    await space.until('the object is gone', async () => (await joe.get('a')) === null)
    await space.until('its copy is gone', async () => (await space.copy(id, 'a')) === null)
    await remove(ann, part)
    await space.until('the subscription is gone', async () => (await ann.get(part._id)) === null)
    await space.until(
      'the share has no participants',
      async () => (await joe.get(share._id))?.['$participants'] === undefined,
    )
    await remove(joe, share)
    await space.until('the share has ended', async () => (await space.entry(id))?.['state'] === 'ended')
    assert.equal(await joe.get(share._id), null)
  })

  suite.it('does not count where another device has edited it, nor once it was made again', async (space) => {
    const { id, joe } = await begin(space)
    await space.write(joe, { _id: `$share/${id}`, type: '$share' })
    const before = await seen(joe, `$share/${id}`)
    await space.start()
    await space.until('it is active', async () => (await joe.get(before._id))?.['$state'] === 'active')
    await space.write(joe, { _id: before._id, type: '$share', access: { read: true } })
    await remove(joe, before)
    await space.settled()
    assert.equal((await space.entry(id))?.['state'], 'active')
    await joe.put({ _id: before._id, _rev: (await joe.get(before._id))?._rev ?? '', _deleted: true })
    await space.until('it has ended', async () => (await space.entry(id))?.['state'] === 'ended')
    await space.write(joe, { _id: before._id, type: '$share' })
    await space.settled()
    assert.equal((await space.entry(id))?.['state'], 'active')
  })
})
