// What an admin purged at its source goes everywhere else, and never comes back. The embedded server cannot purge.
import assert from 'node:assert/strict'
import type { Rejection } from '../../../src/documents/rejected.ts'
import { GatewayGround } from '../../support/gateway.ts'
import { NOTES } from '../../support/gateway-notes.ts'
import { asUser, becomes, edit, open, received, shared, subscribe, withPeople } from '../../support/people.ts'
import { Ground } from '../../support/provisioning.ts'
import { purge, revisionsWith } from '../../support/purges.ts'
import { copyBecomes } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'
import { copyId } from '../../../src/shares/model/ids.ts'

const SECRET = 'S3CRET-what-was-purged'

onEachServer(
  'an object that an admin purged at its owner',
  ({ it }) => {
    it('leaves the share and its readers, where only the owner writes', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { read: [ann.name] }, shared(id, 'note', { text: SECRET }))
        await subscribe(space, id, [ann])
        await becomes(space, ann.db, 'note', received(id, { text: SECRET }))
        await edit(space, joe.db, 'note', { text: `${SECRET} 2` })
        await becomes(space, ann.db, 'note', received(id, { text: `${SECRET} 2` }))
        await space.settled()

        await purge(joe.db, 'note')
        await copyBecomes(space, id, 'note', null)
        await becomes(space, ann.db, 'note', null)
        await space.settled()
        assert.deepEqual(await revisionsWith(space.share(id), copyId(id, 'note'), SECRET), [])
        assert.equal((await joe.db.fetch(['note']))[0]?.rev, null)
      }))

    it('leaves the share and its writers, and does not come back with what they write', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        const others = shared(id, 'other', { text: 'stays' })
        await open(space, joe, { write: [ann.name] }, shared(id, 'note', { text: SECRET }), others)
        await subscribe(space, id, [ann])
        await becomes(space, ann.db, 'note', received(id, { text: SECRET }))
        await becomes(space, ann.db, 'other', received(id, { text: 'stays' }))
        await space.settled()
        const [known] = await space.share(id).leaves([{ id: copyId(id, 'note') }])
        assert(known)

        await purge(joe.db, 'note')
        await copyBecomes(space, id, 'note', null)
        await becomes(space, ann.db, 'note', null)
        await space.settled()
        assert.deepEqual(await revisionsWith(space.share(id), copyId(id, 'note'), SECRET), [])

        // A device that was away sends what it made of the copy that it had.
        const hash = 'f'.repeat(32)
        const { start = 0, ids = [] } = known._revisions ?? {}
        await asUser(space, ann, space.share(id), (db) =>
          db.bulk(
            [
              {
                ...known,
                more: 'by ann',
                _rev: `${start + 1}-${hash}`,
                _revisions: { start: start + 1, ids: [hash, ...ids] },
              },
            ],
            { newEdits: false },
          ),
        )
        await copyBecomes(space, id, 'note', null)
        await space.settled()
        assert.equal((await joe.db.fetch(['note']))[0]?.rev, null, 'nothing came back to its owner')
        assert.deepEqual(await revisionsWith(space.share(id), copyId(id, 'note'), SECRET), [])
        await edit(space, ann.db, 'other', { text: 'goes on' })
        await becomes(space, joe.db, 'other', received(id, { text: 'goes on' }))
      }))

    it('is noticed when the daemon was away, before what a writer wrote meanwhile brings it back', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { write: [ann.name] }, shared(id, 'note', { text: SECRET }))
        await subscribe(space, id, [ann])
        await becomes(space, ann.db, 'note', received(id, { text: SECRET }))
        await space.settled()
        await space.stop()
        await purge(joe.db, 'note')
        await asUser(space, ann, space.share(id), (db) => edit(space, db, copyId(id, 'note'), { more: 1 }))
        await space.start()
        await copyBecomes(space, id, 'note', null)
        await space.settled()
        assert.equal((await joe.db.fetch(['note']))[0]?.rev, null)
        assert.deepEqual(await revisionsWith(space.share(id), copyId(id, 'note'), SECRET), [])
      }))
  },
  { kinds: ['couchdb'], since: '3.4' },
)

