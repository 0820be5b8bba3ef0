// What users write into their databases of a gateway: what of it the gateway gets, and what becomes of the rest.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc, Row, Written } from '../../../src/couch/document.ts'
import { ExactNumber } from '../../../src/documents/json.ts'
import { GATEWAY_DOCUMENT } from '../../../src/gateways/model.ts'
import type { Rejection } from '../../../src/documents/rejected.ts'
import { Device, loadPouch } from '../../support/device.ts'
import { GateProxy } from '../../support/gate-proxy.ts'
import { complete, GatewayGround, isForRouter, type GatewayUser } from '../../support/gateway.ts'
import { NOTES } from '../../support/gateway-notes.ts'
import { conflictsIn, losersOf } from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import type { Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

class Notes {
  readonly ground: GatewayGround
  readonly ann: GatewayUser
  readonly bob: GatewayUser

  constructor(ground: GatewayGround) {
    this.ground = ground
    ;[this.ann, this.bob] = [ground.user('ann'), ground.user('bob')]
  }

  get gateway(): Database {
    return this.ground.database
  }

  get users(): GatewayUser[] {
    return [this.ann, this.bob]
  }

  /** A list that both see. */
  list(...editors: GatewayUser[]): Doc {
    const members = this.users.map(({ name }) => name)
    return { _id: 'list-1', type: 'list', members, editors: editors.map(({ name }) => name) }
  }

  /** A note in that list. */
  note(_id: string, owner: GatewayUser, more: Content = {}): Doc {
    return { _id, text: _id, owner: owner.name, lists: ['list-1'], ...more }
  }

  /** Does something while the daemon is away. */
  async away(run: () => Promise<unknown>): Promise<void> {
    const { space } = this.ground
    await space.stop()
    await run()
    await space.start()
  }

  /** The same; what is new at the gateway comes in when all is done that goes without it. */
  async awayAndSlow(run: () => Promise<unknown>): Promise<void> {
    const { space, name } = this.ground
    await space.stop()
    await run()
    const proxy = await GateProxy.start(space.server.url, new RegExp(`^GET /${name}/_changes`))
    try {
      const starting = space.start({ url: proxy.url })
      await proxy.quiet()
      proxy.open()
      await starting
      await space.settled()
    } finally {
      await space.stop()
      await proxy.stop()
    }
    await space.start()
  }

  /**
   * A write that is refused: by the router, where a grant could have made it another answer. All else by CouchDB itself, at once; and
   * once more as it is where it came past the guard, as it does on the embedded server, where users are its admin.
   */
  async refused(user: GatewayUser, doc: Doc, reason: string): Promise<void> {
    const { space } = this.ground
    if (space.server.kind === 'couchdb') {
      const written = await user.write(doc)
      if (isForRouter(reason)) return assert(written.ok, JSON.stringify(written))
      assert.deepEqual(written, { id: doc._id, ok: false, error: 'forbidden', reason })
    }
    await space.write(user.database, doc)
  }

  /** Waits until a user is told just this of a document: a code and a sentence; null for nothing. */
  async tells(user: GatewayUser, id: string, expected: [code: string, reason: string] | null): Promise<void> {
    const read = async (): Promise<[string, string] | null> => {
      const said = (await user.own.get(GATEWAY_DOCUMENT))?.['$rejected'] as Rejection[] | undefined
      const found = (said ?? []).find(({ document }) => document === id)
      return found ? [found.code, found.reason] : null
    }
    await this.ground.eventually(`what ${user.name} is told of ${id}`, read, expected)
  }

  /** Waits until the validation function goes by these roles. */
  async guardKnows(user: GatewayUser, ...roles: string[]): Promise<void> {
    const read = async (): Promise<unknown> => (await user.database.security())['gateway']
    const expected = { roles, channels: ['list-1', '!'] }
    await this.ground.eventually(`what the guard of ${user.name} goes by`, read, expected)
  }

  /** Waits until a document says exactly this at the gateway and with these users, in one version. */
  async everywhere(id: string, content: Content, users = this.users): Promise<void> {
    for (const database of [this.gateway, ...users.map(({ own }) => own)])
      await this.ground.eventually(`${id} of ${database.name}`, () => contentOf(database, id), content)
    // What has lost goes just after what has won is there.
    for (const database of [this.gateway, ...users.map(({ database }) => database)])
      await this.ground.eventually(`conflicts of ${database.name}`, () => conflictsIn(database), [])
  }
}

/** A document without `_id` and `_rev`; of attachments the names. */
async function contentOf(database: Database, id: string): Promise<Content | null> {
  const doc = await database.get(id)
  if (doc === null) return null
  const { _id, _rev, _attachments, ...content } = doc
  return _attachments ? { ...content, _attachments: Object.keys(_attachments) } : content
}

async function rowOf(database: Database, id: string): Promise<Row | undefined> {
  return (await database.fetch([id]))[0]
}

async function accepted(writing: Promise<Written>): Promise<void> {
  const written = await writing
  assert(written.ok, JSON.stringify(written))
}

/** Ann is an editor, Bob reads only; there is a note of Ann's. */
const withNotes = (space: Space, test: (notes: Notes) => Promise<void>): Promise<void> =>
  GatewayGround.use(space, NOTES, async (ground) => {
    const notes = new Notes(ground)
    for (const user of notes.users) await user.signUp()
    await space.start()
    await ground.put(notes.list(notes.ann), notes.note('note-1', notes.ann))
    for (const user of notes.users) await user.sees('list-1', 'note-1')
    await notes.guardKnows(notes.ann, 'editor')
    await test(notes)
    // Whatever it was, nothing is left of it.
    await space.settled()
    for (const database of [notes.gateway, ...notes.users.map(({ database }) => database)])
      assert.deepEqual(await conflictsIn(database), [], database.name)
    await ground.eventually('what is unsettled', () => ground.routes.unsettled(), [])
  })

/** What makes editors, and nobody reads. */
const roles = (...editors: GatewayUser[]): Doc => ({
  ...{ _id: 'list-9', type: 'list', members: [] },
  editors: editors.map(({ name }) => name),
})

const byFunction = (reason: string): [string, string] => [
  'refused_by_function',
  `The sync function refused it: ${reason}`,
]

onEachServer('what users write', ({ it, kind }) => {
  it('is carried where the function lets it pass: a creation, an edit, a deletion', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      await accepted(bob.write(notes.note('note-2', bob)))
      await ann.sees('list-1', 'note-1', 'note-2')
      await ann.edit('note-2', { text: 'two of ann' })
      const { _id, ...content } = notes.note('note-2', bob, { text: 'two of ann' })
      await notes.everywhere('note-2', content)
      const revs = await Promise.all(
        [gateway, ann.database, bob.database].map(async (one) => (await rowOf(one, 'note-2'))?.rev),
      )
      assert.deepEqual(new Set(revs).size, 1, 'it goes as the revision that the user made')

      // Who may not delete it gets it back, who may does.
      await notes.refused(ann, { _id: 'note-2', _deleted: true }, 'sg wrong user')
      await notes.tells(ann, 'note-2', byFunction('sg wrong user'))
      await ann.reads('note-2', { text: 'two of ann' })
      assert.equal((await rowOf(gateway, 'note-2'))?.rev, revs[0])
      await accepted(bob.write({ _id: 'note-2', _deleted: true }))
      for (const user of [ann, bob]) await user.sees('list-1', 'note-1')
      assert.equal((await rowOf(gateway, 'note-2'))?.deleted, true)
      await bob.stands(complete(2))
      // Another one's deletion is no change of hers that was carried.
      await ann.stands({ ...complete(2), state: 'denied', rejected: { 'note-2': 'refused_by_function' } })
      await ground.space.settled()
    }))

  it('is taken back and told of where the function refuses it, until it is in order', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      const before = await rowOf(gateway, 'note-1')
      const foreign = notes.note('note-2', ann)
      await notes.refused(bob, foreign, 'sg wrong user')
      await notes.tells(bob, 'note-2', byFunction('sg wrong user'))
      await bob.sees('list-1', 'note-1')
      const { _id, ...content } = foreign
      assert.deepEqual(await losersOf(bob.database, 'note-2'), [{ ...content, $removed: true }])
      assert.equal((await rowOf(gateway, 'note-2'))?.rev, null)

      const edited = notes.note('note-1', ann, { text: 'of bob' })
      await notes.refused(bob, edited, 'sg missing role')
      await notes.tells(bob, 'note-1', byFunction('sg missing role'))
      await bob.reads('note-1', { text: 'note-1' })
      await notes.refused(bob, { ...edited, text: '' }, 'a note has a text')
      await notes.tells(bob, 'note-1', byFunction('a note has a text'))
      await bob.reads('note-1', { text: 'note-1' })

      await notes.refused(bob, { _id: 'note-1', _deleted: true }, 'sg wrong user')
      await notes.tells(bob, 'note-1', byFunction('sg wrong user'))
      await bob.reads('note-1', { text: 'note-1' })
      await bob.stands({
        ...{ state: 'denied', documents: 2 },
        rejected: { 'note-2': 'refused_by_function', 'note-1': 'refused_by_function' },
      })
      assert.deepEqual(await rowOf(gateway, 'note-1'), before)

      await ground.put(notes.list(ann, bob))
      await notes.guardKnows(bob, 'editor')
      await bob.edit('note-1', { text: 'of an editor' })
      await ground.reads(gateway, 'note-1', { text: 'of an editor' })
      await notes.tells(bob, 'note-1', null)
      await accepted(bob.write(notes.note('note-2', bob)))
      await ann.reads('note-2', { owner: bob.name })
      await bob.stands(complete(3))
    }))

  it('is judged by what was granted meanwhile, though CouchDB goes by what was before', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      const edited = notes.note('note-1', ann, { text: 'of bob' })
      await notes.awayAndSlow(async () => {
        await ground.put(roles(bob))
        await bob.setRoles(['other'])
        await notes.refused(bob, edited, 'sg missing role')
      })
      await ground.reads(gateway, 'note-1', { text: 'of bob' })
      await bob.stands(complete(2))
      await notes.guardKnows(bob, 'editor', 'other')
      await accepted(bob.write({ ...edited, text: 'of bob again' }))
      await ann.reads('note-1', { text: 'of bob again' })
    }))

  it('is judged by what was lost meanwhile, though CouchDB lets it pass', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      await ground.put(roles(bob))
      await notes.guardKnows(bob, 'editor')
      await ground.space.settled()
      const before = await rowOf(gateway, 'note-1')
      await notes.awayAndSlow(async () => {
        await ground.put(roles())
        await bob.setRoles(['other'])
        await accepted(bob.write(notes.note('note-1', ann, { text: 'of bob' })))
      })
      await notes.tells(bob, 'note-1', byFunction('sg missing role'))
      await bob.reads('note-1', { text: 'note-1' })
      assert.deepEqual(await rowOf(gateway, 'note-1'), before)
      await notes.guardKnows(bob, 'other')
    }))

  it('is carried or told of where the document was lost meanwhile', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      await ground.put(
        { _id: 'list-2', type: 'list', members: [bob.name], editors: [bob.name] },
        ...[1, 2, 3].map((at) => notes.note(`late-${at}`, at === 3 ? ann : bob)),
      )
      await bob.sees('late-1', 'late-2', 'late-3', 'list-1', 'list-2', 'note-1')
      await ground.space.settled()
      await notes.away(async () => {
        await ground.put({ ...notes.list(ann), members: [ann.name] })
        // An editor he still is, and two of them are his.
        await accepted(bob.write(notes.note('late-1', bob, { text: 'of bob' })))
        await accepted(bob.write({ _id: 'late-2', _deleted: true }))
        await notes.refused(bob, { _id: 'late-3', _deleted: true }, 'sg wrong user')
      })
      await bob.sees('list-2')
      await ground.reads(gateway, 'late-1', { text: 'of bob' })
      await ann.sees('late-1', 'late-3', 'list-1', 'note-1')
      await notes.tells(bob, 'late-3', byFunction('sg wrong user'))
      await bob.stands({ state: 'denied', documents: 1, rejected: { 'late-3': 'refused_by_function' } })
      // What was refused then is not done later, when he would be let.
      await ground.put({ ...notes.note('late-3', bob) })
      await ground.put(notes.list(ann))
      await bob.sees('late-1', 'late-3', 'list-1', 'list-2', 'note-1')
    }))

  it('is merged with what others wrote meanwhile, and judged as it is then', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann } = notes
      const at = (day: number): Content => ({ updatedAt: `2026-03-0${day}T10:00:00Z` })
      const ids = ['note-2', 'note-3', 'note-4']
      await ground.put(...ids.map((id) => notes.note(id, ann, at(1))))
      await ann.sees('list-1', 'note-1', ...ids)
      // At rest, she is looked at for the first time when it is known what the gateway has, too.
      await ground.space.settled()
      await ground.eventually('what is unsettled', () => ground.routes.unsettled(), [])
      await notes.away(async () => {
        await ann.edit('note-1', { text: 'of ann' })
        // The price is none of hers, and it stays as the admin made it.
        await ground.put(notes.note('note-1', ann, { color: 'red', price: 7 }))
        await ann.edit('note-2', { text: 'of ann', ...at(3) })
        await ground.put(notes.note('note-2', ann, { text: 'of the admin', ...at(2) }))
        await ann.edit('note-3', { text: 'of ann', ...at(2) })
        await ground.put(notes.note('note-3', ann, { text: 'of the admin', ...at(3) }))
        await notes.refused(ann, notes.note('note-4', ann, { price: 1, ...at(3) }), 'sg missing role')
        await ground.put(notes.note('note-4', ann, { text: 'of the admin', ...at(2) }))
      })
      const expected = (id: string, more: Content): Content => {
        const { _id, ...content } = notes.note(id, ann, more)
        return content
      }
      await notes.everywhere('note-1', expected('note-1', { text: 'of ann', color: 'red', price: 7 }))
      await notes.everywhere('note-2', expected('note-2', { text: 'of ann', ...at(3) }))
      await notes.everywhere('note-3', expected('note-3', { text: 'of the admin', ...at(3) }))
      await notes.tells(ann, 'note-4', byFunction('sg missing role'))
      await notes.everywhere('note-4', expected('note-4', { text: 'of the admin', ...at(2) }))
      await ann.stands({ state: 'denied', documents: 5, rejected: { 'note-4': 'refused_by_function' } })
      assert.equal((await gateway.get('note-4'))?.['price'], undefined)
    }))

  it('is told of where the daemon is cut off after it has taken it back', (space) =>
    withNotes(space, async (notes) => {
      const { ground, ann, bob } = notes
      await ground.space.settled()
      await ground.eventually('what is unsettled', () => ground.routes.unsettled(), [])
      await space.stop()
      await ground.put(notes.note('note-1', ann, { color: 'red' }))
      await notes.refused(bob, notes.note('note-1', ann, { text: 'of bob' }), 'sg missing role')
      // What he wrote is taken back; how that leaves his documents is not counted any more, nor written down.
      const own = encodeURIComponent(bob.database.name)
      const proxy = await GateProxy.start(space.server.url, new RegExp(`^GET /${own}/_all_docs`))
      const starting = space.begin({ url: proxy.url }).catch(() => undefined)
      await proxy.quiet()
      await proxy.cut()
      await space.stop()
      await starting
      await bob.reads('note-1', { text: 'note-1', color: 'red' })
      await space.start()
      await notes.tells(bob, 'note-1', byFunction('sg missing role'))
    }))

  it('comes from two devices of one user that were offline', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      await ground.put(notes.note('note-2', ann), notes.note('note-3', ann))
      await ann.sees('list-1', 'note-1', 'note-2', 'note-3')
      const Pouch = loadPouch()
      const { server, prefix } = space
      const auth =
        kind === 'couchdb'
          ? { username: ann.name, password: ann.password }
          : { username: server.user, password: server.pass }
      const [phone, laptop] = ['phone', 'laptop'].map(
        (name) =>
          new Device(
            name,
            new Pouch(`${prefix}${name}`, { adapter: 'memory' }),
            () =>
              new Pouch(`${server.url}/${encodeURIComponent(ann.database.name)}`, { auth, skip_setup: true }),
          ),
      ) as [Device, Device]
      const idsOn = async (device: Device): Promise<string[]> =>
        (await device.docs()).map(({ _id }) => _id).filter((id) => !id.startsWith('$'))
      const textOn = (device: Device, id: string) => async (): Promise<unknown> =>
        (await device.local.get(id).catch(() => null))?.['text']
      try {
        for (const device of [phone, laptop]) device.goOnline()
        for (const device of [phone, laptop])
          await ground.eventually(device.name, () => idsOn(device), ['list-1', 'note-1', 'note-2', 'note-3'])
        for (const device of [phone, laptop]) await device.goOffline()
        assert(await phone.edit('note-1', { text: 'of the phone' }))
        assert(await laptop.edit('note-1', { color: 'of the laptop' }))
        await phone.remove('note-2')
        await laptop.local.put(notes.note('note-4', ann))
        assert(await laptop.edit('note-4', { text: 'of the laptop' }))
        await ground.put(notes.note('note-3', ann, { text: 'of the admin' }))
        phone.goOnline()
        await ground.reads(gateway, 'note-1', { text: 'of the phone' })
        await bob.sees('list-1', 'note-1', 'note-3')
        laptop.goOnline()
        const { _id, ...content } = notes.note('note-1', ann)
        await notes.everywhere('note-1', { ...content, text: 'of the phone', color: 'of the laptop' })
        for (const device of [phone, laptop]) {
          await ground.eventually(device.name, () => idsOn(device), ['list-1', 'note-1', 'note-3', 'note-4'])
          for (const [id, text] of [
            ['note-1', 'of the phone'],
            ['note-3', 'of the admin'],
            ['note-4', 'of the laptop'],
          ] as const)
            await ground.eventually(`${id} on the ${device.name}`, textOn(device, id), text)
          assert.deepEqual(device.denied, [])
        }
        await bob.sees('list-1', 'note-1', 'note-3', 'note-4')
        await ann.stands(complete(4))
      } finally {
        for (const device of [phone, laptop]) await device.destroy()
      }
    }))

  it('has attachments, which go both ways and come back', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      const attached = (text: string): NonNullable<Doc['_attachments']> => ({
        'a.txt': { content_type: 'text/plain', data: Buffer.from(text).toString('base64') },
      })
      const read = (database: Database) => async (): Promise<string | null> => {
        const leaves = await database.leaves([{ id: 'note-1' }], { attachments: true })
        const data = leaves.find(({ _deleted }) => !_deleted)?._attachments?.['a.txt']?.data
        return data === undefined ? null : Buffer.from(data, 'base64').toString()
      }
      const everybodyReads = async (text: string | null): Promise<void> => {
        for (const one of [gateway, ann.own, bob.own]) await ground.eventually(one.name, read(one), text)
      }
      await ground.put({ ...notes.note('note-1', ann), _attachments: attached('of the admin') })
      await everybodyReads('of the admin')
      await ann.edit('note-1', { text: 'with a file' })
      await notes.everywhere('note-1', {
        ...{ text: 'with a file', owner: ann.name, lists: ['list-1'] },
        _attachments: ['a.txt'],
      })
      await ann.edit('note-1', { _attachments: attached('of ann') })
      await everybodyReads('of ann')
      // Refused together with its text, and without.
      await notes.refused(
        bob,
        { ...notes.note('note-1', ann), _attachments: attached('of bob') },
        'sg missing role',
      )
      await notes.tells(bob, 'note-1', byFunction('sg missing role'))
      await everybodyReads('of ann')
      await notes.away(async () => {
        await ann.edit('note-1', { _attachments: attached('of ann, offline') })
        const there = await gateway.get('note-1')
        await ground.put({
          ...notes.note('note-1', ann, { color: 'red' }),
          _attachments: there?._attachments ?? {},
        })
      })
      await everybodyReads('of ann, offline')
      await ground.reads(gateway, 'note-1', { color: 'red' })
      await ann.edit('note-1', { _attachments: undefined })
      await everybodyReads(null)
      await accepted(bob.write({ ...notes.note('note-2', bob), _attachments: attached('new') }))
      await ann.reads('note-2', { text: 'note-2' })
      const [leaf] = await ann.own.leaves([{ id: 'note-2' }], { attachments: true })
      assert.equal(leaf?._attachments?.['a.txt']?.data, Buffer.from('new').toString('base64'))
    }))

  it('is given up for the gateway’s version by $restore', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      const before = await rowOf(gateway, 'note-1')
      await ann.edit('note-1', { text: 'of ann', $restore: true })
      const { _id, ...content } = notes.note('note-1', ann)
      await notes.everywhere('note-1', content)
      assert.deepEqual(await rowOf(gateway, 'note-1'), before)
      // What the gateway does not have goes.
      await accepted(bob.write(notes.note('note-2', bob, { $restore: true })))
      await bob.sees('list-1', 'note-1')
      assert.equal((await rowOf(gateway, 'note-2'))?.rev, null)
      for (const user of [ann, bob]) await user.stands(complete(2))
      await ground.space.settled()
    }))

  it('may be more than the user reads', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      const dropped = notes.note('drop-1', bob, { lists: [] })
      await accepted(bob.write(dropped))
      const { _id, ...content } = dropped
      await ground.eventually('what the admin has', () => contentOf(gateway, 'drop-1'), content)
      await bob.sees('list-1', 'note-1')
      await bob.stands(complete(2))
      const before = await rowOf(gateway, 'drop-1')
      // To others it is not there; under its `_id` they have nothing.
      await accepted(ann.write(notes.note('drop-1', ann, { text: 'of ann' })))
      await notes.tells(ann, 'drop-1', [
        'hidden_document',
        'There is a document with this `_id` already, which you may not have: yours is readable as a deleted revision only.',
      ])
      await ann.sees('list-1', 'note-1')
      assert.deepEqual(
        (await losersOf(ann.database, 'drop-1')).map(({ text }) => text),
        ['of ann'],
      )
      // Who made it makes it anew over the tombstone, which is a change.
      await accepted(bob.write({ ...dropped, text: 'once more' }))
      await notes.tells(bob, 'drop-1', byFunction('sg missing role'))
      await bob.sees('list-1', 'note-1')
      assert.deepEqual(await rowOf(gateway, 'drop-1'), before)
      // There it stays, too, where the gateway has none of it: what is hers goes there when it is gone.
      await ground.delete('drop-1')
      await accepted(ann.write(notes.note('drop-1', ann)))
      await bob.sees('drop-1', 'list-1', 'note-1')
      await ann.stands(complete(3))
    }))

  it('is none of the gateway’s where its _id begins with $ or _, and of any other _id it is', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      const ids = [
        'document/note-1',
        `user/${ann.name}`,
        'evaluation',
        'a/b?c#d%2Fe',
        '..',
        'constructor',
        'ünï 🥛',
      ]
      for (const id of ids) await accepted(bob.write(notes.note(id, bob)))
      await ann.sees('list-1', 'note-1', ...ids)
      for (const id of ids) await ann.edit(id, { text: 'of ann' })
      for (const id of ids) await bob.reads(id, { text: 'of ann' })
      for (const id of ids) await accepted(bob.write({ _id: id, _deleted: true }))
      await ann.sees('list-1', 'note-1')

      await accepted(bob.write({ _id: '$x', text: 'mine' }))
      await accepted(bob.write({ _id: '_local/x', text: 'mine' }))
      // Design documents are an admin's, who may have views there.
      const design = await bob.write({ _id: '_design/x', validate_doc_update: 'function () {}' })
      assert.equal(design.ok, kind === 'embedded')
      await ground.space.settled()
      for (const id of ['$x', '_design/x']) assert.equal((await rowOf(gateway, id))?.rev, null)
      assert.equal(await orMissing(gateway, '_local/x'), null)
      assert.equal((await bob.own.get('$x'))?.['text'], 'mine')
      await bob.stands(complete(2))
      // What is called so at the gateway is nobody's.
      await gateway.bulk([notes.note('$y', ann, { lists: ['!'] }), { _id: '_design/y', lists: ['!'] }])
      await ground.put(notes.note('note-2', ann))
      await bob.sees('list-1', 'note-1', 'note-2')
      for (const id of ['$y', '_design/y']) assert.equal((await rowOf(bob.database, id))?.rev, null)
    }))

  it('keeps every digit', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      const exact = (source: string): unknown =>
        kind === 'couchdb' ? new ExactNumber(source) : Number(source)
      const numbers = { long: exact('12345678901234567890'), point: exact('1.0'), list: [exact('3.0')] }
      await accepted(bob.write(notes.note('note-2', bob, numbers)))
      const { _id, ...content } = notes.note('note-2', bob, numbers)
      await notes.everywhere('note-2', content)
      await ann.edit('note-2', { point: exact('2.0') })
      await notes.everywhere('note-2', { ...content, point: exact('2.0') })
      await notes.refused(bob, { ...notes.note('note-2', bob, numbers), long: 1 }, 'sg missing role')
      await notes.tells(bob, 'note-2', byFunction('sg missing role'))
      await notes.everywhere('note-2', { ...content, point: exact('2.0') })
      await notes.away(async () => {
        await ann.edit('note-2', { long: exact('12345678901234567891') })
        const there = await gateway.get('note-2')
        await ground.put({ ...there, _id: 'note-2', more: exact('3.0') })
      })
      const merged = { long: exact('12345678901234567891'), point: exact('2.0'), more: exact('3.0') }
      await notes.everywhere('note-2', { ...content, ...merged })
    }))

  it('fails alone where the function does not come to an end, or eats all memory', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann, bob } = notes
      // Past the guard: CouchDB would take its time, and say that it broke.
      const write = (id: string, more: Content): Promise<string> =>
        ground.space.write(bob.database, notes.note(id, bob, more))
      await write('burn-1', { burns: 'time' })
      await write('burn-2', { burns: 'memory' })
      await write('note-2', {})
      await ann.sees('list-1', 'note-1', 'note-2')
      for (const id of ['burn-1', 'burn-2']) {
        await ground.eventually(
          `the code of ${id}`,
          async () => (await bob.standing())?.rejected?.[id],
          'sync_function_failed',
        )
        assert.equal((await rowOf(gateway, id))?.rev, null)
      }
      await bob.sees('list-1', 'note-1', 'note-2')
      await ann.edit('note-2', { text: 'of ann' })
      await bob.reads('note-2', { text: 'of ann' })
      // At the gateway itself such a document is in no channel, and leaves those who had it.
      await ground.put(notes.note('note-2', bob, { burns: 'time' }))
      for (const user of [ann, bob]) await user.sees('list-1', 'note-1')
      assert.deepEqual(await ground.routes.failed(), ['note-2'])
    }))

  it('is no business of a function that refuses a document to everybody: it comes, and it goes', (space) =>
    withNotes(space, async (notes) => {
      const { ground, ann, bob } = notes
      // Nobody makes what is done, nobody deletes it; admins make it so later.
      await ground.put(notes.note('note-2', ann, { lists: [] }))
      await ground.put(notes.note('note-2', ann, { lists: [], state: 'done' }))
      await ground.put(notes.note('note-2', ann, { state: 'done' }))
      for (const user of [ann, bob]) await user.sees('list-1', 'note-1', 'note-2')
      await notes.refused(ann, { _id: 'note-2', _deleted: true }, 'what is done stays')
      await notes.tells(ann, 'note-2', byFunction('what is done stays'))
      await ann.reads('note-2', { state: 'done' })
      await ground.put({ ...notes.list(ann), members: [ann.name] })
      await bob.sees()
      await bob.stands(complete(0))
      await ann.sees('list-1', 'note-1', 'note-2')
    }))

  it('is told of where the gateway’s own validation functions refuse it', (space) =>
    withNotes(space, async (notes) => {
      const { ground, gateway, ann } = notes
      if (kind === 'embedded') return
      const text = "function (doc) { if (doc.text === 'bad') throw({ forbidden: 'not here' }) }"
      await ground.space.write(gateway, { _id: '_design/own', validate_doc_update: text })
      const before = await rowOf(gateway, 'note-1')
      await ann.edit('note-1', { text: 'bad' })
      await notes.tells(ann, 'note-1', [
        'refused_by_master',
        'The database that it goes to refused the change: not here',
      ])
      assert.deepEqual(await rowOf(gateway, 'note-1'), before)
      await ann.edit('note-1', { text: 'good' })
      await ground.reads(gateway, 'note-1', { text: 'good' })
      await ann.stands(complete(2))
    }))
})

/** A local document, which only stands under its own address. */
async function orMissing(database: Database, id: string): Promise<unknown> {
  return (await database.leaves([{ id }]))[0] ?? null
}
