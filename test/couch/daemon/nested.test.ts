// Documents that are nested so deep that they end CouchDB's JavaScript: nobody but their author has anything of it.
import assert from 'node:assert/strict'
import { orNull } from '../../../src/couch/fault.ts'
import { decodeJson } from '../../../src/documents/json.ts'
import { shareDatabase } from '../../../src/documents/names.ts'
import { complete, GatewayGround } from '../../support/gateway.ts'
import { asUser, becomes, open, read, received, shared, subscribe, withPeople } from '../../support/people.ts'
import { put, shareDoc } from '../../support/story.ts'
import { onEachServer } from '../../support/suites.ts'

const NESTED = decodeJson('['.repeat(20_000) + ']'.repeat(20_000))

onEachServer(
  'a document that is nested too deep',
  ({ it }) => {
    it('in `_users` stops nobody’s sharing, and nobody keeps access because of it', (space) =>
      withPeople(space, ['joe', 'ann', 'eve'], async ({ joe, ann, eve }) => {
        const users = space.couch.database('_users')
        const id = `org.couchdb.user:${eve.account.name}`
        await space.write(users, { ...(await users.get(id)), _id: id, nested: NESTED })
        await space.start()
        const share = await open(space, joe, { write: [ann.name] })
        await subscribe(space, share, [ann])
        await space.write(joe.db, shareDoc(share, { access: { write: [eve.name] } }))
        await space.until('ann is out, and eve is in', async () => {
          // To take somebody out, it is made anew.
          const security = await orNull(space.couch.database(shareDatabase(share)).security())
          const roles = security?.members?.roles ?? []
          return !roles.includes(ann.hash) && roles.includes(eve.hash)
        })
      }))

    it('goes into no share, and can be un-shared', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const share = await open(space, joe, { write: [ann.name] })
        await subscribe(space, share, [ann])
        await put(joe.db, shared(share, 'todo/1', { name: 'milk' }))
        await becomes(space, ann.db, 'todo/1', received(share, { name: 'milk' }))
        await space.write(joe.db, shared(share, 'todo/1', { name: 'milk', nested: NESTED }))
        await put(joe.db, shared(share, 'todo/2', { name: 'bread' }))
        await becomes(space, ann.db, 'todo/2', received(share, { name: 'bread' }))
        assert.deepEqual(await read(ann.db, 'todo/1'), received(share, { name: 'milk' }))
        await space.until('its author is told', async () => {
          const said = (await joe.db.get(`$share/${share}`))?.['$rejected'] as { code: string }[] | undefined
          return said?.map(({ code }) => code).join() === 'too_complex'
        })
        await space.write(joe.db, {
          _id: 'todo/1',
          name: 'milk',
          nested: NESTED,
          $shares: { [share]: false },
        })
        await becomes(space, ann.db, 'todo/1', null)
      }))

    it('is refused where it is put into a share directly', (space) =>
      withPeople(space, ['joe', 'ann'], async ({ joe, ann }) => {
        await space.start()
        const share = await open(space, joe, { write: [ann.name] })
        await subscribe(space, share, [ann])
        const written = await asUser(space, ann, space.couch.database(shareDatabase(share)), (home) =>
          home.put({ _id: `share/${share}/x`, nested: NESTED }),
        )
        assert.equal(written.ok ? null : written.error, 'forbidden')
      }))

    // CouchDB refuses deeper ones itself where a validation function has to read them.
    it('is given back by a gateway, which takes all else', (space) =>
      GatewayGround.use(space, 'function (doc) { channel("!") }', async (ground) => {
        const ann = ground.user('ann')
        await ground.put({ _id: 'a', name: 'one' })
        await ann.signUp()
        await space.start()
        await ann.sees('a')
        const nested = decodeJson('['.repeat(3_000) + ']'.repeat(3_000))
        for (const doc of [{ _id: 'a', name: 'two', nested }, { _id: 'b', nested }, { _id: 'c' }]) {
          const written = await ann.write(doc)
          assert(written.ok, JSON.stringify(written))
        }
        await ann.sees('a', 'c')
        await ann.reads('a', { name: 'one' })
        await ann.stands({
          ...{ ...complete(2), state: 'denied' },
          rejected: { a: 'too_complex', b: 'too_complex' },
        })
        assert.deepEqual(await ground.database.get('b'), null)
        assert.equal((await ground.database.get('a'))?.['nested'], undefined)
      }))
  },
  { kinds: ['couchdb'] },
)
