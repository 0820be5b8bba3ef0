// Names in `access` on CouchDB: who is meant, as what they stand, and what they and everybody else may then do.
import assert from 'node:assert/strict'
import { request } from 'node:http'
import { namesIn, parseAccess } from '../../../src/shares/model/access.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { install } from '../../../src/skeletons/install.ts'
import { createLogger } from '../../../src/log.ts'
import { readSkeleton } from '../../../src/skeletons/folder.ts'
import { AccountIndex } from '../../../src/users/account-index.ts'
import {
  displayName,
  ownerGrants,
  resolveNames,
  type NamedUser,
  type Directory,
} from '../../../src/users/directory.ts'
import { SKELETON, type Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'
import { basic } from '../../support/visitor.ts'
import { shareSecurity, type ShareSecurity } from '../../../src/shares/model/security.ts'

const PASSWORD = 'secret'
const hex = (name: string): string => Buffer.from(name, 'utf8').toString('hex')
const asRoles = (...roles: string[]): NamedUser => ({ grants: { names: [], roles }, owners: roles })
const asName = (name: string, ...owners: string[]): NamedUser => ({
  grants: { names: [name], roles: [] },
  owners,
})

/** Users and databases of one test, under a mark of its own; they go with it. */
class Accounts {
  readonly #space: Space
  readonly #made: string[] = []

  constructor(space: Space) {
    this.#space = space
  }

  /** A name that no other test has. */
  mark(name: string): string {
    return `${name}-${this.#space.prefix.slice(0, 7)}`
  }

  /** Creates users of these names and roles. */
  async add(users: Record<string, string[]>, password?: string): Promise<void> {
    const docs = Object.entries(users).map(([name, roles]) => ({
      _id: `org.couchdb.user:${name}`,
      type: 'user',
      name,
      roles,
      ...(password === undefined ? {} : { password }),
    }))
    const answers = await this.#space.couch.database('_users').bulk(docs)
    for (const { id, ok } of answers) if (ok) this.#made.push(id)
    for (const written of answers) assert(written.ok, JSON.stringify(written))
  }

  async remove(): Promise<void> {
    const users = this.#space.couch.database('_users')
    const rows = await users.fetch(this.#made, { includeDocs: false })
    await users.bulk(rows.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true })))
  }
}

/** Installs the daemon's views, runs the test, and takes its users out of `_users`. */
async function withPeople(space: Space, test: (people: Accounts) => Promise<void>): Promise<void> {
  await install(space.couch, await readSkeleton(SKELETON), createLogger({ level: 'silent', pretty: false }))
  const people = new Accounts(space)
  try {
    await test(people)
  } finally {
    await people.remove()
  }
}

const lookup = ({ couch, config }: Space): Directory => ({
  ...{ couch, accounts: new AccountIndex(couch) },
  users: config.userDatabases,
})

/** With all accounts read, as a daemon has them. */
async function warm(space: Space): Promise<Directory> {
  const known = lookup(space)
  await known.accounts.rolesOf([])
  return known
}

const resolve = (space: Space, names: string[]): Promise<Map<string, NamedUser>> =>
  resolveNames(lookup(space), names)

