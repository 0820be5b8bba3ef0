// What the daemon writes into is dropped while it runs, and while it does not: it puts it in place, and goes on.
import { CHECKPOINTS } from '../../../src/documents/names.ts'
import { REPLICATOR } from '../../../src/couch/replicator.ts'
import { becomes, edit, open, received, shared, subscribe, withPeople } from '../../support/people.ts'
import { put } from '../../support/story.ts'
import { needs, onEachServer } from '../../support/suites.ts'

onEachServer('what the daemon writes into', ({ it, server }) => {
  for (const name of [CHECKPOINTS, REPLICATOR])
    for (const isRunning of [true, false])
      it(`is put in place where somebody drops ${name} ${isRunning ? 'while' : 'before'} it runs`, (space) =>
        withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
          // Whatever else is on that server would lose it, too.
          needs(server().isOurs, 'a server of the tests’ own')
          Object.assign(space.config, { sweepIntervalMs: 500 })
          await space.start()
          const share = await open(space, joe, { write: [ann.name] })
          await put(joe.db, shared(share, 'milk', { name: 'Milk' }))
          await subscribe(space, share, [ann])
          await becomes(space, ann.db, 'milk', received(share, { name: 'Milk' }))
          await space.settled()
          if (!isRunning) await space.stop()
          const dropped = space.couch.database(name)
          await dropped.drop()
          if (!isRunning) await space.start()
          await edit(space, joe.db, 'milk', { name: 'Oats' })
          await becomes(space, ann.db, 'milk', received(share, { name: 'Oats' }))
          await edit(space, ann.db, 'milk', { count: 2 })
          await becomes(space, joe.db, 'milk', received(share, { name: 'Oats', count: 2 }))
          await space.until('it is there again', async () => (await dropped.info()) !== null)
          await space.settled()
        }))
})
