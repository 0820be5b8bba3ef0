// A user who tries to reach what is not hers at a gateway, or to change it: on CouchDB as herself, with a password. On the embedded
// server as the admin: what it says of access counts for nothing there, what becomes of contents does.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc, StoredDoc, Written } from '../../../src/couch/document.ts'
import { GATEWAY_DOCUMENT, type GatewayUser as Entry } from '../../../src/gateways/model.ts'
import { CHECKPOINTS, PROVISIONING, REGISTRY, routesDatabase } from '../../../src/documents/names.ts'
import type { Rejection } from '../../../src/documents/rejected.ts'
import { GatewayGround, type GatewayUser } from '../../support/gateway.ts'
import { NOTES } from '../../support/gateway-notes.ts'
import { ask, logIn, pathOf, type Answer, type Person } from '../../support/logins.ts'
import type { Server } from '../../support/servers.ts'
import { Space } from '../../support/space.ts'
import type { Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

/** In everything that Eve may not read. */
const SECRET = 'for nobody else'

const hash = (text: string): string => createHash('md5').update(text).digest('hex')

function partsOf(rev: string): [generation: number, hash: string] {
  const [generation = '', name = ''] = rev.split('-')
  return [Number(generation), name]
}

/** A revision made over one that is named, or over nothing, of whatever generation. */
function forged(doc: Doc, over: string | number, salt = ''): StoredDoc {
  const made = hash(JSON.stringify([doc, over, salt]))
  const [generation, parent] = typeof over === 'string' ? partsOf(over) : [over - 1, null]
  const start = generation + 1
  return {
    ...doc,
    _rev: `${start}-${made}`,
    _revisions: { start, ids: parent === null ? [made] : [made, parent] },
  }
}

/** Ann's secrets, notes that Eve reads and may not change, and a daemon. */
class Stage {
  readonly ground: GatewayGround
  readonly ann: GatewayUser
  readonly eve: GatewayUser
  #works = 0
  #session: Person | null = null

  private constructor(ground: GatewayGround) {
    this.ground = ground
    this.ann = ground.user('ann')
    this.eve = ground.user('eve')
  }

  /** A stage for many cases. @returns with what ends it */
  static async open(server: Server): Promise<{ stage: Stage; close: () => Promise<void> }> {
    let end: () => void = () => undefined
    const isOver = new Promise<void>((resolve) => (end = resolve))
    let running: Promise<void> = Promise.resolve()
    const stage = await new Promise<Stage>((resolve, reject) => {
      running = new Space(server, 'attacks').run((space) =>
        GatewayGround.use(space, NOTES, async (ground) => {
          const opened = new Stage(ground)
          await opened.#begin()
          resolve(opened)
          await isOver
        }),
      )
      running.catch(reject)
    })
    const close = async (): Promise<void> => {
      end()
      await running
    }
    return { stage, close }
  }

  async #begin(): Promise<void> {
    const { ground, ann, eve } = this
    for (const user of [ann, eve]) await user.signUp()
    await ground.space.start()
    await ground.put(
      { _id: 'list-1', type: 'list', members: [ann.name, eve.name], editors: [ann.name] },
      { _id: 'list-2', type: 'list', members: [ann.name, 'role:keeper'], note: SECRET },
    )
    await ann.sees('list-1', 'list-2')
    await eve.sees('list-1')
  }

  get gateway(): Database {
    return this.ground.database
  }

  /** A note of Ann's that Eve reads. */
  open(_id: string, more: Content = {}): Doc {
    return { _id, text: 'of ann', owner: this.ann.name, lists: ['list-1'], ...more }
  }

  /** The admin writes a note of Ann's, and both have what they are to have of it. @returns the revision */
  async give(doc: Doc): Promise<string> {
    const { ground, gateway, ann, eve } = this
    await ground.put(doc)
    const rev = await revOf(gateway, doc._id)
    const isOpen = (doc['lists'] as string[] | undefined)?.includes('list-1') ?? false
    await ground.eventually(`${doc._id} of ann`, () => revOf(ann.database, doc._id), rev)
    if (isOpen) await ground.eventually(`${doc._id} of eve`, () => revOf(eve.database, doc._id), rev)
    else await ground.eventually(`${doc._id} of eve`, () => eve.database.get(doc._id), null)
    return rev
  }

  /** A note that Eve does not know of. */
  hide(_id: string): Promise<string> {
    return this.give({ _id, text: SECRET, owner: this.ann.name, lists: ['list-2'] })
  }

  /** Pushes revisions with histories of her own choice, as a replicator does: by herself, and once more past the guard. */
  async push(...docs: Doc[]): Promise<Written[]> {
    const refused = await this.eve.own.bulk(docs, { newEdits: false })
    await this.eve.database.bulk(docs, { newEdits: false })
    return refused
  }

  /** Writes over what is there: by herself, and once more past the guard. */
  async write(doc: Doc): Promise<void> {
    await this.eve.write(doc)
    await this.ground.space.write(this.eve.database, doc)
  }

  /** A request of Eve's. */
  async at(method: string, where: string, body?: unknown): Promise<Answer> {
    const { server } = this.ground.space
    this.#session ??= await logIn(server, this.eve.name)
    return ask(server, this.#session, method, where, body)
  }

  /** Waits until she is told of a document. */
  async told(id: string, code: string): Promise<void> {
    const read = async (): Promise<string | undefined> => {
      const said = (await this.eve.own.get(GATEWAY_DOCUMENT))?.['$rejected'] as Rejection[] | undefined
      return (said ?? []).find(({ document }) => document === id)?.code
    }
    await this.ground.eventually(`what eve is told of ${id}`, read, code)
  }

  /** Waits until she does not have a document. */
  async lacks(id: string): Promise<void> {
    await this.ground.eventually(`${id} of eve`, () => this.eve.own.get(id), null)
  }

  /** All leaves of a database. */
  async #leaves(database: Database, isOurs: (id: string) => boolean): Promise<object> {
    const page = await database.changes({ since: 0, limit: 100_000, includeDocs: true, allLeaves: true })
    const ours = page.results.filter(({ id }) => isOurs(id))
    const leaves = await database.leaves(ours.map(({ id }) => ({ id })))
    return Object.fromEntries(
      leaves.map((leaf) => [`${leaf._id} ${leaf._rev}`, leaf] as const).sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  }

  /** What nobody but admins and Ann may change: the gateway, where it goes, and what Ann has. */
  async #protected(isOurs: (id: string) => boolean): Promise<object> {
    const { ground, gateway, ann, eve } = this
    const routes: Record<string, object> = {}
    for await (const ids of ground.routes.documents())
      for (const [id, { rev, channels, access, roles }] of await ground.routes.of(ids.filter(isOurs)))
        routes[id] = { rev, channels, access, roles }
    const users: Record<string, object> = {}
    for (const { name } of [ann, eve]) {
      const { database, roles, channels, state } = (await ground.routes.user(name)) as Entry
      users[name] = { database, roles, channels, state, has: await ground.routes.holdings(name, []) }
    }
    return {
      ...{ routes, users },
      gateway: await this.#leaves(gateway, isOurs),
      ann: await this.#leaves(ann.database, (id) => isOurs(id) && !id.startsWith('$')),
      security: await Promise.all([gateway, ann.database, eve.database].map((one) => one.security())),
    }
  }

  /** All that Eve can read in her database, whatever it is. */
  async #readable(): Promise<string> {
    const { own } = this.eve
    const page = await own.changes({ since: 0, limit: 100_000, includeDocs: true, allLeaves: true })
    const leaves = await own.leaves(
      page.results.map(({ id }) => ({ id })),
      { attachments: true },
    )
    return JSON.stringify([page, leaves])
  }

  /**
   * An attack changes nothing that is not hers to change and lets her read nothing more, and what she may do still works.
   * @param but documents of which nothing is said
   */
  async holds(attack: () => Promise<void>, but: readonly string[] = []): Promise<void> {
    const isOurs = (id: string): boolean => !but.includes(id) && !id.startsWith('works-')
    const before = await this.#protected(isOurs)
    let failure: unknown = null
    await attack().catch((error: unknown) => (failure = error))
    await this.works()
    await this.ground.space.settled()
    // The worst first: what was written where it may not be.
    assert.deepEqual(await this.#protected(isOurs), before)
    assert(!(await this.#readable()).includes(SECRET), 'Expected nothing secret in what eve reads')
    if (failure !== null) throw failure as Error
  }

  /** What she may write reaches the gateway, and whoever reads it. */
  async works(): Promise<void> {
    const { ground, ann, eve } = this
    this.#works += 1
    const id = `works-${this.#works}`
    const written = await eve.write({ _id: id, text: 'works', owner: eve.name, lists: ['list-1'] })
    assert(written.ok, JSON.stringify(written))
    await ground.reads(ann.own, id, { text: 'works' })
  }
}

async function revOf(database: Database, id: string): Promise<string> {
  return (await database.fetch([id]))[0]?.rev ?? ''
}

onEachServer('what a user may not do at a gateway', (suite) => {
  const isCouchdb = suite.kind === 'couchdb'
  let opened: Awaited<ReturnType<typeof Stage.open>> | null = null
  const way = (title: string, run: (stage: Stage) => Promise<void>): void =>
    suite.it(title, async () => {
      opened ??= await Stage.open(suite.server())
      await run(opened.stage)
    })
  after(async () => {
    await opened?.close()
  })

  way('1: changing what she only reads, over the gateway’s revision', async (stage) => {
    const rev = await stage.give(stage.open('open-1'))
    await stage.holds(async () => {
      const edited = stage.open('open-1', { text: 'of eve' })
      if (isCouchdb) {
        // What no grant could allow CouchDB refuses itself.
        const empty = stage.open('open-1', { text: '' })
        const written = await stage.eve.write(empty)
        assert(!written.ok && written.error === 'forbidden', JSON.stringify(written))
        const refused = await stage.eve.own.bulk([forged(empty, rev)], { newEdits: false })
        assert.deepEqual(
          refused.map((row) => (row.ok ? 'ok' : row.error)),
          ['forbidden'],
        )
      }
      await stage.write(edited)
      await stage.push(forged(edited, rev))
      await stage.told('open-1', 'refused_by_function')
      await stage.eve.reads('open-1', { text: 'of ann' })
    })
  })

  way('2: a long history of her own beside what she reads, which looks like something new', async (stage) => {
    await stage.give(stage.open('open-2'))
    const mine = stage.open('open-2', {
      text: 'of eve',
      owner: stage.eve.name,
      updatedAt: '2999-01-01T00:00:00Z',
    })
    await stage.holds(async () => {
      await stage.push(forged(mine, 1_000_000))
      await stage.told('open-2', 'refused_by_function')
      await stage.eve.reads('open-2', { text: 'of ann' })
    })
  })

  way('3: the same under the _id of what she does not know of', async (stage) => {
    await stage.hide('secret-3')
    const mine = stage.open('secret-3', { text: 'of eve', owner: stage.eve.name })
    await stage.holds(async () => {
      await stage.push(forged(mine, 1_000_000), forged({ ...mine, text: 'again' }, 1))
      await stage.told('secret-3', 'hidden_document')
      await stage.lacks('secret-3')
      await stage.write({ ...mine, $restore: true })
      await stage.lacks('secret-3')
    })
  })

  way('4: a history that names the real revision of what is hidden', async (stage) => {
    const rev = await stage.hide('secret-4')
    const mine = stage.open('secret-4', { text: 'of eve', owner: stage.eve.name })
    await stage.holds(async () => {
      await stage.push(
        forged(mine, rev),
        forged({ ...mine, $restore: true }, rev),
        forged({ ...mine, $removed: true }, rev),
      )
      await stage.told('secret-4', 'refused_by_function')
      await stage.lacks('secret-4')
    })
  })

  way('5: forged deletions, also such as say $removed', async (stage) => {
    const revs = {
      'open-5': await stage.give(stage.open('open-5')),
      'secret-5': await stage.hide('secret-5'),
    }
    await stage.holds(async () => {
      for (const [_id, rev] of Object.entries(revs))
        for (const more of [{}, { $removed: true }, { $restore: true }, { owner: stage.eve.name }]) {
          const gone: Doc = { _id, _deleted: true, ...more }
          await stage.push(forged(gone, rev), forged(gone, 500))
        }
      await stage.told('secret-5', 'refused_by_function')
      await stage.eve.reads('open-5', { text: 'of ann' })
    })
  })

  way('6: forged roots and ages of real revisions', async (stage) => {
    await stage.give(stage.open('open-6'))
    const rev = await stage.give(stage.open('open-6', { text: 'of ann again' }))
    const secret = await stage.hide('secret-6')
    await stage.holds(async () => {
      for (const [_id, [generation, name]] of [
        ['open-6', partsOf(rev)],
        ['secret-6', partsOf(secret)],
      ] as const) {
        const mine = stage.open(_id, { text: 'of eve', owner: stage.eve.name })
        const rooted = ['one', 'two'].map((root) => ({
          ...{ ...mine, _rev: `${generation + 1}-${hash(root)}` },
          _revisions: { start: generation + 1, ids: [hash(root), name, hash('never')] },
        }))
        const aged = {
          ...mine,
          _rev: `900-${hash('aged')}`,
          _revisions: { start: 900, ids: [hash('aged'), name] },
        }
        await stage.push(...rooted)
        await stage.push(aged)
      }
      await stage.told('open-6', 'refused_by_function')
      await stage.eve.reads('open-6', { text: 'of ann again' })
      await stage.lacks('secret-6')
    })
  })

  way('7: another content under the very revision of what is hidden', async (stage) => {
    const rev = await stage.hide('secret-7')
    const [start, name] = partsOf(rev)
    await stage.holds(async () => {
      const mine = stage.open('secret-7', { text: 'of eve', owner: stage.eve.name })
      await stage.push({ ...mine, _rev: rev, _revisions: { start, ids: [name] } })
      await stage.lacks('secret-7')
    })
  })

  way('8: bringing back what was deleted, over its tombstone and over what was before', async (stage) => {
    const { ground, gateway } = stage
    const rev = await stage.give(stage.open('open-8'))
    await ground.delete('open-8')
    const tombstone = await revOf(gateway, 'open-8')
    await stage.lacks('open-8')
    await ground.eventually('open-8 of ann', () => stage.ann.own.get('open-8'), null)
    await ground.eventually('what is unsettled', () => ground.routes.unsettled(), [])
    await stage.holds(async () => {
      const mine = stage.open('open-8', { text: 'of eve' })
      await stage.push(forged(mine, tombstone))
      await stage.told('open-8', 'refused_by_function')
      await stage.push(forged(mine, rev, 'late'), forged(mine, rev, 'late too'))
      await stage.told('open-8', 'deleted_at_master')
      await stage.lacks('open-8')
    })
  })

  way('9: $removed and $restore on documents', async (stage) => {
    const { ground, gateway, eve } = stage
    await stage.give(stage.open('open-9'))
    // What she may write and not read, and has written once.
    const drop = { _id: 'drop-9', text: 'of eve', owner: eve.name, lists: [] }
    await eve.write(drop)
    await ground.reads(gateway, 'drop-9', { text: 'of eve' })
    await stage.lacks('drop-9')
    await ground.eventually('the route', async () => (await ground.routes.of(['drop-9'])).has('drop-9'), true)
    await stage.holds(async () => {
      for (const more of [{ $removed: true }, { $restore: 'yes' }, { $restore: 1, $removed: true }]) {
        await stage.write(stage.open('open-9', { text: 'of eve', ...more }))
        await stage.told('open-9', 'refused_by_function')
        await eve.reads('open-9', { text: 'of ann' })
      }
      await stage.write(stage.open('open-9', { text: 'of eve', $restore: true }))
      await eve.reads('open-9', { text: 'of ann' })
      await stage.write({ ...drop, text: 'once more', $restore: true })
      await stage.lacks('drop-9')
    })
  })

  way('10: writing $gateway', async (stage) => {
    const { ground, eve } = stage
    const holdings = { roles: ['editor', '_admin'], channels: ['list-1', 'list-2', '*'] }
    const said = {
      _id: GATEWAY_DOCUMENT,
      type: GATEWAY_DOCUMENT,
      $state: 'forged',
      ready: 'forged',
      ...holdings,
    }
    const says = async (): Promise<Content> => {
      const said = await eve.own.get(GATEWAY_DOCUMENT, { conflicts: true })
      const { roles, channels, _conflicts } = (said ?? {}) as Content
      return { roles, channels, _conflicts }
    }
    const right = { roles: [], channels: ['list-1'], _conflicts: undefined }
    await stage.holds(async () => {
      await stage.write(said)
      await ground.eventually('what $gateway says', says, right)
      await stage.push(
        forged(said, 1_000),
        forged(said, 1_001),
        forged({ _id: GATEWAY_DOCUMENT, _deleted: true }, 2_000),
      )
      await ground.eventually('what $gateway says', says, right)
      await eve.write({ _id: GATEWAY_DOCUMENT, _deleted: true })
      await ground.eventually('what $gateway says', says, right)
    })
  })

  way('11: granting herself something', async (stage) => {
    const { eve } = stage
    await stage.holds(async () => {
      const mine = { type: 'list', members: [eve.name], editors: [eve.name] }
      await stage.write({ _id: 'list-1', ...mine })
      await stage.told('list-1', 'refused_by_function')
      await stage.write({ _id: 'list-2', ...mine })
      await stage.told('list-2', 'hidden_document')
      await stage.write({ _id: 'list-3', ...mine, lists: ['list-2'] })
      await stage.told('list-3', 'refused_by_function')
      await stage.push(forged({ _id: 'list-1', ...mine }, 700), forged({ _id: 'list-4', ...mine }, 7))
      await stage.told('list-4', 'refused_by_function')
      for (const id of ['list-2', 'list-3', 'list-4']) await stage.lacks(id)
    })
  })

  way('12: documents that are called as those of the index, or like paths', async (stage) => {
    const { ground, ann, eve } = stage
    await stage.hide('secret-12')
    const ids = [
      ...['document/secret-12', `user/${ann.name}`, `user/${eve.name}`, 'evaluation', 'secret-12/..'],
      ...[
        '../secret-12',
        'secret-12/attachment',
        '%2F',
        'secret-12\u200d',
        'SECRET-12',
        '__proto__'.slice(1),
      ],
    ].filter((id) => !id.startsWith('_'))
    await stage.holds(async () => {
      for (const _id of ids)
        assert(
          (
            await eve.write(
              stage.open(_id, { owner: eve.name, type: 'route', rev: '1-a', channels: ['list-2'] }),
            )
          ).ok,
        )
      for (const id of ids) await ground.reads(ann.own, id, { owner: eve.name })
    }, ids)
  })

  way('13: what she knew before it was taken from her', async (stage) => {
    const { ground, gateway, ann, eve } = stage
    const first = await stage.give(stage.open('open-13'))
    await ground.put(stage.open('open-13', { text: SECRET, lists: ['list-2'] }))
    await stage.lacks('open-13')
    await ground.reads(ann.own, 'open-13', { text: SECRET })
    await ground.eventually('what is unsettled', () => ground.routes.unsettled(), [])
    const second = await revOf(gateway, 'open-13')
    await stage.holds(async () => {
      const mine = stage.open('open-13', { text: 'of eve', owner: eve.name })
      await stage.push(forged(mine, first))
      await stage.told('open-13', 'no_longer_yours')
      await stage.push(forged(mine, second), forged({ _id: 'open-13', _deleted: true }, second))
      await stage.told('open-13', 'refused_by_function')
      await stage.write(mine)
      await stage.lacks('open-13')
    })
  })

  way('14: writing right after a role is lost', async (stage) => {
    const { ground, gateway, eve } = stage
    await stage.give(stage.open('open-14'))
    const list = { _id: 'list-9', type: 'list', members: [] }
    const guard = async (): Promise<unknown> =>
      ((await eve.database.security())['gateway'] as Content)['roles']
    await ground.put({ ...list, editors: [eve.name] })
    await ground.eventually('her roles', guard, ['editor'])
    await ground.space.settled()
    const before = await gateway.leaves([{ id: 'open-14' }])
    await ground.put({ ...list, editors: [] })
    for (const n of [1, 2, 3]) await eve.write(stage.open('open-14', { text: `of eve ${n}` }))
    await ground.eventually('her roles', guard, [])
    await ground.space.settled()
    await eve.reads('open-14', { text: 'of ann' })
    assert.deepEqual(await gateway.leaves([{ id: 'open-14' }]), before)
    // And from then on she may not.
    await stage.holds(async () => {
      await stage.write(stage.open('open-14', { text: 'of eve' }))
      await stage.told('open-14', 'refused_by_function')
    })
  })

  way('15: an attachment that is named by the digest of a hidden one', async (stage) => {
    const { ground, gateway, ann, eve } = stage
    const data = Buffer.from(SECRET).toString('base64')
    await ground.put({
      ...stage.open('secret-15', { lists: ['list-2'] }),
      _attachments: { 'a.txt': { content_type: 'text/plain', data } },
    })
    await ground.reads(ann.own, 'secret-15', { owner: ann.name })
    const stub = (await gateway.get('secret-15'))?._attachments?.['a.txt']
    assert(stub)
    await stage.holds(async () => {
      const mine = { ...stage.open('own-15', { owner: eve.name }), _attachments: { 'a.txt': stub } }
      await eve.own.bulk([mine]).catch(() => null)
      await eve.own.bulk([forged(mine, 3)], { newEdits: false }).catch(() => null)
      assert.equal(await eve.own.get('own-15'), null)
      assert(!(await readsAttachments(eve.own)).includes(SECRET))
    })
  })

  way('16: accounts that are called like somebody else, or like a role', async (stage) => {
    const { ground, ann } = stage
    await stage.hide('secret-16')
    // A name with a colon, `role:keeper`, neither server takes.
    const names = {
      hex: ann.owner,
      hoodie: `user/${ann.name}`,
      invisible: `${ann.name}\u200d`,
      upper: ann.name.toUpperCase(),
      path: `${ann.name}/${ground.name}`,
    }
    await stage.holds(async () => {
      for (const [called, name] of Object.entries(names)) {
        const user = ground.user(called, name)
        await user.signUp()
        await user.isIn()
        await ground.eventually(`standing of ${name}`, async () => (await user.standing())?.state, 'complete')
        assert.deepEqual(await user.ids(), [], name)
        assert.notEqual(user.database.name, ann.database.name)
        const there = await ground.routes.user(name)
        assert.deepEqual([there?.roles, there?.channels], [[], []], name)
      }
      await ground.space.settled()
      for (const [called, name] of Object.entries(names))
        assert.deepEqual(await ground.user(called).ids(), [], name)
    })
  })

  // What the embedded server says of access counts for nothing.
  if (!isCouchdb) return

  way('17: design documents, _security and settings of her database', async (stage) => {
    const { ann, eve } = stage
    const db = pathOf(eve.database.name)
    const gateway = { roles: ['editor'], channels: ['*'] }
    await stage.holds(async () => {
      const guard = await eve.database.get('_design/gateway')
      const attempts: [method: string, where: string, body?: unknown][] = [
        ['PUT', `${db}/_design/mine`, { validate_doc_update: 'function () {}' }],
        ['PUT', `${db}/_design/gateway`, { _rev: guard?._rev }],
        ['DELETE', `${db}/_design/gateway?rev=${guard?._rev}`],
        ['POST', `${db}/_bulk_docs`, { new_edits: false, docs: [forged({ _id: '_design/gateway' }, 900)] }],
        ['PUT', `${db}/_security`, { members: { names: [eve.name, ann.name] }, gateway }],
        ['PUT', `${db}/_revs_limit`, 1],
        ['POST', `${db}/_compact`, {}],
        ['POST', `${db}/_purge`, {}],
        ['POST', `${db}/_index`, { index: { fields: ['a'] } }],
        ['DELETE', db],
        ['PUT', pathOf(`${eve.database.name}x`)],
      ]
      for (const [method, where, body] of attempts) {
        const { status, text } = await stage.at(method, where, body)
        const isRefused = [401, 403].includes(status) || /forbidden|no_majority/.test(text)
        assert(isRefused, `${method} ${where}: ${status} ${text}`)
      }
      // Local documents are hers, and nobody's business.
      assert.equal((await stage.at('PUT', `${db}/_local/mine`, { a: 1 })).status, 201)
    })
  })

  way(
    '18: the gateway, its index, another user’s database and those of the daemon, and replicating',
    async (stage) => {
      const { ground, gateway, ann, eve } = stage
      await stage.hide('secret-18')
      await stage.holds(async () => {
        const ours = [REGISTRY, CHECKPOINTS, PROVISIONING, 'skeleton/user', '_replicator', '_users']
        const closed = [gateway.name, routesDatabase(gateway.name), ann.database.name, ...ours]
        for (const name of closed) {
          const db = pathOf(name)
          const mine = stage.open('own-18', { owner: eve.name })
          for (const [method, where, body] of [
            ['GET', `${db}/_all_docs?include_docs=true`],
            ['GET', `${db}/_changes`],
            ['GET', `${db}/secret-18`],
            ['GET', `${db}/${pathOf('document/secret-18')}`],
            ['PUT', `${db}/own-18`, mine],
            ['PUT', `${db}/_local/mine`, {}],
            ['POST', `${db}/_bulk_docs`, { docs: [forged(mine, 5)], new_edits: false }],
            ['POST', `${db}/_find`, { selector: {} }],
            ['POST', `${db}/_bulk_get`, { docs: [{ id: 'secret-18' }] }],
            ['GET', `${db}/_design/routes/_view/readers`],
            ['PUT', `${db}/_security`, {}],
            ['DELETE', db],
          ] as [string, string, unknown?][]) {
            const { status, text } = await stage.at(method, where, body)
            const isMissing = status === 404 && name === '_users'
            assert([401, 403].includes(status) || isMissing, `${method} ${where}: ${status} ${text}`)
          }
        }
        const { url } = ground.space.server
        const auth = { basic: { username: eve.name, password: eve.password } }
        const own = eve.database.name
        const pairs: [string, string][] = [gateway.name, ann.database.name].flatMap(
          (one): [string, string][] => [
            [one, own],
            [own, one],
          ],
        )
        // All at once: CouchDB takes its time to give up.
        const tries = pairs.map(async ([one, other]) => {
          const [source, target] = [one, other].map((name) => ({ url: `${url}/${pathOf(name)}`, auth }))
          const { status } = await stage.at('POST', '_replicate', { source, target })
          assert(status >= 400, `${one} -> ${other}: ${status}`)
          const named = await stage.at('POST', '_replicate', { source: one, target: other })
          assert(named.status >= 400, `${one} -> ${other}: ${named.status}`)
        })
        await Promise.all(tries)
      })
    },
  )
})

/** The contents of all attachments that are there. */
async function readsAttachments(database: Database): Promise<string> {
  const page = await database.changes({ since: 0, limit: 100_000, includeDocs: false, allLeaves: true })
  const leaves = await database.leaves(
    page.results.map(({ id }) => ({ id })),
    { attachments: true },
  )
  const all = leaves.flatMap(({ _attachments = {} }) => Object.values(_attachments))
  return all.map(({ data = '' }) => Buffer.from(data, 'base64').toString()).join('\n')
}