onEachServer(
  'an object that an admin purged at somebody who takes part',
  ({ it }) => {
    it('does not come back there, and stays with the others where they brought it', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = space.shareId()
        await open(space, joe, { write: [ann.name] }, shared(id, 'note', { text: 'by joe' }))
        await subscribe(space, id, [ann])
        await becomes(space, ann.db, 'note', received(id, { text: 'by joe' }))
        await space.settled()
        await purge(ann.db, 'note')
        await edit(space, joe.db, 'note', { text: 'by joe again' })
        await copyBecomes(space, id, 'note', { text: 'by joe again' })
        await space.settled()
        assert.equal((await ann.db.fetch(['note']))[0]?.rev, null)
      }))

    it('leaves the share where that writer brought it', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const id = await open(space, joe, { write: [ann.name] })
        await subscribe(space, id, [ann])
        await space.write(ann.db, shared(id, 'note', { text: 'by ann' }))
        await becomes(space, joe.db, 'note', received(id, { text: 'by ann' }))
        await space.settled()
        await purge(ann.db, 'note')
        await copyBecomes(space, id, 'note', null)
        await space.settled()
        assert.equal((await ann.db.fetch(['note']))[0]?.rev, null)
        // As after a deletion: unshared, and the owner's own.
        await becomes(space, joe.db, 'note', { text: 'by ann' })
      }))
  },
  { kinds: ['couchdb'], since: '3.4' },
)

onEachServer(
  'a document that an admin purged at a gateway',
  ({ it }) => {
    it('leaves its users, also the one who has changed it, and does not come back', (space) =>
      GatewayGround.use(space, NOTES, async (ground) => {
        const [ann, bob] = [ground.user('ann'), ground.user('bob')]
        const members = [ann.name, bob.name]
        const note = { text: SECRET, owner: ann.name, lists: ['list-1'] }
        await ground.put(
          { _id: 'list-1', type: 'list', members, editors: [ann.name] },
          { _id: 'note-1', ...note },
          { _id: 'note-2', ...note, text: 'stays' },
        )
        await space.start()
        for (const user of [ann, bob]) await user.signUp()
        for (const user of [ann, bob]) await ground.reads(user.database, 'note-1', { text: SECRET })
        await space.settled()

        await purge(ground.database, 'note-1')
        for (const { database } of [ann, bob]) await becomes(space, database, 'note-1', null)
        await space.settled()
        for (const { database } of [ann, bob])
          assert.deepEqual(await revisionsWith(database, 'note-1', SECRET), [])
        await space.stop()
        await purge(ground.database, 'note-2')
        await edit(space, ann.own, 'note-2', { text: 'by ann' })
        await space.start()
        for (const { database } of [ann, bob]) await becomes(space, database, 'note-2', null)
        await space.settled()
        assert.deepEqual(
          (await ground.database.fetch(['note-1', 'note-2'])).map(({ rev }) => rev),
          [null, null],
        )
        const said = (await ann.own.get('$gateway'))?.['$rejected'] as Rejection[]
        assert.deepEqual(
          said.map(({ document, code }) => [document, code]),
          [['note-2', 'purged_at_master']],
        )
      }))
  },
  { kinds: ['couchdb'], since: '3.4' },
)

onEachServer(
  'a document that an admin purged at a master',
  ({ it }) => {
    it('leaves its users, also the one who has changed it, and does not come back', (space) =>
      Ground.use(space, async (ground) => {
        const { master, cdrs } = ground
        const [ann, bob] = [ground.user('ann'), ground.user('bob')]
        const [desk, lobby] = ['number:1@x.test', 'number:2@x.test']
        await ground.put(
          master,
          { _id: desk, type: 'number', label: SECRET },
          { _id: lobby, type: 'number', label: 'lobby' },
        )
        await ground.put(cdrs, { _id: 'cdr:1', number: '1@x.test', duration: 7 })
        await space.start()
        for (const user of [ann, bob]) await user.sign({ roles: ['number_domain:x.test'] })
        for (const user of [ann, bob]) await user.has('cdr:1', desk, lobby)
        await space.settled()

        await purge(master, desk)
        await purge(cdrs, 'cdr:1')
        for (const user of [ann, bob]) await user.has(lobby)
        await space.settled()
        for (const user of [ann, bob])
          assert.deepEqual(await revisionsWith(await user.personal(), desk, SECRET), [])
        await space.stop()
        await purge(master, lobby)
        await ann.write(lobby, { label: 'by ann' })
        await space.start()
        for (const user of [ann, bob]) await user.has()
        await space.settled()
        assert.deepEqual(
          (await master.fetch([desk, lobby])).map(({ rev }) => rev),
          [null, null],
        )
      }))

    it('may have been deleted long before: what a user makes anew over that goes to the master', (space) =>
      Ground.use(space, async (ground) => {
        const { master } = ground
        const ann = ground.user('ann')
        const desk = 'number:1@x.test'
        await ground.put(master, { _id: desk, type: 'number', label: 'desk' })
        await space.start()
        await ann.sign({ roles: ['number_domain:x.test'] })
        await ann.has(desk)
        await ann.delete(desk)
        await becomes(space, master, desk, null)
        await space.settled()
        await purge(master, desk)
        await ann.write(desk, { type: 'number', label: 'again' })
        await ground.reads(master, desk, { label: 'again' })
        await ann.has(desk)
      }))
  },
  { kinds: ['couchdb'], since: '3.4' },
)
