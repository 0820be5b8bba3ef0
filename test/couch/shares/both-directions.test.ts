// Both directions: what writers change reaches the owner's objects and everybody else, and nothing vanishes silently.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Database } from '../../../src/couch/database.ts'
import type { Doc } from '../../../src/couch/document.ts'
import { ExactNumber } from '../../../src/documents/json.ts'
import {
  ACTIVE,
  asUser,
  becomes,
  conflictsIn,
  edit,
  losersOf,
  open,
  read,
  received,
  remove,
  shared,
  standing,
  standingOf,
  stands,
  subscribe,
  subscriptionDoc,
  withPeople,
  type Person,
  type Standing,
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, copyBecomes, put, shareDoc, type Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

interface Circle {
  joe: Person
  ann: Person
  bob: Person
}

/** Joe's share, which ann writes and bob reads; both take part, and have these objects. */
async function circle(space: Space, { joe, ann, bob }: Circle, ...objects: Doc[]): Promise<string> {
  await space.start()
  const id = await open(space, joe, { read: [bob.name], write: [ann.name] }, ...objects)
  await subscribe(space, id, [ann, bob])
  for (const { _id } of objects)
    for (const { db, name } of [ann, bob])
      await space.until(`${_id} reaches ${name}`, async () => (await db.get(_id)) !== null)
  await space.settled()
  return id
}

/** Waits until an object reads the same to all of them. */
async function allHave(
  space: Space,
  people: readonly Person[],
  id: string,
  expected: Content | null,
): Promise<void> {
  for (const { db } of people) await becomes(space, db, id, expected)
}

/** Nothing is left to do, and no document has two live leaves, in no database. */
async function assertSettled(space: Space, share: string, people: readonly Person[]): Promise<void> {
  await space.settled()
  for (const database of [...people.map(({ db }) => db), space.share(share)])
    assert.deepEqual(await conflictsIn(database), [], `conflicts in ${database.name}`)
}

/** What everybody writes while the daemon is away comes together when it is back. */
async function atOnce(space: Space, write: () => Promise<unknown>): Promise<void> {
  await space.settled()
  await space.stop()
  await write()
  await space.start()
}

/** Changes a copy in the share, as that user. */
const editCopy = (space: Space, who: Person, share: string, id: string, change: Content): Promise<string> =>
  asUser(space, who, space.share(share), (db) => edit(space, db, copyId(share, id), change))

const ownerStands = async (
  space: Space,
  { db }: Person,
  share: string,
  expected: Standing,
): Promise<void> => {
  let seen: Standing = { state: null }
  const look = async (): Promise<boolean> => {
    const doc = await db.get(`$share/${share}`)
    seen = doc === null ? { state: null } : standingOf(doc)
    return JSON.stringify(seen) === JSON.stringify(expected)
  }
  await space.until('the $share is right', look, 30_000).catch(() => assert.deepEqual(seen, expected))
}

const names = ['joe', 'ann', 'bob'] as const

onEachServer('changes of a writer', ({ it, kind }) => {
  it('reach the owner and everybody else', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk', tags: ['a'], done: false }))
      await edit(space, ann.db, 'todo/1', { name: 'oat milk', tags: ['a', { b: null }] })
      await allHave(
        space,
        all,
        'todo/1',
        received(id, { name: 'oat milk', tags: ['a', { b: null }], done: false }),
      )
      await edit(space, ann.db, 'todo/1', { done: undefined, new: 1 })
      const whole = { name: 'oat milk', tags: ['a', { b: null }], new: 1 }
      await allHave(space, all, 'todo/1', received(id, whole))
      await copyBecomes(space, id, 'todo/1', whole)
      await assertSettled(space, id, all)
      // One write in each database, and none to the one who made it.
      const generation = async (db: Database, doc: string): Promise<number> =>
        Number((await db.get(doc))?._rev.split('-')[0])
      const dbs: [Database, string][] = [
        [joe.db, 'todo/1'],
        [space.share(id), copyId(id, 'todo/1')],
        [bob.db, 'todo/1'],
        [ann.db, 'todo/1'],
      ]
      const before = await Promise.all(dbs.map(([db, doc]) => generation(db, doc)))
      await edit(space, ann.db, 'todo/1', { name: 'rice milk' })
      await allHave(space, all, 'todo/1', received(id, { ...whole, name: 'rice milk' }))
      await space.settled()
      const after = await Promise.all(dbs.map(([db, doc]) => generation(db, doc)))
      assert.deepEqual(
        after.map((number, at) => number - (before[at] ?? 0)),
        [1, 1, 1, 1],
      )
    }))

  it('come in directly, too', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk', done: false }))
      await editCopy(space, ann, id, 'todo/1', { name: 'oat milk', done: undefined })
      await allHave(space, all, 'todo/1', received(id, { name: 'oat milk' }))
      await asUser(space, ann, space.share(id), (db) => put(db, { _id: copyId(id, 'todo/2'), name: 'bread' }))
      await allHave(space, all, 'todo/2', received(id, { name: 'bread' }))
      await assertSettled(space, id, all)
      await asUser(space, ann, space.share(id), (db) => remove(space, db, copyId(id, 'todo/2')))
      await becomes(space, ann.db, 'todo/2', null)
      await becomes(space, bob.db, 'todo/2', null)
      await becomes(space, joe.db, 'todo/2', { name: 'bread' })
      await assertSettled(space, id, all)
      assert.deepEqual(standingOf((await joe.db.get(`$share/${id}`)) ?? { _id: '', _rev: '' }), ACTIVE)
    }))

  it('may be new objects, which become the owner’s, too', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob })
      await put(ann.db, shared(id, 'todo/ann', { name: 'eggs', of: 'ann' }))
      await allHave(space, all, 'todo/ann', received(id, { name: 'eggs', of: 'ann' }))
      await edit(space, joe.db, 'todo/ann', { name: 'ten eggs' })
      await allHave(space, all, 'todo/ann', received(id, { name: 'ten eggs', of: 'ann' }))
      // Only some of an object: the rest stays its author's.
      await put(ann.db, shared(id, 'todo/part', { name: 'butter', secret: 'mine' }, ['name']))
      await becomes(space, joe.db, 'todo/part', received(id, { name: 'butter' }))
      await edit(space, joe.db, 'todo/part', { name: 'salted butter' })
      await becomes(space, ann.db, 'todo/part', {
        ...{ name: 'salted butter', secret: 'mine' },
        $shares: { [id]: ['name'] },
      })
      await assertSettled(space, id, all)
      // Her author takes it out for all; the owner keeps it.
      await edit(space, ann.db, 'todo/ann', { $shares: { [id]: false } })
      await becomes(space, ann.db, 'todo/ann', { name: 'ten eggs', of: 'ann' })
      await becomes(space, bob.db, 'todo/ann', null)
      await becomes(space, joe.db, 'todo/ann', { name: 'ten eggs', of: 'ann' })
      // The owner takes the other one out: it stays with its author.
      await edit(space, joe.db, 'todo/part', { $shares: { [id]: false } })
      await becomes(space, bob.db, 'todo/part', null)
      await becomes(space, ann.db, 'todo/part', { name: 'salted butter', secret: 'mine' })
      await assertSettled(space, id, all)
    }))

  it('leave in the share what who brought it does not list any more, which is said', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk' }))
      await put(ann.db, { _id: 'todo/9', name: 'oats', note: 'of ann', $shares: { [id]: true } })
      await allHave(space, [joe, bob], 'todo/9', received(id, { name: 'oats', note: 'of ann' }))
      await edit(space, ann.db, 'todo/9', { $shares: { [id]: ['name'] } })
      await stands(space, ann, id, { ...ACTIVE, rejected: { 'todo/9': 'rest_stays_shared' } })
      await copyBecomes(space, id, 'todo/9', { name: 'oats', note: 'of ann' })
      await edit(space, ann.db, 'todo/9', { note: undefined, $shares: { [id]: true } })
      await allHave(space, [joe, ann, bob], 'todo/9', received(id, { name: 'oats' }))
      await stands(space, ann, id, ACTIVE)
      await assertSettled(space, id, [joe, ann, bob])
    }))

  it('may be deletions: the object leaves the share for all, and stays the owner’s', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(
        space,
        { joe, ann, bob },
        shared(id, 'todo/1', { name: 'milk', secret: 'mine' }, ['name']),
        shared(id, 'todo/2', { name: 'bread' }),
      )
      await remove(space, ann.db, 'todo/1')
      await becomes(space, joe.db, 'todo/1', { name: 'milk', secret: 'mine' })
      await becomes(space, bob.db, 'todo/1', null)
      await copyBecomes(space, id, 'todo/1', null)
      await assertSettled(space, id, all)
      assert.equal(await ann.db.get('todo/1'), null)
      // Shared again, it is back for everybody.
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: true } })
      for (const { db } of [ann, bob])
        await becomes(space, db, 'todo/1', received(id, { name: 'milk', secret: 'mine' }))
      await remove(space, joe.db, 'todo/2')
      for (const { db } of all) await becomes(space, db, 'todo/2', null)
      await assertSettled(space, id, all)
    }))

  it('lose against nothing that was deleted before it was seen', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(
        space,
        { joe, ann, bob },
        shared(id, 'todo/1', { name: 'milk' }),
        shared(id, 'todo/2', { name: 'bread' }),
      )
      await atOnce(space, async () => {
        await remove(space, ann.db, 'todo/1')
        await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
        await remove(space, joe.db, 'todo/2')
        await edit(space, ann.db, 'todo/2', { name: 'rye bread' })
      })
      // Whoever was first: an edit that the deleting one had not seen is in the result.
      await space.settled()
      const [one, other] = [await read(joe.db, 'todo/1'), await read(ann.db, 'todo/1')]
      assert.equal(one?.['name'], 'oat milk')
      if (other !== null) assert.deepEqual(other, one)
      const everywhere = JSON.stringify([
        await Promise.all(all.map(({ db }) => read(db, 'todo/2'))),
        (await standing(ann, id))?.rejected ?? {},
      ])
      assert(everywhere.includes('rye bread'), everywhere)
      await assertSettled(space, id, all)
    }))

  it('touch and get nothing that is not shared', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(
        space,
        { joe, ann, bob },
        shared(id, 'todo/1', { name: 'milk', secret: 'of joe', note: 'of joe' }, ['name', 'absent']),
      )
      await edit(space, ann.db, 'todo/1', { name: 'oat milk', secret: 'of ann', mine: 'of ann', absent: 1 })
      const own = { secret: 'of joe', note: 'of joe', $shares: { [id]: ['name', 'absent'] } }
      await becomes(space, joe.db, 'todo/1', { name: 'oat milk', absent: 1, ...own })
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'oat milk', absent: 1 }))
      await edit(space, joe.db, 'todo/1', { name: 'rice milk', secret: 'still of joe' })
      await becomes(
        space,
        ann.db,
        'todo/1',
        received(id, { name: 'rice milk', absent: 1, secret: 'of ann', mine: 'of ann' }),
      )
      await copyBecomes(space, id, 'todo/1', { name: 'rice milk', absent: 1 })
      await assertSettled(space, id, all)
      for (const [database, text] of [
        [space.share(id), 'of ann'],
        [space.share(id), 'of joe'],
        [space.outbox(joe.hash), 'of ann'],
        [bob.db, 'of ann'],
        [bob.db, 'of joe'],
      ] as const) {
        const { results } = await database.changes({ since: '0', limit: 1000, includeDocs: true })
        const leaves = await database.leaves(results.map(({ id: doc }) => ({ id: doc })))
        assert(!JSON.stringify(leaves).includes(text), `${text} in ${database.name}`)
      }
      assert.deepEqual(await standing(ann, id), ACTIVE)
    }))

  it('stay private where they were when the owner shows more, and are sent when they are written anew', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk' }, ['name']))
      const secrets = { diary: 'secret of ann', list: ['secret of ann'] }
      await edit(space, ann.db, 'todo/1', { name: 'oat milk', ...secrets })
      await edit(space, bob.db, 'todo/1', { diary: 'secret of bob' })
      const data = Buffer.from('secret of ann, too').toString('base64')
      await edit(space, ann.db, 'todo/1', { _attachments: { 'a.txt': { content_type: 'text/plain', data } } })
      await copyBecomes(space, id, 'todo/1', { name: 'oat milk' })
      await space.settled()
      // The reader may write, and the owner shows all; less; all.
      await edit(space, joe.db, `$share/${id}`, { access: { write: [ann.name, bob.name] } })
      await space.settled()
      const sees = async (name: string, wish: unknown): Promise<void> => {
        await edit(space, joe.db, 'todo/1', { name, $shares: { [id]: wish } })
        await becomes(space, bob.db, 'todo/1', received(id, { name, diary: 'secret of bob' }))
        await space.until('ann has it', async () => (await ann.db.get('todo/1'))?.['name'] === name)
        await space.settled()
      }
      await sees('soy milk', true)
      await sees('rice milk', ['name'])
      await sees('milk', true)
      for (const { db } of [ann, bob]) await edit(space, db, 'todo/1', { name: `milk for ${db.name}` })
      await space.settled()
      assert.equal((await standing(ann, id))?.rejected?.['todo/1'], 'stays_private')
      assert.equal((await standing(bob, id))?.rejected?.['todo/1'], 'stays_private')
      const places: [Database, string][] = [
        ...[space.share(id), space.outbox(joe.hash), space.outbox(bob.hash), joe.db, bob.db].map(
          (one): [Database, string] => [one, 'secret of ann'],
        ),
        ...[space.share(id), space.outbox(joe.hash), space.outbox(ann.hash), joe.db, ann.db].map(
          (one): [Database, string] => [one, 'secret of bob'],
        ),
      ]
      for (const [database, text] of places) {
        const { results } = await database.changes({ since: '0', limit: 1000, includeDocs: true })
        const leaves = await database.leaves(
          results.map(({ id: doc }) => ({ id: doc })),
          { attachments: true },
        )
        const all_ = JSON.stringify(leaves)
        assert(!all_.includes(text), `${text} in ${database.name}`)
        if (text === 'secret of ann') assert(!all_.includes(data), `an attachment in ${database.name}`)
      }
      assert.equal((await read(ann.db, 'todo/1'))?.['diary'], 'secret of ann')
      // Written now, it is for all.
      await edit(space, ann.db, 'todo/1', { diary: 'for all' })
      await space.until(
        'the share has it',
        async () => (await space.copy(id, 'todo/1'))?.['diary'] === 'for all',
      )
      await assertSettled(space, id, all)
    }))

  it('are taken out of the share again where they are not shared, and reported to the owner', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk', secret: 's' }, ['name']))
      await editCopy(space, ann, id, 'todo/1', { name: 'oat milk', secret: 'guessed', more: 1 })
      await copyBecomes(space, id, 'todo/1', { name: 'oat milk' })
      const own = { secret: 's', $shares: { [id]: ['name'] } }
      await becomes(space, joe.db, 'todo/1', { name: 'oat milk', ...own })
      await ownerStands(space, joe, id, { ...ACTIVE, rejected: { 'todo/1': 'unshared_attributes' } })
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'oat milk' }))
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      await assertSettled(space, id, all)
      const [rejected] = (await joe.db.get(`$share/${id}`))?.['$rejected'] as {
        document: string
        reason: string
        at: string
      }[]
      assert.match(rejected?.reason ?? '', /more, secret/)
      assert(Math.abs(Date.now() - Date.parse(rejected?.at ?? '')) < 60_000)
      // Carried over without them, it is healed.
      await editCopy(space, ann, id, 'todo/1', { name: 'rice milk' })
      await becomes(space, joe.db, 'todo/1', { name: 'rice milk', ...own })
      await ownerStands(space, joe, id, ACTIVE)
    }))

  it('go from one share of an object into the others, as far as each shows it', (space) =>
    withPeople(space, ['joe', 'ann', 'bob', 'cid', 'eve'] as const, async ({ joe, ann, bob, cid, eve }) => {
      await space.start()
      const [a, b, c] = ['a', 'b', 'c'].map((name) => space.shareId(name)) as [string, string, string]
      const wishes = { [a]: ['name', 'note'], [b]: ['name'], [c]: true }
      await put(
        joe.db,
        shareDoc(a, { access: { write: [ann.name, cid.name] } }),
        shareDoc(b, { access: { write: [bob.name, cid.name] } }),
        shareDoc(c, { access: { read: [eve.name] } }),
        { _id: 'todo/1', name: 'milk', note: 'cold', secret: 's', $shares: wishes },
      )
      for (const share of [a, b, c]) await becomesActive(space, joe.hash, share)
      await subscribe(space, a, [ann, cid])
      await subscribe(space, b, [bob, cid])
      await subscribe(space, c, [eve])
      const expect = async (name: string, note: string): Promise<void> => {
        await becomes(space, joe.db, 'todo/1', { name, note, secret: 's', $shares: wishes })
        await becomes(space, ann.db, 'todo/1', received(a, { name, note }))
        await becomes(space, bob.db, 'todo/1', received(b, { name }))
        await becomes(space, cid.db, 'todo/1', { name, note, $shares: { [a]: true, [b]: true } })
        await becomes(space, eve.db, 'todo/1', received(c, { name, note, secret: 's' }))
        await copyBecomes(space, a, 'todo/1', { name, note })
        await copyBecomes(space, b, 'todo/1', { name })
        await copyBecomes(space, c, 'todo/1', { name, note, secret: 's' })
      }
      await expect('milk', 'cold')
      await edit(space, ann.db, 'todo/1', { name: 'oat milk', note: 'warm' })
      await expect('oat milk', 'warm')
      await edit(space, bob.db, 'todo/1', { name: 'rice milk' })
      await expect('rice milk', 'warm')
      await edit(space, cid.db, 'todo/1', { name: 'soy milk', note: 'hot' })
      await expect('soy milk', 'hot')
      for (const share of [a, b, c]) await assertSettled(space, share, [joe, ann, bob, cid, eve])
      // Who leaves one of them keeps what the other one shows.
      await remove(space, cid.db, `$subscription/${b}`)
      await becomes(space, cid.db, 'todo/1', received(a, { name: 'soy milk', note: 'hot' }))
      await edit(space, cid.db, 'todo/1', { note: 'cool' })
      await becomes(space, bob.db, 'todo/1', received(b, { name: 'soy milk' }))
      await becomes(space, ann.db, 'todo/1', received(a, { name: 'soy milk', note: 'cool' }))
      await remove(space, cid.db, `$subscription/${a}`)
      await becomes(space, cid.db, 'todo/1', null)
      for (const share of [a, b, c]) await assertSettled(space, share, [joe, ann, bob, cid, eve])
    }))

  it('carry attachments both ways', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      const text = (data: string): { content_type: string; data: string } => ({
        content_type: 'text/plain',
        data: btoa(data),
      })
      await circle(
        space,
        { joe, ann, bob },
        {
          ...shared(id, 'note/1', { name: 'n' }),
          _attachments: { 'one.txt': text('one'), 'two.txt': text('two') },
        },
      )
      const attachments = async (db: Database, doc: string): Promise<Record<string, string>> => {
        const found = await db.get(doc)
        const [leaf] = found ? await db.leaves([{ id: doc, rev: found._rev }], { attachments: true }) : []
        return Object.fromEntries(
          Object.entries(leaf?._attachments ?? {}).map(([name, { data }]) => [name, atob(data ?? '')]),
        )
      }
      const expect = async (expected: Record<string, string>): Promise<void> => {
        for (const [db, doc] of [
          ...all.map(({ db }) => [db, 'note/1'] as const),
          [space.share(id), copyId(id, 'note/1')] as const,
        ]) {
          let seen: unknown
          const sorted = (record: Record<string, string>): string =>
            JSON.stringify(Object.entries(record).sort())
          await space
            .until('', async () => sorted((seen = await attachments(db, doc))) === sorted(expected))
            .catch(() => assert.deepEqual(seen, expected, db.name))
        }
      }
      await expect({ 'one.txt': 'one', 'two.txt': 'two' })
      const doc = async (db: Database): Promise<Record<string, object>> =>
        (await db.get('note/1'))?._attachments ?? {}
      const { 'two.txt': two } = await doc(ann.db)
      // Changed, kept, added, and one taken out.
      await edit(space, ann.db, 'note/1', {
        _attachments: { 'two.txt': two, 'three ä.txt': text('three') },
      })
      await expect({ 'two.txt': 'two', 'three ä.txt': 'three' })
      await edit(space, joe.db, 'note/1', {
        _attachments: { ...(await doc(joe.db)), 'two.txt': text('two and more') },
      })
      await expect({ 'two.txt': 'two and more', 'three ä.txt': 'three' })
      // Both add one, and one of them takes one out.
      await atOnce(space, async () => {
        await edit(space, ann.db, 'note/1', { _attachments: { ...(await doc(ann.db)), ann: text('of ann') } })
        const { 'three ä.txt': _, ...kept } = await doc(joe.db)
        await edit(space, joe.db, 'note/1', { _attachments: { ...kept, joe: text('of joe') } })
      })
      await expect({ 'two.txt': 'two and more', ann: 'of ann', joe: 'of joe' })
      await editCopy(space, ann, id, 'note/1', { _attachments: undefined })
      await expect({})
      if (kind === 'couchdb') {
        const large = randomBytes(4_500_000).toString('base64')
        await edit(space, ann.db, 'note/1', {
          _attachments: { large: { content_type: 'application/x-blob', data: large } },
        })
        await expect({ large: atob(large) })
      }
      await assertSettled(space, id, all)
    }))

  it('keep attachments that give way, and bring those of two devices together', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      const id = space.shareId()
      const text = (data: string): object => ({ content_type: 'text/plain', data: btoa(data) })
      await space.start()
      await open(
        space,
        joe,
        { write: [ann.name] },
        {
          ...shared(id, 'note/1', { name: 'n', updatedAt: 1 }),
          _attachments: { 'a.txt': text('first') },
        },
      )
      await subscribe(space, id, [ann])
      await space.until('ann has the note', async () => (await ann.db.get('note/1')) !== null)
      await atOnce(space, async () => {
        await edit(space, joe.db, 'note/1', { updatedAt: 2, _attachments: { 'a.txt': text('of joe') } })
        await edit(space, ann.db, 'note/1', { updatedAt: 3, _attachments: { 'a.txt': text('of ann') } })
      })
      await assertSettled(space, id, [joe, ann])
      const places = [
        [joe.db, 'note/1'],
        [ann.db, 'note/1'],
        [space.share(id), copyId(id, 'note/1')],
      ] as const
      const texts = async (isDeleted: boolean): Promise<string[]> => {
        const leaves = await Promise.all(
          places.map(([db, doc]) => db.leaves([{ id: doc }], { attachments: true })),
        )
        return leaves
          .flat()
          .filter(({ _deleted }) => (_deleted === true) === isDeleted)
          .flatMap(({ _attachments = {} }) => Object.values(_attachments))
          .map(({ data = '' }) => atob(data))
      }
      const [winner = '', ...others] = await texts(false)
      assert.deepEqual(others, [winner, winner])
      const loser = winner === 'of ann' ? 'of joe' : 'of ann'
      // PouchDB's server keeps no attachments of what is deleted.
      if (kind === 'couchdb')
        assert((await texts(true)).includes(loser), `expected "${loser}" among ${String(await texts(true))}`)

      // Two devices of ann's, one of which was offline.
      await space.stop()
      const [generation, hash = ''] = ((await ann.db.get('note/1'))?._rev ?? '').split('-')
      const next = Number(generation) + 1
      await edit(space, ann.db, 'note/1', { name: 'm' })
      await ann.db.bulk(
        [
          {
            ...{ _id: 'note/1', name: 'n', updatedAt: 3, $shares: { [id]: true } },
            ...{ _rev: `${next}-d`, _revisions: { start: next, ids: ['d', hash] } },
            _attachments: { 'b.txt': text('of a device') },
          },
        ],
        { newEdits: false },
      )
      await space.start()
      await assertSettled(space, id, [joe, ann])
      assert.deepEqual((await read(joe.db, 'note/1'))?.['name'], 'm')
      assert.deepEqual(new Set(await texts(false)), new Set(['of a device']))
    }))

  it('say who made them', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      const by = (who: string, second: number): Content => ({
        updatedBy: who,
        updatedAt: `2026-03-01T10:00:${String(second).padStart(2, '0')}Z`,
      })
      await circle(
        space,
        { joe, ann, bob },
        shared(id, 'todo/1', { name: 'milk', note: 'n', ...by('joe', 1) }),
      )
      await edit(space, ann.db, 'todo/1', { name: 'oat milk', ...by('ann', 2) })
      await allHave(space, all, 'todo/1', received(id, { name: 'oat milk', note: 'n', ...by('ann', 2) }))
      await atOnce(space, async () => {
        await edit(space, ann.db, 'todo/1', { name: 'rice milk', ...by('ann', 4) })
        await edit(space, joe.db, 'todo/1', { note: 'new', ...by('joe', 3) })
      })
      await allHave(space, all, 'todo/1', received(id, { name: 'rice milk', note: 'new', ...by('ann', 4) }))
      await editCopy(space, ann, id, 'todo/1', { note: 'direct', ...by('guest', 5) })
      await allHave(
        space,
        all,
        'todo/1',
        received(id, { name: 'rice milk', note: 'direct', ...by('guest', 5) }),
      )
      await assertSettled(space, id, all)
    }))

  it('keep every digit, and every name', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      const ids = ['todo/with/slashes', 'ünï/cødé 🥛', 'constructor', '__proto__'.slice(2), 'a b?c#d%2Fe']
      const content: Content = { constructor: 'c', toString: 't', ключ: '🥛', '': 'no name', 'a.b': [1] }
      await circle(space, { joe, ann, bob }, ...ids.map((_id) => shared(id, _id, content)))
      for (const one of ids) await edit(space, ann.db, one, { constructor: `of ann`, ключ: ['🥛', '牛'] })
      for (const one of ids)
        await allHave(
          space,
          all,
          one,
          received(id, { ...content, constructor: 'of ann', ключ: ['🥛', '牛'] }),
        )
      if (kind === 'couchdb') {
        const numbers = { long: new ExactNumber('12345678901234567890'), point: new ExactNumber('1.0') }
        await put(ann.db, shared(id, 'numbers', { ...numbers, n: 1 }))
        await allHave(space, all, 'numbers', received(id, { ...numbers, n: 1 }))
        await edit(space, joe.db, 'numbers', { n: 2, list: [new ExactNumber('2.0')] })
        await allHave(
          space,
          all,
          'numbers',
          received(id, { ...numbers, n: 2, list: [new ExactNumber('2.0')] }),
        )
        await edit(space, ann.db, 'numbers', { long: new ExactNumber('12345678901234567891') })
        await allHave(
          space,
          all,
          'numbers',
          received(id, {
            ...{ long: new ExactNumber('12345678901234567891'), point: numbers.point, n: 2 },
            list: [new ExactNumber('2.0')],
          }),
        )
      }
      await assertSettled(space, id, all)
    }))

  it('work in a share that is called as an attribute of every object', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = 'constructor'
      await put(
        joe.db,
        shareDoc(id, { access: { write: [ann.name] } }),
        shared(id, 'todo/1', { name: 'milk' }),
        {
          ...shared(id, 'todo/2', { name: 'bread', secret: 's' }),
          $shares: { [id]: ['name'] },
        },
      )
      await becomesActive(space, joe.hash, id)
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await becomes(space, ann.db, 'todo/2', received(id, { name: 'bread' }))
      await edit(space, ann.db, 'todo/1', { name: 'oat milk' })
      await becomes(space, joe.db, 'todo/1', received(id, { name: 'oat milk' }))
      await put(ann.db, shared(id, 'todo/3', { name: 'eggs' }), { _id: 'todo/4', name: 'diary', $shares: {} })
      await becomes(space, joe.db, 'todo/3', received(id, { name: 'eggs' }))
      await edit(space, joe.db, 'todo/1', { $shares: {} })
      await becomes(space, ann.db, 'todo/1', null)
      await assertSettled(space, id, [joe, ann])
      await remove(space, joe.db, `$share/${id}`)
      await becomes(space, joe.db, 'todo/2', { name: 'bread', secret: 's' })
      await becomes(space, ann.db, 'todo/2', null)
      await space.settled()
    }))
})

