// `_security` of shares: who can read and write by it is whom `access` means, and closed never comes out as public.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseAccess } from '../../../../src/shares/model/access.ts'
import {
  ADMIN_ONLY,
  narrowsReading,
  type FoundSecurity,
  type Grants,
} from '../../../../src/documents/security.ts'
import { writeAccess } from '../../skeletons/compiled.ts'
import { shareSecurity, type ShareGrants, type ShareSecurity } from '../../../../src/shares/model/security.ts'

const MOST_BYTES = 1000
const OWNER: Grants = { names: [], roles: ['owner'] }
/** u1 stands as a role, u2 as a name, u3 with two roles; nobody has other names. */
const USERS = new Map<string, Grants>([
  ['u1', { names: [], roles: ['hash1'] }],
  ['u2', { names: ['u2'], roles: [] }],
  ['u3', { names: [], roles: ['hash3', 'hash4'] }],
  ['user/u1', { names: [], roles: ['hash1'] }],
])

function secure(access: unknown, more: Partial<ShareGrants> = {}): ShareSecurity {
  const request = parseAccess(access)
  if (request.kind !== 'valid') assert.fail(request.problem.reason)
  return shareSecurity({
    owner: OWNER,
    access: request.access,
    users: USERS,
    passwordRole: null,
    publicMostBytes: MOST_BYTES,
    ...more,
  })
}

interface Person {
  name: string | null
  roles: string[]
}

const ANONYMOUS: Person = { name: null, roles: [] }
const person = (name: string, ...roles: string[]): Person => ({ name, roles })

const isIn = ({ names = [], roles = [] }: Partial<Grants>, { name, roles: held }: Person): boolean =>
  (name !== null && names.includes(name)) || held.some((role) => roles.includes(role))

/** As CouchDB decides: is_member, is_admin and is_public_db of its couch_db.erl. */
function couchLetsRead(security: FoundSecurity, somebody: Person): boolean {
  if (somebody.roles.includes('_admin') || isIn(security.admins ?? {}, somebody)) return true
  const members = security.members ?? security.readers ?? {}
  const isPublic = (members.names ?? []).length === 0 && (members.roles ?? []).length === 0
  return isPublic || isIn(members, somebody)
}