onEachServer(
  'names of users',
  ({ it }) => {
    it('stand as roles where they have a user database by one (Hoodie)', (space) =>
      withPeople(space, async (people) => {
        const [joe, jim, jane] = ['joe', 'jim', 'jane'].map((name) => people.mark(name)) as [
          string,
          string,
          string,
        ]
        await Promise.all(['hash-joe', 'hash-jane'].map((owner) => space.user(owner).create()))
        await people.add({
          [`user/${joe}`]: ['hash-joe', 'staff'],
          [`user/${jim}`]: ['hash-jim'],
          [jane]: ['hash-jane'],
        })
        const found = await resolve(space, [
          joe,
          `user/${joe}`,
          jim,
          jane,
          `user/${jane}`,
          people.mark('none'),
        ])
        assert.deepEqual(
          found,
          new Map([
            [joe, asRoles('hash-joe')],
            [`user/${joe}`, asRoles('hash-joe')],
            // The role is nobody's hash: there is no such database.
            [jim, asName(`user/${jim}`)],
            [jane, asRoles('hash-jane')],
          ]),
        )
      }))

    it(
      'stand as roles that say what they are, where ACCOUNT_ROLE does (Hoodie since 2016)',
      (space) =>
        withPeople(space, async (people) => {
          const [joe, jim] = ['joe', 'jim'].map((name) => people.mark(name)) as [string, string]
          await Promise.all(['abc', 'xyz'].map((owner) => space.user(owner).create()))
          // Whoever has a role that is called as a database is not its owner for that.
          await people.add({ [joe]: ['id:abc', 'user', 'xyz'], [jim]: ['xyz'] })
          assert.deepEqual(
            await resolve(space, [joe, jim]),
            new Map([
              [joe, { grants: { names: [], roles: ['id:abc'] }, owners: ['abc'] }],
              [jim, asName(jim)],
            ]),
          )
          assert.deepEqual(await ownerGrants(lookup(space), 'abc'), { names: [], roles: ['id:abc'] })
          assert.equal(await displayName(lookup(space), 'abc'), joe)
          assert.equal(await displayName(lookup(space), 'xyz'), null)
        }),
      { accountRole: 'id:{id}' },
    )

    it(
      'stand as names where the database is called after them (couch_peruser)',
      (space) =>
        withPeople(space, async (people) => {
          const [joe, umlaut, homeless] = ['joe', 'jöe ☃ 🦄', 'homeless'].map((name) =>
            people.mark(name),
          ) as [string, string, string]
          await Promise.all([joe, umlaut].map((name) => space.user(hex(name)).create()))
          await people.add({ [joe]: ['staff'], [umlaut]: [], [homeless]: [] })
          assert.deepEqual(
            await resolve(space, [joe, umlaut, homeless, hex(joe)]),
            new Map([
              [joe, asName(joe, hex(joe))],
              [umlaut, asName(umlaut, hex(umlaut))],
              [homeless, asName(homeless)],
            ]),
          )
          assert.deepEqual(await ownerGrants(lookup(space), hex(umlaut)), {
            names: [umlaut],
            roles: [hex(umlaut)],
          })
          assert.equal(await displayName(lookup(space), hex(umlaut)), umlaut)
        }),
      { template: (prefix) => `${prefix}userdb-{id}` },
    )

    it('mean one user where two match: the whole name, unless only the other stands as a role', (space) =>
      withPeople(space, async (people) => {
        const [plain, taken, both, chain] = ['plain', 'taken', 'both', 'chain'].map((name) =>
          people.mark(name),
        ) as [string, string, string, string]
        const databases = ['hash-taken', 'hash-one', 'hash-two']
        await Promise.all(databases.map((owner) => space.user(owner).create()))
        await people.add({
          // Chosen by somebody else, to be meant when `plain` is.
          [plain]: [],
          [`user/${plain}`]: [],
          // Chosen by somebody else, to be meant instead of the user with the hash.
          [taken]: ['staff'],
          [`user/${taken}`]: ['hash-taken'],
          [both]: ['hash-one'],
          [`user/${both}`]: ['hash-two'],
          [`user/user/${chain}`]: [],
        })
        assert.deepEqual(
          await resolve(space, [plain, `user/${plain}`, taken, both, `user/${both}`, chain, `user/${chain}`]),
          new Map([
            [plain, asName(plain)],
            [`user/${plain}`, asName(`user/${plain}`)],
            [taken, asRoles('hash-taken')],
            [both, asRoles('hash-one')],
            [`user/${both}`, asRoles('hash-two')],
            [`user/${chain}`, asName(`user/user/${chain}`)],
          ]),
        )
      }))

    it('are compared by every character', (space) =>
      withPeople(space, async (people) => {
        const joe = people.mark('joe')
        const impostors = [
          `${joe}\u200b`,
          `\u00ad${joe}`,
          `${joe}\u0000`,
          `user/\u200d${joe}`,
          joe.toUpperCase(),
        ]
        await people.add(Object.fromEntries(impostors.map((name) => [name, []])))
        const known = await warm(space)
        const before = space.couch.requests
        assert.deepEqual(await resolveNames(known, [joe, joe.normalize('NFD')]), new Map())
        assert.equal(space.couch.requests - before, 1, 'Expected no look at the databases of others')

        const accented = people.mark('é')
        await people.add({ [joe]: [], [accented.normalize('NFD')]: [] })
        assert.deepEqual(
          await resolve(space, [joe, accented.normalize('NFC')]),
          new Map([[joe, asName(joe)]]),
        )
        assert.deepEqual(
          await resolve(space, impostors.slice(0, 1)),
          new Map([[`${joe}\u200b`, asName(`${joe}\u200b`)]]),
        )
      }))

    it('may be odd', (space) =>
      withPeople(space, async (people) => {
        const odd = [
          'x__proto__',
          'constructor',
          'A B',
          '"\\',
          '☃',
          '\u0001',
          'a/b',
          '..',
          'org.couchdb.user',
          '🦄',
        ]
        const long = people.mark('x'.repeat(500))
        const names = [...odd.map((name) => people.mark(name)), long]
        await people.add(Object.fromEntries(names.map((name) => [name, []])))
        const nobodys = [
          '__proto__',
          'constructor',
          'toString',
          '_admin',
          '\ud800',
          `half ${'🦄'.charAt(0)}`,
          'user/',
          ' ',
        ]
        assert.deepEqual(
          await resolve(space, [...names, ...nobodys]),
          new Map(names.map((name) => [name, asName(name)])),
        )
      }))

    it('do not stand as roles that are no owner’s', (space) =>
      withPeople(space, async (people) => {
        const joe = people.mark('joe')
        const account = people.mark('share-abc')
        const { userDatabases } = space.config
        await space.user('_metrics').create()
        await space.couch.database(`${userDatabases.database('joe')}/$shares`).create()
        await people.add({
          [joe]: ['_metrics', 'joe/$shares', 'NOT LEGAL', '', '../x', 'ü', 'x'.repeat(1000)],
          // An account made for the password of a share.
          [account]: ['share/abc/0123456789abcdef'],
        })
        assert.deepEqual(
          await resolve(space, [joe, account]),
          new Map([
            [joe, asName(joe)],
            [account, asName(account)],
          ]),
        )
      }))

    it('do not stand as roles that a group has, beside one of their own', (space) =>
      withPeople(space, async (people) => {
        const [joe, jim, phone, tablet] = ['joe', 'jim', 'phone', 'tablet'].map((name) =>
          people.mark(name),
        ) as [string, string, string, string]
        const mark = people.mark('role')
        await Promise.all(['joe', 'team', 'two'].map((owner) => space.user(mark + owner).create()))
        await people.add({
          [joe]: [`${mark}team`, `${mark}joe`],
          [jim]: [`${mark}team`, 'staff'],
          // Two accounts of one user database.
          [phone]: [`${mark}two`],
          [tablet]: [`${mark}two`],
        })
        assert.deepEqual(
          await resolve(space, [joe, jim, phone, tablet]),
          new Map([
            [joe, asRoles(`${mark}joe`)],
            [jim, asRoles(`${mark}team`)],
            [phone, asRoles(`${mark}two`)],
            [tablet, asRoles(`${mark}two`)],
          ]),
        )
      }))

    it('gain nothing by being somebody’s hash in hex', (space) =>
      withPeople(space, async (people) => {
        const thief = people.mark('thief')
        const joe = people.mark('user/joe')
        await space.user(hex(thief)).create()
        await people.add({ [joe]: [hex(thief)], [thief]: [] })
        // Whose database it is cannot be told: nobody gets more than what the name alone gives.
        assert.deepEqual(
          await resolve(space, [joe, thief]),
          new Map([
            [joe, asName(joe)],
            [thief, asName(thief)],
          ]),
        )
        assert.deepEqual(await ownerGrants(lookup(space), hex(thief)), { names: [], roles: [hex(thief)] })
        assert.equal(await displayName(lookup(space), hex(thief)), joe.slice('user/'.length))

        const own = people.mark('own')
        await space.user(hex(own)).create()
        await people.add({ [own]: [hex(own)] })
        assert.deepEqual(await resolve(space, [own]), new Map([[own, asRoles(hex(own))]]))
      }))

    it('are found anew after every change of users and databases', (space) =>
      withPeople(space, async (people) => {
        const name = people.mark('joe')
        const hash = people.mark('hash')
        assert.deepEqual(await resolve(space, [name]), new Map())
        await people.add({ [name]: [hash] })
        assert.deepEqual(await resolve(space, [name]), new Map([[name, asName(name)]]))
        await space.user(hash).create()
        assert.deepEqual(await resolve(space, [name]), new Map([[name, asRoles(hash)]]))
        await space.user(hash).drop()
        assert.deepEqual(await resolve(space, [name]), new Map([[name, asName(name)]]))
        await people.remove()
        assert.deepEqual(await resolve(space, [name]), new Map())
      }))

    it('take a bounded number of requests, a thousand of them', (space) =>
      withPeople(space, async (people) => {
        const { couch } = space
        const names = Array.from({ length: 1000 }, (_, at) => people.mark(`user/many${at}`))
        const hashOf = (at: number): string => people.mark(`hash${at}`)
        const there = 300
        const housed = 30
        await Promise.all(Array.from({ length: housed }, (_, at) => space.user(hashOf(at)).create()))
        await people.add(
          Object.fromEntries(names.slice(0, there).map((name, at) => [name, [hashOf(at), 'all']])),
        )

        const known = await warm(space)
        const before = couch.requests
        const found = await resolveNames(known, [...names, ...names])
        const candidates = there * 2 + 1
        assert.equal(couch.requests - before, 2 + Math.ceil(candidates / 100))
        assert.deepEqual([...found.keys()], names.slice(0, there))
        for (const [at, name] of names.slice(0, there).entries())
          assert.deepEqual(found.get(name), at < housed ? asRoles(hashOf(at)) : asName(name), name)
      }))

    it('are not asked for where there are none', async (space) => {
      const before = space.couch.requests
      assert.deepEqual(await resolve(space, []), new Map())
      assert.deepEqual(await resolve(space, ['\ud800']), new Map())
      assert.equal(space.couch.requests, before)
      await withPeople(space, () => Promise.resolve())
    })

    it('are told to others without their prefix, and owners always stand as a role', (space) =>
      withPeople(space, async (people) => {
        const mark = people.mark('hash')
        const [joe, ann] = [people.mark('joe'), people.mark('ann')]
        await people.add({ [`user/${joe}`]: [mark], [ann]: [`${mark}-two`], [joe]: [`${mark}-two`] })
        assert.equal(await displayName(lookup(space), mark), joe)
        assert.equal(await displayName(lookup(space), `${mark}-two`), ann)
        assert.equal(await displayName(lookup(space), `${mark}-none`), null)
        assert.equal(await displayName(lookup(space), hex(`user/${joe}`)), joe)
        assert.deepEqual(await ownerGrants(lookup(space), mark), { names: [], roles: [mark] })
        assert.deepEqual(await ownerGrants(lookup(space), `${mark}-none`), {
          names: [],
          roles: [`${mark}-none`],
        })
        assert.deepEqual(await ownerGrants(lookup(space), hex(`user/${joe}`)), {
          names: [`user/${joe}`],
          roles: [hex(`user/${joe}`)],
        })
      }))
  },
  { kinds: ['couchdb'] },
)

