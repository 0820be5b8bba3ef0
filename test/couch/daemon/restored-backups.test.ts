// Files of databases are put back from a backup: all of them, those of users alone, or all others, with the daemon stopped or running.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import { Standby } from '../../../src/daemon/standby.ts'
import { createLogger } from '../../../src/log.ts'
import { copyId } from '../../../src/shares/model/ids.ts'
import type { OwnCouchdb } from '../../support/own-couchdb.ts'
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
import { ownCouchdb } from '../../support/servers.ts'
import { shippedSkeleton, type Space } from '../../support/space.ts'
import { put, type Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

/** None: left out. */
const FAULT_RUNS = Number(process.env['FAULT_RUNS'] ?? 0)
const CALLED = ['joe', 'ann', 'bob'] as const
type People = Record<(typeof CALLED)[number], Person>

/** Until it has noted how far it has read, too. */
const NOTED_MS = 2_500

/** Joe's share, in which ann writes and bob reads, and a backup of all; then a day on which all of it changes. */
async function twoDays(space: Space, couchdb: OwnCouchdb, people: People): Promise<string> {
  const { joe, ann, bob } = people
  const share = await open(space, joe, { write: [ann.name], read: [bob.name] })
  const objects = ['milk', 'tea', 'jam', 'salt']
  await put(joe.db, ...objects.map((id) => shared(share, id, { name: id })))
  await subscribe(space, share, [ann, bob])
  for (const { db } of [ann, bob])
    for (const id of objects) await becomes(space, db, id, received(share, { name: id }))
  await delay(NOTED_MS)
  await couchdb.halt()
  await couchdb.backUp()
  await couchdb.resume()

  await edit(space, joe.db, 'milk', { name: 'Oats' })
  await edit(space, ann.db, 'salt', { count: 2 })
  await edit(space, joe.db, 'tea', { $shares: { [share]: false } })
  await remove(space, joe.db, 'jam')
  await edit(space, joe.db, `$share/${share}`, { access: { write: [ann.name] } })
  await put(joe.db, shared(share, 'eggs', { name: 'eggs' }))
  await put(ann.db, shared(share, 'rice', { name: 'rice' }))
  for (const { db } of [joe, ann]) {
    await becomes(space, db, 'milk', received(share, { name: 'Oats' }))
    await becomes(space, db, 'salt', received(share, { name: 'salt', count: 2 }))
    await becomes(space, db, 'jam', null)
    await becomes(space, db, 'eggs', received(share, { name: 'eggs' }))
    await becomes(space, db, 'rice', received(share, { name: 'rice' }))
  }
  await becomes(space, ann.db, 'tea', null)
  await becomes(space, bob.db, 'milk', null)
  await delay(NOTED_MS)
  return share
}

/** What is true of each after that, by what is put back: of joe and ann alike, and who is let in. */
const AFTER: Record<
  string,
  {
    isMeant: 'all' | ((space: Space) => (database: string) => boolean)
    milk: string
    count?: number
    tea: boolean
    isBobIn: boolean
  }
> = {
  // Yesterday, as if today had not been.
  'all databases': { isMeant: 'all', milk: 'milk', tea: true, isBobIn: true },
  // What others know of today's values comes back; what is shared, and with whom, is as users' documents say.
  'users’ databases alone': {
    isMeant: (space) => (name) => space.config.userDatabases.ownerOf(name) !== null,
    ...{ milk: 'Oats', count: 2, tea: true, isBobIn: true },
  },
  // Users' documents say all of today: it is carried out once more.
  'all databases but users’': {
    isMeant: (space) => (name) =>
      name.startsWith('share') || space.config.userDatabases.ownerOfOutbox(name) !== null,
    ...{ milk: 'Oats', count: 2, tea: false, isBobIn: false },
  },
}

/** A daemon as a process runs it: it has a duty, which tells it that the server was put back. */
async function standby(space: Space): Promise<Standby> {
  const daemon = new Standby({
    config: space.config,
    skeleton: await shippedSkeleton(),
    log: createLogger({
      level: 'info',
      pretty: false,
      destination: { write: (line) => void space.lines.push(JSON.parse(line) as Record<string, unknown>) },
    }),
  })
  await daemon.start()
  await space.until('the daemon is ready', () => Promise.resolve(daemon.ready().ok))
  return daemon
}

// Each takes half a minute: they are played with the other faults, see docs/testing.md.
if (FAULT_RUNS > 0)
  onEachServer(
    'a backup of files is put back',
    ({ it }) => {
      for (const [what, { isMeant, milk, count, tea, isBobIn }] of Object.entries(AFTER))
        for (const isRunning of [false, true])
          it(`of ${what}, ${isRunning ? 'under a daemon that runs' : 'while none runs'}`, (space) =>
            withPeople(space, CALLED, async (people) => {
              const couchdb = await ownCouchdb('couchdb')
              if (couchdb === null) return
              const { joe, ann } = people
              const first = await standby(space)
              const share = await twoDays(space, couchdb, people)
              if (!isRunning) await first.stop()
              await couchdb.halt()
              await couchdb.putBack(isMeant === 'all' ? 'all' : isMeant(space))
              await couchdb.resume()
              const begun = performance.now()
              const daemon = isRunning ? first : await standby(space)
              try {
                const salt = { name: 'salt', ...(count === undefined ? {} : { count }) }
                for (const { db } of [joe, ann]) {
                  await becomes(space, db, 'milk', received(share, { name: milk }))
                  await becomes(space, db, 'salt', received(share, salt))
                }
                await edit(space, joe.db, 'salt', { by: 'joe' })
                await edit(space, ann.db, 'milk', { by: 'ann' })
                await becomes(space, ann.db, 'salt', received(share, { ...salt, by: 'joe' }))
                await becomes(space, joe.db, 'milk', received(share, { name: milk, by: 'ann' }))
                await becomes(space, ann.db, 'tea', tea ? received(share, { name: 'tea' }) : null)
                await space.until('it is ready', () => Promise.resolve(daemon.ready().ok))
                tellRecovery(`put back: ${what}, ${isRunning ? 'running' : 'stopped'}`, begun)
                const { $state, access } = (await joe.db.get(`$share/${share}`)) as Content
                assert.equal($state, 'active')
                assert.equal('read' in (access as object), isBobIn)
                const { members } = await space.share(share).security()
                assert.equal(members?.roles?.includes(people.bob.hash), isBobIn)
                if (!tea) {
                  const leaves = await space.share(share).leaves([{ id: copyId(share, 'tea') }])
                  assert.ok(
                    !JSON.stringify(leaves).includes('"name"'),
                    'Expected nothing to be read of what is un-shared',
                  )
                }
              } finally {
                await daemon.stop()
              }
            }))
    },
    { kinds: ['couchdb'] },
  )