describe('shares/model/security', () => {
  const everyone = { names: [], roles: [] }
  const lists = (names: string[], ...roles: string[]): Grants => ({ names, roles })
  const rows: [unknown, string | null, Grants, object][] = [
    [undefined, null, lists([], 'owner'), lists([], 'owner')],
    [{ read: [], write: [] }, null, lists([], 'owner'), lists([], 'owner')],
    [true, null, everyone, { ...lists([], 'owner'), everyone: true, mostBytes: MOST_BYTES }],
    [{ write: true }, null, everyone, { ...lists([], 'owner'), everyone: true, mostBytes: MOST_BYTES }],
    [{ read: true }, null, everyone, lists([], 'owner')],
    [{ read: ['u1'] }, null, lists([], 'hash1', 'owner'), lists([], 'owner')],
    [{ read: ['u2'] }, null, lists(['u2'], 'owner'), lists([], 'owner')],
    [{ write: ['u2', 'u1'] }, null, lists(['u2'], 'hash1', 'owner'), lists(['u2'], 'hash1', 'owner')],
    [{ read: true, write: ['u2'] }, null, everyone, lists(['u2'], 'owner')],
    [{ read: ['u1'], write: ['u2'] }, null, lists(['u2'], 'hash1', 'owner'), lists(['u2'], 'owner')],
    [{ read: ['u3'] }, null, lists([], 'hash3', 'hash4', 'owner'), lists([], 'owner')],
    [{ read: ['u1', 'user/u1'] }, null, lists([], 'hash1', 'owner'), lists([], 'owner')],
    [{ read: ['nobody'] }, null, lists([], 'owner'), lists([], 'owner')],
    [{ write: ['nobody'] }, null, lists([], 'owner'), lists([], 'owner')],
    [{ read: ['__proto__', 'toString'] }, null, lists([], 'owner'), lists([], 'owner')],
    [{ read: true }, 'share/a/1', lists([], 'owner', 'share/a/1'), lists([], 'owner')],
    [{ read: true, write: ['u2'] }, 'share/a/1', lists(['u2'], 'owner', 'share/a/1'), lists(['u2'], 'owner')],
    [
      true,
      'share/a/1',
      lists([], 'owner', 'share/a/1'),
      { ...lists([], 'owner'), everyone: true, mostBytes: MOST_BYTES },
    ],
    // A password is for public shares: it must not open one that is not.
    [{ read: ['u2'] }, 'share/a/1', lists(['u2'], 'owner'), lists([], 'owner')],
    [undefined, 'share/a/1', lists([], 'owner'), lists([], 'owner')],
  ]
  for (const [access, passwordRole, members, writers] of rows)
    it(`secures ${JSON.stringify(access) ?? 'no access'}${passwordRole ? ' with a password' : ''}`, () =>
      assert.deepEqual(secure(access, { passwordRole }), {
        admins: { names: [], roles: ['_admin'] },
        members,
        writers,
      }))

  it('lets an owner in by name, too, where the database is named after it', () => {
    const owner = { names: ['joe'], roles: ['6a6f65'] }
    const { members, writers } = secure({ read: ['u2'] }, { owner })
    assert.deepEqual(members, { names: ['joe', 'u2'], roles: ['6a6f65'] })
    assert.deepEqual(writers, { names: ['joe'], roles: ['6a6f65'] })
  })

  it('gives nobody rather than everybody where there is nobody to let in', () => {
    const nobody = { owner: { names: [], roles: [] }, users: new Map<string, Grants>() }
    for (const access of [
      undefined,
      {},
      { read: ['u1'] },
      { write: ['u1'] },
      { read: ['u1'], write: ['u2'] },
    ]) {
      const { members, writers } = secure(access, nobody)
      assert.deepEqual(members, ADMIN_ONLY.members)
      assert.deepEqual(writers, { names: [], roles: [] })
    }
  })

  it('is the same for the same access', () => {
    assert.deepEqual(secure({ read: ['u2', 'u1'] }), secure({ read: ['u1', 'u2', 'u1', 'nobody'] }))
    assert.deepEqual(
      secure({ write: ['u1'] }, { owner: { names: ['b', 'a'], roles: ['x', 'c'] } }),
      secure({ read: ['u1'], write: ['user/u1'] }, { owner: { names: ['a', 'b'], roles: ['c', 'x'] } }),
    )
  })

  it('keeps databases of the daemon to the admins', () => {
    assert.deepEqual(ADMIN_ONLY.members, { names: [], roles: ['_admin'] })
    assert.equal(couchLetsRead(ADMIN_ONLY, ANONYMOUS), false)
    assert.equal(couchLetsRead(ADMIN_ONLY, person('admin', '_admin')), true)
  })

  /** What somebody may do, as the words of the table in docs/sharing.md say it, and nothing of how it is put into lists. */
  const PEOPLE: Record<string, Person> = {
    owner: person('owner-name', 'owner'),
    u1: person('user/u1', 'hash1'),
    u2: person('u2'),
    u3: person('user/u3', 'hash3', 'hash4', 'staff'),
    stranger: person('stranger', 'hash9', 'staff'),
    'knows the password': person('share-a-1', 'share/a/1'),
    'knows another password': person('share-b-1', 'share/b/1'),
    nobody: ANONYMOUS,
  }
  interface Wish {
    read?: boolean | string[]
    write?: boolean | string[]
  }
  const meansIn = (whom: boolean | string[] | undefined, who: string): boolean =>
    Array.isArray(whom) && whom.includes(who)
  function meansRead(wish: Wish | boolean | undefined, hasPassword: boolean, who: string): boolean {
    if (who === 'owner') return true
    if (wish === undefined || wish === false) return false
    const { read, write } = wish === true ? { read: true, write: true } : wish
    const isListed = meansIn(read, who) || meansIn(write, who)
    if (read === true || write === true) return isListed || !hasPassword || who === 'knows the password'
    return isListed
  }
  function meansWrite(wish: Wish | boolean | undefined, hasPassword: boolean, who: string): boolean {
    if (who === 'owner') return true
    if (wish === undefined || wish === false) return false
    if (wish === true || wish.write === true) return meansRead(wish, hasPassword, who)
    return meansIn(wish.write, who)
  }

  const someNames = fc.uniqueArray(fc.constantFrom('u1', 'u2', 'u3', 'none', '__proto__'))
  const whom = fc.oneof(fc.boolean(), someNames)
  const wishes: fc.Arbitrary<Wish | boolean | undefined> = fc.oneof(
    { weight: 1, arbitrary: fc.constantFrom(undefined, true, false) },
    { weight: 9, arbitrary: fc.record({ read: whom, write: whom }, { requiredKeys: [] }) },
  )

  it('lets in exactly whom the table means', async () => {
    const validate = await writeAccess()
    fc.assert(
      fc.property(wishes, fc.boolean(), (wish, hasPassword) => {
        const security = secure(wish, { passwordRole: hasPassword ? 'share/a/1' : null })
        for (const [who, somebody] of Object.entries(PEOPLE)) {
          const reads = couchLetsRead(security, somebody)
          const refusal = validate({ _id: 'share/a/x' }, { db: 'share/a', ...somebody }, security)
          assert.equal(reads, meansRead(wish, hasPassword, who), `read: ${who}`)
          assert.equal(reads && refusal === null, meansWrite(wish, hasPassword, who), `write: ${who}`)
        }
        assert.equal(couchLetsRead(security, person('admin', '_admin')), true)
      }),
      { numRuns: 1000 },
    )
  })

  describe('narrowing', () => {
    const closed = secure(undefined)
    const table: [string, FoundSecurity, ShareSecurity, boolean][] = [
      ['nothing changes', closed, closed, false],
      ['public stays public', secure(true), secure({ read: true }), false],
      [
        'writers change, readers do not',
        secure({ read: true, write: ['u1'] }),
        secure({ read: true }),
        false,
      ],
      ['a writer becomes a reader', secure({ write: ['u1'] }), secure({ read: ['u1'] }), false],
      ['a reader more', secure({ read: ['u1'] }), secure({ read: ['u1', 'u2'] }), false],
      ['opening', closed, secure({ read: true }), false],
      ['opening to those with a password', closed, secure({ read: true }, { passwordRole: 'p' }), false],
      ['a password that goes', secure(true, { passwordRole: 'p' }), secure(true), false],
      ['a reader less', secure({ read: ['u1', 'u2'] }), secure({ read: ['u1'] }), true],
      ['a reader by name less', secure({ read: ['u1', 'u2'] }), secure({ read: ['u2'] }), true],
      ['one reader for another', secure({ read: ['u1'] }), secure({ read: ['u2'] }), true],
      ['closing', secure({ read: true }), closed, true],
      ['from everyone to a list', secure({ read: true }), secure({ read: ['u1'] }), true],
      ['a password that comes', secure({ read: true }), secure({ read: true }, { passwordRole: 'p' }), true],
      ['another password', secure(true, { passwordRole: 'p' }), secure(true, { passwordRole: 'q' }), true],
      ['a user who is gone', secure({ read: ['u1'] }), secure({ read: ['u1'] }, { users: new Map() }), true],
      [
        'the owner by name no more',
        secure(undefined, { owner: { names: ['o'], roles: ['owner'] } }),
        closed,
        true,
      ],
      ['from admins only, opening', ADMIN_ONLY, secure({ read: true }), false],
      ['from admins only, to the owner', ADMIN_ONLY, closed, false],
      ['the server’s admins, who need no list', ADMIN_ONLY, { ...closed, admins: everyone }, false],
      [
        'from a new database',
        { admins: { roles: ['_admin'] }, members: { roles: ['_admin'] } },
        closed,
        false,
      ],
      ['from no security, which is public', {}, closed, true],
      ['from no members, which is public', { admins: ADMIN_ONLY.admins }, closed, true],
      ['from members without lists', { members: {} }, closed, true],
      ['from empty members', { members: { names: [], roles: [] } }, closed, true],
      ['from no security to public', {}, secure(true), false],
      ['from names without roles', { members: { names: ['joe'] } }, closed, true],
      ['from roles without names', { members: { roles: ['owner'] } }, closed, false],
      [
        'from an admin of the database',
        { ...closed, admins: { names: ['dba'], roles: ['_admin'] } },
        closed,
        true,
      ],
      ['from readers, the old word', { readers: { roles: ['owner'] } }, closed, false],
      ['from readers beside empty members', { members: {}, readers: { roles: ['owner'] } }, closed, true],
    ]
    for (const [what, before, after, expected] of table)
      it(`${what}: ${String(expected)}`, () => assert.equal(narrowsReading(before, after), expected))

    it('is true exactly where somebody could read who cannot any more', () => {
      const NAMES = ['a', 'b', 'owner', '__proto__']
      const ROLES = ['a', 'b', 'owner', '_admin']
      const grants = fc.record(
        {
          names: fc.uniqueArray(fc.constantFrom(...NAMES)),
          roles: fc.uniqueArray(fc.constantFrom(...ROLES)),
        },
        { requiredKeys: [] },
      ) as fc.Arbitrary<Partial<Grants>>
      const found = fc.record(
        { admins: grants, members: grants, readers: grants },
        { requiredKeys: [] },
      ) as fc.Arbitrary<FoundSecurity>
      const ours = fc.oneof(
        wishes.map((wish) => secure(wish)),
        fc.record({ names: fc.subarray(NAMES), roles: fc.subarray(ROLES) }).map((members) => ({
          ...ADMIN_ONLY,
          members,
          writers: members,
        })),
      )
      // Everybody there could be, by one name or one role alone: who has more can do what one of these can.
      const people = [
        ANONYMOUS,
        person('stranger', 'strange'),
        ...[...NAMES, 'u2', 'u3'].map((name) => person(name)),
        ...[...ROLES, 'hash1', 'hash3', 'hash4'].map((role) => person('stranger', role)),
      ]
      fc.assert(
        fc.property(fc.oneof(found, ours), ours, (before, after) => {
          const losers = people.filter((one) => couchLetsRead(before, one) && !couchLetsRead(after, one))
          assert.equal(narrowsReading(before, after), losers.length > 0, JSON.stringify(losers))
        }),
        { numRuns: 2000 },
      )
    })
  })
})
