// What members leave in deleted leaves, and push by the thousand: nothing of it outlives an un-sharing.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Database } from '../../../src/couch/database.ts'
import { isFault } from '../../../src/couch/fault.ts'
import type { Doc, StoredDoc } from '../../../src/couch/document.ts'
import {
  becomes,
  edit,
  open,
  remove,
  shared,
  subscribe,
  withPeople,
  type Person,
} from '../../support/people.ts'
import { withSettings } from '../../support/server-settings.ts'
import type { Space } from '../../support/space.ts'
import { becomesActive, copyBecomes, put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const hashOf = (text: string): string => createHash('md5').update(text).digest('hex')

/** A revision over a document as a client makes it that is offline. */
const over = ({ _id, _rev }: StoredDoc, said: string, content: Omit<Doc, '_id'>): StoredDoc => {
  const [generation = '0', hash = ''] = _rev.split('-')
  const start = Number(generation) + 1
  const ids = [hashOf(said), hash]
  return { _id, ...content, _rev: `${start}-${ids[0]}`, _revisions: { start, ids } }
}

const push = (database: Database, ...docs: StoredDoc[]) => database.bulk(docs, { newEdits: false })

/** All that any leaf of a copy says, deleted ones too. */
async function said(database: Database, id: string): Promise<string> {
  return JSON.stringify(await database.leaves([{ id }], { attachments: true }))
}

async function there(database: Database, id: string): Promise<StoredDoc> {
  const doc = await database.get(id)
  assert.ok(doc, `${id} is in ${database.name}`)
  return doc
}

/** Joe's share, which ann writes, with an object that shows a secret. */
async function circle(space: Space, joe: Person, ann: Person): Promise<string> {
  await space.start()
  const object = shared(space.shareId(), 'todo/1', { name: 'open', secret: 'S3CRET' })
  const id = await open(space, joe, { write: [ann.name] }, object)
  await subscribe(space, id, [ann])
  await becomes(space, ann.db, 'todo/1', { name: 'open', secret: 'S3CRET', $shares: { [id]: true } })
  return id
}

onEachServer('what members leave in deleted leaves', ({ it, kind }) => {
  it('is taken out of a tombstone that says what was deleted', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      const id = await circle(space, joe, ann)
      const [share, copy] = [space.share(id), `share/${id}/todo/1`]
      const { _rev, ...content } = await there(share, copy)
      const deleted = over({ _id: copy, _rev }, 'deleted', { ...content, _deleted: true })
      await push(share, deleted)
      await becomes(space, joe.db, 'todo/1', { name: 'open', secret: 'S3CRET' })
      await space.settled()
      assert.equal(await share.get(copy), null)
      assert.ok(!(await said(share, copy)).includes('S3CRET'), await said(share, copy))
      const [tombstone] = await share.leaves([{ id: copy }])
      assert.ok(
        tombstone?._revisions?.ids.includes(hashOf('deleted')),
        'whoever has the deletion knows what comes after it',
      )
      const writes = async () =>
        [await share.info(), await space.outbox(joe.hash).info()].map((info) => info?.update_seq)
      const before = await writes()

      // Shared again, narrower: nothing of it comes back, on whatever way.
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: ['name'] } })
      await copyBecomes(space, id, 'todo/1', { name: 'open' })
      assert.notDeepEqual(await writes(), before)
      await edit(space, joe.db, '$share/' + id, { access: {} })
      await space.until('ann is out', async () => {
        const { members } = await share.security()
        return members?.roles?.includes(ann.hash) !== true
      })
      await space.settled()
      await copyBecomes(space, id, 'todo/1', { name: 'open' })
      assert.ok(!(await said(share, copy)).includes('S3CRET'), await said(share, copy))
    }))

  for (const [what, isTaken] of [
    ['is taken out of', false],
    ['does not stand behind the owner’s object that takes the `_id` of', true],
  ] as const)
    it(`${what} a copy that its author brought beside the owner’s own object, and deleted`, (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        const id = await circle(space, joe, ann)
        const [share, copy] = [space.share(id), `share/${id}/todo/2`]
        await put(joe.db, { _id: 'todo/2', name: 'joe’s own' })
        await put(ann.db, shared(id, 'todo/2', { name: 'hers', secret: 'S3CRET' }))
        await copyBecomes(space, id, 'todo/2', { name: 'hers', secret: 'S3CRET' })
        const { _rev: rev } = await there(share, copy)
        await space.until('joe is told', async () =>
          JSON.stringify(await joe.db.get(`$share/${id}`)).includes('unrelated_object'),
        )
        await remove(space, ann.db, 'todo/2')
        if (isTaken) await edit(space, joe.db, 'todo/2', { $shares: { [id]: true } })
        await copyBecomes(space, id, 'todo/2', isTaken ? { name: 'joe’s own' } : null)
        await space.until('it is not readable any more', async () => {
          try {
            return (await share.leaves([{ id: copy, rev }])).length === 0
          } catch (error) {
            // Where nothing can be purged, the database is just being made anew.
            if (isFault(error, 'not_found')) return false
            throw error
          }
        })
        await space.settled()
        assert.ok(!(await said(share, copy)).includes('S3CRET'), await said(share, copy))
        await becomes(
          space,
          joe.db,
          'todo/2',
          isTaken ? { name: 'joe’s own', $shares: { [id]: true } } : { name: 'joe’s own' },
        )
      }))

  it('stays of what gave way as far as it is still shared', (space) =>
    withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
      const id = await circle(space, joe, ann)
      const [share, copy] = [space.share(id), `share/${id}/todo/1`]
      const [one, other] = ['one', 'other'].map((name) => ({ name, secret: `S3CRET ${name}` }))
      const leaf = await there(share, copy)
      await push(share, over(leaf, 'one', { ...one }), over(leaf, 'other', { ...other }))
      await space.settled()
      const lost = async () =>
        (await share.leaves([{ id: copy }]))
          .filter(({ _deleted, name }) => _deleted && name !== undefined)
          .map(({ _rev, name, secret }) => ({ generation: _rev.split('-')[0], name, secret }))
      const [found] = await lost()
      assert.equal(found?.generation, '1', 'what gave way has a root of its own')
      assert.ok(found.secret !== undefined)
      await edit(space, joe.db, 'todo/1', { $shares: { [id]: ['name'] } })
      await space.until('it is narrowed', async () => (await share.get(copy))?.['secret'] === undefined)
      await space.settled()
      assert.deepEqual(await lost(), [{ generation: '1', name: found.name, secret: undefined }])
      assert.ok(!(await said(share, copy)).includes('S3CRET'), await said(share, copy))

      // Made anew, it is still there, and nothing is there twice.
      await edit(space, joe.db, '$share/' + id, { access: {} })
      await space.settled()
      assert.deepEqual(await lost(), [{ generation: '1', name: found.name, secret: undefined }])
      await edit(space, joe.db, 'todo/1', { $shares: undefined })
      await space.until('it is gone', async () => (await share.get(copy)) === null)
      await space.settled()
      assert.deepEqual(await lost(), [])
    }))

  it('is not shown to those who join the second life of an id', (space) =>
    withPeople(space, ['joe', 'ann', 'bob'], async ({ joe, ann, bob }) => {
      const id = await circle(space, joe, ann)
      const [share, copy] = [space.share(id), `share/${id}/todo/1`]
      const leaf = await there(share, copy)
      await push(share, over(leaf, 'one', { name: 'one' }), over(leaf, 'other', { name: 'other' }))
      await push(share, { ...over(leaf, 'gone', { secret: 'S3CRET too', _deleted: true }) })
      await space.settled()
      await remove(space, joe.db, `$share/${id}`)
      await space.until('it has ended', async () => (await space.entry(id))?.['state'] === 'ended')
      await space.settled()
      const outbox = space.outbox(joe.hash)
      if (kind === 'couchdb') assert.deepEqual(await outbox.leaves([{ id: copy }]), [])
      else assert.ok(!/"(?:name|secret)"/.test(await said(outbox, copy)), await said(outbox, copy))
      // As a daemon left it that knew nothing of this.
      await push(outbox, {
        ...over({ _id: copy, _rev: leaf._rev }, 'old', { secret: 'S3CRET old', _deleted: true }),
      })

      await put(joe.db, shareDoc(id, { access: { read: [bob.name] } }))
      await becomesActive(space, joe.hash, id)
      await edit(space, joe.db, 'todo/1', { name: 'second', secret: undefined, $shares: { [id]: true } })
      await copyBecomes(space, id, 'todo/1', { name: 'second' })
      await space.settled()
      const all = await said(share, copy)
      assert.ok(!all.includes('S3CRET'), all)
      assert.ok(!all.includes('"one"') && !all.includes('"other"') && !all.includes('"open"'), all)
    }))

  if (kind === 'couchdb')
    // As delivered it purges 1,000, and a document of so many leaves takes it minutes to look at.
    it('can be withdrawn where there are more than CouchDB purges at once', (space) =>
      withSettings(space, { 'purge/max_revisions_number': '50' }, () =>
        withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
          const id = await circle(space, joe, ann)
          const [share, copy] = [space.share(id), `share/${id}/todo/1`]
          const leaf = await there(share, copy)
          const leaves = Array.from({ length: 120 }, (_, n) =>
            over(leaf, String(n), { name: 'open', secret: 'S3CRET' }),
          )
          await push(share, ...leaves)
          await edit(space, joe.db, 'todo/1', { secret: 'S3CRET', $shares: { [id]: ['name'] } })
          // CouchDB is not asked meanwhile: each look at so many leaves takes it seconds.
          const isWithdrawn = () => space.lines.some(({ msg }) => msg === 'copies withdrawn')
          await space.until('it is withdrawn', () => Promise.resolve(isWithdrawn()), 60_000)
          assert.ok(!(await said(share, copy)).includes('S3CRET'))
          const some = [leaf, ...leaves.slice(0, 50), ...leaves.slice(-50)]
          assert.deepEqual(await share.leaves(some.map(({ _rev: rev }) => ({ id: copy, rev }))), [])
          assert.equal((await share.get(copy))?.['name'], 'open')
        }),
      ))
})