onEachServer('edits at the same time', ({ it, kind }) => {
  const conflict = (
    title: string,
    edits: { joe: Content; ann: Content },
    winner: 'joe' | 'ann',
    before: Content = {},
  ): void =>
    it(title, (space) =>
      withPeople(space, names, async ({ joe, ann, bob }) => {
        const id = space.shareId()
        const all = [joe, ann, bob]
        await circle(
          space,
          { joe, ann, bob },
          shared(id, 'todo/1', { name: 'milk', left: 'l', right: 'r', ...before }),
        )
        await atOnce(space, async () => {
          await edit(space, joe.db, 'todo/1', { left: 'of joe', ...edits.joe })
          await edit(space, ann.db, 'todo/1', { right: 'of ann', ...edits.ann })
        })
        const expected = { left: 'of joe', right: 'of ann', ...edits[winner] }
        await allHave(space, all, 'todo/1', received(id, expected))
        await copyBecomes(space, id, 'todo/1', expected)
        await assertSettled(space, id, all)
        // What gave way can still be read: where the two met, in the document of one of them or in the copy.
        const kept = [
          ...(await losersOf(joe.db, 'todo/1')),
          ...(await losersOf(ann.db, 'todo/1')),
          ...(await losersOf(space.share(id), copyId(id, 'todo/1'))),
        ]
        const lost = edits[winner === 'joe' ? 'ann' : 'joe']['name']
        assert(
          kept.some(({ name }) => isDeepStrictEqual(name, lost)),
          `expected ${JSON.stringify(lost)} among ${JSON.stringify(kept)}`,
        )
      }),
    )

  conflict(
    'go by `updatedAt`, in ISO 8601',
    {
      joe: { name: 'a', updatedAt: '2026-03-01T10:00:02Z' },
      ann: { name: 'z', updatedAt: '2026-03-01T10:00:01Z' },
    },
    'joe',
    { updatedAt: '2026-03-01T09:00:00Z' },
  )
  conflict(
    'go by `updatedAt`, in milliseconds',
    { joe: { name: 'z', updatedAt: 1_772_000_000_000 }, ann: { name: 'a', updatedAt: 1_772_000_000_001 } },
    'ann',
    { updatedAt: 1_771_000_000_000 },
  )
  conflict(
    'go by their canonical JSON where they do not say when',
    { joe: { name: 'aaa' }, ann: { name: 'bbb' } },
    'ann',
  )
  conflict(
    'go by their canonical JSON where both were at the same time',
    {
      joe: { name: { x: 2, a: 1 }, updatedAt: '2026-03-01T10:00:00Z' },
      ann: { name: { a: 1, x: 1 }, updatedAt: '2026-03-01T10:00:00.000Z' },
    },
    'joe',
    {},
  )

  it('leave what gave way where the usual requests find it', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk', updatedAt: 1 }))
      await space.stop()
      await edit(space, ann.db, 'todo/1', { name: 'of ann', updatedAt: 2 })
      await editCopy(space, ann, id, 'todo/1', { name: 'direct', updatedAt: 3 })
      await space.start()
      const expected = received(id, { name: 'direct', updatedAt: 3 })
      await allHave(space, [joe, ann, bob], 'todo/1', expected)
      await assertSettled(space, id, [joe, ann, bob])
      const [lost] = await losersOf(ann.db, 'todo/1')
      assert.deepEqual(lost, { name: 'of ann', updatedAt: 2 })
      // The documented request: all leaves with their bodies, the deleted ones too.
      if (kind === 'embedded') return
      const leaves = await space.couch.request<{ ok?: Doc }[]>({
        path: [ann.db.name, 'todo/1'],
        query: { open_revs: 'all' },
      })
      assert.deepEqual(
        leaves.flatMap(({ ok }) => (ok?._deleted ? [ok['name']] : [])),
        ['of ann'],
      )
      assert.equal(leaves.filter(({ ok }) => ok && !ok._deleted).length, 1)
    }))

  it('that clients pushed into the share as conflicts become one', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk', n: 0, m: 0 }))
      const home = space.share(id)
      const copy = copyId(id, 'todo/1')
      const there = (await home.get(copy)) as Doc & { _rev: string }
      const [start, parent] = there._rev.split('-') as [string, string]
      const pushed = (content: Content): Doc => {
        const hash = randomBytes(16).toString('hex')
        const generation = Number(start) + 1
        return {
          ...{ ...content, _id: copy, _rev: `${generation}-${hash}` },
          _revisions: { start: generation, ids: [hash, parent] },
        }
      }
      await asUser(space, ann, home, (db) =>
        db.bulk(
          [
            pushed({ name: 'milk', n: 1, m: 0 }),
            pushed({ name: 'milk', n: 0, m: 2 }),
            pushed({ name: 'oat milk', n: 0, m: 0 }),
          ],
          { newEdits: false },
        ),
      )
      await allHave(space, all, 'todo/1', received(id, { name: 'oat milk', n: 1, m: 2 }))
      await copyBecomes(space, id, 'todo/1', { name: 'oat milk', n: 1, m: 2 })
      await assertSettled(space, id, all)
    }))
})

