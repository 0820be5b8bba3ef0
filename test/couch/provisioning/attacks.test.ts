// Users who try to reach what is not theirs: real ones, with passwords, over HTTP, at a master and its personal databases.
// CouchDB only: what the embedded server says of access counts for nothing.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { decodeJson } from '../../../src/documents/json.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc, StoredDoc } from '../../../src/couch/document.ts'
import { CHECKPOINTS, PROVISIONING, REGISTRY } from '../../../src/documents/names.ts'
import {
  claimId,
  provisionedUserId,
  provisionDocumentId,
} from '../../../src/provisioning/provisioned-user.ts'
import { userDocumentId } from '../../../src/users/user-document.ts'
import { loadPouch } from '../../support/device.ts'
import {
  ask,
  Feed,
  logIn,
  pathOf,
  removeUsers,
  signUp,
  type Answer,
  type Person,
} from '../../support/logins.ts'
import type { Server } from '../../support/servers.ts'
import { Space } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

/** Ten thousand roles are looked for one by one: on a machine with much else to do that takes minutes. */
const MEMBER_PATIENCE_MS = 240_000

interface Rejected {
  document: string
  code: string
}

/** A user with a personal database. */
class Member {
  readonly person: Person
  readonly name: string
  readonly personal: Database
  readonly #server: Server

  constructor(server: Server, person: Person, personal: Database) {
    this.#server = server
    this.person = person
    this.name = person.name ?? ''
    this.personal = personal
  }

  ask(method: string, where: string, body?: unknown): Promise<Answer> {
    return ask(this.#server, this.person, method, where, body)
  }

  /** A request for a document of the personal database. */
  at(method: string, id: string, body?: unknown, query = ''): Promise<Answer> {
    return this.ask(method, `${pathOf(this.personal.name, id)}${query}`, body)
  }

  /** Writes over what is there, signed, as an application does. @returns the status */
  async write(id: string, attributes: object): Promise<number> {
    const there = await this.at('GET', id)
    const _rev = there.status === 200 ? (JSON.parse(there.text) as StoredDoc)._rev : undefined
    return (await this.at('PUT', id, { updated_by: this.name, ...attributes, ...(_rev ? { _rev } : {}) }))
      .status
  }

  /** Pushes revisions with histories of one's own choice, as a replicator does. @returns the refusals */
  async push(...docs: object[]): Promise<{ id: string; error: string; reason: string }[]> {
    const { status, text } = await this.ask('POST', `${pathOf(this.personal.name)}/_bulk_docs`, {
      docs,
      new_edits: false,
    })
    assert.equal(status, 201)
    return JSON.parse(text) as { id: string; error: string; reason: string }[]
  }
}

/** A hash as a revision has it, made of anything. */
const hash = (text: string): string => createHash('md5').update(text).digest('hex')

/** The parts of a revision that is there, for a history that names it. */
function partsOf(rev: string): [generation: number, hash: string] {
  const [generation = '', name = ''] = rev.split('-')
  return [Number(generation), name]
}

/** A revision made of nothing, or of one that is named. */
function forged(
  attributes: Record<string, unknown> & { _id: string },
  over: string | number,
  salt = '',
): object {
  const made = hash(JSON.stringify([attributes, over, salt]))
  const [generation, parent] = typeof over === 'string' ? partsOf(over) : [over - 1, null]
  return {
    ...attributes,
    _rev: `${generation + 1}-${made}`,
    _revisions: { start: generation + 1, ids: parent === null ? [made] : [made, parent] },
  }
}

/** One master, two domains with a user each, and a daemon. */
class Stage {
  readonly space: Space
  readonly master: Database
  readonly cdrs: Database
  /** The domains of Anna and of Ben. */
  readonly x: string
  readonly y: string
  anna!: Member
  ben!: Member
  #works = 0

  private constructor(server: Server) {
    const space = new Space(server, 'attacks')
    this.space = space
    const slug = space.prefix.slice(0, 7)
    ;[this.x, this.y] = [`x.${slug}`, `y.${slug}`]
    this.master = space.couch.database(`${slug}-master`)
    this.cdrs = space.couch.database(`${slug}-cdrs`)
    space.config.masters = [
      { database: this.master.name, kind: 'provisioning' },
      { database: this.cdrs.name, kind: 'cdrs' },
    ]
  }

  static async open(server: Server): Promise<Stage> {
    const stage = new Stage(server)
    try {
      await stage.#open()
    } catch (error) {
      await stage.space.stop()
      throw error
    }
    return stage
  }

  async #open(): Promise<void> {
    await this.master.create(1)
    await this.cdrs.create(1)
    await this.space.start()
    const slug = this.space.prefix.slice(0, 7)
    const of = (name: string): string => `${slug}-${name}`
    await signUp(this.space, {
      [of('anna')]: [`number_domain:${this.x}`],
      [of('ben')]: [`number_domain:${this.y}`],
    })
    this.anna = await this.#member(of('anna'))
    this.ben = await this.#member(of('ben'))
    await this.give(`number:works@${this.x}`, {})
    await this.there(this.anna, `number:works@${this.x}`)
  }

