// A policy whose validation function lets not even admins create documents: it is told, and all else works.
import assert from 'node:assert/strict'
import { check } from '../../../src/commands/check.ts'
import { SkeletonError } from '../../../src/skeletons/folder.ts'
import { SkeletonFolder } from '../../support/skeleton-folder.ts'
import { onEachServer } from '../../support/suites.ts'

const REFUSES = `function (newDoc, oldDoc, userCtx) { if (!oldDoc || newDoc.security) throw { forbidden: 'nothing new here' } }`

onEachServer(
  'a policy that refuses what admins write',
  ({ it }) => {
    it('is told at `check` and in the log, and keeps no other from working', (space) =>
      SkeletonFolder.use(space, async (folder) => {
        await folder.write('policy/_design/guard/validate_doc_update.js', REFUSES)
        await folder.write('policy/_security.json', JSON.stringify({ members: { roles: ['one'] } }))
        const kept = space.couch.database(`skeleton/${folder.policy}`)
        const database = space.couch.database(`${folder.prefix}one`)
        await database.create()
        await space.start()
        await space.until('it has the function', async () => (await database.get('_design/guard')) !== null)
        // What it was put in place with is there: nothing of it was to be judged yet.
        assert.deepEqual((await kept.get('security'))?.['security'], { members: { roles: ['one'] } })
        await space.stop()

        await folder.write('policy/_security.json', JSON.stringify({ members: { roles: ['two'] } }))
        await space.start()
        await space.user('joe').create()
        await space.write(space.user('joe'), { _id: `$share/${space.shareId('one')}` })
        await space.until('shares work', async () => {
          const doc = await space.user('joe').get(`$share/${space.shareId('one')}`)
          return doc?.['$state'] === 'active'
        })
        const said = space.lines.filter(({ db, level }) => db === kept.name && level === 'error')
        assert.match(JSON.stringify(said), /nothing new here/)
        assert.match(JSON.stringify(said), /security/)
        assert.deepEqual((await kept.get('security'))?.['security'], { members: { roles: ['one'] } })

        const env = {
          HOODIE_SERVER: space.server.url,
          HOODIE_ADMIN_USER: space.server.user,
          HOODIE_ADMIN_PASS: space.server.pass,
          USER_DATABASES: space.config.userDatabases.template,
          DATABASES: `${folder.prefix}*=${folder.policy}`,
          SKELETON: folder.path,
        }
        await assert.rejects(
          check(env, () => undefined),
          (error: Error) =>
            error instanceof SkeletonError &&
            error.message.includes(folder.policy) &&
            error.message.includes('nothing new here'),
        )
      }))
  },
  { kinds: ['couchdb'] },
)
