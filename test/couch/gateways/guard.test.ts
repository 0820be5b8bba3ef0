// The guard of a sync function in a real CouchDB, as a real user meets it.
import assert from 'node:assert/strict'
import { compileGuard } from '../../../src/gateways/function/guard.ts'
import { CASES, guardSays, OBEDIENT, sayGuard, type Case } from '../../conformance/sync-function.ts'
import { ask, pathOf, withUsers, type Person } from '../../support/logins.ts'
import { haveInstalled } from '../../support/installed.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** A database of ann's that the guard watches over; she has the role `driver` and the channel `news`. */
async function guarded(space: Space, source: string, ann: Person): Promise<string> {
  const db = `${space.prefix}gateway`
  const database = space.couch.database(db)
  await database.create(1)
  await space.write(database, { _id: '_design/gateway', validate_doc_update: await compileGuard(source) })
  await database.putSecurity({
    admins: { roles: ['_admin'] },
    members: { names: [ann.name ?? ''] },
    gateway: { roles: ['driver'], channels: ['news'] },
  })
  return db
}

/** The case with the user's real name. */
const named = (testCase: Case, name: string): Case =>
  JSON.parse(JSON.stringify(testCase).replace(/\bann\b/g, name)) as Case

async function withAnn(space: Space, test: (ann: Person) => Promise<void>): Promise<void> {
  await haveInstalled(space)
  await withUsers(space, { [`ann${space.prefix.replace(/[^a-z0-9]/g, '')}`]: [] }, async ([ann]) => {
    assert(ann)
    await test(ann)
  })
}

onEachServer(
  'the guard of a gateway database',
  ({ it }) => {
    it('says over HTTP what the router says, wherever no grant could make it say something else', async (space) => {
      await withAnn(space, async (ann) => {
        const db = await guarded(space, OBEDIENT, ann)
        const database = space.couch.database(db)
        for (const [at, testCase] of CASES.entries()) {
          const one = named(testCase, ann.name ?? '')
          const { calls, doc, oldDoc } = one
          const says = guardSays(one)
          const _id = `case-${at}`
          const before = oldDoc === undefined ? null : await space.write(database, { _id, ...oldDoc })
          const rev = before === null || oldDoc?.['_deleted'] === true ? {} : { _rev: before }
          const { status, text } = await ask(space.server, ann, 'PUT', pathOf(db, _id), {
            ...doc,
            ...rev,
            calls,
          })
          const { error = 'ok', reason = '' } = JSON.parse(text) as { error?: string; reason?: string }
          assert.equal(sayGuard(error, reason), says, `${JSON.stringify(testCase)}: ${text}`)
          const passed = doc?.['_deleted'] === true ? 200 : 201
          assert.equal(status, says === 'ok' ? passed : error === 'unauthorized' ? 401 : 403)
        }
      })
    })

    it('lets the daemon write what the user may not, and says what broke', async (space) => {
      await withAnn(space, async (ann) => {
        const source = `function (doc) {
          count = (typeof count === 'undefined' ? 0 : count) + 1
          if (doc.broken) doc.a.b
          requireAdmin()
        }`
        const db = await guarded(space, source, ann)
        await space.write(space.couch.database(db), { _id: 'a' })
        const put = async (doc: object): Promise<string> => {
          const { text } = await ask(space.server, ann, 'PUT', pathOf(db, 'b'), doc)
          return (JSON.parse(text) as { reason: string }).reason
        }
        assert.equal(await put({}), 'sg admin required')
        assert.match(await put({ broken: true }), /^The sync function failed: TypeError: /)
      })
    })
  },
  { kinds: ['couchdb'] },
)
