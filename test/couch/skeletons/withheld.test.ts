// A broad pattern of DATABASES, and a setting that was lost: what is somebody's own stays closed, and whole.
import assert from 'node:assert/strict'
import { check } from '../../../src/commands/check.ts'
import { skeletonApply } from '../../../src/commands/skeleton-apply.ts'
import { lines } from '../../../src/commands/progress.ts'
import type { Database } from '../../../src/couch/database.ts'
import { ADMIN_ONLY, isPublic } from '../../../src/documents/security.ts'
import { SkeletonFolder } from '../../support/skeleton-folder.ts'
import { onEachServer } from '../../support/suites.ts'

const PUBLIC = { admins: { names: [], roles: ['_admin'] }, members: { names: [], roles: [] } }
const OWN = {
  _id: '_design/own',
  couch_shares: { hash: 'of another skeleton' },
  validate_doc_update: 'function () {}',
}

onEachServer('databases that are not for a policy', ({ it }) => {
  it('are not opened, and keep their guards; what others have is opened only where that is asked for', (space) =>
    SkeletonFolder.use(space, async (folder) => {
      await folder.writePolicy('one')
      await folder.write('policy/_security.json', JSON.stringify(PUBLIC))
      const make = async (name: string, security: object = ADMIN_ONLY): Promise<Database> => {
        const database = space.couch.database(folder.prefix + name)
        await database.create()
        await database.putSecurity({ ...security })
        await database.put(OWN)
        return database
      }
      const members = (names: string[], roles: string[] = []): object => ({ members: { names, roles } })
      // A user database, a gateway and a master whose settings were taken out.
      const user = await make('user', members(['joe']))
      const gateway = await make('fleet')
      await space.couch.database(`${gateway.name}/$routes`).create()
      const master = await make('master')
      const team = await make('team', members([], ['team']))
      const { databases } = space.config
      await space.start({ databases: [], masters: [{ database: master.name, kind: 'provisioning' }] })
      await space.settled()
      await space.stop()

      const all = [user, gateway, master, team]
      const before = await Promise.all(all.map((database) => database.security()))
      const free = await make('free')
      await space.start({ databases })
      await space.until('the free one is open', async () => isPublic(await free.security()))
      await space.settled()
      for (const [at, database] of all.entries()) {
        assert.deepEqual(await database.security(), before[at], database.name)
        // As a master it had what its kind says.
        if (database !== master)
          assert((await database.get(OWN._id)) !== null, `the guard of ${database.name}`)
        assert.equal(await database.get('_design/guard'), null)
      }
      assert.equal(await free.get(OWN._id), null)
      await space.stop()

      const settings = {
        HOODIE_SERVER: space.server.url,
        HOODIE_ADMIN_USER: space.server.user,
        HOODIE_ADMIN_PASS: space.server.pass,
        USER_DATABASES: space.config.userDatabases.template,
        SKELETON: folder.path,
        DATABASES: `${folder.prefix}*=${folder.policy}`,
      }
      let said = ''
      assert.equal(await check(settings, (text) => (said += text)), 1)
      assert.match(said, /✗ DATABASES fits 3 databases that are not for a policy/)
      assert(said.includes(`✗ ${team.name}: its policy lets in others`), said)
      const apply = (widen: boolean): Promise<number> =>
        skeletonApply(
          settings,
          { warm: false, widen },
          lines(() => undefined),
        )
      assert.equal(await apply(false), 1)
      assert.deepEqual(await team.security(), before[3])
      // Three are still not the policy's.
      assert.equal(await apply(true), 1)
      assert(isPublic(await team.security()))
      for (const [at, database] of all.slice(0, 3).entries())
        assert.deepEqual(await database.security(), before[at], database.name)
    }))
})