/** What CouchDB answers to somebody; `who` is null for nobody. */
function ask(
  { server }: Space,
  who: string | null,
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<{ status: number; reason: string; rev: string }> {
  const authorization = basic(who ?? '', PASSWORD)
  return new Promise((resolve, reject) => {
    const sent = request(
      `${server.url}/${path}`,
      { method, headers: { ...(who === null ? {} : { authorization }), ...headers } },
      (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          const { reason = '', rev = '' } = JSON.parse(Buffer.concat(chunks).toString()) as Record<
            string,
            string
          >
          resolve({ status: answer.statusCode ?? 0, reason, rev })
        })
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

onEachServer(
  'access to a share',
  ({ it }) => {
    const MOST_BYTES = 500
    const FORBIDDEN = 403

    /** A database with a share's design documents, and the security that `access` gives with the users of a test. */
    async function open(
      space: Space,
      people: Accounts,
    ): Promise<{
      path: string
      joe: string
      jim: string
      ann: string
      set: (access: unknown, passwordRole?: string) => Promise<void>
      put: (who: string | null, doc: Doc | string) => Promise<number>
      get: (who: string | null) => Promise<number>
    }> {
      const [joe, jim, ann, owner] = ['joe', 'jim', 'ann', 'owner'].map((name) => people.mark(name)) as [
        string,
        string,
        string,
        string,
      ]
      const hash = people.mark('hash')
      await Promise.all([hash, owner].map((id) => space.user(id).create()))
      await people.add({ [`user/${joe}`]: [hash], [jim]: [], [ann]: ['staff'] }, PASSWORD)
      const name = `${space.prefix}share`
      const database = space.couch.database(name)
      await database.create(1)
      await database.bulk((await readSkeleton(SKELETON)).get('share')?.designDocuments ?? [])
      const path = encodeURIComponent(name)
      let at = 0
      return {
        path,
        joe: `user/${joe}`,
        jim,
        ann,
        set: async (access, passwordRole) => {
          const request = parseAccess(access)
          assert(request.kind === 'valid')
          const users = await resolve(space, namesIn(request.access))
          const security: ShareSecurity = shareSecurity({
            owner: await ownerGrants(lookup(space), owner),
            access: request.access,
            users: new Map([...users].map(([user, { grants }]) => [user, grants])),
            passwordRole: passwordRole ?? null,
            publicMostBytes: MOST_BYTES,
          })
          await database.putSecurity({ ...security })
        },
        put: async (who, doc) => {
          at += 1
          const body = typeof doc === 'string' ? doc : JSON.stringify(doc)
          const id = typeof doc === 'string' ? `${name}/${at}` : doc._id
          return (await ask(space, who, 'PUT', `${path}/${encodeURIComponent(id)}`, { body })).status
        },
        get: async (who) => (await ask(space, who, 'GET', `${path}/_all_docs`)).status,
      }
    }

    it('is what the table says, for users by role and by name, and for nobody', (space) =>
      withPeople(space, async (people) => {
        const { joe, jim, ann, set, put, get } = await open(space, people)
        const short = joe.slice('user/'.length)
        const table: [unknown, readers: (string | null)[], writers: (string | null)[]][] = [
          [undefined, [], []],
          [true, [joe, jim, ann, null], [joe, jim, ann, null]],
          [{ read: true }, [joe, jim, ann, null], []],
          [{ read: [short] }, [joe], []],
          [{ write: [jim] }, [jim], [jim]],
          [{ read: true, write: [short] }, [joe, jim, ann, null], [joe]],
          [{ read: [short], write: [jim] }, [joe, jim], [jim]],
          [{ read: ['nobody'] }, [], []],
        ]
        for (const [access, readers, writers] of table) {
          await set(access)
          for (const who of [joe, jim, ann, null]) {
            const what = `${JSON.stringify(access)} for ${who ?? 'nobody'}`
            const refused = who === null ? 401 : FORBIDDEN
            assert.equal(await get(who), readers.includes(who) ? 200 : refused, `read ${what}`)
            assert.equal(await put(who, '{}'), writers.includes(who) ? 201 : refused, `write ${what}`)
          }
        }
      }))

    it('is those with the password’s role, where a public share has one', (space) =>
      withPeople(space, async (people) => {
        const { joe, jim, ann, set, put, get } = await open(space, people)
        for (const [access, write] of [
          [{ read: true }, FORBIDDEN],
          [true, 201],
        ] as const) {
          await set(access, 'staff')
          assert.deepEqual(
            [await get(ann), await get(jim), await get(joe), await get(null)],
            [200, 403, 403, 401],
          )
          assert.deepEqual(
            [await put(ann, '{}'), await put(jim, '{}'), await put(null, '{}')],
            [write, 403, 401],
          )
        }
      }))

    it('is for small documents where everyone may write', (space) =>
      withPeople(space, async (people) => {
        const { path, joe, jim, set, put } = await open(space, people)
        const prefix = `${space.prefix}share/`
        const small = JSON.stringify({ text: '☃'.repeat(120) })
        const large = JSON.stringify({ text: '☃'.repeat(180) })
        assert(large.length < MOST_BYTES, 'Expected it to be small in characters')
        await set({ write: true })
        for (const who of [jim, null]) {
          assert.equal(await put(who, small), 201)
          assert.equal(await put(who, large), FORBIDDEN)
          assert.equal(await put(who, { _id: 'elsewhere' }), FORBIDDEN)
          assert.equal(await put(who, { _id: `${prefix}_design/x` }), FORBIDDEN)
          assert.equal(await put(who, { _id: `${prefix}x`, $shares: {} }), FORBIDDEN)
          assert.equal(await put(who, `{"a": {"__proto__": "${'x'.repeat(600)}"}}`), FORBIDDEN)
          assert.equal(await put(who, '{"a": {"__proto__": "x"}}'), 201)
        }
        // A long history is no reason, and a deletion is a write.
        const id = `${path}/${encodeURIComponent(`${prefix}history`)}`
        let rev = ''
        for (let edit = 0; edit < 30; edit += 1)
          ({ rev } = await ask(space, jim, 'PUT', rev === '' ? id : `${id}?rev=${rev}`, {
            body: `{"at":${edit}}`,
          }))
        assert.match(rev, /^30-/)
        assert.equal((await ask(space, null, 'DELETE', `${id}?rev=${rev}`)).status, 200)

        await set({ read: true, write: [joe] })
        assert.equal(await put(joe, large), 201)
      }))

    it('counts attachments where everyone may write, and asks for their length', (space) =>
      withPeople(space, async (people) => {
        const { path, joe, jim, set } = await open(space, people)
        const document = (name: string): string =>
          `${path}/${encodeURIComponent(`${space.prefix}share/${name}`)}`
        const inline = (length: number): string =>
          JSON.stringify({
            _attachments: {
              'a.txt': { content_type: 'text/plain', data: Buffer.alloc(length).toString('base64') },
            },
          })
        const multipart = (
          attachment: object,
          length: number,
        ): { body: Buffer; headers: Record<string, string> } => ({
          body: Buffer.concat([
            Buffer.from('--b\r\ncontent-type: application/json\r\n\r\n'),
            Buffer.from(JSON.stringify({ _attachments: { a: { follows: true, ...attachment } } })),
            Buffer.from('\r\n--b\r\n\r\n'),
            Buffer.alloc(length, 'x'),
            Buffer.from('\r\n--b--'),
          ]),
          headers: { 'content-type': 'multipart/related; boundary="b"' },
        })
        const plain = { body: 'hello', headers: { 'content-type': 'text/plain' } }

        await set(true)
        assert.equal((await ask(space, jim, 'PUT', document('1'), { body: inline(100) })).status, 201)
        const large = await ask(space, jim, 'PUT', document('2'), { body: inline(500) })
        assert.equal(large.status, FORBIDDEN)
        assert.match(large.reason, /This document has \d+ bytes\./)
        const parts = await ask(space, jim, 'PUT', document('3'), multipart({ length: 100 }, 100))
        assert.equal(parts.status, 201)
        const largeParts = await ask(space, jim, 'PUT', document('4'), multipart({ length: 600 }, 600))
        assert.equal(largeParts.status, FORBIDDEN)
        for (const alone of [
          await ask(space, jim, 'PUT', `${document('5')}/a.txt`, plain),
          await ask(space, null, 'PUT', `${document('6')}/a.txt`, plain),
          await ask(space, jim, 'PUT', document('7'), multipart({}, 100)),
        ]) {
          assert.equal(alone.status, FORBIDDEN)
          assert.match(alone.reason, /came without its length/)
        }
        // What is there already is counted as well when the document is edited.
        const edit = JSON.stringify({
          _rev: parts.rev,
          text: 'x'.repeat(350),
          _attachments: { a: { stub: true, length: 1 } },
        })
        assert.equal((await ask(space, jim, 'PUT', document('3'), { body: edit })).status, FORBIDDEN)

        await set({ read: true, write: [joe] })
        assert.equal((await ask(space, joe, 'PUT', `${document('8')}/a.txt`, plain)).status, 201)
      }))
  },
  { kinds: ['couchdb'] },
)
