// The registry: an admin reads the whole state there, and what he changes there by hand is carried out.
import assert from 'node:assert/strict'
import { REGISTRY } from '../../../src/documents/names.ts'
import {
  ACTIVE,
  asUser,
  becomes,
  edit,
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
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, put, shareDoc, type Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { subscriptionEntryId } from '../../../src/shares/model/ids.ts'

const registry = (space: Space) => space.couch.database(REGISTRY)

/** What an admin writes into an entry. */
const order = (space: Space, entry: string, what: string | undefined): Promise<string> =>
  edit(space, registry(space), entry, { order: what })

/** Waits until an entry of the registry holds these attributes; undefined stands for none. */
async function entryHolds(space: Space, id: string, expected: Content): Promise<void> {
  const names = Object.keys(expected)
  let seen: Content = {}
  const look = async (): Promise<boolean> => {
    const entry = (await registry(space).get(id)) ?? { _id: id }
    seen = Object.fromEntries(names.map((name) => [name, (entry as Content)[name]]))
    return JSON.stringify(seen) === JSON.stringify(expected)
  }
  await space.until(`${id} is right`, look, 30_000).catch(() => assert.deepEqual(seen, expected, id))
}

const revisionsOf = async (space: Space, id: string): Promise<number> =>
  Number((await registry(space).get(id))?._rev.split('-')[0])

/** Waits until the owner reads that. */
async function ownerReads(space: Space, { db }: Person, share: string, expected: object): Promise<void> {
  let seen: unknown = null
  const look = async (): Promise<boolean> => {
    const doc = await db.get(`$share/${share}`)
    seen = doc && standingOf(doc)
    return JSON.stringify(seen) === JSON.stringify(expected)
  }
  await space.until('the $share is right', look, 30_000).catch(() => assert.deepEqual(seen, expected))
}

const isTime = (value: unknown): boolean =>
  typeof value === 'string' && Math.abs(Date.now() - Date.parse(value)) < 300_000

onEachServer('the registry', ({ it, kind }) => {
  it(
    'shows every share and every subscription',
    (space) =>
      withPeople(space, ['joe', 'ann', 'bob'] as const, async ({ joe, ann, bob }) => {
        await space.start()
        const id = space.shareId()
        await open(
          space,
          joe,
          { read: [ann.name], write: [bob.name] },
          shared(id, 'todo/1', { name: 'milk' }),
          shared(id, 'todo/2', { name: 'bread' }),
        )
        await subscribe(space, id, [ann])
        await space.settled()
        const entry = (await space.entry(id)) as Content
        const { _id, _rev, createdAt, updatedAt, counts, rotations: _, ...rest } = entry
        assert.deepEqual(rest, {
          type: 'share',
          owner: joe.hash,
          database: joe.db.name,
          state: 'active',
          access: { read: [ann.name, bob.name].sort(), write: [bob.name] },
          home: 'share',
        })
        assert(isTime(createdAt) && isTime(updatedAt))
        assert.deepEqual((counts as Content)['subscribers'], 1)
        const part = (await registry(space).get(subscriptionEntryId(id, ann.hash))) as Content
        const { createdAt: made, updatedAt: changed, joinedAt, _id: __, _rev: ___, ...said } = part
        assert.deepEqual(said, {
          type: 'subscription',
          share: id,
          subscriber: ann.hash,
          database: ann.db.name,
          state: 'active',
          onEnd: 'remove',
          granted: 'read',
          invited: 'read',
        })
        assert(isTime(made) && isTime(changed) && isTime(joinedAt))
        await entryHolds(space, subscriptionEntryId(id, bob.hash), { state: 'invited', granted: 'write' })
        // The sweep counts again.
        await put(joe.db, shared(id, 'todo/3', { name: 'eggs' }))
        await entryHolds(space, `share/${id}`, { counts: { objects: 3, subscribers: 1 } })
        await remove(space, ann.db, `$subscription/${id}`)
        await entryHolds(space, `share/${id}`, { counts: { objects: 3, subscribers: 0 } })
        await entryHolds(space, subscriptionEntryId(id, ann.hash), { state: 'invited', joinedAt: undefined })
        await remove(space, joe.db, `$share/${id}`)
        await entryHolds(space, `share/${id}`, { state: 'ended', access: undefined, counts: undefined })
        for (const { hash } of [ann, bob])
          await entryHolds(space, subscriptionEntryId(id, hash), { state: 'ended', granted: undefined })
      }),
    { sweepIntervalMs: 1_500 },
  )

  it('is not written while users work', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(
        space,
        joe,
        { write: [ann.name] },
        ...Array.from({ length: 10 }, (_, at) => shared(id, `todo/${at}`, { n: 0 })),
      )
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/9', received(id, { n: 0 }))
      await space.settled()
      const entries = [`share/${id}`, subscriptionEntryId(id, ann.hash)]
      const before = await Promise.all(entries.map((entry) => revisionsOf(space, entry)))
      for (let at = 0; at < 100; at += 1)
        await edit(space, at % 3 === 0 ? joe.db : ann.db, `todo/${at % 10}`, { n: at })
      await put(ann.db, ...[1, 2, 3].map((at) => shared(id, `ann/${at}`, { n: at })))
      // Where it arrives before the edit of somebody else, the embedded server makes the share anew, which the registry counts.
      if (space.server.kind === 'couchdb') await remove(space, ann.db, 'todo/0')
      await becomes(space, joe.db, 'todo/9', received(id, { n: 99 }))
      await becomes(space, joe.db, 'ann/3', received(id, { n: 3 }))
      await space.settled()
      const after = await Promise.all(entries.map((entry) => revisionsOf(space, entry)))
      assert.deepEqual(after, before)
    }))

  it('lets an admin suspend a share, and let it go on', (space) =>
    withPeople(space, ['joe', 'ann', 'bob'] as const, async ({ joe, ann, bob }) => {
      await space.start()
      const id = space.shareId()
      await open(
        space,
        joe,
        { read: [bob.name], write: [ann.name] },
        shared(id, 'todo/1', { name: 'milk', n: 0 }),
      )
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk', n: 0 }))
      await order(space, `share/${id}`, 'suspend')
      await ownerReads(space, joe, id, { state: 'error', error: 'suspended' })
      await stands(space, ann, id, { state: 'error', error: 'suspended' })
      await entryHolds(space, `share/${id}`, { state: 'suspended' })
      await space.settled()
      if (kind === 'couchdb')
        for (const person of [joe, ann, bob])
          await asUser(space, person, space.share(id), (db) =>
            assert.rejects(db.get('x'), /forbidden|not a/i),
          )
      // Nothing is lost, and nothing goes in or out.
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await edit(space, ann.db, 'todo/1', { n: 1 })
      await put(bob.db, subscriptionDoc(id))
      await put(joe.db, shared(id, 'todo/2', { name: 'bread' }))
      await space.settled()
      assert.deepEqual(await read(ann.db, 'todo/1'), received(id, { name: 'milk', n: 1 }))
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'oat milk', n: 0 }))
      assert.equal((await standing(bob, id))?.state, 'error')
      assert.equal(await bob.db.get('todo/1'), null)
      assert.deepEqual(await space.copy(id, 'todo/1'), { name: 'milk', n: 0 })
      // What its owner writes is heeded when it goes on.
      await edit(space, joe.db, `$share/${id}`, { access: { read: [bob.name, ann.name] } })
      await ownerReads(space, joe, id, { state: 'error', error: 'suspended' })
      await edit(space, joe.db, `$share/${id}`, { access: { read: [bob.name], write: [ann.name] } })
      await order(space, `share/${id}`, undefined)
      await ownerReads(space, joe, id, ACTIVE)
      await stands(space, ann, id, ACTIVE)
      await stands(space, bob, id, ACTIVE)
      for (const { db } of [joe, ann, bob]) {
        await becomes(space, db, 'todo/1', received(id, { name: 'oat milk', n: 1 }))
        await becomes(space, db, 'todo/2', received(id, { name: 'bread' }))
      }
      await entryHolds(space, `share/${id}`, { state: 'active', order: undefined })
    }))

  it('carries out what an admin wrote while the daemon did not run', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, { read: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await space.settled()
      await space.stop()
      await order(space, `share/${id}`, 'suspend')
      await space.start()
      await ownerReads(space, joe, id, { state: 'error', error: 'suspended' })
      await stands(space, ann, id, { state: 'error', error: 'suspended' })
      await space.stop()
      await order(space, `share/${id}`, undefined)
      await space.start()
      await ownerReads(space, joe, id, ACTIVE)
      await stands(space, ann, id, ACTIVE)
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      await space.stop()
      await order(space, subscriptionEntryId(id, ann.hash), 'end')
      await space.start()
      await stands(space, ann, id, { state: 'ended', reason: "The server's admin has ended this." })
      await becomes(space, ann.db, 'todo/1', null)
      await space.stop()
      await order(space, `share/${id}`, 'end')
      await space.start()
      await ownerReads(space, joe, id, { state: 'error', error: 'ended_by_admin' })
      await becomes(space, joe.db, 'todo/1', { name: 'oat milk' })
    }))

  it('lets an admin end a share for good', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(
        space,
        joe,
        { write: [ann.name] },
        shared(id, 'todo/1', { name: 'milk' }),
        shared(id, 'todo/2', { name: 'bread', secret: 's' }, ['name']),
      )
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await order(space, `share/${id}`, 'end')
      await ownerReads(space, joe, id, { state: 'error', error: 'ended_by_admin' })
      await stands(space, ann, id, { state: 'ended', reason: 'The share has ended.' })
      await becomes(space, joe.db, 'todo/1', { name: 'milk' })
      await becomes(space, joe.db, 'todo/2', { name: 'bread', secret: 's' })
      await becomes(space, ann.db, 'todo/1', null)
      await entryHolds(space, `share/${id}`, { state: 'ended', access: undefined })
      await space.settled()
      assert.equal(await space.share(id).info(), null)
      assert.equal(await ann.db.get(`$invitation/${id}`), null)
      // The owner cannot bring it back.
      await edit(space, joe.db, `$share/${id}`, { access: true })
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: true } })
      await space.settled()
      await ownerReads(space, joe, id, { state: 'error', error: 'ended_by_admin' })
      assert.equal(await space.share(id).info(), null)
      // The admin can let him.
      await order(space, `share/${id}`, undefined)
      await ownerReads(space, joe, id, ACTIVE)
      await space.until('the copy is back', async () => (await space.copy(id, 'todo/1')) !== null)
    }))

  it('lets an admin suspend one user’s part, and let it go on', (space) =>
    withPeople(space, ['joe', 'ann', 'bob'] as const, async ({ joe, ann, bob }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, { write: [ann.name, bob.name] }, shared(id, 'todo/1', { name: 'milk', n: 0 }))
      await subscribe(space, id, [ann, bob])
      for (const { db } of [ann, bob])
        await becomes(space, db, 'todo/1', received(id, { name: 'milk', n: 0 }))
      const part = subscriptionEntryId(id, ann.hash)
      await order(space, part, 'suspend')
      await stands(space, ann, id, { state: 'error', error: 'suspended' })
      // Nothing of hers goes in or out; the others go on.
      await edit(space, ann.db, 'todo/1', { name: 'oat milk' })
      await edit(space, bob.db, 'todo/1', { n: 1 })
      await becomes(space, joe.db, 'todo/1', received(id, { name: 'milk', n: 1 }))
      await space.settled()
      assert.deepEqual(await read(ann.db, 'todo/1'), received(id, { name: 'oat milk', n: 0 }))
      assert.deepEqual(await standing(bob, id), ACTIVE)
      await order(space, part, undefined)
      await stands(space, ann, id, ACTIVE)
      for (const { db } of [joe, ann, bob])
        await becomes(space, db, 'todo/1', received(id, { name: 'oat milk', n: 1 }))
    }))

  it('says in the log what it does not take for an order', (space) =>
    withPeople(space, ['joe'] as const, async ({ joe }) => {
      await space.start()
      const id = await open(space, joe, true)
      await order(space, `share/${id}`, 'suspended')
      const isSaid = (line: Record<string, unknown>): boolean =>
        line['doc'] === `share/${id}` && String(line['msg']).startsWith('unknown order')
      await space.until('the log says so', () => Promise.resolve(space.lines.some(isSaid)))
      await ownerReads(space, joe, id, ACTIVE)
    }))

  it('lets an owner end a suspended share', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, { write: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await order(space, `share/${id}`, 'suspend')
      await ownerReads(space, joe, id, { state: 'error', error: 'suspended' })
      await remove(space, joe.db, `$share/${id}`)
      await stands(space, ann, id, { state: 'ended', reason: 'The share has ended.' })
      await becomes(space, ann.db, 'todo/1', null)
      await becomes(space, joe.db, 'todo/1', { name: 'milk' })
      await entryHolds(space, `share/${id}`, { state: 'ended' })
    }))

  it('lets a user leave a suspended share', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      await open(space, joe, { write: [ann.name] }, shared(id, 'todo/1', { name: 'milk' }))
      await subscribe(space, id, [ann])
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'milk' }))
      await order(space, `share/${id}`, 'suspend')
      await stands(space, ann, id, { state: 'error', error: 'suspended' })
      await remove(space, ann.db, `$subscription/${id}`)
      await becomes(space, ann.db, 'todo/1', null)
      await entryHolds(space, subscriptionEntryId(id, ann.hash), { state: 'invited' })
      await order(space, `share/${id}`, undefined)
      await ownerReads(space, joe, id, ACTIVE)
      await space.settled()
      assert.deepEqual(await read(joe.db, 'todo/1'), received(id, { name: 'milk' }))
    }))

  it('may hold other documents, and orders that nobody knows', (space) =>
    withPeople(space, ['joe', 'ann'] as const, async ({ joe, ann }) => {
      await space.start()
      const id = space.shareId()
      const notes = [`note-${id}`, `share/note-${id}`, `subscription/${id}/note`]
      await put(registry(space), ...notes.map((_id) => ({ _id, text: 'of the admin' })))
      await put(
        joe.db,
        shareDoc(id, { access: { read: [ann.name] } }),
        shared(id, 'todo/1', { name: 'milk' }),
      )
      await becomesActive(space, joe.hash, id)
      await subscribe(space, id, [ann])
      await order(space, `share/${id}`, 'dance')
      await order(space, subscriptionEntryId(id, ann.hash), 'dance')
      await edit(space, joe.db, 'todo/1', { name: 'oat milk' })
      await becomes(space, ann.db, 'todo/1', received(id, { name: 'oat milk' }))
      await space.settled()
      assert.deepEqual(await standing(ann, id), ACTIVE)
      for (const note of notes) {
        assert.deepEqual(await read(registry(space), note), { text: 'of the admin' })
        await remove(space, registry(space), note)
      }
    }))
})
