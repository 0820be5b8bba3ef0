// What somebody wrote offline arrives late: after a compaction, after a narrowing, beside what came meanwhile.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import type { Database } from '../../../src/couch/database.ts'
import type { StoredDoc } from '../../../src/couch/document.ts'
import {
  ACTIVE,
  asUser,
  becomes,
  conflictsIn,
  edit,
  open,
  received,
  shared,
  stands,
  subscribe,
  withPeople,
  type Person,
} from '../../support/people.ts'
import type { Space } from '../../support/space.ts'
import { copyBecomes, type Content } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

/** Joe's share, which ann writes; she has his object. */
async function pair(
  space: Space,
  joe: Person,
  ann: Person,
  content: Content,
  wish: unknown = true,
): Promise<string> {
  await space.start()
  const id = await open(space, joe, { write: [ann.name] }, shared(space.shareId(), 'todo/1', content, wish))
  await subscribe(space, id, [ann])
  await space.until('the object is there', async () => (await ann.db.get('todo/1')) !== null)
  await space.settled()
  return id
}

/** A document as a device has it, with its history. */
async function pulled(database: Database, id: string): Promise<StoredDoc> {
  const leaf = (await database.leaves([{ id }])).find(({ _deleted }) => !_deleted)
  assert(leaf, `${id} is there to be pulled`)
  return leaf
}

/** A device sends a revision as it is. */
async function pushAs(database: Database, doc: StoredDoc): Promise<void> {
  assert.deepEqual(await database.bulk([doc], { newEdits: false }), [])
}

/** A device sends what was written over the revision that it had. */
async function push(
  database: Database,
  { _rev, _revisions, ...there }: StoredDoc,
  change: Content,
): Promise<void> {
  const { start, ids } = _revisions ?? { start: 0, ids: [] }
  const hash = randomBytes(16).toString('hex')
  const doc = {
    ...there,
    ...change,
    ...{
      _id: there._id,
      _rev: `${start + 1}-${hash}`,
      _revisions: { start: start + 1, ids: [hash, ...ids] },
    },
  }
  await pushAs(database, doc)
}

/** Compacts a database, and waits until a revision is gone by that. */
async function compact(space: Space, database: Database, { _id, _rev }: StoredDoc): Promise<void> {
  await space.couch.request({ method: 'POST', path: [database.name, '_compact'], body: {} })
  await space.until(
    'it is compacted',
    async () => (await database.leaves([{ id: _id, rev: _rev }])).length === 0,
  )
}

onEachServer(
  'an edit that was made offline, when CouchDB has compacted what it was made from,',
  ({ it }) => {
    for (const [where, isDirect] of [
      ['in the database of a participant', false],
      ['in the share', true],
    ] as const)
      it(`is merged by attribute ${where}`, (space) =>
        withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
          const id = await pair(space, joe, ann, { name: 'z of old', note: 'old', left: 'z' })
          const [database, _id] = isDirect ? [space.share(id), copyId(id, 'todo/1')] : [ann.db, 'todo/1']
          const there = await pulled(database, _id)
          await edit(space, joe.db, 'todo/1', { note: 'new' })
          await becomes(space, ann.db, 'todo/1', received(id, { name: 'z of old', note: 'new', left: 'z' }))
          await space.settled()
          await compact(space, database, there)
          await asUser(space, ann, database, (db) => push(db, there, { name: 'a new name' }))
          const expected = { name: 'a new name', note: 'new', left: 'z' }
          await copyBecomes(space, id, 'todo/1', expected)
          for (const { db } of [joe, ann]) await becomes(space, db, 'todo/1', received(id, expected))
          await space.settled()
          for (const { name } of [joe.db, ann.db, space.share(id)])
            assert.deepEqual(await conflictsIn(space.couch.database(name)), [])
        }))
  },
  { kinds: ['couchdb'] },
)

onEachServer('an object that was made offline before the shared one of that `_id` came', ({ it }) => {
  it('stays as it is, and is told of; the shared one comes when it is gone', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      const id = await pair(space, joe, ann, { name: 'of joe', note: 'old' })
      // With a revision more than the shared one, and with less.
      for (const [digit, edits] of [
        ['f', 1],
        ['0', 0],
      ] as const) {
        const hash = digit.repeat(32)
        const first = {
          _id: 'todo/1',
          _rev: `1-${hash}`,
          _revisions: { start: 1, ids: [hash] },
          name: 'of ann',
        }
        if (edits > 0) await push(ann.db, first, {})
        else await pushAs(ann.db, first)
        await becomes(space, ann.db, 'todo/1', { name: 'of ann' })
        await stands(space, ann, id, {
          ...ACTIVE,
          error: 'unrelated_object',
          rejected: { 'todo/1': 'unrelated_object' },
        })
        await space.settled()
        assert.deepEqual(await conflictsIn(ann.db), [])
        await copyBecomes(space, id, 'todo/1', { name: 'of joe', note: 'old' })
        await space.write(ann.db, { _id: 'todo/1', _deleted: true })
        await becomes(space, ann.db, 'todo/1', received(id, { name: 'of joe', note: 'old' }))
        await stands(space, ann, id, ACTIVE)
        await space.settled()
      }
    }))
})

onEachServer(
  'what a member sends over an older revision of a narrowed copy, or beside its list,',
  ({ it }) => {
    const secret = 'z-that-is-not-shared-any-more'

    /** All that anybody gets to see of a copy, by whatever revision. */
    async function readable(space: Space, id: string, revs: readonly string[]): Promise<string> {
      const named = revs.map((rev) => ({ id: copyId(id, 'todo/1'), rev }))
      return JSON.stringify([
        await space.share(id).leaves([{ id: copyId(id, 'todo/1') }]),
        await space.share(id).leaves(named),
      ])
    }

    it('is a deletion that says nothing, where it is one', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        const id = await pair(space, joe, ann, { name: 'shared', left: secret })
        const home = space.share(id)
        const wide = await pulled(home, copyId(id, 'todo/1'))
        await edit(space, joe.db, 'todo/1', { $shares: { [id]: ['name'] } })
        await copyBecomes(space, id, 'todo/1', { name: 'shared' })
        await space.settled()
        await asUser(space, ann, home, (db) => push(db, wide, { _deleted: true }))
        await copyBecomes(space, id, 'todo/1', null)
        await becomes(space, ann.db, 'todo/1', null)
        await becomes(space, joe.db, 'todo/1', { name: 'shared', left: secret })
        await space.settled()
        assert(!(await readable(space, id, [wide._rev])).includes(secret))
      }))

    it('is not readable there, and kept for the owner, where it was never shared', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        const id = await pair(space, joe, ann, { name: 'shared', left: 'of joe' }, ['name'])
        const home = space.share(id)
        const there = await pulled(home, copyId(id, 'todo/1'))
        let rev = ''
        await asUser(space, ann, home, async (db) => {
          const { _revisions, ...doc } = there
          const row = await db.put({ ...doc, left: secret })
          assert(row.ok)
          rev = row.rev
        })
        await copyBecomes(space, id, 'todo/1', { name: 'shared' })
        await becomes(space, joe.db, 'todo/1', {
          ...{ name: 'shared', left: 'of joe', $shares: { [id]: ['name'] } },
        })
        await space.settled()
        assert(!(await readable(space, id, [rev, there._rev])).includes(secret))
        assert((await joe.db.leaves([{ id: 'todo/1' }])).some(({ left }) => left === secret))
      }))
  },
)
