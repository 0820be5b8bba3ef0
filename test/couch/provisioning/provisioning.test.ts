// The story of provisioning: people sign up, get databases of their own, and share masters as their roles allow.
import assert from 'node:assert/strict'
import { claimId } from '../../../src/provisioning/provisioned-user.ts'
import { REGISTRY } from '../../../src/documents/names.ts'
import { ANYBODY, ask, logIn, pathOf } from '../../support/logins.ts'
import { becomes, read } from '../../support/people.ts'
import { complete, Ground } from '../../support/provisioning.ts'
import { onEachServer } from '../../support/suites.ts'

const NUMBER_X = 'number:33611@x.test'
const NUMBER_Y = 'number:33622@y.test'
const ENDPOINT_X = 'endpoint:desk@10.0.0.1'

/** The documents of two domains, and of neither. */
const DOCUMENTS = [
  { _id: NUMBER_X, type: 'number', label: 'front desk' },
  { _id: NUMBER_Y, type: 'number', label: 'workshop' },
  { _id: ENDPOINT_X, type: 'endpoint', number_domain: 'x.test', label: 'phone' },
  { _id: 'number:33633@x.test', type: 'number', user_access: false, label: 'of the carrier' },
  { _id: 'carrier:1', type: 'carrier', label: 'for ann alone' },
  { _id: 'rule:1', type: 'rule', label: 'nobody’s' },
]

onEachServer('provisioning', ({ it, kind }) => {
  it('gives each user a database of what the roles allow, and takes back what is allowed', (space) =>
    Ground.use(space, async (ground) => {
      const { master, cdrs } = ground
      const [ann, bob, cid] = [ground.user('ann'), ground.user('bob'), ground.user('cid')]
      await ground.put(master, ...DOCUMENTS)
      await ground.put(
        cdrs,
        { _id: 'cdr:1', number: '33611@x.test', duration: 7, cost: 3 },
        { _id: 'cdr:2', number: '33622@y.test', duration: 8, cost: 4 },
      )
      await space.start()

      // They sign up; what they get is for them alone.
      await ann.sign({ roles: ['number_domain:x.test', 'carrier:1'] })
      await bob.sign({ roles: ['number_domain:x.test'] })
      await cid.sign({ roles: ['number_domain:y.test'] })
      await ann.has('carrier:1', 'cdr:1', ENDPOINT_X, NUMBER_X)
      await bob.has('cdr:1', ENDPOINT_X, NUMBER_X)
      await cid.has('cdr:2', NUMBER_Y)
      await ann.stands(complete(3))
      await ann.stands(complete(1), cdrs)
      await bob.stands(complete(2))
      await cid.stands(complete(1))
      const name = await ann.database()
      const personal = await ann.personal()
      assert.equal(new Set([name, await bob.database(), await cid.database()]).size, 3)
      assert.deepEqual(await personal.security(), {
        admins: { names: [], roles: ['_admin'] },
        members: { names: [ann.name], roles: [`user_database:${name}`, 'update:user_db:'] },
      })
      const designs = await personal.range({ startKey: '_design/', endKey: '_design0' })
      assert.deepEqual(
        designs.map(({ id }) => id),
        ['_design/cdrs', '_design/provisioning'],
      )
      assert.deepEqual(await read(ground.couch.database(REGISTRY), claimId(name)), {
        ...{ type: 'claim', database: name, name: ann.name, attribute: 'database' },
      })
      // One line of revisions on both sides.
      assert.equal((await personal.get(NUMBER_X))?._rev, (await master.get(NUMBER_X))?._rev)

      const said = await read(ann.at(name), `$provision/${master.name}`)
      const { ready, times, ...rest } = said as { ready: string; times: Record<string, string> }
      assert.deepEqual(rest, { type: '$provision', database: name, $state: 'complete', documents: 3 })
      assert(Date.parse(ready) <= Date.now())
      assert.deepEqual(Object.keys(times).sort(), ['active', 'complete'])
      assert(String(times['active']) <= String(times['complete']))

      // What ann writes reaches the master and everybody who may have it, and nobody else.
      const rev = await ann.write(NUMBER_X, { label: 'reception' })
      await ground.reads(master, NUMBER_X, { label: 'reception', updated_by: ann.name })
      assert.equal((await master.get(NUMBER_X))?._rev, rev)
      await bob.reads(NUMBER_X, { label: 'reception', updated_by: ann.name })
      await bob.write(ENDPOINT_X, { label: 'phone of bob' })
      await ann.reads(ENDPOINT_X, { label: 'phone of bob', updated_by: bob.name })
      // The other way round, and again, on the same line.
      await ground.edit(NUMBER_X, { label: 'lobby', updated_by: 'admin' })
      await ann.reads(NUMBER_X, { label: 'lobby' })
      await ann.write(NUMBER_X, { note: 'ring twice' })
      await bob.reads(NUMBER_X, { label: 'lobby', note: 'ring twice' })
      // A new document, and one that is deleted.
      await ann.write('number:33644@x.test', { type: 'number', label: 'new' })
      await bob.has('cdr:1', ENDPOINT_X, NUMBER_X, 'number:33644@x.test')
      await bob.delete('number:33644@x.test')
      await becomes(space, master, 'number:33644@x.test', null)
      await ann.has('carrier:1', 'cdr:1', ENDPOINT_X, NUMBER_X)
      await cid.has('cdr:2', NUMBER_Y)
      await ground.hasNoConflicts()

      if (kind === 'embedded') return
      // Only now does it count who somebody is.
      const { server } = space
      const everybody = [ANYBODY, await logIn(server, bob.name), await logIn(server, cid.name)]
      for (const person of everybody)
        for (const where of [pathOf(name), pathOf(name, NUMBER_X), pathOf(master.name, NUMBER_X)])
          assert(
            (await ask(server, person, 'GET', where)).status >= 401,
            `${String(person.name)} at ${where}`,
          )
      const self = await logIn(server, ann.name)
      assert.equal((await ask(server, self, 'GET', pathOf(name, NUMBER_X))).status, 200)
      const security = await personal.security()
      assert((await ask(server, self, 'PUT', `${pathOf(name)}/_security`, {})).status >= 400)
      assert.deepEqual(await personal.security(), security)
      for (const doc of [{}, { updated_by: bob.name }, { updated_by: '' }]) {
        const put = await ask(server, self, 'PUT', pathOf(name, 'number:1@x.test'), doc)
        assert.equal(put.status, 403, put.text)
      }
      assert.equal(
        (await ask(server, self, 'PUT', pathOf(name, 'cdr:9'), { updated_by: ann.name })).status,
        403,
      )
      assert.equal((await ask(server, self, 'GET', pathOf(REGISTRY))).status, 403)
    }))
})
