// Call detail records: a master that nobody writes to but admins, of which users get chosen attributes of their own records.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ask, logIn, pathOf } from '../../support/logins.ts'
import { read } from '../../support/people.ts'
import { complete, Ground } from '../../support/provisioning.ts'
import { SKELETON } from '../../support/space.ts'
import { onEachServer } from '../../support/suites.ts'

const SECRET = 'what the carrier charges'

const record = (id: string, more: object): { _id: string } => ({
  ...{ _id: `cdr:${id}`, type: 'cdr', direction: 'ingress', from: '33600', duration: 7, cost: SECRET },
  ...more,
})

onEachServer('call detail records', ({ it, kind }) => {
  it('show their chosen attributes to those whose number or domain it is, and to nobody else', (space) =>
    Ground.use(space, async (ground) => {
      const { cdrs } = ground
      const [ann, bob, cid] = [ground.user('ann'), ground.user('bob'), ground.user('cid')]
      await ground.put(
        cdrs,
        record('1', { number: '1@x.test' }),
        record('2', { number: '2@x.test' }),
        record('3', { number: '1', number_domain: 'y.test' }),
        record('4', { number: '4', domain: 'y.test' }),
        // Two domains at once: nobody's.
        record('5', { number: '5@x.test', number_domain: 'y.test' }),
        { _id: 'note:1', number: '1@x.test' },
      )
      await space.start()
      await ann.sign({ roles: ['number_domain:x.test'] })
      await bob.sign({ roles: ['number:1@x.test', 'number:1@y.test'] })
      await cid.sign({ roles: ['number_domain:y.test'] })
      await ann.has('cdr:1', 'cdr:2')
      await bob.has('cdr:1', 'cdr:3')
      await cid.has('cdr:3', 'cdr:4')
      await ann.stands(complete(2), cdrs)
      const own = ann.at(await ann.database())
      assert.deepEqual(await read(own, 'cdr:1'), {
        ...{ type: 'cdr', direction: 'ingress', from: '33600', duration: 7, number: '1@x.test' },
      })
      const fields = JSON.parse(
        await readFile(join(SKELETON, 'cdrs/_design/cdrs/fields.json'), 'utf8'),
      ) as string[]
      assert(!fields.includes('cost'))

      // They follow the master, and no job of CouchDB's brings them whole.
      await space.write(cdrs, record('1', { number: '1@x.test', duration: 9, cost: `more of ${SECRET}` }))
      await ann.reads('cdr:1', { duration: 9 })
      await bob.reads('cdr:1', { duration: 9 })
      await ground.put(cdrs, record('6', { number: '6@x.test' }))
      await ann.has('cdr:1', 'cdr:2', 'cdr:6')
      await space.write(cdrs, record('6', { number: '6@y.test' }))
      await ann.has('cdr:1', 'cdr:2')
      await cid.has('cdr:3', 'cdr:4', 'cdr:6')
      await space.write(cdrs, { _id: 'cdr:2', _deleted: true })
      await ann.has('cdr:1')
      // An attribute that no user sees changes nothing for them.
      const rev = (await own.get('cdr:1'))?._rev
      await space.write(cdrs, record('1', { number: '1@x.test', duration: 9, cost: 'again' }))
      await space.settled()
      assert.equal((await own.get('cdr:1'))?._rev, rev)
      assert.deepEqual(await ground.jobs(), [])
      // Roles go and come back.
      await ann.sign({ roles: [] })
      await ann.has()
      await ann.sign({ roles: ['number_domain:x.test'] })
      await ann.has('cdr:1')
      await ann.reads('cdr:1', { duration: 9 })
      await space.settled()
      for (const user of [ann, bob, cid]) {
        const { results } = await user
          .at(await user.database())
          .changes({ since: '0', limit: 1_000, includeDocs: true, allLeaves: true })
        assert(!JSON.stringify(results).includes('charges'))
      }
      await ground.hasNoConflicts()
    }))

  it('are written by nobody but admins, and what is written over them goes', (space) =>
    Ground.use(space, async (ground) => {
      const { cdrs } = ground
      const ann = ground.user('ann')
      await ground.put(cdrs, record('1', { number: '1@x.test' }))
      await space.start()
      await ann.sign({ roles: ['number_domain:x.test'] })
      await ann.has('cdr:1')
      const name = await ann.database()
      const before = await cdrs.get('cdr:1')
      const personal = await ann.personal()
      if (kind === 'couchdb') {
        const self = await logIn(space.server, ann.name)
        const { _rev } = (await personal.get('cdr:1')) ?? { _rev: '' }
        const forged = { _rev, duration: 1, updated_by: ann.name }
        for (const [method, where, body] of [
          ['PUT', pathOf(name, 'cdr:1'), forged],
          ['PUT', pathOf(name, 'cdr:2'), { number: '1@x.test', updated_by: ann.name }],
          ['DELETE', `${pathOf(name, 'cdr:1')}?rev=${_rev}`, undefined],
          ['PUT', pathOf(cdrs.name, 'cdr:1'), forged],
        ] as const)
          assert.equal((await ask(space.server, self, method, where, body)).status, 403, where)
        const pushed = { _id: 'cdr:1', _rev: `9-${'f'.repeat(32)}`, duration: 1, updated_by: ann.name }
        const answer = await ask(space.server, self, 'POST', `${pathOf(name)}/_bulk_docs`, {
          ...{ new_edits: false, docs: [pushed] },
        })
        assert(answer.text.includes('forbidden'), answer.text)
      }
      // Even what an admin writes there goes no further, and is put right.
      await space.write(personal, { _id: 'cdr:1', duration: 1, updated_by: ann.name })
      await ann.reads('cdr:1', { duration: 7 })
      await space.write(personal, { _id: 'cdr:1', _deleted: true, updated_by: ann.name })
      await ann.reads('cdr:1', { duration: 7 })
      await space.settled()
      assert.deepEqual(await cdrs.get('cdr:1'), before)
      assert.equal((await ann.standing(cdrs))?.documents, 1)
      await ground.hasNoConflicts()
    }))
})
