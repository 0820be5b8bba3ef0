// Documents of a master and of a personal database, where they are called as what every object has.
import assert from 'node:assert/strict'
import type { Database } from '../../../src/couch/database.ts'
import type { Access } from '../../../src/engine/access.ts'
import { Reconciliation } from '../../../src/turn/master-documents.ts'
import { OwnWrites } from '../../../src/write/own-writes.ts'
import { Removals } from '../../../src/write/removals.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'

const ACCESS = {
  fields: null,
  lets: (doc: Record<string, unknown>) => doc['user_access'] !== false,
  carries: (doc: Record<string, unknown>) => doc['updated_by'] === 'anna' && !('$restore' in doc),
} as unknown as Access

describe('documents called as what every object has', () => {
  for (const id of ['constructor', '__proto__', 'toString', 'hasOwnProperty']) {
    const world = () => {
      const couch = new MemoryCouch()
      const [master, personal] = [couch.create('master'), couch.create('personal')]
      couch.create('shares/provisioning')
      const ownWrites = new OwnWrites()
      const removals = new Removals({ couch: couch.asCouch(), ownWrites, canPurge: true })
      const reconcile = (): Promise<boolean> =>
        new Reconciliation(
          { ownWrites, removals, now: () => 0 },
          { asker: { name: 'anna', roles: [] }, database: couch.database('personal') as Database },
          [{ name: 'master', database: couch.database('master') as Database, access: ACCESS }],
        ).run([id, 'another'])
      return { master, personal, reconcile }
    }

    it(`${id}: reaches the master, and comes from there`, async () => {
      const { master, personal, reconcile } = world()
      personal.write({ _id: id, updated_by: 'anna', a: 1 })
      master.write({ _id: 'another', a: 2 })
      assert.equal(await reconcile(), true)
      assert.equal(master.read(id)?.['a'], 1)
      assert.equal(personal.read('another')?.['a'], 2)
    })

    it(`${id}: is taken out`, async () => {
      const { master, personal, reconcile } = world()
      master.write({ _id: id, a: 1 })
      await reconcile()
      assert.equal(personal.read(id)?.['a'], 1)
      master.write({ ...master.read(id), _id: id, user_access: false })
      await reconcile()
      assert.equal(personal.read(id), null)
    })

    it(`${id}: is taken out where the master never had it`, async () => {
      const { personal, reconcile } = world()
      personal.write({ _id: id, updated_by: 'anna', $restore: true })
      await reconcile()
      assert.equal(personal.read(id), null)
    })
  }
})
