// A story of three users who share.
import type { Database } from '../../../src/couch/database.ts'
import { shareDatabase } from '../../../src/documents/names.ts'
import { ACTIVE, becomes, edit, received, remove, shared, stands, subscribe, withPeople } from '../people.ts'
import type { Person } from '../people.ts'
import type { Space } from '../space.ts'
import { becomesActive, put, shareDoc } from '../story.ts'
import type { MortalDaemon } from './mortal-daemon.ts'
import type { KilledStory } from './play.ts'

/** A job that failed once is tried again by CouchDB after half a minute, and after a minute when it failed again. */
const REPLICATOR_PATIENCE_MS = 150_000

type People = Record<'joe' | 'ann' | 'bob', Person>

const PICTURE = {
  'picture.bin': { content_type: 'image/x', data: Buffer.alloc(3_000, 7).toString('base64') },
}

/** Somebody shares with a reader and a writer, in both directions, takes back, leaves, and ends it. */
export const sharing: KilledStory = (space, play) =>
  withPeople(space, ['joe', 'ann', 'bob'], (people) =>
    play({
      tell: (daemon) => tell(space, people, daemon),
      databases: () =>
        Promise.resolve(
          Object.fromEntries(
            ['list', 'open']
              .map((called) => shareDatabase(space.shareId(called)))
              .map((name) => [name, name]),
          ),
        ),
    }),
  )

async function tell(space: Space, { joe, ann, bob }: People, daemon: MortalDaemon): Promise<void> {
  const [list, open] = [space.shareId('list'), space.shareId('open')]
  const access = { read: [ann.name], write: [bob.name] }
  await put(
    joe.db,
    shareDoc(list, { access }),
    shared(list, 'milk', { name: 'Milk', count: 1 }),
    shared(list, 'bread', { name: 'Bread', price: 3 }, ['name']),
    { ...shared(list, 'cake', { name: 'Cake' }), _attachments: PICTURE },
  )
  await daemon.start()
  await becomesActive(space, joe.hash, list)
  await subscribe(space, list, [ann, bob])
  for (const { db } of [ann, bob]) {
    await becomes(space, db, 'milk', received(list, { name: 'Milk', count: 1 }))
    await becomes(space, db, 'bread', received(list, { name: 'Bread' }))
    await space.until('the cake is there', async () => (await db.get('cake')) !== null)
  }
  // In both directions, by somebody who may and by somebody who may not; a new object of a writer's.
  await edit(space, bob.db, 'milk', { count: 2 })
  await edit(space, ann.db, 'bread', { name: 'Mine' })
  await put(bob.db, shared(list, 'eggs', { name: 'Eggs' }))
  await edit(space, joe.db, 'cake', { name: 'Torte' })
  await becomes(space, joe.db, 'milk', received(list, { name: 'Milk', count: 2 }))
  await stands(space, ann, list, { ...ACTIVE, rejected: { bread: 'read_only' } })
  for (const { db } of [joe, ann]) await becomes(space, db, 'eggs', received(list, { name: 'Eggs' }))
  // A second share, with a password; something is taken back, and something deleted.
  await put(joe.db, shareDoc(open, { access: { read: true }, password: 'open sesame' }))
  await edit(space, joe.db, 'milk', { $shares: { [list]: ['name'], [open]: true } })
  await remove(space, joe.db, 'eggs')
  await becomesActive(space, joe.hash, open)
  // Whoever made it keeps it.
  await becomes(space, bob.db, 'eggs', { name: 'Eggs' })
  await becomes(space, ann.db, 'eggs', null)
  const hasCount = async ({ db }: Person): Promise<boolean> => 'count' in ((await db.get('milk')) ?? {})
  await space.until('the count is taken back', async () => !(await hasCount(ann)) && !(await hasCount(bob)))
  // Somebody leaves, and is let in no more; the second share ends.
  await remove(space, bob.db, `$subscription/${list}`)
  await remove(space, joe.db, `$share/${open}`)
  await space.until('bob has left', async () => (await bob.db.get('milk')) === null)
  await space.until('the second share is gone', async () => (await space.share(open).info()) === null)
  // The replication of a share that others write into brings its copies to the outbox.
  const copies = { startKey: 'share/', endKey: 'share0' }
  const idsIn = async (database: Database): Promise<string[]> =>
    (await database.range(copies)).map(({ id }) => id)
  await space.eventually(
    'the outbox has what the share has',
    () => idsIn(space.outbox(joe.hash)),
    await idsIn(space.share(list)),
    REPLICATOR_PATIENCE_MS,
  )
}