onEachServer('a reader', ({ it }) => {
  it('keeps own edits, is told so, and goes on getting the rest', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk', note: 'n' }))
      await edit(space, bob.db, 'todo/1', { name: 'of bob', mine: 'of bob' })
      await stands(space, bob, id, { ...ACTIVE, rejected: { 'todo/1': 'read_only' } })
      await edit(space, ann.db, 'todo/1', { note: 'new' })
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'of bob', note: 'new', mine: 'of bob' }))
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk', note: 'new' }))
      await assertSettled(space, id, all)
      assert.deepEqual(
        await read(bob.db, 'todo/1'),
        received(id, { name: 'of bob', note: 'new', mine: 'of bob' }),
      )
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'oat milk', note: 'new' }))
      assert.deepEqual(await space.copy(id, 'todo/1'), { name: 'oat milk', note: 'new' })
      // Taken back, it is healed.
      await edit(space, bob.db, 'todo/1', { name: 'oat milk', mine: undefined })
      await stands(space, bob, id, ACTIVE)
      await edit(space, joe.db, 'todo/1', { name: 'rice milk' })
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'rice milk', note: 'new' }))
    }))

  it('sends nothing of before when he may write, and everything of then', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(
        space,
        { joe, ann, bob },
        shared(id, 'todo/1', { name: 'milk', note: 'n' }),
        shared(id, 'todo/2', { name: 'bread' }),
      )
      await edit(space, bob.db, 'todo/1', { name: 'of bob' })
      await remove(space, bob.db, 'todo/2')
      await put(bob.db, shared(id, 'todo/bob', { name: 'of bob' }))
      await stands(space, bob, id, {
        ...ACTIVE,
        rejected: { 'todo/1': 'read_only', 'todo/2': 'read_only', 'todo/bob': 'read_only' },
      })
      await edit(space, joe.db, `$share/${id}`, { access: { write: [ann.name, bob.name] } })
      await space.settled()
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk', note: 'n' }))
      assert.deepEqual(await read(joe.db, 'todo/2'), received(id, { name: 'bread' }))
      await edit(space, bob.db, 'todo/1', { note: 'of bob' })
      await becomes(space, joe.db, 'todo/1', received(id, { name: 'milk', note: 'of bob' }))
      await space.settled()
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk', note: 'of bob' }))
      assert.deepEqual(await read(bob.db, 'todo/1'), received(id, { name: 'of bob', note: 'of bob' }))
      await edit(space, bob.db, 'todo/1', { name: 'of bob, again' })
      await allHave(space, all, 'todo/1', received(id, { name: 'of bob, again', note: 'of bob' }))
      await assertSettled(space, id, all)
    }))

  it('who wrote before sends nothing any more', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk' }))
      await put(ann.db, shared(id, 'todo/ann', { name: 'eggs' }))
      await allHave(space, all, 'todo/ann', received(id, { name: 'eggs' }))
      await edit(space, joe.db, `$share/${id}`, { access: { read: [ann.name, bob.name] } })
      await becomes(space, ann.db, `$invitation/${id}`, {
        type: '$invitation',
        ...{ share: id, owner: joe.name, access: 'read' },
      })
      await edit(space, ann.db, 'todo/1', { name: 'of ann' })
      await edit(space, ann.db, 'todo/ann', { name: 'more eggs' })
      await stands(space, ann, id, {
        ...ACTIVE,
        rejected: { 'todo/1': 'read_only', 'todo/ann': 'read_only' },
      })
      await edit(space, joe.db, 'todo/1', { done: true })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'of ann', done: true }))
      await assertSettled(space, id, all)
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk', done: true }))
      assert.deepEqual(await read(bob.db, 'todo/ann'), received(id, { name: 'eggs' }))
    }))
})

