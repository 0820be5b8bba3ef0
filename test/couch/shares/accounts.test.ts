// The accounts of shares with a password on a real CouchDB: who gets in over HTTP, and what CouchDB itself does to them at a login.
import assert from 'node:assert/strict'
import { setTimeout as delay } from 'node:timers/promises'
import type { StoredDoc } from '../../../src/couch/document.ts'
import { CHECKPOINTS, REGISTRY } from '../../../src/documents/names.ts'
import {
  accountDoc,
  accountDocumentId,
  isInForce,
  PRFS,
  type PasswordAccount,
  type Prf,
} from '../../../src/shares/model/password.ts'
import {
  accountState,
  derive,
  ensureAccount,
  readHashing,
  removeAccount,
  verifyPassword,
} from '../../../src/shares/perform/accounts.ts'
import { withSettings } from '../../support/server-settings.ts'
import type { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'

const PASSWORD = 'open sesame'
/** How long CouchDB may take to write an account anew after a login; it does that for a name every 5 s at most. */
const REHASH_MS = 1_500

/** Databases that a space looks through at its end, on a server that may never have seen a daemon. */
const TIDIED = [REGISTRY, CHECKPOINTS, '_replicator']

interface Answer {
  status: number
  name: string | null
  roles: string[]
  cookie: string
}

/** Asks who one is, or logs in, by whatever headers. */
async function session(space: Space, init: RequestInit): Promise<Answer> {
  const answer = await fetch(`${space.server.url}/_session`, init)
  type Told = Partial<Answer> & { userCtx?: Partial<Answer> }
  const told = (await answer.json()) as Told
  const { name = null, roles = [] } = told.userCtx ?? told
  const cookie = answer.headers.get('set-cookie')?.split(';')[0] ?? ''
  return { status: answer.status, name, roles, cookie }
}

const asUser = (name: string, password: string): Record<string, string> => ({
  authorization: basic(name, password),
})

const byBasic = (space: Space, { name }: PasswordAccount, password: string): Promise<Answer> =>
  session(space, { headers: asUser(name, password) })

const bySession = (space: Space, { name }: PasswordAccount, password: string): Promise<Answer> =>
  session(space, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  })

const byCookie = (space: Space, cookie: string): Promise<Answer> => session(space, { headers: { cookie } })

/** CouchDB holds accounts in memory until it hears of a change. */
const untilOpen = (space: Space, account: PasswordAccount, password: string): Promise<void> =>
  space.until(
    'the password is in force',
    async () => (await byBasic(space, account, password)).status === 200,
  )

const untilShut = (space: Space, account: PasswordAccount, password: string): Promise<void> =>
  space.until(
    'the password is shut out',
    async () => (await byBasic(space, account, password)).status === 401,
  )

async function assertIn(space: Space, account: PasswordAccount, password: string): Promise<string> {
  const expected = { status: 200, name: account.name, roles: [account.role] }
  const { cookie: _, ...first } = await byBasic(space, account, password)
  assert.deepEqual(first, expected)
  const { cookie, ...second } = await bySession(space, account, password)
  assert.deepEqual(second, expected)
  const { cookie: _again, ...third } = await byCookie(space, cookie)
  assert.deepEqual(third, expected)
  return cookie
}

async function assertOut(space: Space, account: PasswordAccount, password: string): Promise<void> {
  assert.equal((await byBasic(space, account, password)).status, 401)
  assert.equal((await bySession(space, account, password)).status, 401)
}

const users = (space: Space) => space.couch.database('_users')

async function stored(space: Space, { name }: PasswordAccount): Promise<StoredDoc> {
  const doc = await users(space).get(accountDocumentId(name), { conflicts: true })
  assert(doc, `Expected ${name} in _users`)
  return doc
}

/** Runs a test, and deletes all accounts of the space's shares. */
async function cleanly(space: Space, test: () => Promise<void>): Promise<void> {
  for (const name of ['_users', ...TIDIED]) await space.couch.database(name).create()
  try {
    await test()
  } finally {
    const start = accountDocumentId(`share-${space.shareId()}`)
    const rows = await users(space).range({ startKey: start, endKey: `${start}\ufff0` })
    const leaves = await users(space).leaves(rows.map(({ id }) => ({ id })))
    const live = leaves.filter(({ _deleted }) => _deleted !== true)
    await users(space).bulk(live.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })))
  }
}

/** Runs a test with an account that is in place. */
const withAccount = (space: Space, test: (account: PasswordAccount) => Promise<void>): Promise<void> =>
  cleanly(space, async () => {
    const account = await derive(space.shareId(), PASSWORD, null, await readHashing(space.couch))
    assert.equal(await ensureAccount(space.couch, account, false), 'in place')
    await test(account)
  })

