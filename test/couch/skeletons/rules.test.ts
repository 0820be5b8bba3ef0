// Every case of test/conformance in CouchDB: written by real users, refused by the bundle as validate_doc_update. CouchDB
// only: what the embedded server says of access counts for nothing.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { basename, dirname } from 'node:path'
import { bundleRules } from '../../../src/functions/bundle.ts'
import { GROUPS, PEOPLE } from '../../conformance/cases.ts'
import { fileOf, named, personOf, sayCouchdb } from '../../conformance/run.ts'
import { haveInstalled } from '../../support/installed.ts'
import { logIn, withUsers, type Person } from '../../support/logins.ts'
import { onEachServer } from '../../support/suites.ts'

onEachServer(
  'rules in the server',
  ({ it }) => {
    for (const { file, cases } of GROUPS)
      it(`${basename(dirname(file))}/${basename(file)}: say what they say in Node, in the same words`, async (space) => {
        await haveInstalled(space)
        const suffix = randomBytes(3).toString('hex')
        const { ROOT: _, ...signedUp } = PEOPLE
        const keys = Object.keys(signedUp)
        const names: Record<string, string> = { ROOT: space.server.user }
        for (const key of keys) names[key] = `${key.toLowerCase()}-${suffix}`
        const roles = Object.fromEntries(keys.map((key) => [names[key] ?? '', signedUp[key] ?? []]))
        const db = `${space.prefix}rules`
        await space.couch.database(db).create(1)
        await space.couch
          .database(db)
          .put({ _id: '_design/rules', validate_doc_update: await bundleRules(fileOf(file)) })
        await withUsers(space, roles, async (people) => {
          const known = new Map<string, Person>(people.map((person, index) => [keys[index] ?? '', person]))
          known.set('ROOT', await logIn(space.server, space.server.user, space.server.pass))
          const said: [string, string][] = []
          const expected: [string, string][] = []
          for (const one of cases) {
            const testCase = named(one, names)
            expected.push([one.name, testCase.expected])
            said.push([one.name, await sayCouchdb(space, db, testCase, personOf(known, one.user))])
          }
          assert.deepEqual(said, expected)
        })
      })
  },
  { kinds: ['couchdb'] },
)
