// Real clients: PouchDB on three devices of two users, and a guest who replicates the share itself; offline, and back.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import { orNull } from '../../../src/couch/fault.ts'
import { shareDatabase } from '../../../src/documents/names.ts'
import { Device, loadPouch, type Pouch, type PouchDoc } from '../../support/device.ts'
import {
  conflictsIn,
  losersOf,
  open,
  shared,
  signUp,
  stands,
  stranger,
  subscriptionDoc,
  withPeople,
  ACTIVE,
  type Person,
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import type { Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId, parseCopyId } from '../../../src/shares/model/ids.ts'

/** Everybody in a scenario: joe shares, ann writes on two devices, gus writes into the share itself. */
interface Cast {
  share: string
  joe: Person
  ann: Person
  desktop: Device
  phone: Device
  laptop: Device
  guest: Device
}

const OBJECTS = ['todo/1', 'todo/2', 'todo/3', 'todo/4', 'todo/5', 'todo/6', 'todo/7']

async function withClients(space: Space, test: (cast: Cast) => Promise<void>): Promise<void> {
  const PouchDB = loadPouch()
  const devices: Device[] = []
  await withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
    const gus = stranger(space, 'gus')
    await signUp(space, gus)
    const device = (name: string, { account }: Person, database: string): Device => {
      const { kind, url, user, pass } = space.server
      const auth =
        kind === 'couchdb'
          ? { username: account.name, password: account.pass }
          : { username: user, password: pass }
      const remote = (): Pouch =>
        new PouchDB(`${url}/${encodeURIComponent(database)}`, { auth, skip_setup: true })
      const local = new PouchDB(`${space.prefix}${name}`, { adapter: 'memory' })
      const made = new Device(name, local, remote)
      devices.push(made)
      return made
    }
    await space.start()
    const share = await open(
      space,
      joe,
      { write: [ann.name, gus.name] },
      ...OBJECTS.map((id, at) =>
        shared(
          space.shareId(),
          id,
          { name: `${id} of joe`, note: 'n', done: false, secret: 'of joe' },
          at % 2 === 0 ? true : ['name', 'note', 'done', 'extra'],
        ),
      ),
    )
    const cast: Cast = {
      ...{ share, joe, ann },
      desktop: device('desktop', joe, joe.db.name),
      phone: device('phone', ann, ann.db.name),
      laptop: device('laptop', ann, ann.db.name),
      guest: device('guest', gus, shareDatabase(share)),
    }
    for (const one of devices) one.goOnline()
    try {
      await cast.phone.local.put(subscriptionDoc(share))
      await stands(space, ann, share, ACTIVE)
      await settles(space, cast)
      await test(cast)
      for (const { name, denied } of devices) assert.deepEqual(denied, [], `refused to ${name}`)
    } finally {
      for (const one of devices) await one.destroy()
    }
  })
}

/** An object or copy without what belongs to its place. */
const contentOf = (doc: Content): Content =>
  Object.fromEntries(Object.entries(doc).filter(([name]) => !name.startsWith('_') && !name.startsWith('$')))

const sorted = (content: Content): Content =>
  Object.fromEntries(Object.entries(content).sort(([one], [other]) => (one < other ? -1 : 1)))

/** Empty while a share is being made anew, as it is where copies were taken back. */
async function documentsOf(database: Database): Promise<PouchDoc[]> {
  const rows = await orNull(database.range({ includeDocs: true }))
  return (rows ?? []).flatMap(({ doc }) => (doc && !doc._id.startsWith('_') ? [doc as PouchDoc] : []))
}

type View = Record<string, Content>

const copiesIn = (docs: readonly PouchDoc[]): View =>
  Object.fromEntries(
    docs.flatMap((doc) => {
      const copy = parseCopyId(doc._id)
      return copy ? [[copy.object, sorted(contentOf(doc))] as const] : []
    }),
  )

/** What a user gives to a share; of somebody who received it, only what the share has too. */
const objectsIn = (docs: readonly PouchDoc[], share: string, copies: View | null): View =>
  Object.fromEntries(
    docs.flatMap((doc) => {
      const wish = (doc['$shares'] as Record<string, unknown> | undefined)?.[share]
      if (wish === undefined || wish === false) return []
      const names = copies ? Object.keys(copies[doc._id] ?? {}) : Array.isArray(wish) ? wish : null
      const content = Object.entries(contentOf(doc)).filter(([name]) => names?.includes(name) ?? true)
      return [[doc._id, sorted(Object.fromEntries(content))] as const]
    }),
  )