/** Runs a test where users may read and change their own documents of `_users`, which CouchDB 3 by default keeps to admins. */
const withOpenUsers = (space: Space, test: () => Promise<void>): Promise<void> =>
  withSettings(space, { 'couchdb/users_db_security_editable': 'true' }, async () => {
    const before = await users(space).security()
    try {
      await users(space).putSecurity({ ...before, members: { names: [], roles: [] } })
      await test()
    } finally {
      await users(space).putSecurity(before)
    }
  })

/** Writes `_users` as the holder of an account. */
async function asHolder(
  space: Space,
  { name }: PasswordAccount,
  docs: object[],
  { newEdits = true } = {},
): Promise<void> {
  const answer = await fetch(`${space.server.url}/_users/_bulk_docs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...asUser(name, PASSWORD) },
    body: JSON.stringify({ docs, new_edits: newEdits }),
  })
  const told = await answer.text()
  assert.equal(answer.status, 201, told)
  assert(!told.includes('error'), told)
}

/** Asserts that the account is restored as it was, once. */
async function assertRestored(space: Space, account: PasswordAccount): Promise<void> {
  assert.notEqual(await accountState(space.couch, account), 'in force')
  assert.equal(await ensureAccount(space.couch, account, true), 'in place')
  const { _rev, ...content } = await stored(space, account)
  assert.deepEqual(content, accountDoc(account))
  assert.equal(await ensureAccount(space.couch, account, true), 'in place')
  assert.equal((await stored(space, account))._rev, _rev, 'nothing is written the second time')
  await untilOpen(space, account, PASSWORD)
  await assertIn(space, account, PASSWORD)
}

onEachServer(
  'accounts of shares with a password',
  ({ it }) => {
    it('let in those who know the password, and nobody else', (space) =>
      withAccount(space, async (account) => {
        await assertIn(space, account, PASSWORD)
        // Not more: five wrong ones lock an account.
        for (const other of ['', 'open sesame ']) await assertOut(space, account, other)
        const database = space.couch.database(`${space.prefix}members`)
        await database.create()
        const roles = [account.role]
        await database.putSecurity({
          admins: { names: [], roles: ['_admin'] },
          members: { names: [], roles },
        })
        const url = `${space.server.url}/${encodeURIComponent(database.name)}`
        assert.equal((await fetch(url, { headers: asUser(account.name, PASSWORD) })).status, 200)
        assert.equal((await fetch(url)).status, 401)
        await database.putSecurity({ members: { names: [], roles: [`${account.role}0`] } })
        assert.equal((await fetch(url, { headers: asUser(account.name, PASSWORD) })).status, 403)
      }))

    it('stay as they were written by default, whoever logs in', (space) =>
      withAccount(space, async (account) => {
        const { _rev, ...content } = await stored(space, account)
        assert.deepEqual(content, accountDoc(account))
        await assertIn(space, account, PASSWORD)
        await delay(REHASH_MS)
        assert.equal((await stored(space, account))._rev, _rev)
        for (const isOurs of [true, false])
          assert.equal(await ensureAccount(space.couch, account, isOurs), 'in place')
        assert.equal((await stored(space, account))._rev, _rev)
      }))

    it('take passwords for the bytes that CouchDB takes them for', (space) =>
      withSettings(space, { 'chttpd_auth/iterations': '1000' }, () =>
        cleanly(space, async () => {
          const hashing = await readHashing(space.couch)
          const [composed, decomposed] = ['é'.normalize('NFC'), 'é'.normalize('NFD')]
          for (const password of [
            'x',
            'a:b',
            ' ',
            'pässwörd ☃ 😀',
            composed,
            decomposed,
            '"\\\n',
            'x'.repeat(1000),
            '☃'.repeat(1000),
          ]) {
            const what = JSON.stringify(password.slice(0, 20))
            const account = await derive(space.shareId(), password, null, hashing)
            await ensureAccount(space.couch, account, false)
            assert.equal((await byBasic(space, account, password)).status, 200, what)
            assert.equal((await bySession(space, account, password)).status, 200, what)
            // CouchDB's own key of the same password, as the daemon checks it.
            await users(space).bulk([{ ...(await stored(space, account)), password }])
            const { salt, derived_key: derivedKey, iterations } = await stored(space, account)
            assert.notEqual(salt, account.salt)
            const theirs = { ...account, salt, derivedKey, iterations } as PasswordAccount
            assert(await verifyPassword(theirs, password), what)
            assert(!(await verifyPassword(theirs, `${password}x`)), what)
          }
          const account = await derive(space.shareId(), composed, null, hashing)
          await ensureAccount(space.couch, account, false)
          await assertOut(space, account, decomposed)
          assert(!(await verifyPassword(account, decomposed)))
        }),
      ))

    it('take a new password in place of the old, and end old sessions', (space) =>
      withAccount(space, async (before) => {
        const cookie = await assertIn(space, before, PASSWORD)
        const after = await derive(space.shareId(), 'another', before, await readHashing(space.couch))
        assert.equal(after.name, before.name)
        assert.equal(await ensureAccount(space.couch, after, true), 'in place')
        await untilOpen(space, after, 'another')
        await assertIn(space, after, 'another')
        await assertOut(space, after, PASSWORD)
        assert.equal((await byCookie(space, cookie)).name, null)
      }))

    it('are gone when they are removed, sessions and all', (space) =>
      withAccount(space, async (account) => {
        const cookie = await assertIn(space, account, PASSWORD)
        await removeAccount(space.couch, account)
        assert.equal(await users(space).get(accountDocumentId(account.name)), null)
        await untilShut(space, account, PASSWORD)
        await assertOut(space, account, PASSWORD)
        assert.equal((await byCookie(space, cookie)).name, null)
        const [before] = await users(space).fetch([accountDocumentId(account.name)])
        await removeAccount(space.couch, account)
        const [after] = await users(space).fetch([accountDocumentId(account.name)])
        assert.deepEqual(after, before)
      }))

    it('hold nothing of the clear text in CouchDB', (space) =>
      withAccount(space, async (account) => {
        await assertIn(space, account, PASSWORD)
        const leaves = await users(space).leaves([{ id: accountDocumentId(account.name) }])
        assert(!JSON.stringify([leaves, account]).includes('sesame'))
      }))

    it('of somebody else are left alone', (space) =>
      withAccount(space, async (mine) => {
        const account = await derive(space.shareId(), 'another', null, await readHashing(space.couch))
        const { name } = account
        const theirs = { _id: accountDocumentId(name), type: 'user', name, roles: [], password: PASSWORD }
        assert((await users(space).put(theirs)).ok)
        const { _rev } = await stored(space, account)
        assert.equal(await accountState(space.couch, account), 'foreign')
        assert.equal(await ensureAccount(space.couch, account, false), 'foreign')
        await removeAccount(space.couch, account)
        assert.equal((await stored(space, account))._rev, _rev)
        assert.deepEqual((await byBasic(space, account, PASSWORD)).roles, [])
        assert.equal(await accountState(space.couch, mine), 'in force')
      }))

    it('are restored when their holder has put another password in force', (space) =>
      withAccount(space, (account) =>
        withOpenUsers(space, async () => {
          const { derived_key: _, ...doc } = await stored(space, account)
          await asHolder(space, account, [{ ...doc, password: 'hijacked', email: 'x' }])
          await untilOpen(space, account, 'hijacked')
          await untilShut(space, account, PASSWORD)
          await assertRestored(space, account)
          await assertOut(space, account, 'hijacked')
        }),
      ))

    it('are restored when their holder has put in a key by hand, under the same salt', (space) =>
      withAccount(space, (account) =>
        withOpenUsers(space, async () => {
          await asHolder(space, account, [
            { ...(await stored(space, account)), derived_key: 'ab'.repeat(32) },
          ])
          await assertRestored(space, account)
          await asHolder(space, account, [{ ...(await stored(space, account)), iterations: 7 }])
          await assertRestored(space, account)
        }),
      ))

    it('are restored when their holder has deleted them, and when somebody has taken the name since', (space) =>
      withAccount(space, (account) =>
        withOpenUsers(space, async () => {
          const { _id, _rev } = await stored(space, account)
          await asHolder(space, account, [{ _id, _rev, _deleted: true }])
          await untilShut(space, account, PASSWORD)
          await assertRestored(space, account)
          const again = await stored(space, account)
          await asHolder(space, account, [{ _id, _rev: again._rev, _deleted: true }])
          await untilShut(space, account, PASSWORD)
          const { name } = account
          const squatter = { _id, type: 'user', name, roles: [], password: 'hijacked' }
          const headers = { 'content-type': 'application/json' }
          const body = JSON.stringify(squatter)
          const url = `${space.server.url}/_users/${encodeURIComponent(_id)}`
          assert.equal((await fetch(url, { method: 'PUT', headers, body })).status, 201)
          await untilOpen(space, account, 'hijacked')
          assert.equal(await accountState(space.couch, account), 'foreign')
          await assertRestored(space, account)
          await assertOut(space, account, 'hijacked')
        }),
      ))

    it('are restored when their holder has shut everybody out', (space) =>
      withAccount(space, (account) =>
        withOpenUsers(space, async () => {
          const doc = await stored(space, account)
          await asHolder(space, account, [{ ...doc, totp: { key: 'MZXW6YTBOI======' } }])
          await untilShut(space, account, PASSWORD)
          await assertRestored(space, account)

          const { _rev, ...content } = doc
          const rivals = [`9-${'a'.repeat(32)}`, `1-${'b'.repeat(32)}`]
          const conflicts = rivals.map((rev) => ({ ...content, roles: [], _rev: rev }))
          await asHolder(space, account, conflicts, { newEdits: false })
          await untilShut(space, account, PASSWORD)
          assert.equal((await stored(space, account))._conflicts?.length, 2)
          await assertRestored(space, account)
        }),
      ))

    it('go with the conflicts that their holder made', (space) =>
      withAccount(space, (account) =>
        withOpenUsers(space, async () => {
          const conflict = { ...accountDoc(account), roles: [], _rev: `9-${'a'.repeat(32)}` }
          await asHolder(space, account, [conflict], { newEdits: false })
          await removeAccount(space.couch, account)
          assert.equal(await users(space).get(accountDocumentId(account.name)), null)
        }),
      ))

    for (const prf of Object.keys(PRFS) as Prf[])
      it(`are made as the server makes its own with ${prf}, and stay as they are`, (space) =>
        withSettings(space, { 'chttpd_auth/iterations': '1234', 'chttpd_auth/pbkdf2_prf': prf }, () =>
          withAccount(space, async (account) => {
            const before = await stored(space, account)
            assert.equal(before['iterations'], 1234)
            assert.equal(before['pbkdf2_prf'], prf)
            await assertIn(space, account, PASSWORD)
            await delay(REHASH_MS)
            assert.deepEqual(await stored(space, account), before)
          }),
        ))

    const later: [string, Record<string, string>][] = [
      ['other iterations', { 'chttpd_auth/iterations': '1000' }],
      ['SHA-1 and 10 iterations', { 'chttpd_auth/iterations': '10', 'chttpd_auth/pbkdf2_prf': 'sha' }],
      ['another function', { 'chttpd_auth/pbkdf2_prf': 'sha512', 'chttpd_auth/iterations': '1000' }],
      ['the old scheme', { 'chttpd_auth/password_scheme': 'simple' }],
    ]
    for (const [what, settings] of later)
      it(`are left alone where CouchDB writes them anew for ${what}, and restored from anything else`, (space) =>
        withAccount(space, async (account) => {
          const cookie = await assertIn(space, account, PASSWORD)
          const { _rev } = await stored(space, account)
          await withSettings(space, settings, async () => {
            assert.equal(await accountState(space.couch, account), 'in force')
            await byBasic(space, account, PASSWORD)
            await space.until(
              'CouchDB has written the account anew',
              async () => (await stored(space, account))._rev !== _rev,
            )
            const anew = await stored(space, account)
            assert(!isInForce(anew, account))
            assert.equal(anew['salt'], account.salt)
            for (const isOurs of [true, false])
              assert.equal(await ensureAccount(space.couch, account, isOurs), 'in place')
            assert.equal((await stored(space, account))._rev, anew._rev, 'there is no fight')
            await assertIn(space, account, PASSWORD)
            assert.equal((await byCookie(space, cookie)).name, account.name, 'sessions go on')
            await assertOut(space, account, 'another')

            // A password that the holder puts in force by the ordinary way has another salt.
            await users(space).bulk([{ ...(await stored(space, account)), password: 'hijacked' }])
            await untilOpen(space, account, 'hijacked')
            assert.equal(await accountState(space.couch, account), 'changed')
            assert.equal(await ensureAccount(space.couch, account, true), 'in place')
            await untilOpen(space, account, PASSWORD)
            await assertOut(space, account, 'hijacked')
          })
        }))

    it('are restored in a form that CouchDB does not write itself', (space) =>
      withSettings(space, { 'chttpd_auth/upgrade_hash_on_auth': 'false' }, () =>
        withAccount(space, (account) =>
          withSettings(space, { 'chttpd_auth/iterations': '1000' }, async () => {
            await assertIn(space, account, PASSWORD)
            await delay(REHASH_MS)
            const doc = await stored(space, account)
            assert(isInForce(doc, account))
            await users(space).bulk([{ ...doc, iterations: 1000 }])
            await assertRestored(space, account)
          }),
        ),
      ))
  },
  { kinds: ['couchdb'] },
)
