// The three ways in which a master's skeleton says who may have what, held against each other; test/couch does it in CouchDB.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { MasterPolicy } from '../../../src/provisioning/master-policy.ts'
import { selects } from '../../support/mango.ts'
import { provisioned, records, roles } from '../../support/master-documents.ts'
import { accessOf } from './compiled.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 1_000)

for (const [kind, documents] of [
  ['provisioning', provisioned],
  ['cdrs', records],
] as const)
  describe(`skeleton/${kind}, who may have what`, () => {
    let access: MasterPolicy
    before(async () => {
      access = await accessOf(kind)
    })
    const docs = fc.array(documents, { minLength: 1, maxLength: 20 })

    it('from says what the selector says', () => {
      let count = 0
      fc.assert(
        fc.property(docs, roles, (some, of) => {
          const user = { name: 'joe', roles: of }
          const selector = access.selector(user)
          assert(selector)
          const let_ = access.mayReadEach(some, user)
          count += let_.filter(Boolean).length
          assert.deepEqual(
            some.map((doc) => selects(selector, doc)),
            let_,
          )
        }),
        { numRuns: RUNS },
      )
      assert(count > RUNS / 20, `Expected more than ${count} documents that somebody has`)
      assert.equal(access.failure, null)
    })

    it('from says yes where a role of the view is among the user’s, and only there', () => {
      fc.assert(
        fc.property(docs, roles, (some, of) =>
          assert.deepEqual(
            access.rolesOfEach(some).map((emitted) => emitted.some((role) => of.includes(role))),
            access.mayReadEach(some, { name: 'joe', roles: of }),
          ),
        ),
        { numRuns: RUNS },
      )
      assert.equal(access.failure, null)
    })

    it('nobody without roles has anything', () => {
      fc.assert(
        fc.property(docs, (some) => {
          const nobody = { name: 'joe', roles: [] }
          const selector = access.selector(nobody)
          assert(selector)
          assert(!access.mayReadEach(some, nobody).includes(true))
          assert(!some.some((doc) => selects(selector, doc)))
        }),
      )
    })
  })