/** How far everybody is from having the same; null where all have. */
async function difference({ share, joe, ann, ...devices }: Cast, space: Space): Promise<string | null> {
  const copies = copiesIn(await documentsOf(space.share(share)))
  const views: [string, View][] = [
    ['the guest', copiesIn(await devices.guest.docs())],
    ['joe', objectsIn(await documentsOf(joe.db), share, null)],
    ['ann', objectsIn(await documentsOf(ann.db), share, copies)],
    ['desktop', objectsIn(await devices.desktop.docs(), share, null)],
    ['phone', objectsIn(await devices.phone.docs(), share, copies)],
    ['laptop', objectsIn(await devices.laptop.docs(), share, copies)],
  ]
  const expected = JSON.stringify(sorted(copies))
  for (const [name, view] of views) {
    const seen = JSON.stringify(sorted(view))
    if (seen !== expected) return `${name}: ${seen}\nshare: ${expected}`
  }
  return null
}

/** Everybody has the same, for good, and nobody has a live conflict. */
async function settles(space: Space, cast: Cast): Promise<void> {
  let found: string | null = null
  const look = async (): Promise<boolean> => (found = await difference(cast, space)) === null
  const differ = (fault: unknown): never => {
    if (fault instanceof assert.AssertionError) assert.fail(found ?? fault.message)
    throw fault
  }
  await space.until('all have the same', look, 60_000).catch(differ)
  await space.settled(2_000)
  await space.until('all have the same still', look, 10_000).catch(differ)
  const { share, joe, ann, desktop, phone, laptop, guest } = cast
  // Conflicts between two devices of one user, in an object that is in no share, are that user's own.
  const isShared = (doc: PouchDoc | null): boolean =>
    doc !== null && (parseCopyId(doc._id) !== null || doc['$shares'] !== undefined)
  for (const database of [joe.db, ann.db, space.share(share)]) {
    const found = await database.fetch(await conflictsIn(database))
    const inConflict = found.filter(({ doc }) => isShared(doc)).map(({ id }) => id)
    assert.deepEqual(inConflict, [], `conflicts in ${database.name}`)
  }
  for (const device of [desktop, phone, laptop, guest]) {
    const docs = await device.docs()
    const inConflict = docs.filter((doc) => isShared(doc) && doc._conflicts?.length).map(({ _id }) => _id)
    assert.deepEqual(inConflict, [], `conflicts on ${device.name}`)
  }
}

/** Everything that can still be read of these objects, losers too, in the users' databases and in the share. */
async function everything(space: Space, { share, joe, ann }: Cast): Promise<string> {
  const found: unknown[] = []
  for (const database of [joe.db, ann.db, space.share(share)]) {
    const { results } = await database.changes({ since: '0', limit: 1_000, includeDocs: true })
    for (const { id, doc } of results) found.push(doc, await losersOf(database, id))
  }
  return JSON.stringify(found)
}

/** The same numbers at each run. */
function dice(seed: number): (sides: number) => number {
  let state = seed
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * sides)
  }
}