onEachServer('un-sharing', ({ it, kind }) => {
  it('while a writer edits leaves the edit with its author, who is told', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(
        space,
        { joe, ann, bob },
        shared(id, 'todo/1', { name: 'milk' }),
        shared(id, 'todo/2', { name: 'bread' }),
      )
      await atOnce(space, async () => {
        await edit(space, joe.db, 'todo/1', { $shares: { [id]: false } })
        await edit(space, ann.db, 'todo/1', { name: 'of ann' })
      })
      await becomes(space, bob.db, 'todo/1', null)
      await copyBecomes(space, id, 'todo/1', null)
      await space.settled()
      // Where her edit came first, the owner has it, and it was sent; else it stays with her, who is told.
      const own = await read(joe.db, 'todo/1')
      const isSent = own?.['name'] === 'of ann'
      if (!isSent) assert.deepEqual(own, { name: 'milk' })
      assert.deepEqual(await read(ann.db, 'todo/1'), isSent ? null : { name: 'of ann' })
      if (!isSent)
        assert.deepEqual(await standing(ann, id), { ...ACTIVE, rejected: { 'todo/1': 'no_longer_shared' } })
      await assertSettled(space, id, all)
      assert.deepEqual(await read(ann.db, 'todo/2'), received(id, { name: 'bread' }))
    }))

  it('is final: what is pushed late goes, and is reported', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk' }))
      const home = space.share(id)
      const copy = copyId(id, 'todo/1')
      const { _rev } = (await home.get(copy)) as Doc & { _rev: string }
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: false } })
      await becomes(space, ann.db, 'todo/1', null)
      await becomes(space, bob.db, 'todo/1', null)
      await space.settled()
      // A guest who was offline replicates an edit of what he had.
      const hash = randomBytes(16).toString('hex')
      const [generation, parent] = _rev.split('-') as [string, string]
      const late = { name: 'late', _id: copy, _rev: `${Number(generation) + 5}-${hash}` }
      const ids = [hash, ...['1', '2', '3', '4'].map((digit) => digit.repeat(32)), parent]
      await asUser(space, ann, home, (db) =>
        db.bulk([{ ...late, _revisions: { start: Number(generation) + 5, ids } }], { newEdits: false }),
      )
      await ownerStands(space, joe, id, { ...ACTIVE, rejected: { 'todo/1': 'not_shared_by_owner' } })
      await copyBecomes(space, id, 'todo/1', null)
      await assertSettled(space, id, all)
      assert.deepEqual(await read(joe.db, 'todo/1'), { name: 'milk' })
      for (const { db } of [ann, bob]) assert.equal(await db.get('todo/1'), null)
      if (kind === 'couchdb') {
        const leaves = await home.leaves([{ id: copy }])
        assert(!JSON.stringify(leaves).includes('late'))
        assert(!JSON.stringify(leaves).includes('milk'))
        assert.deepEqual(await home.leaves([{ id: copy, rev: _rev }]), [])
        // The guest's own device learns that his revision is gone.
        assert(leaves.some(({ _deleted, _revisions }) => _deleted && _revisions?.ids.includes(hash)))
      }
      // A new edit over the tombstone is no better.
      await asUser(space, ann, home, (db) => put(db, { _id: copy, name: 'once more' }))
      await copyBecomes(space, id, 'todo/1', null)
      await assertSettled(space, id, all)
      assert.deepEqual(await read(joe.db, 'todo/1'), { name: 'milk' })
      // Until the owner shares it again.
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: true } })
      for (const { db } of [ann, bob]) await becomes(space, db, 'todo/1', received(id, { name: 'milk' }))
      await edit(space, ann.db, 'todo/1', { name: 'oat milk' })
      await allHave(space, all, 'todo/1', received(id, { name: 'oat milk' }))
      await ownerStands(space, joe, id, ACTIVE)
    }))

  it('of attributes takes them away from all, and leaves them to the owner', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const all = [joe, ann, bob]
      await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk', note: 'n', more: 'm' }))
      await edit(space, ann.db, 'todo/1', { note: 'of ann' })
      await allHave(space, all, 'todo/1', received(id, { name: 'milk', note: 'of ann', more: 'm' }))
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: ['name'] } })
      for (const { db } of [ann, bob]) await becomes(space, db, 'todo/1', received(id, { name: 'milk' }))
      await copyBecomes(space, id, 'todo/1', { name: 'milk' })
      await assertSettled(space, id, all)
      assert.deepEqual(await read(joe.db, 'todo/1'), {
        ...{ name: 'milk', note: 'of ann', more: 'm' },
        $shares: { [id]: ['name'] },
      })
      if (kind === 'couchdb') {
        const leaves = await space.share(id).leaves([{ id: copyId(id, 'todo/1') }])
        assert(!JSON.stringify(leaves).includes('of ann'))
        for (const { _revisions } of leaves)
          for (const [age, hash] of (_revisions?.ids ?? []).entries()) {
            const rev = `${(_revisions?.start ?? 0) - age}-${hash}`
            const old = await space.share(id).leaves([{ id: copyId(id, 'todo/1'), rev }])
            assert(!JSON.stringify(old).includes('of ann'), rev)
          }
      }
      await edit(space, ann.db, 'todo/1', { name: 'oat milk', note: 'hers now' })
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'oat milk' }))
      await becomes(space, joe.db, 'todo/1', {
        ...{ name: 'oat milk', note: 'of ann', more: 'm' },
        $shares: { [id]: ['name'] },
      })
    }))

  it('leaves nothing behind of which only the time is left', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      const objects = ['todo/1', 'todo/2'].map((one) =>
        shared(id, one, { name: 'milk', more: 'm' }, ['name']),
      )
      await circle(space, { joe, ann, bob }, ...objects)
      const at = { updatedAt: '2024-06-01T12:00:00Z', updatedBy: ann.name, hoodie: { updatedAt: 1 } }
      await edit(space, ann.db, 'todo/1', { name: 'oat milk', ...at })
      await edit(space, ann.db, 'todo/2', { name: 'oat milk', ...at, mine: 'of ann' })
      await edit(space, bob.db, 'todo/1', { updatedAt: 1 })
      for (const one of ['todo/1', 'todo/2']) await copyBecomes(space, id, one, { name: 'oat milk' })
      await space.settled()
      await edit(space, joe.db, 'todo/1', { $shares: undefined })
      await becomes(space, ann.db, 'todo/1', null)
      await becomes(space, bob.db, 'todo/1', null)
      await remove(space, ann.db, `$subscription/${id}`)
      await becomes(space, ann.db, 'todo/2', { ...at, mine: 'of ann' })
      await assertSettled(space, id, [joe, ann, bob])
    }))
})

