// Recorded changes are played through feed, plan and write: in memory, twice, and into servers with the daemon running.
import assert from 'node:assert/strict'
import type { Database } from '../../src/couch/database.ts'
import type { Doc } from '../../src/couch/document.ts'
import { MemoryWorld } from '../support/memory-world.ts'
import type { Space } from '../support/space.ts'
import { onEachServer } from '../support/suites.ts'
import { essence, readFixtures, type Fixture, type Recorded } from './fixture.ts'

interface Player {
  database: (name: string) => Database
  settle: () => Promise<void>
}

/** Does what the users did, in their order, with pauses where the recording has them. */
async function play(recorded: Recorded[], { database, settle }: Player): Promise<void> {
  for (const db of new Set(recorded.flatMap((one) => ('db' in one ? [one.db] : []))))
    await database(db).create()
  for (const one of recorded) {
    if ('settle' in one) await settle()
    else await edit(database(one.db), one.deleted ? { _id: one.id, _deleted: true } : one.doc)
  }
  await settle()
}

/** The edit of a client that has the latest revision; when the daemon was faster, the client tries again. */
async function edit(database: Database, { _rev, ...doc }: Doc): Promise<void> {
  for (let tries = 0; tries < 10; tries += 1) {
    const there = await database.get(doc._id)
    const written = await database.put({ ...doc, _id: doc._id, ...(there ? { _rev: there._rev } : {}) })
    if (written.ok) return
  }
  assert.fail(`could not write ${doc._id}`)
}

async function assertOutcome({ databases, registry }: Fixture, { database }: Player): Promise<void> {
  for (const [name, expected] of databases) {
    if ((await database(name).info()) === null) {
      assert.equal(expected, null, `${name} is not there`)
      continue
    }
    const rows = await database(name).range({ includeDocs: true })
    const documents = rows.filter(({ id }) => !id.startsWith('_design/') && !id.startsWith('base/'))
    const found = Object.fromEntries(documents.map(({ id, doc }) => [id, doc && essence(doc)]))
    assert.deepEqual(found, expected, name)
  }
  for (const [share, expected] of Object.entries(registry)) {
    const entry = await database('shares').get(`share/${share}`)
    assert.deepEqual(
      entry && { owner: entry['owner'], state: entry['state'] },
      expected,
      `registry entry of ${share}`,
    )
  }
}

for (const canPurge of [true, false])
  describe(`replay in memory, ${canPurge ? 'with' : 'without'} purge`, () => {
    for (const fixture of readFixtures())
      it(fixture.name, async () => {
        const world = await MemoryWorld.create({ canPurge })
        const couch = world.couch.asCouch()
        const player: Player = { database: (name) => couch.database(name), settle: () => world.settle() }
        await play(fixture.recorded, player)
        await assertOutcome(fixture, player)

        // The second time everything is seen again, and nothing is written.
        await world.forgetCheckpoints()
        const written = world.couch.writes.length
        await world.settle()
        const again = world.couch.writes
          .slice(written)
          .filter((write) => !write.startsWith('shares/checkpoints '))
        assert.deepEqual(again, [])
        await assertOutcome(fixture, player)
      })
  })

/** The embedded server itself loses digits, whatever the daemon does. */
const BEYOND_EMBEDDED = new Set(['object-with-exact-numbers'])

onEachServer('replay with the daemon running', ({ kind, it }) => {
  const names = readFixtures().map(({ name }) => name)
  for (const name of names.filter((one) => kind === 'couchdb' || !BEYOND_EMBEDDED.has(one)))
    it(name, async (space) => {
      const rename = renamer(space)
      const fixture = readFixtures(rename).find((one) => one.name === name)
      assert(fixture)
      const player: Player = { database: (db) => space.couch.database(db), settle: () => space.settled(700) }
      await space.start()
      await play(fixture.recorded, player)
      await assertOutcome(fixture, player)
    })
})

/** Users and shares of a recording under names that no other run has. */
function renamer(space: Space): (text: string) => string {
  const own = space.prefix.slice(1, 7)
  return (text) => text.replaceAll('user/', space.prefix).replaceAll('-0000', `-${own}`)
}
