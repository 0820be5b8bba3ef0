// Databases that keep too few revisions of a document: the log and `check` say which.
import assert from 'node:assert/strict'
import { check } from '../../../src/commands/check.ts'
import { joeShares } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

onEachServer(
  'a low _revs_limit',
  ({ it }) => {
    it('of a user database or a share is told, once, and of no other', async (space) => {
      const { joe, share } = await joeShares(space)
      await space.user('ann').create()
      await space.settled()
      await space.stop()
      await joe.limitRevs(1)
      await space.share(share).limitRevs(99)
      await joe.put({ _id: 'note', n: 1 })
      await space.start()
      await space.settled()
      await joe.put({ _id: 'another', n: 1 })
      await space.settled()
      const told = space.lines.filter(({ msg }) => String(msg).startsWith('unfit'))
      assert.deepEqual(
        told.map(({ db, limit }) => [db, limit]),
        [[joe.name, 1]],
      )
      const settings = {
        HOODIE_SERVER: space.server.url,
        HOODIE_ADMIN_USER: space.server.user,
        HOODIE_ADMIN_PASS: space.server.pass,
        USER_DATABASES: space.config.userDatabases.template,
      }
      let said = ''
      assert.equal(await check(settings, (text) => (said += text)), 1)
      const [line = ''] = said.split('\n').filter((text) => text.includes('are unfit'))
      assert.match(line, /^✗ 2 databases are unfit/)
      for (const name of [`${joe.name} (1)`, `${space.share(share).name} (99)`])
        assert(line.includes(name), `Expected ${name} in ${line}`)
    })
  },
  { kinds: ['couchdb'] },
)