onEachServer('the owner', ({ it }) => {
  it('may write directly into a share that nobody else writes into', (space) =>
    withPeople(space, ['joe', 'bob'] as const, async ({ joe, bob }) => {
      await space.start()
      const id = space.shareId()
      await open(
        space,
        joe,
        { read: [bob.name] },
        shared(id, 'todo/1', { name: 'milk', secret: 's' }, ['name']),
        shared(id, 'todo/2', { name: 'bread' }),
      )
      await subscribe(space, id, [bob])
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'milk' }))
      await space.settled()
      await editCopy(space, joe, id, 'todo/1', { name: 'oat milk' })
      const own = { secret: 's', $shares: { [id]: ['name'] } }
      await becomes(space, joe.db, 'todo/1', { name: 'oat milk', ...own })
      await becomes(space, bob.db, 'todo/1', received(id, { name: 'oat milk' }))
      await edit(space, joe.db, 'todo/1', { name: 'rice milk' })
      await copyBecomes(space, id, 'todo/1', { name: 'rice milk' })
      await asUser(space, joe, space.share(id), (db) => put(db, { _id: copyId(id, 'todo/3'), name: 'eggs' }))
      await becomes(space, joe.db, 'todo/3', received(id, { name: 'eggs' }))
      await becomes(space, bob.db, 'todo/3', received(id, { name: 'eggs' }))
      await asUser(space, joe, space.share(id), (db) => remove(space, db, copyId(id, 'todo/2')))
      await becomes(space, joe.db, 'todo/2', { name: 'bread' })
      await becomes(space, bob.db, 'todo/2', null)
      await assertSettled(space, id, [joe, bob])
      assert.equal((await space.entry(id))?.['home'], 'share')
    }))

  it('may let others write later, and take that back', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      await space.start()
      const id = space.shareId()
      const all = [joe, ann, bob]
      const objects = Array.from({ length: 30 }, (_, at) => shared(id, `todo/${at}`, { name: `no. ${at}` }))
      await open(space, joe, { read: [ann.name, bob.name] }, ...objects)
      await subscribe(space, id, [ann, bob])
      await becomes(space, ann.db, 'todo/29', received(id, { name: 'no. 29' }))
      // Written meanwhile, on both sides.
      await edit(space, joe.db, `$share/${id}`, { access: { read: [bob.name], write: [ann.name] } })
      await edit(space, joe.db, 'todo/0', { name: 'of joe' })
      await becomes(space, ann.db, 'todo/0', received(id, { name: 'of joe' }))
      await edit(space, ann.db, 'todo/1', { name: 'of ann' })
      await allHave(space, all, 'todo/1', received(id, { name: 'of ann' }))
      await space.settled()
      await edit(space, joe.db, `$share/${id}`, { access: { read: [ann.name, bob.name] } })
      await space.settled()
      await edit(space, joe.db, 'todo/2', { name: 'of joe' })
      await allHave(space, all, 'todo/2', received(id, { name: 'of joe' }))
      await edit(space, ann.db, 'todo/3', { name: 'of ann' })
      await stands(space, ann, id, { ...ACTIVE, rejected: { 'todo/3': 'read_only' } })
      await assertSettled(space, id, all)
      assert.deepEqual(await read(joe.db, 'todo/3'), received(id, { name: 'no. 3' }))
    }))
})

