// The accounts of shares with a password, on a server in memory: keys and settings, what is written, and what is left alone.
import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { CouchFault, type FaultCode } from '../../../../src/couch/fault.ts'
import type { Doc } from '../../../../src/couch/document.ts'
import {
  accountDoc,
  accountDocumentId,
  isInForce,
  type PasswordAccount,
} from '../../../../src/shares/model/password.ts'
import { isAccountName } from '../../../../src/documents/account-name.ts'
import {
  accountState,
  derive,
  ensureAccount,
  readHashing,
  removeAccount,
  verifyPassword,
} from '../../../../src/shares/perform/accounts.ts'
import { MemoryCouch } from '../../../support/memory-couch.ts'

const QUICK = { prf: 'sha256', iterations: 10 } as const

/** A server with `_users`, a version and settings, each as `<section>/<key>`. */
class Server extends MemoryCouch {
  version = '3.5.0'
  settings: Record<string, string> = {}
  /** What happens where a setting is asked for that is not there. */
  missing: FaultCode = 'not_found'
  /** Settings that were asked for. */
  readonly asked: string[] = []

  constructor() {
    super()
    this.create('_users')
  }

  server(): Promise<{ couchdb: string; version: string }> {
    return Promise.resolve({ couchdb: 'Welcome', version: this.version })
  }

  override request<T>({ path }: { path: string[] }): Promise<T> {
    const key = path.slice(3).join('/')
    this.asked.push(key)
    const value = this.settings[key]
    if (value === undefined) return Promise.reject(new CouchFault(this.missing, 'GET', 'no such setting'))
    return Promise.resolve(value as T)
  }

  get users() {
    const users = this.databases.get('_users')
    assert(users)
    return users
  }

  /** The live document of an account, without its revision. */
  stored(account: PasswordAccount): Record<string, unknown> | null {
    const doc = this.users.read(accountDocumentId(account.name))
    if (doc === null) return null
    const { _rev, ...content } = doc
    return content
  }

  /** Changes the document as its holder does. */
  change(account: PasswordAccount, change: object): void {
    const doc = this.users.read(accountDocumentId(account.name))
    assert(doc)
    assert(this.users.write({ ...doc, ...change }).ok)
  }
}

const made = async (): Promise<{ server: Server; account: PasswordAccount }> => {
  const server = new Server()
  const account = await derive('milk', 'open sesame', null, QUICK)
  assert.equal(await ensureAccount(server.asCouch(), account, false), 'in place')
  server.writes.length = 0
  return { server, account }
}

