// Passwords of shares by tables: what may be one, which accounts are the daemon's, and which documents of `_users` are in order.
import assert from 'node:assert/strict'
import {
  accountDoc,
  accountDocumentId,
  accountName,
  accountRole,
  carriesRole,
  isInForce,
  isRehashed,
  parsePassword,
  prfOf,
  shownPassword,
  type Hashing,
  type PasswordAccount,
} from '../../../../src/shares/model/password.ts'
import { isAccountDatabaseOwner, isAccountName } from '../../../../src/documents/account-name.ts'

const RANDOM = '0123456789abcdef0123456789abcdef'
const SECRET = 'a secret that nobody may read'

const account: PasswordAccount = {
  name: accountName('milk-0000', RANDOM),
  role: accountRole('milk-0000', RANDOM),
  salt: 'salt',
  derivedKey: 'ab'.repeat(32),
  iterations: 600_000,
}

const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex')

describe('shares/model/password', () => {
  describe('what a `password` asks for', () => {
    for (const value of [undefined, null])
      it(`none by ${String(value)}`, () => assert.deepEqual(parsePassword(value), { kind: 'none' }))

    for (const password of ['x', ' ', 'null', '0', 'ä', '\u0000', SECRET, 'a'.repeat(1000), '__proto__'])
      it(`a new one by a text of ${password.length}: ${JSON.stringify(password.slice(0, 10))}`, () =>
        assert.deepEqual(parsePassword(password), { kind: 'new', password }))

    it('the one in force by what the daemon wrote in its place', () => {
      const shown = shownPassword(account)
      assert.deepEqual(shown, { set: true, name: account.name })
      assert.deepEqual(parsePassword(shown), { kind: 'kept', name: account.name })
      assert.deepEqual(parsePassword({ name: 'any', set: true }), { kind: 'kept', name: 'any' })
    })

    const bad: [string, unknown, string][] = [
      ['an empty text', '', 'an empty text'],
      ['1001 characters', 'a'.repeat(1001), 'a text of 1001 characters'],
      ['a million characters', 'a'.repeat(1e6), 'a text of 1000000 characters'],
      ['true', true, 'a boolean'],
      ['false', false, 'a boolean'],
      ['0', 0, 'a number'],
      ['a number', 123456, 'a number'],
      ['a list', [SECRET], 'an array'],
      ['an empty list', [], 'an array'],
      ['an object', { password: SECRET }, 'an object'],
      ['{}', {}, 'an object'],
      ['no name', { set: true }, 'an object'],
      ['a name that is none', { set: true, name: 1 }, 'an object'],
      ['set: false', { set: false, name: SECRET }, 'an object'],
      ['set: 1', { set: 1, name: SECRET }, 'an object'],
      ['set alone of Object.prototype', { name: SECRET }, 'an object'],
      ['a new text beside', { set: true, name: SECRET, password: SECRET }, 'an object'],
    ]
    for (const [what, value, found] of bad)
      it(`nothing that can be by ${what}`, () => {
        const wish = parsePassword(value)
        assert(wish.kind === 'malformed')
        assert.equal(wish.problem.code, 'invalid_password')
        assert(wish.problem.reason.endsWith(`got ${found}.`), wish.problem.reason)
        assert(!JSON.stringify(wish).includes('secret'))
        assert(!JSON.stringify(wish).includes('123456'))
      })
  })

  describe('accounts', () => {
    it('have a name, and a role that is the hash of no user database', () => {
      assert.equal(account.name, `share-milk-0000-${RANDOM}`)
      assert.equal(account.role, `share/milk-0000/${RANDOM}`)
      assert.equal(accountDocumentId('joe'), 'org.couchdb.user:joe')
    })

    for (const share of ['a', '0', 'milk-0000', 'a_b', 'a'.repeat(100), RANDOM, `x-${RANDOM}`, 'share-'])
      it(`are known by their names, for ${share.slice(0, 20)}`, () => {
        const name = accountName(share, RANDOM)
        assert(isAccountName(name))
        assert(isAccountDatabaseOwner(hex(name)))
      })

    it('leave couch_peruser room for the name of a database, which has 238 characters at most', () => {
      for (const length of [1, 64, 65, 100]) {
        const share = 'm'.repeat(length)
        assert(`userdb-${hex(accountName(share, RANDOM))}`.length <= 238 - 20, String(length))
        assert.equal(accountRole(share, RANDOM), `share/${share}/${RANDOM}`)
      }
      assert.equal(accountName('m'.repeat(64), RANDOM), `share-${'m'.repeat(64)}-${RANDOM}`)
      assert.equal(accountName('m'.repeat(65), RANDOM), `share-${'m'.repeat(64)}-${RANDOM}`)
    })

    const others = [
      '',
      'joe',
      'share-',
      'share-milk',
      RANDOM,
      `share-${RANDOM}`,
      `share--${RANDOM}`,
      `share-_x-${RANDOM}`,
      `share-MILK-${RANDOM}`,
      `share-milk-${RANDOM.toUpperCase()}`,
      `share-milk-${RANDOM.slice(1)}`,
      `share-milk-${RANDOM.slice(1)}g`,
      `share-milk-${RANDOM}0x`,
      `share-milk-${RANDOM}\n`,
      ` share-milk-${RANDOM}`,
      `xshare-milk-${RANDOM}`,
      `share/milk/${RANDOM}`,
      `share-mi/lk-${RANDOM}`,
      `share-mi\nlk-${RANDOM}`,
      `share-milk\n-${RANDOM}`,
      `share-${'a'.repeat(101)}-${RANDOM}`,
    ]
    for (const name of others)
      it(`are not called ${JSON.stringify(name.slice(0, 60))}`, () => {
        assert(!isAccountName(name))
        assert(!isAccountDatabaseOwner(hex(name)))
      })

    const mine = hex(account.name)
    const hashes: [string, string][] = [
      ['nothing', ''],
      ['the name itself', account.name],
      ['capitals', mine.toUpperCase()],
      ['an odd digit more', `${mine}0`],
      ['another letter behind', `${mine}zz`],
      ['a slash behind', `${mine}/`],
      ['the first half', mine.slice(0, mine.length / 2)],
      ['a user’s hash', 'hash567'],
      ['a user’s name', hex('user/joe@example.com')],
    ]
    for (const [what, hash] of hashes)
      it(`own no user database called after ${what}`, () => assert(!isAccountDatabaseOwner(hash)))
  })

  describe('the document of an account', () => {
    it('is what CouchDB stores', () =>
      assert.deepEqual(accountDoc(account), {
        _id: `org.couchdb.user:share-milk-0000-${RANDOM}`,
        type: 'user',
        name: `share-milk-0000-${RANDOM}`,
        roles: [`share/milk-0000/${RANDOM}`],
        password_scheme: 'pbkdf2',
        pbkdf2_prf: 'sha256',
        salt: 'salt',
        iterations: 600_000,
        derived_key: 'ab'.repeat(32),
      }))

    for (const [length, prf] of [
      [40, 'sha'],
      [56, 'sha224'],
      [64, 'sha256'],
      [96, 'sha384'],
      [128, 'sha512'],
    ] as const)
      it(`says ${prf} by a key of ${length} digits`, () => {
        const derivedKey = 'a'.repeat(length)
        assert.equal(prfOf({ derivedKey }), prf)
        assert.equal(accountDoc({ ...account, derivedKey }).pbkdf2_prf, prf)
      })

    for (const length of [0, 20, 32, 63, 65, 256])
      it(`knows no function for a key of ${length} digits`, () =>
        assert.equal(prfOf({ derivedKey: 'a'.repeat(length) }), null))
  })

  const stored = { ...accountDoc(account), _rev: '1-a' }

  describe('is in force', () => {
    const good: [string, Record<string, unknown>][] = [
      ['as written', stored],
      ['in a later revision', { ...stored, _rev: '7-b' }],
      ['with attributes of somebody’s', { ...stored, email: 'x', admin: true, password_sha: 'f' }],
      ['with no conflicts', { ...stored, _conflicts: [] }],
      ['with an attachment', { ...stored, _attachments: { a: { stub: true } } }],
    ]
    for (const [what, doc] of good) it(what, () => assert(isInForce(doc, account)))

    const { pbkdf2_prf: _, ...withoutPrf } = stored
    const bad: [string, Record<string, unknown> | null][] = [
      ['where nothing is', null],
      ['deleted', { ...stored, _deleted: true }],
      ['with a conflict', { ...stored, _conflicts: ['1-b'] }],
      ['with another key', { ...stored, derived_key: 'cd'.repeat(32) }],
      ['with the key in capitals', { ...stored, derived_key: 'AB'.repeat(32) }],
      ['with another salt', { ...stored, salt: 'pepper' }],
      ['with other iterations', { ...stored, iterations: 1 }],
      ['with iterations as text', { ...stored, iterations: '600000' }],
      ['with another function', { ...stored, pbkdf2_prf: 'sha512' }],
      ['with the function null', { ...stored, pbkdf2_prf: null }],
      ['with SHA-1, by saying nothing', withoutPrf],
      ['by another scheme', { ...stored, password_scheme: 'simple', password_sha: 'f' }],
      ['with a second factor', { ...stored, totp: { key: 'x' } }],
      ['with a second factor that is null', { ...stored, totp: null }],
      ['without roles', { ...stored, roles: [] }],
      ['with a second role', { ...stored, roles: [account.role, 'other'] }],
      ['with another role', { ...stored, roles: [accountRole('milk-0000', 'f'.repeat(32))] }],
      ['with the role as text', { ...stored, roles: account.role }],
      ['under another name', { ...stored, name: 'joe' }],
      ['as something else than a user', { ...stored, type: 'robot' }],
    ]
    for (const [what, doc] of bad) it(`not ${what}`, () => assert(!isInForce(doc, account)))

    it('not by what it inherits', () =>
      assert(!isInForce(Object.create(stored) as never, { ...account, salt: 'x' })))
  })

  describe('was rehashed by the server', () => {
    const hashing: Hashing = { scheme: 'pbkdf2', prf: 'sha512', iterations: 1000, rehashes: true }
    const rehashed = { ...stored, pbkdf2_prf: 'sha512', iterations: 1000, derived_key: 'cd'.repeat(64) }
    const same: Hashing = { scheme: 'pbkdf2', prf: 'sha256', iterations: 600_000, rehashes: true }
    const simple: Hashing = { ...same, scheme: 'simple' }
    const { derived_key: _key, pbkdf2_prf: _prf, iterations: _iterations, ...rest } = stored
    const simply = { ...rest, password_scheme: 'simple', password_sha: 'f' }

    const good: [string, Record<string, unknown>, Hashing][] = [
      ['in the form of the settings', rehashed, hashing],
      ['with attributes of somebody’s', { ...rehashed, email: 'x' }, hashing],
      ['with other iterations alone', { ...stored, iterations: 1000 }, { ...same, iterations: 1000 }],
      [
        'with fewer of them, and a weaker function',
        { ...stored, pbkdf2_prf: 'sha', iterations: 10, derived_key: 'cd'.repeat(20) },
        { ...same, prf: 'sha', iterations: 10 },
      ],
      ['by the old scheme', simply, simple],
    ]
    for (const [what, doc, settings] of good)
      it(what, () => {
        assert(isRehashed(doc, account, settings))
        assert(!isInForce(doc, account))
      })

    const bad: [string, Record<string, unknown>, Hashing][] = [
      ['where it never does that', rehashed, { ...hashing, rehashes: false }],
      ['where the account has the form of the settings', { ...stored, derived_key: 'cd'.repeat(32) }, same],
      ['in another form than that of the settings', rehashed, { ...hashing, iterations: 1001 }],
      ['with another function than that of the settings', rehashed, { ...hashing, prf: 'sha384' }],
      ['where the settings are still those of the account', rehashed, same],
      ['with another salt', { ...rehashed, salt: 'pepper' }, hashing],
      ['with a key of another length', { ...rehashed, derived_key: 'cd'.repeat(32) }, hashing],
      ['without a key', { ...rehashed, derived_key: undefined }, hashing],
      ['with another role', { ...rehashed, roles: ['other'] }, hashing],
      ['with a conflict', { ...rehashed, _conflicts: ['1-b'] }, hashing],
      ['with a second factor', { ...rehashed, totp: {} }, hashing],
      ['deleted', { ...rehashed, _deleted: true }, hashing],
      ['by the old scheme, which is not set', simply, same],
      ['by the new scheme where the old is set', rehashed, simple],
      ['by the old scheme without its key', { ...simply, password_sha: undefined }, simple],
      ['by the old scheme with another salt', { ...simply, salt: 'pepper' }, simple],
    ]
    for (const [what, doc, settings] of bad)
      it(`not ${what}`, () => assert(!isRehashed(doc, account, settings)))
  })

  it('is known by its role, whatever else stands there', () => {
    assert(carriesRole({ roles: ['other', account.role] }, account))
    for (const roles of [undefined, null, [], ['other'], account.role, { 0: account.role }])
      assert(!carriesRole({ ...stored, roles }, account), JSON.stringify(roles))
  })
})