onEachServer('what is refused', ({ it, kind }) => {
  /** A validation function that refuses a name. */
  const guard = (word: string): Doc => ({
    _id: '_design/guard',
    language: 'javascript',
    validate_doc_update: `function (doc) { if (doc.name === ${JSON.stringify(word)}) throw { forbidden: 'no ' + doc.name } }`,
  })

  if (kind === 'couchdb') {
    it('by a function of the subscriber’s own database is listed, and cleared when it is healed', (space) =>
      withPeople(space, names, async ({ joe, ann, bob }) => {
        const id = space.shareId()
        await circle(
          space,
          { joe, ann, bob },
          shared(id, 'todo/1', { name: 'milk' }),
          shared(id, 'todo/2', { name: 'bread' }),
        )
        await put(bob.db, guard('forbidden fruit'))
        await edit(space, joe.db, 'todo/1', { name: 'forbidden fruit' })
        await edit(space, joe.db, 'todo/2', { name: 'rye bread' })
        await stands(space, bob, id, { ...ACTIVE, rejected: { 'todo/1': 'refused_by_database' } })
        await becomes(space, bob.db, 'todo/2', received(id, { name: 'rye bread' }))
        await becomes(space, ann.db, 'todo/1', received(id, { name: 'forbidden fruit' }))
        await space.settled()
        assert.deepEqual(await read(bob.db, 'todo/1'), received(id, { name: 'milk' }))
        await edit(space, ann.db, 'todo/1', { name: 'apple' })
        await becomes(space, bob.db, 'todo/1', received(id, { name: 'apple' }))
        await stands(space, bob, id, ACTIVE)
      }))

    it('by a function of the owner’s own database is listed on the share', (space) =>
      withPeople(space, names, async ({ joe, ann, bob }) => {
        const id = space.shareId()
        await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk' }))
        await put(joe.db, guard('forbidden fruit'))
        await edit(space, ann.db, 'todo/1', { name: 'forbidden fruit' })
        await put(ann.db, shared(id, 'todo/2', { name: 'forbidden fruit' }))
        await ownerStands(space, joe, id, {
          ...ACTIVE,
          rejected: { 'todo/1': 'refused_by_database', 'todo/2': 'refused_by_database' },
        })
        await space.settled()
        assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk' }))
        await edit(space, ann.db, 'todo/1', { name: 'apple' })
        await edit(space, ann.db, 'todo/2', { name: 'pear' })
        await becomes(space, joe.db, 'todo/1', received(id, { name: 'apple' }))
        await becomes(space, joe.db, 'todo/2', received(id, { name: 'pear' }))
        await ownerStands(space, joe, id, ACTIVE)
      }))

    it('by a function of the share is listed with its author, and cleared when it is healed', (space) =>
      withPeople(space, names, async ({ joe, ann, bob }) => {
        const id = space.shareId()
        await circle(space, { joe, ann, bob }, shared(id, 'todo/1', { name: 'milk' }))
        await put(space.share(id), guard('forbidden fruit'))
        await edit(space, ann.db, 'todo/1', { name: 'forbidden fruit' })
        await stands(space, ann, id, { ...ACTIVE, rejected: { 'todo/1': 'copy_refused' } })
        await space.settled()
        assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk' }))
        assert.deepEqual(await read(ann.db, 'todo/1'), received(id, { name: 'forbidden fruit' }))
        await edit(space, ann.db, 'todo/1', { name: 'apple' })
        await becomes(space, joe.db, 'todo/1', received(id, { name: 'apple' }))
        await stands(space, ann, id, ACTIVE)
        // The owner's own is listed on the share.
        await edit(space, joe.db, 'todo/1', { name: 'forbidden fruit' })
        await ownerStands(space, joe, id, { ...ACTIVE, rejected: { 'todo/1': 'copy_refused' } })
        await edit(space, joe.db, 'todo/1', { name: 'pear' })
        await allHave(space, [ann, bob], 'todo/1', received(id, { name: 'pear' }))
        await ownerStands(space, joe, id, ACTIVE)
      }))
  }

  it('is listed as the latest hundred', (space) =>
    withPeople(space, names, async ({ joe, ann, bob }) => {
      const id = space.shareId()
      await circle(space, { joe, ann, bob })
      const objects = Array.from({ length: 130 }, (_, at) => shared(id, `todo/${at}`, { name: `no. ${at}` }))
      await put(bob.db, ...objects)
      await space.until('a hundred are listed', async () => {
        const rejected = (await bob.db.get(`$subscription/${id}`))?.['$rejected']
        return Array.isArray(rejected) && rejected.length === 100
      })
      await space.settled()
      const listed = (await bob.db.get(`$subscription/${id}`))?.['$rejected'] as { code: string }[]
      assert.equal(listed.length, 100)
      assert(listed.every(({ code }) => code === 'read_only'))
    }))
})

