// What an earlier version was asked to do before it was replaced, and what users go on to do with its successor.
import assert from 'node:assert/strict'
import { REGISTRY, shareDatabase } from '../../../src/documents/names.ts'
import {
  ACTIVE,
  becomes,
  edit,
  received,
  remove,
  shared,
  stands,
  stranger,
  subscribe,
  subscriptionDoc,
  type Person,
} from '../people.ts'
import type { GatewayGround } from '../gateway.ts'
import { type GatewayUser } from '../gateway.ts'
import type { Space } from '../space.ts'
import { becomesActive, put, shareDoc } from '../story.ts'

/** What all databases of the story begin with: recorded data has these names in it. */
export const PREFIX = 'u012345-earlier/'

/** Who reads a document of the gateway stands in it. */
export const SYNC = `function (doc) {
  channel('of ' + doc.kind)
  if (doc.kind === 'grant') access(doc.user, 'of news')
}`

export const CALLED = ['joe', 'ann', 'bob', 'cem'] as const
export type People = Record<(typeof CALLED)[number], Person>

export const peopleOf = (space: Space): People =>
  Object.fromEntries(CALLED.map((called) => [called, stranger(space, called)])) as People

const PICTURE = {
  'picture.bin': { content_type: 'image/x', data: Buffer.alloc(3_000, 7).toString('base64') },
}

const sharesOf = (space: Space) => ({
  list: space.shareId('list'),
  open: space.shareId('open'),
  held: space.shareId('held'),
  over: space.shareId('over'),
})

/** A daemon is at work. Each part waits for what the one before has brought about. */
export async function tellBefore(space: Space, { joe, ann, bob, cem }: People): Promise<void> {
  const { list, open, held, over } = sharesOf(space)
  await put(
    joe.db,
    shareDoc(list, { access: { read: [ann.name, cem.name], write: [bob.name] } }),
    shared(list, 'milk', { name: 'Milk', count: 1 }),
    shared(list, 'bread', { name: 'Bread', price: 3 }, ['name']),
    { ...shared(list, 'cake', { name: 'Cake' }), _attachments: PICTURE },
    shareDoc(open, { access: { read: true }, password: 'open sesame' }),
    shareDoc(held),
    shared(held, 'tea', { name: 'Tea' }),
    shareDoc(over),
    shareDoc('BAD'),
    { _id: 'plain', name: 'Private' },
  )
  for (const share of [list, open, held, over]) await becomesActive(space, joe.hash, share)
  await subscribe(space, list, [ann, bob])
  await subscribe(space, open, [ann], { password: 'open sesame', onEnd: 'keep' })
  await space.until('cem is invited', async () => (await cem.db.get(`$invitation/${list}`)) !== null)
  for (const { db } of [ann, bob]) {
    await becomes(space, db, 'milk', received(list, { name: 'Milk', count: 1 }))
    await becomes(space, db, 'bread', received(list, { name: 'Bread' }))
  }
  await edit(space, bob.db, 'milk', { count: 2 })
  await edit(space, ann.db, 'bread', { name: 'Mine' })
  await put(bob.db, shared(list, 'eggs', { name: 'Eggs' }))
  await becomes(space, joe.db, 'milk', received(list, { name: 'Milk', count: 2 }))
  await stands(space, ann, list, { ...ACTIVE, rejected: { bread: 'read_only' } })
  for (const { db } of [joe, ann]) await becomes(space, db, 'eggs', received(list, { name: 'Eggs' }))
  await put(joe.db, shared(open, 'song', { name: 'Song', text: 'La' }))
  await becomes(space, ann.db, 'song', received(open, { name: 'Song', text: 'La' }))
  await remove(space, joe.db, `$share/${over}`)
  await space.until('it is over', async () => (await space.entry(over))?.['state'] === 'ended')
  await edit(space, space.couch.database(REGISTRY), shareDatabase(held), { order: 'suspend' })
  await space.until('it is held', async () => (await space.entry(held))?.['state'] === 'suspended')
  await remove(space, joe.db, 'eggs')
  await becomes(space, ann.db, 'eggs', null)
}

/** A successor is at work, and at rest. */
export async function tellAfter(space: Space, { joe, ann, bob, cem }: People): Promise<void> {
  const { list, open, held, over } = sharesOf(space)
  // In both directions, with who has been in for long and who comes in only now.
  await edit(space, joe.db, 'milk', { name: 'Oats' })
  await edit(space, bob.db, 'milk', { count: 3 })
  for (const { db } of [joe, ann, bob])
    await becomes(space, db, 'milk', received(list, { name: 'Oats', count: 3 }))
  await subscribe(space, list, [cem])
  await becomes(space, cem.db, 'milk', received(list, { name: 'Oats', count: 3 }))
  const cake = await cem.db.get('cake')
  assert.equal(cake?._attachments?.['picture.bin']?.length, 3_000)
  // What was refused before is refused again, and what is taken back goes.
  await edit(space, ann.db, 'milk', { name: 'Hers' })
  await stands(space, ann, list, { ...ACTIVE, rejected: { bread: 'read_only', milk: 'read_only' } })
  await edit(space, joe.db, 'milk', { $shares: { [list]: ['name'] } })
  const hasCount = async ({ db }: Person): Promise<boolean> => 'count' in ((await db.get('milk')) ?? {})
  await space.until('the count is taken back', async () => !(await hasCount(cem)) && !(await hasCount(bob)))
  // The password of before lets in who comes now.
  await put(cem.db, subscriptionDoc(open, { password: 'open sesame' }))
  await stands(space, cem, open, ACTIVE)
  await becomes(space, cem.db, 'song', received(open, { name: 'Song', text: 'La' }))
  // What ended stays its owner's, and what was held goes on.
  await put(ann.db, shareDoc(over))
  await space.until(
    'it is not hers',
    async () => (await ann.db.get(`$share/${over}`))?.['$state'] === 'error',
  )
  await edit(space, space.couch.database(REGISTRY), shareDatabase(held), { order: undefined })
  await becomesActive(space, joe.hash, held)
  await space.eventually('the tea', () => space.copy(held, 'tea'), { name: 'Tea' })
  // Ends, for one of them and for all.
  await remove(space, bob.db, `$subscription/${list}`)
  await space.until('bob has left', async () => (await bob.db.get('milk')) === null)
  await remove(space, joe.db, `$share/${open}`)
  await becomes(space, ann.db, 'song', { name: 'Song', text: 'La' })
  await becomes(space, cem.db, 'song', null)
  await space.until('it is gone', async () => (await space.share(open).info()) === null)
}

/** The same of a gateway. */
export async function tellGatewayBefore(ground: GatewayGround, reader: GatewayUser): Promise<void> {
  await ground.put(
    { _id: 'grant', kind: 'grant', user: reader.name },
    { _id: 'one', kind: 'news', text: 'One' },
    { _id: 'secret', kind: 'secret', text: 'S' },
  )
  await reader.isIn()
  await reader.sees('one')
}

export async function tellGatewayAfter(ground: GatewayGround, reader: GatewayUser): Promise<void> {
  await reader.sees('one')
  await ground.put({ _id: 'two', kind: 'news', text: 'Two' })
  await reader.sees('one', 'two')
  await ground.delete('grant')
  await reader.sees()
}
