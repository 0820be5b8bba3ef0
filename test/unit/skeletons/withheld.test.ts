// What no pattern of DATABASES gets, and what it gets only where that is asked for.
import assert from 'node:assert/strict'
import { ADMIN_ONLY, widens, type FoundSecurity } from '../../../src/documents/security.ts'
import type { Security } from '../../../src/skeletons/plan.ts'
import { whyWithheld, type Traces } from '../../../src/skeletons/withheld.ts'

const members = (names: string[], roles: string[] = []): Security => ({
  admins: ADMIN_ONLY.admins,
  members: { names, roles },
})
const PUBLIC = members([])
const TEAM = members([], ['team'])

const why = (traces: Partial<Traces>, wanted: Security | null = PUBLIC): string | null =>
  whyWithheld(
    { db: 'a', beside: [], isFollowed: false, security: { ...ADMIN_ONLY }, ...traces },
    { designs: [], security: wanted, isStrict: false },
  )

describe('skeletons/withheld', () => {
  const table: [string, Partial<Traces>, Security | null, RegExp | null][] = [
    ['a new database', {}, PUBLIC, null],
    ['one with an outbox', { beside: ['a/$shares'] }, null, /a\/\$shares is its outbox/],
    ['one with an index of routes', { beside: ['a/$routes'] }, null, /it is a gateway/],
    ['one that a daemon follows', { isFollowed: true }, null, /a daemon follows it/],
    ['that of a gateway’s user', { security: { ...members(['joe']), gateway: {} } }, null, /daemon has made/],
    ['a share', { security: { ...PUBLIC, writers: {} } }, null, /daemon has made/],
    ['that of couch_peruser', { security: members(['joe']) }, PUBLIC, /one user/],
    ['one with an older form of members', { security: { readers: { names: ['joe'] } } }, PUBLIC, /one user/],
    ['one user’s, where the policy says the same', { security: members(['joe']) }, members(['joe']), null],
    ['one user’s, where each keeps its own', { security: members(['joe']) }, null, null],
    ['a team’s', { security: TEAM }, PUBLIC, null],
  ]
  for (const [name, traces, wanted, expected] of table)
    it(`${expected === null ? 'gives' : 'withholds'} ${name}`, () => {
      const said = why(traces, wanted)
      if (expected === null) assert.equal(said, null)
      else assert.match(String(said), expected)
    })

  const wider: [string, FoundSecurity, FoundSecurity, boolean][] = [
    ['from the admins’ alone to everybody', ADMIN_ONLY, PUBLIC, false],
    ['from everybody to some', PUBLIC, TEAM, false],
    ['from everybody to everybody', {}, PUBLIC, false],
    ['from a team to everybody', TEAM, PUBLIC, true],
    ['from a team to nobody', TEAM, ADMIN_ONLY, false],
    ['from a team to another one, too', TEAM, members(['joe'], ['team']), true],
    [
      'from a database’s own admin to everybody',
      { admins: { names: ['joe'], roles: [] }, members: ADMIN_ONLY.members },
      PUBLIC,
      true,
    ],
    ['from some to one of them', members(['ann', 'joe']), members(['joe']), false],
  ]
  for (const [name, before, after, expected] of wider)
    it(`${name} ${expected ? 'lets in others' : 'lets in nobody else'}`, () =>
      assert.equal(widens(before, after), expected))
})