onEachServer('the public', ({ it, kind }) => {
  const limits = { publicLimits: { mostObjects: 3, mostBytes: 2_000, mostChanges: 1_000 } }

  it(
    'writes through subscriptions as much as it may, and is told where the limit is',
    (space) =>
      withPeople(space, ['joe', 'ann', 'bob'] as const, async ({ joe, ann, bob }) => {
        await space.start()
        const id = await open(space, joe, { write: true, read: [bob.name] })
        await edit(space, joe.db, `$share/${id}`, { access: true })
        await subscribe(space, id, [ann])
        await put(joe.db, shared(id, 'todo/1', { name: 'milk' }))
        await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
        await edit(space, ann.db, 'todo/1', { name: 'oat milk', n: new ExactNumber('1.0') })
        await space.until('it is carried', async () => (await joe.db.get('todo/1'))?.['name'] === 'oat milk')
        for (const at of [1, 2, 3, 4]) await put(ann.db, shared(id, `ann/${at}`, { name: `no. ${at}` }))
        let extra = ''
        await space.until('one of them is too many', async () => {
          const rejected = Object.entries((await standing(ann, id))?.rejected ?? {})
          extra = rejected[0]?.[0] ?? ''
          return rejected.length === 1 && rejected[0]?.[1] === 'too_many_objects'
        })
        const [one = '', two = '', three = ''] = [1, 2, 3, 4]
          .map((at) => `ann/${at}`)
          .filter((object) => object !== extra)
        for (const object of [one, two, three])
          await space.until(`${object} is there`, async () => (await joe.db.get(object)) !== null)
        await edit(space, ann.db, one, { text: 'x'.repeat(3_000) })
        await stands(space, ann, id, {
          ...ACTIVE,
          rejected: { [extra]: 'too_many_objects', [one]: 'too_large_for_public' },
        })
        await space.settled()
        assert.equal(await joe.db.get(extra), null)
        assert.equal((await joe.db.get(one))?.['text'], undefined)
        // Made smaller, and room made, it goes.
        await edit(space, ann.db, one, { text: 'small' })
        await space.until('it goes', async () => (await joe.db.get(one))?.['text'] === 'small')
        await remove(space, ann.db, two)
        await space.until('it is unshared', async () => (await joe.db.get(two))?.['$shares'] === undefined)
        await edit(space, ann.db, extra, { name: 'four' })
        await becomes(space, joe.db, extra, received(id, { name: 'four' }))
        await stands(space, ann, id, ACTIVE)
        await assertSettled(space, id, [joe, ann])
      }),
    limits,
  )

  it(
    'changes so much a minute, and the rest goes later',
    (space) =>
      withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
        await space.start()
        const id = await open(space, joe, true)
        await subscribe(space, id, [ann])
        await space.settled()
        await put(
          ann.db,
          ...Array.from({ length: 30 }, (_, at) => shared(id, `ann/${at}`, { name: `no. ${at}` })),
        )
        await space.until('the limit is told', async () =>
          Object.values((await standing(ann, id))?.rejected ?? {}).includes('too_many_changes'),
        )
        const arrived = async (): Promise<number> =>
          (await joe.db.range({ startKey: 'ann/', endKey: 'ann0' })).length
        const first = await arrived()
        assert(first < 30, `${first} arrived at once`)
        await space.until('the rest arrives', async () => (await arrived()) === 30, 40_000)
        await stands(space, ann, id, ACTIVE)
      }),
    { publicLimits: { mostObjects: 1_000, mostBytes: 100_000, mostChanges: 24 } },
  )

  it(
    'is not limited where a user is named as a writer',
    (space) =>
      withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
        await space.start()
        const id = await open(space, joe, { read: true, write: [ann.name] })
        await subscribe(space, id, [ann])
        for (const at of [1, 2, 3, 4, 5])
          await put(ann.db, shared(id, `ann/${at}`, { name: 'x'.repeat(5_000) }))
        for (const at of [1, 2, 3, 4, 5])
          await becomes(space, joe.db, `ann/${at}`, received(id, { name: 'x'.repeat(5_000) }))
        assert.deepEqual(await standing(ann, id), ACTIVE)
      }),
    limits,
  )

  if (kind === 'couchdb')
    it(
      'writes directly no larger documents than it may',
      (space) =>
        withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
          await space.start()
          const id = await open(space, joe, true)
          const write = (name: string): Promise<{ ok: boolean }> =>
            asUser(space, ann, space.share(id), (db) => db.put({ _id: copyId(id, 'todo/1'), name }))
          assert.equal((await write('x'.repeat(3_000))).ok, false)
          assert.equal((await write('small')).ok, true)
          await becomes(space, joe.db, 'todo/1', received(id, { name: 'small' }))
        }),
      limits,
    )

  it('loses its objects when the share is closed', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = await open(space, joe, true)
      await put(joe.db, shared(id, 'todo/1', { name: 'milk' }))
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await put(ann.db, shared(id, 'todo/ann', { name: 'eggs' }))
      await becomes(space, joe.db, 'todo/ann', received(id, { name: 'eggs' }))
      await edit(space, joe.db, `$share/${id}`, { access: false })
      await stands(space, ann, id, { state: 'ended', reason: 'You may no longer read this share.' })
      await becomes(space, ann.db, 'todo/1', null)
      await becomes(space, ann.db, 'todo/ann', { name: 'eggs' })
      await put(ann.db, { ...subscriptionDoc(`${id}-none`) })
      await space.settled()
      assert.deepEqual(await read(joe.db, 'todo/ann'), received(id, { name: 'eggs' }))
    }))
})