onEachServer('clients', ({ it }) => {
  it('that were offline settle, and lose nothing', (space) =>
    withClients(space, async (cast) => {
      const { share, joe, ann, desktop, phone, laptop, guest } = cast
      const devices = [desktop, phone, laptop, guest]
      const copy = (id: string): string => copyId(share, id)
      for (const device of devices) await device.goOffline()

      // The same attribute on all of them, and a different one on each.
      let minute = 0
      for (const device of devices) {
        const id = device === guest ? copy('todo/1') : 'todo/1'
        await device.edit(id, {
          name: `name by ${device.name}`,
          updatedAt: `2026-03-01T10:0${(minute += 1)}:00Z`,
        })
        await device.edit(id, { [`by-${device.name}`]: true })
        await device.edit(device === guest ? copy('todo/2') : 'todo/2', { name: `title by ${device.name}` })
      }
      await desktop.edit('todo/3', { note: 'note by desktop' })
      await phone.edit('todo/3', { done: true })
      await laptop.edit('todo/3', { 'by-laptop': 3 })
      await guest.edit(copy('todo/3'), { name: 'third by guest' })
      // Somebody deletes what others edit, or what nobody does.
      await phone.remove('todo/4')
      await desktop.edit('todo/4', { note: 'fourth by desktop' })
      await guest.remove(copy('todo/5'))
      await desktop.remove('todo/6')
      await laptop.edit('todo/7', { secret: 'of ann', done: 'by laptop' })
      await phone.edit('todo/7', { done: 'by phone' })
      // New ones everywhere, some under the same `_id` on two devices of one user.
      for (const device of [desktop, phone, laptop])
        await device.local.put({ ...shared(share, `new/${device.name}`, { name: `new by ${device.name}` }) })
      await guest.local.put({ _id: copy('new/guest'), name: 'new by guest' })
      for (const device of [phone, laptop])
        await device.local.put({ ...shared(share, 'new/both', { [device.name]: `both by ${device.name}` }) })
      await desktop.local.put({ _id: 'private', name: 'private of joe' })
      await laptop.local.put({ _id: 'private', name: 'private of ann' })

      for (const device of [laptop, guest, desktop, phone]) device.goOnline()
      await settles(space, cast)

      const copies = copiesIn(await documentsOf(space.share(share)))
      // The latest wins, and each attribute of its own stays.
      assert.deepEqual(
        copies['todo/1'],
        sorted({
          ...{ name: 'name by guest', note: 'n', done: false, secret: 'of joe' },
          ...{ 'by-desktop': true, 'by-phone': true, 'by-laptop': true, 'by-guest': true },
          updatedAt: '2026-03-01T10:04:00Z',
        }),
      )
      assert.equal(copies['todo/2']?.['name'], 'title by phone')
      assert.deepEqual(copies['todo/3'], {
        ...{ 'by-laptop': 3, done: true, name: 'third by guest' },
        ...{ note: 'note by desktop', secret: 'of joe' },
      })
      assert.equal(copies['todo/5'], undefined)
      assert.equal(copies['todo/6'], undefined)
      for (const name of ['desktop', 'phone', 'laptop', 'guest'])
        assert.deepEqual(copies[`new/${name}`], { name: `new by ${name}` })
      assert.deepEqual(copies['new/both'], { laptop: 'both by laptop', phone: 'both by phone' })
      assert.equal((await joe.db.get('todo/4'))?.['note'], 'fourth by desktop')
      assert.deepEqual(contentOf((await joe.db.get('todo/5')) ?? {})['name'], 'todo/5 of joe')
      assert.deepEqual(contentOf((await joe.db.get('private')) ?? {}), { name: 'private of joe' })
      assert.deepEqual(contentOf((await ann.db.get('private')) ?? {}), { name: 'private of ann' })

      const all = await everything(space, cast)
      for (const device of devices)
        for (const text of [`name by ${device.name}`, `title by ${device.name}`])
          assert(all.includes(text), `lost: ${text}`)
      for (const text of ['by laptop', 'by phone']) assert(all.includes(`"done":"${text}"`), `lost: ${text}`)
      // What joe does not share, nobody sees.
      const others = JSON.stringify([await phone.docs(), await guest.docs(), await documentsOf(ann.db)])
      assert(!others.includes('private of joe'))
    }))

  for (const seed of [1, 2, 3])
    it(`that go offline and come back at random settle, and lose nothing (${seed})`, (space) =>
      withClients(space, async (cast) => {
        const { share, desktop, phone, laptop, guest } = cast
        const devices = [desktop, phone, laptop, guest]
        const roll = dice(seed)
        const pick = <Item>(items: readonly Item[]): Item => items[roll(items.length)] as Item
        /** By object, the attributes that nobody writes twice. */
        const written = new Map<string, string[]>()
        const deleted = new Set<string>()
        for (let round = 1; round <= 2; round += 1) {
          const away = devices.filter(() => roll(3) > 0)
          for (const device of away) await device.goOffline()
          for (let step = 0; step < 30; step += 1) {
            const device = pick(devices)
            const mark = `${device.name}-${round}-${step}`
            // Of several users under one `_id` they would be different objects.
            const author = device === desktop ? 'joe' : device === guest ? 'gus' : 'ann'
            const object = roll(8) === 0 ? `new/${author}/${round}` : pick(OBJECTS)
            const id = device === guest ? copyId(share, object) : object
            // Others see no attribute that joe has not listed.
            const isWhole = object.startsWith('new/') || OBJECTS.indexOf(object) % 2 === 0
            if (roll(24) === 0) {
              await device.remove(id)
              deleted.add(object)
            } else if (object.startsWith('new/') && roll(2) === 0)
              await device.local
                .put(device === guest ? { _id: id, [mark]: true } : shared(share, id, { [mark]: true }))
                .then(
                  () => written.set(object, [...(written.get(object) ?? []), mark]),
                  () => null,
                )
            else {
              const own = isWhole ? { [mark]: true } : {}
              const isWritten = await device.edit(id, { ...own, [pick(['name', 'note', 'done'])]: mark })
              if (isWritten && isWhole) written.set(object, [...(written.get(object) ?? []), mark])
            }
          }
          for (const device of away.reverse()) device.goOnline()
          await settles(space, cast)
        }
        const copies = copiesIn(await documentsOf(space.share(share)))
        for (const [object, marks] of written)
          for (const mark of marks)
            // Everybody's attribute is in what came of it, unless somebody deleted the object, who had seen it.
            if (!deleted.has(object)) assert.equal(copies[object]?.[mark], true, `${mark} in ${object}`)
        assert(written.size > 3)
      }))
})
