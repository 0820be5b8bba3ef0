// A `_security` that somebody empties makes a database everybody's. CouchDB tells nobody of it: a sweep puts it right, or the next turn.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import { orNull } from '../../../src/couch/fault.ts'
import { CHECKPOINTS, routesDatabase } from '../../../src/documents/names.ts'
import { isPublic } from '../../../src/documents/security.ts'
import { GatewayGround } from '../../support/gateway.ts'
import { NOTES } from '../../support/gateway-notes.ts'
import { open, shared, withPeople } from '../../support/people.ts'
import { Ground } from '../../support/provisioning.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const OFTEN = { sweepIntervalMs: 500 }
const X = 'number_domain:x.test'

/** Empties the `_security` of databases, and waits until each is again as it was. */
async function emptied(space: Space, ...databases: Database[]): Promise<void> {
  const before = await Promise.all(databases.map((database) => database.security()))
  for (const security of before) assert(!isPublic(security))
  for (const database of databases) await database.putSecurity({})
  for (const [at, database] of databases.entries())
    await space.eventually(
      `_security of ${database.name}`,
      // A share is away for a moment, while it is made anew.
      () => orNull(database.security()),
      before[at] ?? null,
    )
}

// On the embedded server `_security` moves no sequence, and no sweep can see that it is another one.
onEachServer(
  'an emptied _security',
  ({ it }) => {
    it('is put right in a share, in an outbox, and in what is the admins’ alone', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start(OFTEN)
        const id = space.shareId()
        await open(space, joe, { read: [ann.name] }, shared(id, 'note', { text: 'one' }))
        await space.settled()
        await emptied(
          space,
          space.share(id),
          space.outbox(joe.hash),
          space.couch.database(CHECKPOINTS),
          space.couch.database('skeleton/share'),
        )
        assert(space.lines.some(({ db, level }) => db === space.share(id).name && level === 'warn'))
        await space.settled()
        // Feeds that were opened meanwhile have ended with the database that they were of.
        assert.equal((await space.entry(id))?.['rotations'], 1)
      }))

    it('is put right in the databases of provisioned users, also of those who are leaving', (space) =>
      Ground.use(space, async (ground) => {
        const ann = ground.user('ann')
        await space.start({ ...OFTEN, deletionGraceMs: 600_000 })
        const voicemail = await ground.strange()
        await ann.sign({ roles: [X], voicemail_db: voicemail.name })
        const personal = await ann.personal()
        await space.settled()
        await emptied(space, personal, voicemail)
        await ann.leave()
        await ground.eventually('the state', async () => (await ann.entry())?.state, 'leaving')
        await space.settled()
        await emptied(space, personal, voicemail)
      }))

    it('is put right in the databases of a gateway’s users, and in its index', (space) =>
      GatewayGround.use(space, NOTES, async (ground) => {
        const joe = ground.user('joe')
        await joe.signUp()
        await space.start(OFTEN)
        await joe.isIn()
        await space.settled()
        await emptied(space, joe.database, space.couch.database(routesDatabase(ground.name)))
      }))
  },
  { kinds: ['couchdb'] },
)