  async #member(name: string): Promise<Member> {
    const users = this.space.couch.database('_users')
    let database: unknown
    await this.space.until(
      `${name} has a database`,
      async () => {
        const entry = await this.space.couch.database(REGISTRY).get(provisionedUserId(name))
        database = (await users.get(userDocumentId(name)))?.['database']
        return (
          typeof database === 'string' && entry?.['due'] === undefined && entry?.['masters'] !== undefined
        )
      },
      MEMBER_PATIENCE_MS,
    )
    const person = await logIn(this.space.server, name)
    return new Member(this.space.server, person, this.space.couch.database(database as string))
  }

  /** Someone with these roles, who is signed up now. */
  async join(name: string, roles: readonly string[]): Promise<Member> {
    const whole = `${this.space.prefix.slice(0, 7)}-${name}`
    await signUp(this.space, { [whole]: roles })
    return this.#member(whole)
  }

  /** The admin writes at the master. @returns the revision */
  give(id: string, attributes: object): Promise<string> {
    return this.space.write(this.master, { _id: id, ...attributes })
  }

  /** Waits until a user has what the master has. */
  async there(member: Member, id: string): Promise<void> {
    const { rev } = (await this.master.fetch([id]))[0] ?? {}
    await this.space.until(`${member.name} has ${id}`, async () => {
      const [row] = await member.personal.fetch([id])
      return row?.doc?._rev === rev
    })
  }

  async roles(member: Member, change: (roles: string[]) => string[]): Promise<void> {
    const users = this.space.couch.database('_users')
    const doc = await users.get(userDocumentId(member.name))
    assert(doc)
    const written = await users.put({ ...doc, roles: change(doc['roles'] as string[]) })
    assert(written.ok)
  }

  /** Everything that is at a database, conflicts and tombstones too. */
  async #all(database: Database, isOurs: (id: string) => boolean = () => true): Promise<object> {
    const page = await database.changes({ since: 0, limit: 100_000, includeDocs: true, allLeaves: true })
    const security = await database.security()
    const docs = page.results
      .filter(({ id }) => isOurs(id))
      .map(({ id, changes, doc }) => ({ id, revs: changes.map(({ rev }) => rev).sort(), doc }))
    return { security, docs: docs.sort((one, other) => (one.id < other.id ? -1 : 1)) }
  }

  /** What nobody but admins and Ben may change. */
  async #protected(isOurs: (id: string) => boolean): Promise<Record<string, object>> {
    const { master, cdrs, ben, space } = this
    const entry = await space.couch.database(REGISTRY).get(provisionedUserId(ben.name))
    return {
      master: await this.#all(master, isOurs),
      cdrs: await this.#all(cdrs),
      // The replicator's own bookkeeping is local; how Ben stands is told by time.
      ben: await this.#all(ben.personal, (id) => isOurs(id) && !id.startsWith('$provision/')),
      entry: { database: entry?.['database'], roles: entry?.['roles'], state: entry?.['state'] },
    }
  }

  /** An attack changes nothing at the master nor at Ben's, and what Anna may do still works. */
  holds(attack: () => Promise<void>): Promise<void> {
    return this.holdsBut([], attack)
  }

  /** The same; of these documents nothing is said. */
  async holdsBut(ids: readonly string[], attack: () => Promise<void>): Promise<void> {
    const isOurs = (id: string): boolean => !ids.includes(id)
    await this.space.settled()
    const before = await this.#protected(isOurs)
    let failure: unknown = null
    await attack().catch((error: unknown) => (failure = error))
    await this.space.settled()
    // The worst first: what was written where it may not be.
    assert.deepEqual(await this.#protected(isOurs), before)
    if (failure !== null) throw failure as Error
    await this.works(this.anna)
  }

  /** What a user may write reaches the master. */
  async works(member: Member, id = `number:works@${this.x}`): Promise<void> {
    this.#works += 1
    const works = this.#works
    assert.equal(await member.write(id, { works }), 201)
    await this.space.until(`what ${member.name} wrote at ${id} is at the master`, async () => {
      const doc = await this.master.get(id, { conflicts: true })
      return doc?.['works'] === works && doc._conflicts === undefined
    })
  }

  /** Waits until a user is told of a document. */
  async told(member: Member, id: string, code: string): Promise<void> {
    let last: unknown
    await this.space
      .until(`${member.name} is told ${code} of ${id}`, async () => {
        const { text } = await member.at('GET', provisionDocumentId(this.master.name))
        last = (JSON.parse(text) as { $rejected?: Rejected[] }).$rejected
        return ((last as Rejected[] | undefined) ?? []).some(
          (one) => one.document === id && one.code === code,
        )
      })
      .catch((error: unknown) => {
        if (error instanceof Error) error.message += `, found ${JSON.stringify(last)}`
        throw error
      })
  }

  /** How much was written into databases that users read, and of the registry's entries. */
  async seqs(): Promise<unknown[]> {
    const { space, master, cdrs, anna, ben } = this
    const names = [master, cdrs, anna.personal, ben.personal].map(({ name }) => name)
    const infos = await space.couch.dbsInfo(names)
    const entries = await space.couch
      .database(REGISTRY)
      .fetch([anna, ben].map(({ name }) => provisionedUserId(name)))
    return [
      ...names.map((name) => Number(String(infos.get(name)?.update_seq).split('-')[0])),
      ...entries.map(({ rev }) => rev),
    ]
  }

  /** A second look, of a daemon that knows of nothing, finds nothing to write. */
  async rests(): Promise<void> {
    const { space } = this
    const restart = async (): Promise<unknown[]> => {
      await space.stop()
      await space.start()
      await space.settled()
      return this.seqs()
    }
    assert.deepEqual(await restart(), await restart())
  }

  async close(): Promise<void> {
    const { space } = this
    await space.stop()
    const slug = space.prefix.slice(0, 7)
    const registry = space.couch.database(REGISTRY)
    const users = space.couch.database('_users')
    const names = (
      await users.range({ startKey: userDocumentId(slug), endKey: `${userDocumentId(slug)}\ufff0` })
    ).map(({ id }) => id.slice(userDocumentId('').length))
    const claims = (
      await registry.range({ startKey: claimId(''), endKey: 'database0', includeDocs: true })
    ).flatMap(({ doc }) => (doc && String(doc['name']).startsWith(slug) ? [doc] : []))
    const entries = await registry.range({
      startKey: provisionedUserId(slug),
      endKey: provisionedUserId(`${slug}\ufff0`),
    })
    const databases = claims.map((doc) => String(doc['database']))
    const erase = async (database: Database, rows: { id: string; rev: string | null }[]): Promise<void> =>
      void (await database.bulk(rows.map(({ id, rev }) => ({ _id: id, _rev: rev ?? '', _deleted: true }))))
    await erase(registry, [...entries, ...claims.map(({ _id, _rev }) => ({ id: _id, rev: _rev }))])
    for (const name of ['_replicator', CHECKPOINTS, PROVISIONING]) {
      const rows = await space.couch.database(name).range({})
      await erase(
        space.couch.database(name),
        rows.filter(({ id }) => [slug, ...databases].some((part) => id.includes(part))),
      )
    }
    await removeUsers(space, names)
    for (const name of databases) await space.couch.database(name).drop()
    const ours = await space.couch.allDbs({ startKey: slug, endKey: `${slug}\ufff0` })
    for (const name of ours) await space.couch.database(name).drop()
    await space.couch.close()
  }
}

const headersOf = ({ headers }: RequestInit): Record<string, string> =>
  Object.fromEntries(new Headers(headers).entries())

