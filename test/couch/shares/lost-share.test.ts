// A share database that somebody drops, while the daemon runs or while it does not, is filled again with what its owner
// and those who take part have, and comes to rest.
import assert from 'node:assert/strict'
import {
  becomes,
  conflictsIn,
  edit,
  open,
  read,
  received,
  remove,
  shared,
  stands,
  ACTIVE,
  subscribe,
  withPeople,
  type Person,
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { put } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const names = ['joe', 'ann', 'bob'] as const
const OBJECTS = Array.from({ length: 20 }, (_, at) => `todo/${at}`)

/** Joe's share, which ann writes and bob reads. */
async function circle(space: Space, people: Record<'joe' | 'ann' | 'bob', Person>): Promise<string> {
  const { joe, ann, bob } = people
  await space.start()
  const access = { read: [bob.name], write: [ann.name] }
  const objects = OBJECTS.map((id) => shared(space.shareId(), id, { name: `${id} of joe`, note: 'n' }))
  const id = await open(space, joe, access, ...objects)
  await subscribe(space, id, [ann, bob])
  for (const object of OBJECTS)
    for (const { db, name } of [ann, bob])
      await space.until(`${object} reaches ${name}`, async () => (await db.get(object)) !== null)
  await space.settled()
  return id
}

const isFilled = (space: Space, share: string, losses: number): Promise<void> =>
  space.until('the share is counted as lost, and open', async () => {
    const entry = await space.entry(share)
    return entry?.['losses'] === losses && entry['state'] === 'active' && !entry['rotate']
  })

/** No document has two live leaves, and nothing is written any more. */
async function assertAtRest(space: Space, share: string, people: readonly Person[]): Promise<void> {
  await space.settled()
  const databases = [...people.map(({ db }) => db), space.share(share)]
  for (const database of databases)
    assert.deepEqual(await conflictsIn(database), [], `conflicts in ${database.name}`)
  const written = async (): Promise<unknown[]> =>
    Promise.all(databases.map(async (database) => (await database.info())?.update_seq))
  const before = await written()
  await space.settled()
  assert.deepEqual(await written(), before)
  for (const person of people.slice(1)) await stands(space, person, share, ACTIVE)
}

onEachServer('a share database that is dropped', ({ it }) => {
  it('while the daemon runs, in the middle of edits, has all of them', (space) =>
    withPeople(space, names, async (people) => {
      const { joe, ann, bob } = people
      const id = await circle(space, people)
      for (const object of OBJECTS) await edit(space, ann.db, object, { name: `${object} of ann` })
      await put(ann.db, shared(id, 'brought', { name: 'by ann' }))
      await space.until('something of it lands', async () => {
        const rows = await Promise.all(OBJECTS.map((object) => space.copy(id, object)))
        return rows.some((copy) => String(copy?.['name']).endsWith('of ann'))
      })
      await space.share(id).drop()
      await isFilled(space, id, 1)
      for (const { db } of [joe, ann, bob]) {
        for (const object of OBJECTS)
          await becomes(space, db, object, received(id, { name: `${object} of ann`, note: 'n' }))
        await becomes(space, db, 'brought', received(id, { name: 'by ann' }))
      }
      await assertAtRest(space, id, [joe, ann, bob])
      await edit(space, joe.db, 'todo/0', { name: 'joe again' })
      for (const { db } of [ann, bob])
        await becomes(space, db, 'todo/0', received(id, { name: 'joe again', note: 'n' }))
      await assertAtRest(space, id, [joe, ann, bob])
    }))

  it('while the daemon is away has what everybody did meanwhile, and nothing that is un-shared', (space) =>
    withPeople(space, names, async (people) => {
      const { joe, ann, bob } = people
      const id = await circle(space, people)
      await space.stop()
      await edit(space, ann.db, 'todo/0', { name: 'of ann' })
      await edit(space, joe.db, 'todo/0', { more: 1 })
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: ['name'] } })
      await edit(space, joe.db, 'todo/2', { $shares: { [id]: false } })
      await remove(space, joe.db, 'todo/3')
      await remove(space, ann.db, 'todo/4')
      await put(ann.db, shared(id, 'brought', { name: 'by ann' }))
      await space.share(id).drop()
      await space.start()
      await isFilled(space, id, 1)
      for (const { db } of [joe, ann, bob]) {
        await becomes(space, db, 'todo/0', received(id, { name: 'of ann', note: 'n', more: 1 }))
        await becomes(space, db, 'brought', received(id, { name: 'by ann' }))
      }
      for (const { db } of [ann, bob]) {
        await becomes(space, db, 'todo/1', received(id, { name: 'todo/1 of joe' }))
        for (const object of ['todo/2', 'todo/3', 'todo/4']) await becomes(space, db, object, null)
      }
      assert.deepEqual(await read(joe.db, 'todo/2'), { name: 'todo/2 of joe', note: 'n' })
      assert.equal((await read(joe.db, 'todo/4'))?.['$shares'], undefined)
      for (const object of ['todo/2', 'todo/3', 'todo/4']) assert.equal(await space.copy(id, object), null)
      assert.deepEqual(await space.copy(id, 'todo/1'), { name: 'todo/1 of joe' })
      await assertAtRest(space, id, [joe, ann, bob])
    }))

  it('again and again is filled each time, where only its owner writes, too', (space) =>
    withPeople(space, ['joe', 'bob'] as const, async ({ joe, bob }) => {
      await space.start()
      const id = await open(
        space,
        joe,
        { read: [bob.name] },
        shared(space.shareId(), 'todo/0', { name: '0', note: 'n' }, ['name']),
      )
      await subscribe(space, id, [bob])
      for (const losses of [1, 2]) {
        await space.share(id).drop()
        await isFilled(space, id, losses)
        await edit(space, joe.db, 'todo/0', { name: `${losses}` })
        await becomes(space, bob.db, 'todo/0', received(id, { name: `${losses}` }))
        assert.deepEqual(await space.copy(id, 'todo/0'), { name: `${losses}` })
        assert.equal((await space.entry(id))?.['home'] ?? 'outbox', 'outbox')
      }
      await assertAtRest(space, id, [joe, bob])
    }))
})
