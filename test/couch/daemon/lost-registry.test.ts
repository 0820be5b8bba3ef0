// The registry is dropped beside the daemon: it says so, gives nobody's share to anybody, and goes on when it is put back.
import assert from 'node:assert/strict'
import { REGISTRY } from '../../../src/documents/names.ts'
import { becomes, edit, open, received, shared, subscribe, withPeople } from '../../support/people.ts'
import { put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const LOST =
  /^the registry shares knows of no share, and there (is 1 share database|are \d+ share databases): put it back/

onEachServer('a registry that is lost', ({ it, server }) => {
  for (const isRunning of [true, false])
    it(`is told of ${isRunning ? 'at once' : 'at the start'}, and nothing is lost when it is put back`, (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        // Whatever else is on that server would lose it, too.
        if (!server().isOurs) return
        await space.start()
        const share = await open(space, joe, { write: [ann.name] })
        await put(joe.db, shared(share, 'milk', { name: 'Milk' }))
        await subscribe(space, share, [ann])
        await becomes(space, ann.db, 'milk', received(share, { name: 'Milk' }))
        await space.settled()

        const registry = space.couch.database(REGISTRY)
        const backup = (await registry.range({ includeDocs: true })).flatMap(({ doc }) => doc ?? [])
        if (!isRunning) await space.stop()
        await registry.drop()
        if (!isRunning) await space.begin()
        const isTold = (): Promise<boolean> => Promise.resolve(LOST.test(space.daemon.ready().reason ?? ''))
        await space.until('it says that it is not ready', isTold)
        if (isRunning) await registry.create()
        else {
          // There is one again, and somebody else asks for the share's id.
          await put(ann.db, shareDoc(share, { access: { read: true } }))
          const state = async (): Promise<unknown> => (await ann.db.get(`$share/${share}`))?.['$state']
          await space.eventually('it is given to nobody', state, 'error')
        }
        assert.deepEqual(await space.copy(share, 'milk'), { name: 'Milk' })

        for (const row of await registry.bulk(
          backup.filter(({ _id }) => !_id.startsWith('_design/')),
          { newEdits: false },
        ))
          assert(row.ok, JSON.stringify(row))
        await space.until('it is ready again', () => Promise.resolve(space.daemon.ready().ok))
        await edit(space, joe.db, 'milk', { name: 'Oats' })
        await becomes(space, ann.db, 'milk', received(share, { name: 'Oats' }))
        await edit(space, ann.db, 'milk', { count: 2 })
        await becomes(space, joe.db, 'milk', received(share, { name: 'Oats', count: 2 }))
        await space.settled()
      }))
})
