// Which databases are the personal ones of users, told by claims.
import assert from 'node:assert/strict'
import type { Claim } from '../../../src/provisioning/provisioned-user.ts'
import { personalAmong } from '../../../src/provisioning/personal-names.ts'

const claim = (more: Partial<Claim> = {}): Claim => ({
  ...{ _id: 'claim/u1', type: 'claim', database: 'u1', name: 'joe', attribute: 'database' },
  ...more,
})

describe('provisioning/personal-names', () => {
  const cases: readonly [string, Claim | null, boolean][] = [
    ['what the attribute `database` names', claim(), true],
    ['what another attribute names', claim({ attribute: 'voicemail_db' }), false],
    ['what was given up', claim({ ended: true }), false],
    ['what is nobody’s', null, false],
  ]
  for (const [what, found, isPersonal] of cases)
    it(`${isPersonal ? 'takes' : 'leaves out'} ${what}`, async () => {
      const provisionedUsers = {
        claims: () => Promise.resolve(new Map(found === null ? [] : [[found.database, found]])),
      }
      assert.deepEqual([...(await personalAmong(['u1'], { provisionedUsers }))], isPersonal ? ['u1'] : [])
    })
})
