// Recorded changes are played through feed, plan and write: in memory, twice, and into servers with the daemon running.
import assert from 'node:assert/strict'
import groupBy from 'lodash/groupBy.js'
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../../src/couch/database.ts'
import { removeTraces } from '../support/logins.ts'
import { MemoryWorld } from '../support/memory-world.ts'
import { Patience } from '../support/patience.ts'
import type { Space } from '../support/space.ts'
import { onEachServer } from '../support/suites.ts'
import { fixtureNames, readFixture, type Fixture } from './fixture.ts'
import { assertOutcome } from './outcome.ts'
import { Player } from './player.ts'

for (const canPurge of [true, false])
  describe(`replay in memory, ${canPurge ? 'with' : 'without'} purge`, () => {
    for (const name of fixtureNames())
      it(name, async () => {
        const fixture = readFixture(name)
        const world = await MemoryWorld.create({ canPurge })
        const open = (db: string): Database => world.couch.asCouch().database(db)
        const player = new Player(fixture.recorded, open)
        for (let at = 0; at < player.length; at += 1) {
          await player.play(at)
          await world.settle()
        }
        await assertOutcome(fixture, open)
        assert.deepEqual(world.setAside, [])

        // The second time everything is seen again, and nothing is written.
        await world.forgetCheckpoints()
        const written = world.couch.writes.length
        await world.settle()
        const again = world.couch.writes
          .slice(written)
          .filter((write) => !write.startsWith('shares/checkpoints '))
        assert.deepEqual(again, [])
        await assertOutcome(fixture, open)
      })
  })

/** The embedded server itself loses digits, whatever the daemon does. */
const BEYOND_EMBEDDED = new Set(['object-with-exact-numbers'])

/** What the server's own replicator brings may come a little later. */
const PATIENCE_MS = 15_000
const LOOK_MS = 500

/** All of them are at work at once, beside the other files of the run. */
const SETTLING_MS = 60_000

/** Fewer recordings than this are played together with those of the next subject. */
const FEWEST_TOGETHER = 10

onEachServer(
  'replay with the daemon running',
  ({ kind, it }) => {
    const names = fixtureNames().filter((name) => kind === 'couchdb' || !BEYOND_EMBEDDED.has(name))
    for (const { subjects, group } of groupsOf(names))
      it(`${subjects.join(', ')}: ${group.length} recordings side by side`, async (space) => {
        try {
          await replay(space, group)
          await space.stop()
          await removeTraces(space)
        } finally {
          await removeUsers(space)
        }
      })
  },
  { isOfEmbedded: true },
)

/** Recordings by what they are about: the first word of the name. */
function groupsOf(names: readonly string[]): { subjects: string[]; group: string[] }[] {
  const groups: { subjects: string[]; group: string[] }[] = []
  for (const [subject, group] of Object.entries(groupBy(names, (name) => name.split('-')[0]))) {
    const last = groups.at(-1)
    if (last && last.group.length < FEWEST_TOGETHER) {
      last.subjects.push(subject)
      last.group.push(...group)
    } else groups.push({ subjects: [subject], group })
  }
  return groups
}

/** Plays recordings at once, as a server has many users: pause by pause, each with users and shares of its own. */
async function replay(space: Space, names: readonly string[]): Promise<void> {
  const open = (db: string): Database => space.couch.database(db)
  const fixtures = names.map((name, at) => readFixture(name, renamer(space, at)))
  const players = fixtures.map(({ recorded }) => new Player(recorded, open))
  await space.start()
  for (let at = 0; players.some(({ length }) => at < length); at += 1) {
    await Promise.all(players.map((player) => player.play(at)))
    await space.settled(undefined, SETTLING_MS)
  }
  const outcomes = await Promise.all(fixtures.map((fixture) => outcome(fixture, open)))
  const failed = outcomes.flatMap((fault) => fault ?? [])
  if (failed.length > 0) assert.fail(failed.join('\n\n'))
}

/** @returns what is not as expected, even after a while */
async function outcome(fixture: Fixture, open: (db: string) => Database): Promise<string | null> {
  for (const patience = new Patience(PATIENCE_MS, LOOK_MS); ; await delay(LOOK_MS)) {
    try {
      await assertOutcome(fixture, open)
      return null
    } catch (error) {
      if (patience.isOver()) return `${fixture.name}: ${(error as Error).message}`
    }
  }
}

const ownName = ({ prefix }: Space): string => prefix.slice(1, 7)

/** Users and shares of a recording under names that no other one, and no other run, has. */
function renamer(space: Space, at: number): (text: string) => string {
  return (text) =>
    text
      .replaceAll('user/hash-', `${space.prefix}hash-`)
      .replaceAll('-0000', `-${ownName(space)}${String(at).padStart(2, '0')}`)
}

async function removeUsers(space: Space): Promise<void> {
  const users = space.couch.database('_users')
  const rows = await users.range({ startKey: 'org.couchdb.user:', endKey: 'org.couchdb.user;' })
  const ours = rows.filter(({ id }) => id.includes(`-${ownName(space)}`))
  await users.bulk(ours.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
}
