// An outbox that somebody drops takes with it what the daemon knew: nobody's turns wait for it for ever, and what its
// user shares, un-shares and changes at that moment has its effect all the same.
import assert from 'node:assert/strict'
import {
  ACTIVE,
  becomes,
  edit,
  open,
  received,
  remove,
  shared,
  stands,
  subscribe,
  withPeople,
  type Person,
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { copyBecomes, put } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const names = ['joe', 'ann'] as const
const OBJECTS = ['todo/0', 'todo/1', 'todo/2', 'todo/3']

/** Joe's share, which ann writes, and where each copy shows something to be taken back. */
async function circle(space: Space, { joe, ann }: Record<'joe' | 'ann', Person>): Promise<string> {
  await space.start()
  const objects = OBJECTS.map((id) => shared(space.shareId(), id, { name: `${id} of joe`, secret: 'S3CRET' }))
  const id = await open(space, joe, { write: [ann.name] }, ...objects)
  await subscribe(space, id, [ann])
  for (const object of OBJECTS)
    await becomes(space, ann.db, object, received(id, { name: `${object} of joe`, secret: 'S3CRET' }))
  await space.settled()
  return id
}

async function assertAtRest(space: Space, share: string, people: readonly Person[]): Promise<void> {
  await space.settled()
  const databases = [...people.map(({ db }) => db), space.share(share)]
  const written = () => Promise.all(databases.map(async (database) => (await database.info())?.update_seq))
  const before = await written()
  await space.settled()
  assert.deepEqual(await written(), before)
}

/** No revision of a copy that was ever there shows the secret. */
async function assertWithdrawn(space: Space, share: string, object: string, rev: string): Promise<void> {
  const copy = `share/${share}/${object}`
  await space.until(
    `${object} is withdrawn`,
    async () => (await space.share(share).leaves([{ id: copy, rev }])).length === 0,
  )
  assert.ok(!JSON.stringify(await space.share(share).leaves([{ id: copy }])).includes('S3CRET'))
}

onEachServer('an outbox that is dropped', ({ it }) => {
  it('is made anew before its owner’s un-sharing is looked at, which holds', (space) =>
    withPeople(space, names, async (people) => {
      const { joe, ann } = people
      const id = await circle(space, people)
      const revs = await Promise.all(
        OBJECTS.map(async (one) => (await space.share(id).get(`share/${id}/${one}`))?._rev ?? ''),
      )
      await space.stop()
      await space.outbox(joe.hash).drop()
      await edit(space, ann.db, 'todo/0', { name: 'todo/0 of somebody' })
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: ['name'] } })
      await edit(space, joe.db, 'todo/2', { $shares: { [id]: false } })
      await edit(space, joe.db, 'todo/3', { $shares: undefined })
      await space.start()

      for (const { db } of [joe, ann])
        await becomes(space, db, 'todo/0', received(id, { name: 'todo/0 of somebody', secret: 'S3CRET' }))
      await copyBecomes(space, id, 'todo/1', { name: 'todo/1 of joe' })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'todo/1 of joe' }))
      for (const object of ['todo/2', 'todo/3']) {
        await copyBecomes(space, id, object, null)
        await becomes(space, ann.db, object, null)
        await becomes(space, joe.db, object, { name: `${object} of joe`, secret: 'S3CRET' })
      }
      for (const at of [1, 2, 3]) await assertWithdrawn(space, id, `todo/${at}`, revs[at] ?? '')
      await assertAtRest(space, id, [joe, ann])
      await edit(space, ann.db, 'todo/1', { name: 'again' })
      await becomes(space, joe.db, 'todo/1', {
        name: 'again',
        secret: 'S3CRET',
        $shares: { [id]: ['name'] },
      })
      assert.equal((await space.entry(id))?.['rejected'], undefined)
    }))

  it('and that belonged to a writer keeps nothing back of what is written meanwhile', (space) =>
    withPeople(space, names, async (people) => {
      const { joe, ann } = people
      const id = await circle(space, people)
      await space.stop()
      await space.outbox(ann.hash).drop()
      await edit(space, ann.db, 'todo/0', { name: 'todo/0 of somebody' })
      await edit(space, ann.db, 'todo/1', { note: 'hers, of before' })
      await put(ann.db, shared(id, 'brought', { name: 'by ann' }))
      await remove(space, joe.db, 'todo/2')
      await space.start()

      for (const { db } of [joe, ann]) {
        await becomes(space, db, 'todo/0', received(id, { name: 'todo/0 of somebody', secret: 'S3CRET' }))
        await becomes(space, db, 'brought', received(id, { name: 'by ann' }))
      }
      await copyBecomes(space, id, 'todo/2', null)
      await edit(space, joe.db, 'todo/3', { name: 'changed' })
      await becomes(space, ann.db, 'todo/3', received(id, { name: 'changed', secret: 'S3CRET' }))
      await assertAtRest(space, id, [joe, ann])
      // What she alone has may be private, and what was taken out may be changed: nobody knows, and she is told.
      await copyBecomes(space, id, 'todo/1', { name: 'todo/1 of joe', secret: 'S3CRET' })
      await stands(space, ann, id, {
        ...ACTIVE,
        rejected: { 'todo/1': 'stays_private', 'todo/2': 'no_longer_shared' },
      })
    }))
})