describe('shares/perform/accounts', () => {
  describe('derived keys', () => {
    it('give a first account a name, a role and a salt of its own', async () => {
      const one = await derive('milk', 'p', null, QUICK)
      const other = await derive('milk', 'p', null, QUICK)
      for (const { name, role, salt } of [one, other]) {
        assert(isAccountName(name))
        assert.equal(role, `share/milk/${name.slice('share-milk-'.length)}`)
        assert.match(salt, /^[0-9a-f]{32}$/)
        assert(!name.includes(salt), 'the name tells the salt')
      }
      for (const key of ['name', 'role', 'salt', 'derivedKey'] as const) assert.notEqual(one[key], other[key])
    })

    it('leave name and role to a later password, with another salt', async () => {
      const before = await derive('milk', 'p', null, QUICK)
      const after = await derive('milk', 'p', before, { prf: 'sha512', iterations: 20 })
      assert.deepEqual([after.name, after.role], [before.name, before.role])
      assert.notEqual(after.salt, before.salt)
      assert.equal(after.iterations, 20)
      assert.equal(after.derivedKey.length, 128)
    })

    for (const [prf, digest, bytes] of [
      ['sha', 'sha1', 20],
      ['sha224', 'sha224', 28],
      ['sha256', 'sha256', 32],
      ['sha384', 'sha384', 48],
      ['sha512', 'sha512', 64],
    ] as const)
      it(`are those of ${digest}, of the bytes of password and salt`, async () => {
        const account = await derive('milk', 'pä😀', null, { prf, iterations: 7 })
        const password = Buffer.from('pä😀', 'utf8')
        const salt = Buffer.from(account.salt, 'latin1')
        assert.equal(account.derivedKey, pbkdf2Sync(password, salt, 7, bytes, digest).toString('hex'))
        assert(await verifyPassword(account, 'pä😀'))
        assert(!(await verifyPassword(account, 'pä')))
      })

    it('hold nothing of the clear text', async () => {
      const account = await derive('milk', 'open sesame', null, QUICK)
      for (const form of ['open sesame', Buffer.from('open sesame').toString('hex')])
        assert(!JSON.stringify([account, accountDoc(account)]).includes(form))
    })

    it('let no other password pass', async () => {
      const account = await derive('milk', 'é', null, QUICK)
      assert(await verifyPassword(account, 'é'.normalize('NFC')))
      for (const other of ['', 'e', 'É', 'é ', 'é'.normalize('NFD'), account.derivedKey])
        assert(!(await verifyPassword(account, other)), JSON.stringify(other))
    })

    for (const derivedKey of ['', 'ab', 'zz'.repeat(32), 'ab'.repeat(33), `${'ab'.repeat(31)}zz`])
      it(`let nobody pass by the key ${derivedKey.slice(0, 8)} of ${derivedKey.length}`, async () => {
        const account = await derive('milk', 'p', null, QUICK)
        for (const password of ['', 'p'])
          assert(!(await verifyPassword({ ...account, derivedKey }, password)))
      })
  })

  describe('the server’s hashing', () => {
    const now = { scheme: 'pbkdf2', prf: 'sha256', iterations: 600_000, rehashes: true }
    const old = { scheme: 'pbkdf2', prf: 'sha', iterations: 10, rehashes: false }
    const cases: [string, string, Record<string, string>, object][] = [
      ['by default', '3.5.0', {}, now],
      ['by default in 3.4', '3.4.0', {}, now],
      ['by default in a later major version', '4.0.1', {}, now],
      ['by default in 3.10', '3.10.0', {}, now],
      ['by default of a vendor', '3.5.1+vendor', {}, now],
      ['by default in 3.3', '3.3.3', {}, old],
      ['by default in 3.0', '3.0.0', {}, old],
      ['by default on the embedded server', '3.0.0-embedded', {}, old],
      [
        'as set',
        '3.5.0',
        { 'chttpd_auth/iterations': '1000', 'chttpd_auth/pbkdf2_prf': 'sha512' },
        { ...now, iterations: 1000, prf: 'sha512' },
      ],
      [
        'as set in the old section',
        '3.5.0',
        { 'couch_httpd_auth/iterations': '1000' },
        { ...now, iterations: 1000 },
      ],
      [
        'as set in both sections',
        '3.5.0',
        { 'chttpd_auth/iterations': '2000', 'couch_httpd_auth/iterations': '1000' },
        { ...now, iterations: 2000 },
      ],
      ['with blanks around', '3.5.0', { 'chttpd_auth/iterations': ' 1000 ' }, { ...now, iterations: 1000 }],
      ['without sense', '3.5.0', { 'chttpd_auth/iterations': '1e3', 'chttpd_auth/pbkdf2_prf': 'md5' }, now],
      ['with no iterations', '3.5.0', { 'chttpd_auth/iterations': '0' }, now],
      ['with a function of Object.prototype', '3.5.0', { 'chttpd_auth/pbkdf2_prf': 'constructor' }, now],
      [
        'by the old scheme',
        '3.5.0',
        { 'chttpd_auth/password_scheme': 'simple' },
        { ...now, scheme: 'simple' },
      ],
      [
        'never at a login',
        '3.5.0',
        { 'chttpd_auth/upgrade_hash_on_auth': 'false' },
        { ...now, rehashes: false },
      ],
      [
        'as set in 3.3, which knows one function',
        '3.3.3',
        { 'chttpd_auth/iterations': '1000', 'chttpd_auth/pbkdf2_prf': 'sha512' },
        { ...old, iterations: 1000 },
      ],
    ]
    for (const [what, version, settings, expected] of cases)
      it(what, async () => {
        const server = Object.assign(new Server(), { version, settings })
        assert.deepEqual(await readHashing(server.asCouch()), expected)
      })

    it('is asked for setting by setting, never for a section with its secret', async () => {
      const server = new Server()
      await readHashing(server.asCouch())
      const keys = new Set(server.asked.map((key) => key.split('/')[1]))
      assert.deepEqual([...keys].sort(), [
        'iterations',
        'password_scheme',
        'pbkdf2_prf',
        'upgrade_hash_on_auth',
      ])
    })

    for (const code of ['not_found', 'forbidden', 'unauthorized', 'bad_request'] as const)
      it(`has its defaults where the answer is ${code}`, async () =>
        assert.deepEqual(await readHashing(Object.assign(new Server(), { missing: code }).asCouch()), now))

    for (const code of ['unreachable', 'timeout', 'server_error', 'stopped'] as const)
      it(`is not guessed where the answer is ${code}`, () =>
        assert.rejects(readHashing(Object.assign(new Server(), { missing: code }).asCouch()), { code }))
  })

  describe('an account', () => {
    it('is written once', async () => {
      const server = new Server()
      const account = await derive('milk', 'p', null, QUICK)
      assert.equal(await accountState(server.asCouch(), account), 'changed')
      for (const isOurs of [false, true, false])
        assert.equal(await ensureAccount(server.asCouch(), account, isOurs), 'in place')
      assert.deepEqual(server.writes, [`_users org.couchdb.user:${account.name}`])
      assert.deepEqual(server.stored(account), accountDoc(account))
      assert.equal(await accountState(server.asCouch(), account), 'in force')
      assert.deepEqual(server.asked, [], 'settings are asked for where they matter')
    })

    it('is written over by a new password', async () => {
      const { server, account } = await made()
      const after = await derive('milk', 'another', account, QUICK)
      assert.equal(await ensureAccount(server.asCouch(), after, true), 'in place')
      assert.deepEqual(server.stored(after), accountDoc(after))
      assert.equal(server.writes.length, 1)
    })

    const changes: [string, object][] = [
      ['a new password', { salt: 'x', derived_key: 'cd'.repeat(32) }],
      ['a new password under the same salt', { derived_key: 'cd'.repeat(32) }],
      ['a new password with other iterations', { derived_key: 'cd'.repeat(32), iterations: 1 }],
      ['no key', { derived_key: undefined }],
      ['another scheme', { password_scheme: 'simple', password_sha: 'f' }],
      ['a second factor', { totp: { key: 'x' } }],
      ['more roles', { roles: ['share/milk/x', 'x'] }],
    ]
    for (const [what, change] of changes)
      it(`is restored from ${what}`, async () => {
        const { server, account } = await made()
        server.settings = { 'chttpd_auth/iterations': '10' }
        server.change(account, change)
        server.writes.length = 0
        assert.equal(await ensureAccount(server.asCouch(), account, true), 'in place')
        assert.deepEqual(server.stored(account), accountDoc(account))
        assert.equal(await ensureAccount(server.asCouch(), account, true), 'in place')
        assert.equal(server.writes.length, 1)
      })

    it('is restored from its deletion', async () => {
      const { server, account } = await made()
      server.change(account, { _deleted: true })
      assert.equal(await accountState(server.asCouch(), account), 'changed')
      for (const isOurs of [true, false]) {
        assert.equal(await ensureAccount(server.asCouch(), account, isOurs), 'in place')
        assert.deepEqual(server.stored(account), accountDoc(account))
        server.change(account, { _deleted: true })
      }
    })

    it('is restored from conflicts, whichever leaf wins', async () => {
      for (const [generation, hash] of [
        [9, 'f'],
        [1, '0'],
      ]) {
        const { server, account } = await made()
        const conflict: Doc = { ...accountDoc(account), roles: [], _rev: `${generation}-${hash}` }
        server.users.merge(conflict)
        assert.notEqual(await accountState(server.asCouch(), account), 'in force')
        assert.equal(await ensureAccount(server.asCouch(), account, true), 'in place')
        const leaves = server.users.trees.get(accountDocumentId(account.name))?.leaves() ?? []
        assert.equal(leaves.filter(({ body }) => body?._deleted !== true).length, 1)
        assert(isInForce(server.users.read(accountDocumentId(account.name)), account))
      }
    })

    it('is left to CouchDB in the form that its settings ask for now', async () => {
      const { server, account } = await made()
      server.settings = { 'chttpd_auth/iterations': '20' }
      server.change(account, { iterations: 20, derived_key: 'cd'.repeat(32) })
      server.writes.length = 0
      assert.equal(await accountState(server.asCouch(), account), 'in force')
      assert.equal(await ensureAccount(server.asCouch(), account, true), 'in place')
      assert.deepEqual(server.writes, [])
    })

    it('keeps attributes that CouchDB does not look at', async () => {
      const { server, account } = await made()
      server.change(account, { email: 'x' })
      server.writes.length = 0
      assert.equal(await ensureAccount(server.asCouch(), account, true), 'in place')
      assert.deepEqual(server.writes, [])
    })

    it('leaves another’s account alone, unless the registry says that it is ours', async () => {
      const server = new Server()
      const account = await derive('milk', 'p', null, QUICK)
      const foreign = { ...accountDoc(account), roles: [] }
      server.users.write(foreign)
      server.writes.length = 0
      assert.equal(await accountState(server.asCouch(), account), 'foreign')
      assert.equal(await ensureAccount(server.asCouch(), account, false), 'foreign')
      await removeAccount(server.asCouch(), account)
      assert.deepEqual(server.stored(account), foreign)
      assert.deepEqual(server.writes, [])
      assert.equal(await ensureAccount(server.asCouch(), account, true), 'in place')
      assert.deepEqual(server.stored(account), accountDoc(account))
    })

    it('is found again by its role where the registry had no time to note it', async () => {
      const { server, account } = await made()
      server.change(account, { derived_key: 'x' })
      assert.equal(await ensureAccount(server.asCouch(), account, false), 'in place')
      assert.deepEqual(server.stored(account), accountDoc(account))
    })

    it('goes, with its conflicts, and then nothing is written', async () => {
      const { server, account } = await made()
      server.users.merge({ ...accountDoc(account), roles: [], _rev: '9-f' })
      await removeAccount(server.asCouch(), account)
      assert.equal(server.stored(account), null)
      server.writes.length = 0
      await removeAccount(server.asCouch(), account)
      assert.deepEqual(server.writes, [])
    })

    it('that never was need not go', async () => {
      const server = new Server()
      await removeAccount(server.asCouch(), await derive('milk', 'p', null, QUICK))
      assert.deepEqual(server.writes, [])
    })

    it('is looked at again where its holder is faster, and not for ever', async () => {
      const { server, account } = await made()
      const after = await derive('milk', 'another', account, QUICK)
      let races = 3
      server.onWrite = () => {
        if (races-- > 0) server.change(account, { race: races })
      }
      assert.equal(await ensureAccount(server.asCouch(), after, true), 'in place')
      assert.deepEqual(server.stored(after), accountDoc(after))
      races = Infinity
      const fault = { name: 'CouchFault', code: 'server_error' }
      await assert.rejects(ensureAccount(server.asCouch(), account, true), fault)
      await assert.rejects(removeAccount(server.asCouch(), account), fault)
    })

    it('fails without a word of the password where the server refuses it', async () => {
      const server = new Server()
      const account = await derive('milk', 'open sesame', null, QUICK)
      server.users.write = ({ _id }) => ({ id: _id, ok: false, error: 'forbidden', reason: 'no' })
      await assert.rejects(ensureAccount(server.asCouch(), account, false), (error: CouchFault) => {
        assert.equal(error.code, 'forbidden')
        const told = JSON.stringify([error, error.message, error.stack])
        for (const secret of ['sesame', account.derivedKey, account.salt]) assert(!told.includes(secret))
        return true
      })
    })
  })
})