/** As much of PouchDB as a device needs. https://pouchdb.com/api.html */
interface Pouch {
  get(id: string): Promise<StoredDoc>
  put(doc: object): Promise<unknown>
  replicate: Record<
    'from' | 'to',
    (remote: Pouch, options?: object) => Promise<{ doc_write_failures: number }>
  >
  destroy(): Promise<unknown>
  close(): Promise<unknown>
}
onEachServer(
  'what a user may not write at a master',
  (suite) => {
    let stage: Stage | null = null
    const way = (title: string, run: (stage: Stage) => Promise<void>): void =>
      suite.it(title, async () => {
        stage ??= await Stage.open(suite.server())
        await run(stage)
      })
    after(async () => {
      await stage?.close()
    })

    way('1: without updated_by', async (stage) => {
      const { anna, x } = stage
      const id = `number:1@${x}`
      await stage.give(id, { a: 1 })
      await stage.there(anna, id)
      await stage.holds(async () => {
        const { _rev } = JSON.parse((await anna.at('GET', id)).text) as StoredDoc
        const { status, text } = await anna.at('PUT', id, { _rev, a: 2 })
        assert.equal(status, 403)
        assert.match(text, /updated_by/)
        const [refused] = await anna.push(forged({ _id: id, a: 2 }, _rev))
        assert.equal(refused?.error, 'forbidden')
      })
    })

    way("2: with somebody else's updated_by", async (stage) => {
      const { anna, ben, x } = stage
      const id = `number:2@${x}`
      await stage.give(id, { a: 1 })
      await stage.there(anna, id)
      await stage.holds(async () => {
        const { _rev } = JSON.parse((await anna.at('GET', id)).text) as StoredDoc
        for (const by of [ben.name, 'admin', '', null, [anna.name], { name: anna.name }]) {
          const { status, text } = await anna.at('PUT', id, { _rev, a: 2, updated_by: by })
          assert.equal(status, 403)
          assert.match(text, /updated_by/)
        }
        const [refused] = await anna.push(forged({ _id: id, a: 2, updated_by: ben.name }, _rev))
        assert.equal(refused?.error, 'forbidden')
      })
    })

    way('3: a document outside the roles', async (stage) => {
      const { anna, x, y } = stage
      const ids = [
        `number:3@${y}`,
        `endpoint:3@${y}`,
        'plain:3',
        `number:3@${x}.${y}`,
        `number:3`,
        `number_domain:${y}`,
      ]
      await stage.holds(async () => {
        for (const id of ids) assert.equal(await anna.write(id, { a: 1 }), 201)
        assert.equal(await anna.write(`number:3a@${x}`, { number_domain: y }), 201)
        for (const id of [...ids, `number:3a@${x}`]) await stage.told(anna, id, 'outside_roles')
      })
    })

    way('4: an edit right after the role is lost', async (stage) => {
      const { x, y } = stage
      const carl = await stage.join('carl', [`number_domain:${x}`, `number_domain:${y}`])
      const [id, other] = [`number:4@${x}`, `number:4@${y}`]
      await stage.give(id, { a: 1 })
      await stage.give(other, { a: 1 })
      await stage.there(carl, id)
      await stage.there(carl, other)
      await stage.holds(async () => {
        await stage.roles(carl, (roles) => roles.filter((role) => !role.endsWith(x)))
        const written = await Promise.all([101, 102, 103].map((a) => carl.write(id, { a })))
        assert(written.every((status) => [201, 404, 409].includes(status)))
        await stage.space.settled()
        assert.equal((await carl.at('GET', id)).status, 404)
        // And once it is gone.
        assert.equal(await carl.write(id, { a: 3 }), 201)
        await stage.told(carl, id, 'no_longer_yours')
      })
      await stage.works(carl, other)
    })

    way('5: an offline edit that is pushed by PouchDB after the role is lost', async (stage) => {
      const { x, y, space } = stage
      const dora = await stage.join('dora', [`number_domain:${x}`, `number_domain:${y}`])
      const [id, other] = [`number:5@${x}`, `number:5@${y}`]
      await stage.give(id, { a: 1 })
      await stage.give(other, { a: 1 })
      await stage.there(dora, id)
      await stage.there(dora, other)
      const Class = loadPouch() as unknown as new (name: string, options: object) => Pouch
      const device = new Class(`attack-${space.prefix}`, { adapter: 'memory' })
      const { url } = space.server
      const remote = new Class(`${url}/${pathOf(dora.personal.name)}`, {
        adapter: 'http',
        skip_setup: true,
        fetch: (where: string, options: RequestInit = {}) =>
          fetch(where, { ...options, headers: { ...headersOf(options), cookie: dora.person.cookie ?? '' } }),
      })
      try {
        await device.replicate.from(remote)
        for (const one of [id, other])
          for (const a of [2, 3]) await device.put({ ...(await device.get(one)), a, updated_by: dora.name })
        await stage.holdsBut([other], async () => {
          await stage.roles(dora, (roles) => roles.filter((role) => !role.endsWith(x)))
          await space.until(
            'the document is taken out',
            async () => (await dora.at('GET', id)).status === 404,
          )
          await device.replicate.to(remote)
          await stage.space.settled()
          assert.equal((await dora.at('GET', id)).status, 404)
        })
        assert.equal((await stage.master.get(other))?.['a'], 3)
        await stage.told(dora, id, 'no_longer_yours')
      } finally {
        await device.destroy()
        await remote.close()
      }
    })

    way('6: an edit while the daemon is down, after the role is lost', async (stage) => {
      const { x, y, space } = stage
      const emil = await stage.join('emil', [`number_domain:${x}`, `number_domain:${y}`])
      const [id, other] = [`number:6@${x}`, `number:6@${y}`]
      await stage.give(id, { a: 1 })
      await stage.give(other, { a: 1 })
      await stage.there(emil, id)
      await stage.there(emil, other)
      await stage.holdsBut([other], async () => {
        await space.stop()
        await stage.roles(emil, (roles) => roles.filter((role) => !role.endsWith(x)))
        assert.equal(await emil.write(id, { a: 2 }), 201)
        assert.equal(await emil.write(other, { a: 2 }), 201)
        await space.start()
        await space.until('the document is taken out', async () => (await emil.at('GET', id)).status === 404)
      })
      await stage.told(emil, id, 'no_longer_yours')
      assert.equal((await stage.master.get(other))?.['a'], 2)
    })

    way('7: moving a document into another domain', async (stage) => {
      const { anna, x, y } = stage
      const id = `endpoint:7@${x}`
      await stage.give(id, { a: 1 })
      await stage.there(anna, id)
      await stage.holds(async () => {
        assert.equal(await anna.write(id, { a: 2, number_domain: y }), 201)
        await stage.told(anna, id, 'outside_roles')
      })
      // Back in the own domain it is taken again.
      assert.equal(await anna.write(id, { a: 3, number_domain: x }), 201)
      await stage.space.until('it is at the master', async () => (await stage.master.get(id))?.['a'] === 3)
    })

    way('8: moving a foreign document into the own domain', async (stage) => {
      const { anna, ben, x, y } = stage
      const [endpoint, number] = [`endpoint:8@${y}`, `number:8@${y}`]
      for (const id of [endpoint, number]) {
        await stage.give(id, { a: 1 })
        await stage.there(ben, id)
      }
      await stage.holds(async () => {
        for (const id of [endpoint, number]) {
          assert.equal(await anna.write(id, { number_domain: x, a: 2 }), 201)
          await stage.told(anna, id, 'outside_roles')
        }
      })
    })

    way('9: an unrelated history of a high generation over a held-back document', async (stage) => {
      const { anna, x, y } = stage
      const held = `number:9@${x}`
      await stage.give(held, { a: 1, user_access: false })
      await stage.give(`number:9@${y}`, { a: 1 })
      await stage.holds(async () => {
        for (const id of [held, `number:9@${y}`]) {
          const refused = await anna.push(
            forged({ _id: id, a: 2, updated_by: anna.name, user_access: true }, 1_000_000),
          )
          assert.deepEqual(refused, [])
          await stage.told(anna, id, 'outside_roles')
        }
      })
    })

    way('10: a history that names a real revision of a held-back document', async (stage) => {
      const { anna, x } = stage
      const id = `number:10@${x}`
      const rev = await stage.give(id, { a: 1, user_access: false })
      await stage.holds(async () => {
        assert.deepEqual(await anna.push(forged({ _id: id, a: 2, updated_by: anna.name }, rev)), [])
        await stage.space.settled()
        assert.equal((await anna.at('GET', id)).status, 404)
        await stage.told(anna, id, 'no_longer_yours')
      })
    })

    way('11: a history that names a real revision of a document that was lost', async (stage) => {
      const { anna, x } = stage
      const id = `number:11@${x}`
      const first = await stage.give(id, { a: 1 })
      await stage.there(anna, id)
      const second = await stage.give(id, { a: 1, user_access: false })
      await stage.space.until('it is taken out', async () => (await anna.at('GET', id)).status === 404)
      await stage.holds(async () => {
        await anna.push(
          forged({ _id: id, a: 2, updated_by: anna.name }, first),
          forged({ _id: id, a: 3, updated_by: anna.name, user_access: true }, second),
        )
        await stage.space.settled()
        assert.equal((await anna.at('GET', id)).status, 404)
        await stage.told(anna, id, 'no_longer_yours')
      })
    })

    way('12: a forged deletion of a held-back or foreign document', async (stage) => {
      const { anna, x, y } = stage
      const ids = [`number:12@${x}`, `number:12@${y}`]
      const revs = [
        await stage.give(ids[0] ?? '', { user_access: false }),
        await stage.give(ids[1] ?? '', {}),
      ]
      await stage.holds(async () => {
        for (const [at, _id] of ids.entries()) {
          const gone = { _id, _deleted: true, updated_by: anna.name }
          assert.deepEqual(await anna.push(forged(gone, revs[at] ?? ''), forged(gone, 500)), [])
        }
      })
    })

    way('13: a deletion without a signature', async (stage) => {
      const { anna, ben, x } = stage
      const id = `number:13@${x}`
      const rev = await stage.give(id, { a: 1 })
      await stage.there(anna, id)
      await stage.holds(async () => {
        const { status, text } = await anna.at('DELETE', id, undefined, `?rev=${rev}`)
        assert.equal(status, 403)
        assert.match(text, /updated_by/)
        const put = await anna.at('PUT', id, { _rev: rev, _deleted: true, updated_by: ben.name })
        assert.equal(put.status, 403)
        const [refused] = await anna.push(forged({ _id: id, _deleted: true }, rev))
        assert.equal(refused?.error, 'forbidden')
      })
      // A signed one is taken.
      assert.equal(
        (await anna.at('PUT', id, { _rev: rev, _deleted: true, updated_by: anna.name })).status,
        200,
      )
      await stage.space.until('it is gone at the master', async () => (await stage.master.get(id)) === null)
    })

    way('14: a tombstone that says $removed, or $restore', async (stage) => {
      const { anna, x } = stage
      for (const mark of ['$removed', '$restore']) {
        const id = `number:14${mark.slice(1)}@${x}`
        await stage.give(id, { a: 1 })
        await stage.there(anna, id)
        await stage.holds(async () => {
          const { _rev } = JSON.parse((await anna.at('GET', id)).text) as StoredDoc
          const gone = { _rev, _deleted: true, updated_by: anna.name, [mark]: true }
          assert.equal((await anna.at('PUT', id, gone)).status, 200)
          await stage.space.settled()
          if (mark === '$removed') assert.equal((await anna.at('GET', id)).status, 200)
          else await stage.told(anna, id, 'held_back')
        })
      }
    })

    way('15: a live document that says $removed, or $restore', async (stage) => {
      const { anna, ben, x, y } = stage
      const id = `number:15@${x}`
      const foreign = `number:15@${y}`
      await stage.give(id, { a: 1 })
      await stage.give(foreign, { a: 1 })
      await stage.there(anna, id)
      await stage.there(ben, foreign)
      await stage.holds(async () => {
        assert.equal(await anna.write(id, { a: 2, $removed: true }), 201)
        await stage.told(anna, id, 'held_back')
        assert.equal(await anna.write(id, { a: 3, $restore: 'yes' }), 201)
        await stage.told(anna, id, 'held_back')
        assert.equal(await anna.write(id, { a: 4, $restore: true }), 201)
        await stage.space.until("it is the master's again", async () => {
          const doc = JSON.parse((await anna.at('GET', id)).text) as StoredDoc
          return doc['a'] === 1 && !('$restore' in doc)
        })
        // It gives nobody what is another's.
        assert.equal(await anna.write(foreign, { $restore: true }), 201)
        await stage.space.until('it is taken out', async () => (await anna.at('GET', foreign)).status === 404)
      })
    })

    way('16: setting and unsetting user_access', async (stage) => {
      const { anna, x } = stage
      const [mine, held] = [`number:16@${x}`, `number:16held@${x}`]
      await stage.give(mine, { a: 1 })
      await stage.give(held, { a: 1, user_access: false })
      await stage.there(anna, mine)
      await stage.holds(async () => {
        assert.equal(await anna.write(mine, { a: 2, user_access: false }), 201)
        await stage.told(anna, mine, 'outside_roles')
        for (const user_access of [true, null, 0, 'false']) {
          assert.equal(await anna.write(held, { a: 2, user_access }), 201)
          await stage.told(anna, held, 'outside_roles')
        }
      })
    })

    way('17: a forged root below a real revision', async (stage) => {
      const { anna, x } = stage
      const id = `number:17@${x}`
      await stage.give(id, { a: 1 })
      const rev = await stage.give(id, { a: 2 })
      await stage.there(anna, id)
      const [generation, name] = partsOf(rev)
      const roots = ['one', 'two'].map((root, at) => ({
        ...{ _id: id, _rev: `${generation + 1}-${hash(root)}`, updated_by: anna.name, a: 3 + at },
        _revisions: { start: generation + 1, ids: [hash(root), name, hash('never')] },
      }))
      assert.deepEqual(await anna.push(...roots), [])
      await stage.space.settled()
      const master = await stage.master.get(id, { conflicts: true })
      assert([3, 4].includes(Number(master?.['a'])))
      assert.equal(master?._conflicts, undefined)
      await stage.works(anna, id)
    })

    way('18: design documents, _security and settings of the personal database', async (stage) => {
      const { anna, ben } = stage
      const db = pathOf(anna.personal.name)
      await stage.holds(async () => {
        const security = await anna.personal.security()
        const design = await anna.personal.get('_design/provisioning')
        const attempts: [string, string, unknown][] = [
          [
            'PUT',
            `${db}/_design/mine`,
            { updated_by: anna.name, filters: { to: 'function () { return true }' } },
          ],
          ['PUT', `${db}/_design/provisioning`, { _rev: design?._rev, updated_by: anna.name }],
          [
            'POST',
            `${db}/_bulk_docs`,
            { new_edits: false, docs: [forged({ _id: '_design/provisioning', updated_by: anna.name }, 900)] },
          ],
          ['PUT', `${db}/_security`, { members: { names: [ben.name] } }],
          ['PUT', `${db}/_revs_limit`, 1],
          ['POST', `${db}/_compact`, {}],
          ['POST', `${db}/_index`, { index: { fields: ['a'] } }],
          ['PUT', `${db}/_purged_infos_limit`, 1],
          ['DELETE', db, undefined],
          ['PUT', `u${'0'.repeat(8)}-0000-0000-0000-${'0'.repeat(12)}`, undefined],
        ]
        for (const [method, where, body] of attempts) {
          const { status, text } = await anna.ask(method, where, body)
          const isRefused = [401, 403].includes(status) || /forbidden|no_majority/.test(text)
          assert(isRefused, `${method} ${where}: ${status} ${text}`)
        }
        assert.deepEqual(await anna.personal.security(), security)
      })
    })

    way("19: _local documents, and the replicator's among them", async (stage) => {
      const { anna, x } = stage
      const db = pathOf(anna.personal.name)
      await stage.holds(async () => {
        await anna.ask('PUT', `${db}/_local/mine`, { a: 1 })
        const { text } = await anna.ask('GET', `${db}/_local_docs?include_docs=true`)
        for (const { doc } of (JSON.parse(text) as { rows?: { doc: StoredDoc }[] }).rows ?? [])
          await anna.ask('PUT', `${db}/${doc._id}`, {
            ...doc,
            source_last_seq: '999999-x',
            history: [{ session_id: 'forged', recorded_seq: '999999-x' }],
          })
      })
      const id = `number:19@${x}`
      await stage.give(id, {})
      await stage.there(anna, id)
    })

    way('20: asking the master, other databases and the replicator', async (stage) => {
      const { anna, ben, master, cdrs, space, y } = stage
      const id = `number:20@${y}`
      await stage.give(id, {})
      await stage.there(ben, id)
      const doc = { updated_by: anna.name, type: 'x' }
      await stage.holds(async () => {
        const closed = [
          master,
          cdrs,
          ben.personal,
          ...[REGISTRY, CHECKPOINTS, PROVISIONING, 'skeleton/provisioning', '_replicator'].map((name) =>
            space.couch.database(name),
          ),
        ]
        for (const { name } of closed) {
          const db = pathOf(name)
          for (const [method, where, body] of [
            ['GET', `${db}/_all_docs`, undefined],
            ['GET', `${db}/_changes`, undefined],
            ['GET', `${db}/${pathOf(id)}`, undefined],
            ['PUT', `${db}/${pathOf(id)}`, doc],
            ['POST', `${db}/_bulk_docs`, { docs: [{ _id: id, ...doc }], new_edits: false }],
            ['POST', `${db}/_find`, { selector: {} }],
            ['PUT', `${db}/_security`, {}],
          ] as [string, string, unknown][]) {
            const { status, text } = await anna.ask(method, where, body)
            assert([401, 403].includes(status), `${method} ${where}: ${status} ${text}`)
          }
        }
        for (const source of [anna.personal.name, ben.personal.name, master.name])
          for (const target of [master.name, ben.personal.name, anna.personal.name]) {
            const { status } = await anna.ask('POST', '_replicate', { source, target })
            assert(status >= 400 || source === target, `${source} -> ${target}: ${status}`)
          }
      })
    })

    way("21: naming another's database, or one that exists, in _users", async (stage) => {
      const { anna, ben, space } = stage
      const users = space.couch.database('_users')
      const own = pathOf('_users', userDocumentId(anna.name))
      /** Where a server does not let users write their own document, the admin does it for them. */
      const say = async (attributes: object): Promise<void> => {
        const doc = await users.get(userDocumentId(anna.name))
        const changed = { ...doc, ...attributes }
        if ((await anna.ask('PUT', own, changed)).status !== 201) assert((await users.put(changed as Doc)).ok)
      }
      const old = 'u99999999-9999-4999-8999-' + hash(space.prefix).slice(0, 12)
      const database = space.couch.database(old)
      await database.create(1)
      await database.putSecurity({ members: { names: ['somebody'], roles: [] } })
      try {
        await stage.holds(async () => {
          const [secured, kept] = [await ben.personal.security(), await database.security()]
          for (const name of [
            ben.personal.name,
            old,
            '_users',
            'shares',
            stage.master.name,
            '../x',
            '__proto__',
            7,
          ])
            for (const attribute of ['database', 'voicemail_db']) {
              await say({ [attribute]: name })
              await space.settled()
            }
          assert.equal((await users.get(userDocumentId(anna.name)))?.['database'], anna.personal.name)
          assert.deepEqual(await ben.personal.security(), secured)
          assert.deepEqual(await database.security(), kept)
          const { text } = await anna.at('GET', provisionDocumentId(stage.master.name))
          assert.match(text, /illegal_database/)
          assert.equal((await anna.ask('GET', pathOf(ben.personal.name))).status, 403)
          await say({ voicemail_db: null })
          const doc = await users.get(userDocumentId(anna.name))
          assert(doc)
          // Roles are the admin's.
          const more = { ...doc, roles: [...(doc['roles'] as string[]), `number_domain:${stage.y}`] }
          assert.equal((await anna.ask('PUT', own, more)).status, 403)
        })
      } finally {
        await database.drop()
      }
    })

    way('22: a new user who comes with another’s database', async (stage) => {
      const { ben, space } = stage
      await stage.holds(async () => {
        const secured = await ben.personal.security()
        const name = `${space.prefix.slice(0, 7)}-fred`
        await space.write(space.couch.database('_users'), {
          ...{ _id: userDocumentId(name), type: 'user', name, password: `pass of ${name}` },
          ...{ roles: [`number_domain:${stage.y}`], database: ben.personal.name },
        })
        await space.settled()
        const entry = await space.couch.database(REGISTRY).get(provisionedUserId(name))
        assert.equal(entry?.['state'], 'refused')
        assert.equal((entry['problem'] as { code: string }).code, 'database_taken')
        assert.deepEqual(await ben.personal.security(), secured)
        const fred = await logIn(space.server, name)
        assert.equal((await ask(space.server, fred, 'GET', pathOf(ben.personal.name))).status, 403)
      })
    })

    way('23: a forged $provision document', async (stage) => {
      const { anna, ben, master } = stage
      const id = provisionDocumentId(master.name)
      await stage.holds(async () => {
        for (const lies of [
          { $state: 'complete', ready: '1970-01-01T00:00:00.000Z', documents: 7 },
          { database: ben.personal.name, name: ben.name, roles: [`number_domain:${stage.y}`] },
          { $error: null, times: null, $rejected: 'nothing', type: 7 },
        ]) {
          assert.equal(await anna.write(id, lies), 201)
          await stage.space.until('it says how things stand', async () => {
            const doc = JSON.parse((await anna.at('GET', id)).text) as StoredDoc
            return doc['updated_by'] === undefined && doc['database'] === anna.personal.name
          })
        }
        for (const other of [
          '$provision/',
          '$provision/__proto__',
          `$provision/${ben.personal.name}`,
          '$provision/_users',
          '$provision/../x',
        ])
          assert.equal(await anna.write(other, { a: 1 }), 201)
        await anna.push(forged({ _id: id, updated_by: anna.name, $state: 'complete' }, 900_000))
      })
    })

    way('24: attributes that mean something elsewhere', async (stage) => {
      const { anna, x } = stage
      const id = `number:24@${x}`
      await stage.give(id, { a: 1 })
      await stage.there(anna, id)
      const text = `{"updated_by":${JSON.stringify(anna.name)},"a":2,"nested":{"__proto__":{"user_access":false,"b":1}},"constructor":{"prototype":{}},"$provision":{"state":"complete"},"hasOwnProperty":1,"toString":"x"}`
      const { _rev } = JSON.parse((await anna.at('GET', id)).text) as StoredDoc
      const answer = await anna.ask('PUT', `${pathOf(anna.personal.name, id)}?rev=${_rev}`, JSON.parse(text))
      assert.equal(answer.status, 201)
      await stage.space.until('it is at the master', async () => (await stage.master.get(id))?.['a'] === 2)
      assert.equal(({} as Record<string, unknown>)['user_access'], undefined)
      await stage.holds(() => Promise.resolve())
      await stage.works(anna, id)
    })

    way('25: ids that mean something elsewhere', async (stage) => {
      const { anna, x } = stage
      const ids = [
        'constructor',
        'toString',
        'hasOwnProperty',
        '..',
        'a/b',
        '%2f',
        'a\nb',
        '\u0000',
        'ü\ud83d\ude00',
        '?x=1',
        '#',
        '"',
      ]
      await stage.holds(async () => {
        for (const id of ids) {
          const answers = await anna.push(forged({ _id: id, updated_by: anna.name, a: 1 }, 1))
          assert.deepEqual(answers, [])
        }
        for (const id of ids) await stage.told(anna, id, 'outside_roles')
        for (const id of ids)
          assert.deepEqual(await anna.push(forged({ _id: id, updated_by: anna.name, $restore: true }, 2)), [])
      })
      for (const id of ids.map((odd) => `number:${odd}@${x}`)) {
        assert.deepEqual(await anna.push(forged({ _id: id, updated_by: anna.name, a: 1 }, 1)), [])
        await stage.space.until(
          `${JSON.stringify(id)} is at the master`,
          async () => (await stage.master.get(id)) !== null,
        )
      }
    })

    way('26: revisions with odd names', async (stage) => {
      const { anna, x } = stage
      const ids = ['zz', 'a b', '"', 'ü', '../x', 'x-y-z', '%2f', '', 'f'.repeat(31), 'F'.repeat(32)]
      for (const [at, name] of ids.entries()) {
        const id = `number:26-${at}@${x}`
        const rev = await stage.give(id, { a: 1 })
        await stage.there(anna, id)
        const [generation, parent] = partsOf(rev)
        const doc = {
          _id: id,
          _rev: `${generation + 1}-${name}`,
          updated_by: anna.name,
          a: 2,
          _revisions: { start: generation + 1, ids: [name, parent] },
        }
        await anna.ask('POST', `${pathOf(anna.personal.name)}/_bulk_docs`, { docs: [doc], new_edits: false })
      }
      await stage.space.settled()
      await stage.holds(() => Promise.resolve())
      for (const at of ids.keys()) await stage.works(anna, `number:26-${at}@${x}`)
    })

    way('27: enormous documents', async (stage) => {
      const { anna, x, y } = stage
      const big = 'x'.repeat(7_900_000)
      await stage.holds(async () => {
        const { status } = await anna.at('PUT', `number:27@${y}`, { updated_by: anna.name, big })
        assert.equal(status, 201)
        await stage.told(anna, `number:27@${y}`, 'outside_roles')
        assert.equal(
          (await anna.at('PUT', `number:27@${x}`, { updated_by: anna.name, big: big + big })).status,
          413,
        )
      })
    })

    way('28: attachments', async (stage) => {
      const { anna, ben, x, y } = stage
      const id = `number:28@${y}`
      await stage.give(id, { a: 1, _attachments: { note: { content_type: 'text/plain', data: 'c2VjcmV0' } } })
      await stage.there(ben, id)
      await stage.holds(async () => {
        const _attachments = { note: { content_type: 'text/plain', data: 'bWluZQ==' } }
        assert.deepEqual(await anna.push(forged({ _id: id, updated_by: anna.name, _attachments }, 99)), [])
        await stage.told(anna, id, 'outside_roles')
        // A stub of what is another's gives nothing.
        const { digest = '' } =
          ((await stage.master.get(id))?._attachments as Record<string, { digest?: string }>)['note'] ?? {}
        const stub = { note: { stub: true, digest, length: 6, revpos: 1, content_type: 'text/plain' } }
        const { status } = await anna.at('PUT', `number:28@${x}`, {
          updated_by: anna.name,
          _attachments: stub,
        })
        assert.equal(status, 412)
        // An attachment cannot be signed where its document is not.
        const put = await anna.ask('PUT', `${pathOf(anna.personal.name, `number:28b@${x}`, 'note')}`, 'mine')
        assert.equal(put.status, 403)
      })
    })

    way('29: a flood of conflicts', async (stage) => {
      const { anna, x, y } = stage
      const held = `number:29held@${x}`
      const own = `number:29@${x}`
      const rev = await stage.give(held, { a: 1, user_access: false })
      await stage.give(own, { a: 1 })
      await stage.there(anna, own)
      const flood = (id: string, over: string | number): object[] =>
        Array.from({ length: 200 }, (_, at) => forged({ _id: id, updated_by: anna.name, at }, over))
      await stage.holds(async () => {
        await anna.push(...flood(held, rev), ...flood(held, 70), ...flood(`number:29@${y}`, 3))
        await stage.told(anna, held, 'outside_roles')
        await stage.told(anna, `number:29@${y}`, 'outside_roles')
      })
      await anna.push(...flood(own, 40))
      await stage.space.settled()
      const doc = await stage.master.get(own, { conflicts: true })
      assert.equal(doc?._conflicts, undefined)
      await stage.works(anna, own)
    })

    way('30: a master that is read-only', async (stage) => {
      const { anna, cdrs, x, y, space } = stage
      const record = { type: 'cdr', number: '30', number_domain: x, cost: 7, duration: 3 }
      await space.write(cdrs, { _id: 'cdr:30', ...record })
      await space.write(cdrs, { _id: 'cdr:30y', ...record, number_domain: y })
      await space.write(cdrs, { _id: 'other:30', ...record })
      await space.until('it is there', async () => (await anna.at('GET', 'cdr:30')).status === 200)
      const { text } = await anna.at('GET', 'cdr:30')
      assert.doesNotMatch(text, /cost/)
      await stage.holds(async () => {
        for (const id of ['cdr:30', 'cdr:30y', 'cdr:new']) {
          assert.equal(await anna.write(id, { ...record, duration: 9 }), 403)
          const [refused] = await anna.push(forged({ _id: id, ...record, updated_by: anna.name }, 9))
          assert.equal(refused?.error, 'forbidden')
        }
        const [refused] = await anna.push(forged({ _id: 'cdr:30', _deleted: true, updated_by: anna.name }, 9))
        assert.equal(refused?.error, 'forbidden')
        assert.equal((await anna.at('GET', 'cdr:30y')).status, 404)
        assert.equal(await anna.write('other:30', record), 201)
      })
    })

    way('31: reading what was lost', async (stage) => {
      const { x, y, space } = stage
      const gina = await stage.join('gina', [`number_domain:${x}`, `number_domain:${y}`])
      const [id, later] = [`number:31@${x}`, `number:31later@${x}`]
      const data = Buffer.from('attached secret').toString('base64')
      const first = await stage.give(id, { a: 'first secret' })
      await stage.there(gina, id)
      const second = await stage.give(id, {
        a: 'second secret',
        _attachments: { note: { content_type: 'text/plain', data } },
      })
      await stage.there(gina, id)
      // A conflict of the user's own, with what the master said in it.
      await gina.push(forged({ _id: id, a: 'conflict secret', updated_by: gina.name }, first))
      await space.settled()
      await stage.roles(gina, (roles) => roles.filter((role) => !role.endsWith(x)))
      await space.until('it is taken out', async () => (await gina.at('GET', id)).status === 404)
      await space.settled()
      const feed = await Feed.open(space.server, gina.person, gina.personal.name)
      await stage.give(id, { a: 'third secret' })
      await stage.give(later, { a: 'fourth secret' })
      await space.settled()
      const db = pathOf(gina.personal.name)
      const answers = await Promise.all([
        gina.at('GET', id, undefined, `?rev=${first}`),
        gina.at('GET', id, undefined, `?rev=${second}&attachments=true`),
        gina.at('GET', id, undefined, '?open_revs=all&revs=true&attachments=true'),
        gina.at('GET', id, undefined, `?open_revs=${encodeURIComponent(JSON.stringify([first, second]))}`),
        gina.at('GET', id, undefined, '?conflicts=true&deleted_conflicts=true&revs_info=true'),
        gina.ask('GET', `${pathOf(gina.personal.name, id, 'note')}?rev=${second}`),
        gina.ask('POST', `${db}/_bulk_get?revs=true&attachments=true`, {
          docs: [{ id }, { id, rev: first }, { id, rev: second }, { id: later }],
        }),
        gina.ask('POST', `${db}/_find`, { selector: {}, limit: 1000 }),
        gina.ask('GET', `${db}/_all_docs?include_docs=true&conflicts=true&attachments=true`),
        gina.ask('GET', `${db}/_changes?include_docs=true&style=all_docs&conflicts=true&attachments=true`),
      ])
      for (const { text } of answers) assert.doesNotMatch(text, /secret|YXR0YWNoZWQ/)
      assert.doesNotMatch(feed.text, /secret/)
      assert.match(feed.text, /number:31/)
      feed.close()
      await stage.works(gina, `number:31b@${y}`)
    })

    way(
      '32: what is right, but late: an edit of an older revision that CouchDB does not show',
      async (stage) => {
        const { anna, x, space } = stage
        const id = `number:32@${x}`
        const first = await stage.give(id, { a: 1, b: 1 })
        await stage.there(anna, id)
        const second = await stage.give(id, { a: 2, b: 1 })
        await stage.there(anna, id)
        await space.settled()
        for (let salt = 0; ; salt += 1) {
          const late = forged(
            { _id: id, a: 1, b: 2, updated_by: anna.name },
            first,
            String(salt),
          ) as StoredDoc
          if (late._rev > second) continue
          assert.deepEqual(await anna.push(late), [])
          break
        }
        await space.until('both changes are at the master', async () => {
          const doc = await stage.master.get(id, { conflicts: true })
          return doc?.['a'] === 2 && doc['b'] === 2 && doc._conflicts === undefined
        })
      },
    )

    way('33: a flood of long histories, against being taken out', async (stage) => {
      const { x, y, space } = stage
      const hans = await stage.join('hans', [`number_domain:${x}`, `number_domain:${y}`])
      const [first, later, other] = [`number:33@${x}`, `number:33later@${x}`, `number:33@${y}`]
      for (const id of [first, later, other]) await stage.give(id, { a: 'secret' })
      for (const id of [first, later, other]) await stage.there(hans, id)
      // As long as CouchDB keeps them, and together longer than a document may be.
      const flood = Array.from({ length: 240 }, (_, leaf) => {
        const ids = Array.from({ length: 1000 }, (__, age) => hash(`${leaf} ${age}`))
        const history = { _rev: `1000-${ids[0] ?? ''}`, _revisions: { start: 1000, ids } }
        return { _id: first, $removed: 1, updated_by: hans.name, leaf, ...history }
      })
      const root = partsOf((await stage.master.get(first))?._rev ?? '')[1]
      for (const one of flood) one._revisions.ids[999] = root
      await stage.holdsBut([], async () => {
        assert.deepEqual(await hans.push(...flood), [])
        await stage.roles(hans, (roles) => roles.filter((role) => !role.endsWith(x)))
        await space.until(
          'all is taken out',
          async () => (await hans.personal.fetch([first, later])).every(({ doc }) => doc === null),
          90_000,
        )
        await space.until('the daemon has done so', () => Promise.resolve(space.daemon.busy === 0), 90_000)
        await space.settled()
        const { text } = await hans.ask('POST', `${pathOf(hans.personal.name)}/_bulk_get`, {
          docs: [first, later].map((id) => ({ id, rev: `1-${root}` })),
        })
        assert.doesNotMatch(text, /secret/)
      })
      await stage.works(hans, other)
    })

    way('34: users with odd names, and odd roles', async (stage) => {
      const { x, y, master } = stage
      const mine = [`number_domain:${x}`]
      const names = [
        'a/b',
        'a%2fb',
        'ü "é\ud83d\ude00',
        "'; <b>",
        '$provision',
        '__proto__',
        'constructor',
        '..',
        ' ',
      ]
      const odd = [
        '',
        '"',
        "'",
        '\\',
        '*',
        '.*',
        'number_domain:',
        'number_domain:.*',
        'ü',
        'constructor',
        'a\nb',
      ]
      await stage.give(`number:34@${y}`, { a: 1 })
      await stage.give('constructor', { a: 1 })
      for (const name of names) {
        const member = await stage.join(name, [...mine, ...odd])
        await stage.works(member)
        assert.equal((await member.at('GET', `number:34@${y}`)).status, 404)
        assert.equal((await member.at('GET', 'constructor')).status, 200)
        assert.equal(await member.write(`number:34@${y}`, { a: 2 }), 201)
        await stage.told(member, `number:34@${y}`, 'outside_roles')
      }
      assert.equal((await master.get(`number:34@${y}`))?.['a'], 1)
    })

    way('35: ten thousand roles', async (stage) => {
      const { x, y } = stage
      const many = Array.from({ length: 10_000 }, (_, at) => `number:${at}@many.${x}`)
      await stage.give(many[9_999] ?? '', { a: 1 })
      const ida = await stage.join('ida', [`number_domain:${x}`, ...many])
      await stage.there(ida, many[9_999] ?? '')
      await stage.holds(async () => {
        assert.equal(await ida.write(`number:35@${y}`, { a: 1 }), 201)
        await stage.told(ida, `number:35@${y}`, 'outside_roles')
      })
      await stage.works(ida, many[9_999])
      await stage.roles(ida, () => [])
      await stage.space.until(
        'all is taken out',
        async () => (await ida.at('GET', many[9_999] ?? '')).status === 404,
      )
    })

    way('36: a document that is nested so deep that it ends the view of the master', async (stage) => {
      const { x, master, anna } = stage
      const nested = decodeJson('['.repeat(20_000) + ']'.repeat(20_000))
      await stage.holds(async () => {
        assert.equal(await anna.write(`number:36@${x}`, { nested }), 201)
        await stage.told(anna, `number:36@${x}`, 'too_complex')
      })
      const over = `number:works@${x}`
      await stage.holdsBut([over], async () => {
        assert.equal(await anna.write(over, { nested }), 201)
        await stage.told(anna, over, 'too_complex')
        assert.equal((await master.get(over))?.['nested'], undefined)
      })
      // Who comes now gets what the view says, and so does who had it.
      const kim = await stage.join('kim', [`number_domain:${x}`])
      await stage.there(kim, over)
    })

    way('37: and where an admin puts one there, a role that is lost is lost all the same', async (stage) => {
      const { x, master, space } = stage
      const id = `number:37@${x}`
      const lea = await stage.join('lea', [`number_domain:${x}`])
      await stage.there(lea, `number:works@${x}`)
      await stage.give(id, { nested: decodeJson('['.repeat(20_000) + ']'.repeat(20_000)) })
      await assert.rejects(master.view('provisioning', 'roles', [id]), { code: 'server_error' })
      await stage.roles(lea, () => [])
      await space.until(
        'what the role gave is taken out',
        async () => (await lea.at('GET', `number:works@${x}`)).status === 404,
      )
      await space.write(master, { _id: id, _deleted: true })
    })

    way('and then nothing is left to do', async (stage) => {
      await stage.rests()
      const told = JSON.stringify(stage.space.lines)
      assert.doesNotMatch(told, /pass of|second secret|YXR0YWNoZWQ|xxxxxxxxxx/)
      const errors = stage.space.lines.filter(({ level }) => level === 'error' || level === 50)
      assert.deepEqual(errors, [])
    })
  },
  { kinds: ['couchdb'] },
)
