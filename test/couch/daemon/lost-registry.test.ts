// The registry is dropped beside the daemon: it says so, gives nobody's share to anybody, and goes on when it is put back, with all that
// was written meanwhile.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { StoredDoc } from '../../../src/couch/document.ts'
import { REGISTRY } from '../../../src/documents/names.ts'
import {
  becomes,
  edit,
  open,
  received,
  remove,
  shared,
  subscribe,
  withPeople,
  type Person,
} from '../../support/people.ts'
import { tellRecovery } from '../../support/recovery.ts'
import type { Space } from '../../support/space.ts'
import { copyBecomes, put, shareDoc } from '../../support/story.ts'
import { needs, onEachServer } from '../../support/suites.ts'

const LOST =
  /^the registry shares knows of no share, and there (is 1 share database|are \d+ share databases): put it back/

/** All that the registry knows, but its design documents. */
async function backUp(space: Space): Promise<StoredDoc[]> {
  const rows = await space.couch.database(REGISTRY).range({ includeDocs: true })
  return rows.flatMap(({ doc }) => (doc && !doc._id.startsWith('_design/') ? [doc] : []))
}

/** Document by document, as a tool may that reads a file. */
async function putBack(space: Space, backup: StoredDoc[]): Promise<void> {
  const registry = space.couch.database(REGISTRY)
  for (const doc of backup) {
    const [refused] = await registry.bulk([doc], { newEdits: false })
    // CouchDB tells of failures alone.
    assert(refused?.ok !== false, JSON.stringify(refused))
  }
}

const isLost = (space: Space): Promise<void> =>
  space.until('it says that it is not ready', () =>
    Promise.resolve(LOST.test(space.daemon.ready().reason ?? '')),
  )

const isReady = (space: Space): Promise<void> =>
  space.until('it is ready again', () => Promise.resolve(space.daemon.ready().ok))

/** Joe's share, in which ann writes, with these objects. */
async function circle(
  space: Space,
  { joe, ann }: Record<'joe' | 'ann', Person>,
  ...objects: string[]
): Promise<string> {
  await space.start()
  const share = await open(space, joe, { write: [ann.name] })
  await put(joe.db, ...objects.map((id) => shared(share, id, { name: id })))
  await subscribe(space, share, [ann])
  for (const id of objects) await becomes(space, ann.db, id, received(share, { name: id }))
  await space.settled()
  return share
}

onEachServer('a registry that is lost', ({ it, server }) => {
  for (const isRunning of [true, false])
    it(`is told of ${isRunning ? 'at once' : 'at the start'}, and nothing is lost when it is put back`, (space) =>
      withPeople(space, ['joe', 'ann'], async (people) => {
        // Whatever else is on that server would lose it, too.
        needs(server().isOurs, 'a server of the tests’ own')
        const { joe, ann } = people
        const share = await circle(space, people, 'milk')

        const registry = space.couch.database(REGISTRY)
        const backup = await backUp(space)
        if (!isRunning) await space.stop()
        await registry.drop()
        if (!isRunning) await space.begin()
        await isLost(space)
        if (isRunning) await registry.create()
        else {
          // There is one again, and somebody else asks for the share's id.
          await put(ann.db, shareDoc(share, { access: { read: true } }))
          const state = async (): Promise<unknown> => (await ann.db.get(`$share/${share}`))?.['$state']
          await space.eventually('it is given to nobody', state, 'error')
        }
        assert.deepEqual(await space.copy(share, 'milk'), { name: 'milk' })

        await putBack(space, backup)
        await isReady(space)
        await edit(space, joe.db, 'milk', { name: 'Oats' })
        await becomes(space, ann.db, 'milk', received(share, { name: 'Oats' }))
        await edit(space, ann.db, 'milk', { count: 2 })
        await becomes(space, joe.db, 'milk', received(share, { name: 'Oats', count: 2 }))
        await space.settled()
      }))

  for (const { when, isStopped } of [
    { when: 'beside the daemon', isStopped: false },
    { when: 'while no daemon runs', isStopped: true },
  ])
    it(`and put back ${when} keeps nothing back of what was written meanwhile`, (space) =>
      withPeople(space, ['joe', 'ann'], async (people) => {
        // Whatever else is on that server would lose it, too.
        needs(server().isOurs, 'a server of the tests’ own')
        const { joe, ann } = people
        const share = await circle(space, people, 'milk', 'tea', 'jam', 'salt')
        const registry = space.couch.database(REGISTRY)
        const backup = await backUp(space)
        await registry.drop()
        await registry.create()
        await isLost(space)

        await edit(space, joe.db, 'milk', { name: 'Oats' })
        await put(joe.db, shared(share, 'eggs', { name: 'eggs' }))
        await edit(space, joe.db, 'tea', { $shares: { [share]: false } })
        await remove(space, joe.db, 'jam')
        await edit(space, ann.db, 'salt', { count: 2 })
        await put(ann.db, shared(share, 'rice', { name: 'rice' }))
        await space.until('all of it was looked at', async () => {
          await delay(500)
          return space.daemon.busy === 0
        })
        assert.deepEqual(await space.copy(share, 'milk'), { name: 'milk' })

        if (isStopped) await space.stop()
        await putBack(space, backup)
        const begun = performance.now()
        if (isStopped) await space.start()
        else await isReady(space)
        for (const { db } of [joe, ann]) {
          await becomes(space, db, 'milk', received(share, { name: 'Oats' }))
          await becomes(space, db, 'eggs', received(share, { name: 'eggs' }))
          await becomes(space, db, 'jam', null)
          await becomes(space, db, 'salt', received(share, { name: 'salt', count: 2 }))
          await becomes(space, db, 'rice', received(share, { name: 'rice' }))
        }
        await becomes(space, joe.db, 'tea', { name: 'tea' })
        await becomes(space, ann.db, 'tea', null)
        for (const object of ['tea', 'jam']) await copyBecomes(space, share, object, null)
        tellRecovery(`registry put back ${when}`, begun)
        await space.settled()
      }))
})
