// Tombstones are purged, as CouchDB's auto-purge does or an admin's script: what is deleted stays so for whoever is there, and nothing else goes.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import { becomes, edit, open, received, remove, shared, subscribe, withPeople } from '../../support/people.ts'
import { tellRecovery } from '../../support/recovery.ts'
import { copyBecomes, put } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

/** Purges all documents of a database that are deleted, with all their leaves. @returns how many */
async function purgeTombstones(database: Database): Promise<number> {
  const { results } = await database.changes({ since: '0', limit: 1000, includeDocs: false, allLeaves: true })
  const dead = results.filter(({ deleted, id }) => deleted && !id.startsWith('_'))
  await database.purge(Object.fromEntries(dead.map(({ id, changes }) => [id, changes.map(({ rev }) => rev)])))
  return dead.length
}

onEachServer(
  'tombstones that are purged',
  ({ it }) => {
    it('bring nothing back that others have deleted, also where a device was away, and take nothing else away', (space) =>
      withPeople(space, ['joe', 'ann', 'bob'], async ({ joe, ann, bob }) => {
        Object.assign(space.config, { sweepIntervalMs: 500 })
        await space.start()
        const share = await open(space, joe, { write: [ann.name], read: [bob.name] })
        const objects = ['milk', 'tea', 'jam', 'salt']
        await put(joe.db, ...objects.map((id) => shared(share, id, { name: id })))
        await subscribe(space, share, [ann, bob])
        await put(ann.db, shared(share, 'rice', { name: 'rice' }), shared(share, 'oats', { name: 'oats' }))
        for (const { db } of [joe, ann, bob])
          for (const id of [...objects, 'rice', 'oats'])
            await becomes(space, db, id, received(share, { name: id }))
        // A device of ann's that is offline from now on.
        const device = await ann.db.leaves(['jam', 'tea', 'rice'].map((id) => ({ id })))

        await remove(space, joe.db, 'jam')
        await edit(space, joe.db, 'tea', { $shares: { [share]: false } })
        await remove(space, ann.db, 'rice')
        for (const id of ['jam', 'tea', 'rice']) {
          await copyBecomes(space, share, id, null)
          for (const { db } of [ann, bob]) await becomes(space, db, id, null)
        }
        await becomes(space, joe.db, 'tea', { name: 'tea' })
        await space.settled()

        const outboxes = [joe, ann, bob].map(({ hash }) => space.outbox(hash))
        let purged = 0
        for (const database of [joe.db, ann.db, bob.db, space.share(share), ...outboxes])
          purged += await purgeTombstones(database)
        assert.ok(purged > 5, `Expected tombstones to be purged, got ${purged}`)
        const begun = performance.now()
        await edit(space, joe.db, 'milk', { count: 1 })
        await edit(space, ann.db, 'salt', { count: 2 })
        for (const { db } of [joe, ann, bob]) {
          await becomes(space, db, 'milk', received(share, { name: 'milk', count: 1 }))
          await becomes(space, db, 'salt', received(share, { name: 'salt', count: 2 }))
        }
        tellRecovery('tombstones purged', begun)
        await space.settled()
        for (const { db } of [joe, ann, bob])
          await becomes(space, db, 'oats', received(share, { name: 'oats' }))
        for (const id of ['jam', 'tea', 'rice']) {
          await copyBecomes(space, share, id, null)
          for (const { db } of [ann, bob]) await becomes(space, db, id, null)
        }
        await becomes(space, joe.db, 'jam', null)
        await becomes(space, joe.db, 'tea', { name: 'tea' })

        await ann.db.bulk(device, { newEdits: false })
        // Her own deletion is forgotten everywhere, and she brings it again. What joe has deleted, or un-shared, stays hers alone.
        for (const { db } of [joe, ann, bob])
          await becomes(space, db, 'rice', received(share, { name: 'rice' }))
        await space.settled()
        for (const id of ['jam', 'tea']) {
          await becomes(space, ann.db, id, received(share, { name: id }))
          await copyBecomes(space, share, id, null)
          await becomes(space, bob.db, id, null)
        }
        await becomes(space, joe.db, 'jam', null)
        await becomes(space, joe.db, 'tea', { name: 'tea' })
      }))
  },
  { kinds: ['couchdb'] },
)
