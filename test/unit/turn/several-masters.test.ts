// Documents of several masters in one personal database: each goes to its own, and to no other while that is away.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/couch/json.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { Access } from '../../../src/engine/access.ts'
import type { Master } from '../../../src/feed/master-facts.ts'
import { gatherFrom } from '../../../src/feed/master-facts.ts'
import { Reconciliation } from '../../../src/turn/master-documents.ts'
import { OwnWrites } from '../../../src/write/own-writes.ts'
import { Removals } from '../../../src/write/removals.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { UPDATED_AT } from '../../../src/model/time.ts'

const OPEN = {
  fields: null,
  judges: () => true,
  judgesEach: (docs: readonly object[]) => docs.map(() => true),
  lets: () => true,
  carries: () => true,
} as unknown as Access

function ground() {
  const couch = new MemoryCouch()
  for (const name of ['shares/provisioning', 'one', 'two', 'personal']) couch.create(name)
  const at = (name: string): Database => couch.database(name) as Database
  const master = (name: string): Master => ({ name, database: at(name), access: OPEN })
  const ownWrites = new OwnWrites()
  const deps = {
    ownWrites,
    removals: new Removals({ couch: couch.asCouch(), ownWrites, canPurge: true }),
    now: () => 0,
    updatedAt: UPDATED_AT,
  }
  const person = { asker: { name: 'ann', roles: [] }, database: at('personal') }
  const reconcile = async (names: string[], isWhole: boolean): Promise<Reconciliation['findings']> => {
    const gather = gatherFrom(person, names.map(master), { isWhole })
    const reconciliation = new Reconciliation(deps, person.database, gather)
    assert(await reconciliation.run(['d']))
    return reconciliation.findings
  }
  const revOf = async (name: string): Promise<string | null> => (await at(name).fetch(['d']))[0]?.rev ?? null
  return { at, reconcile, revOf }
}

describe('documents of several masters', () => {
  it('go to the one that has them, whatever the order', async () => {
    const { at, reconcile, revOf } = ground()
    await at('two').put({ _id: 'd', n: 1 })
    await reconcile(['one', 'two'], true)
    const there = await at('personal').get('d')
    await at('personal').put({ ...there, _id: 'd', n: 2 })
    await reconcile(['one', 'two'], true)
    assert.equal(await revOf('one'), null)
    assert.equal(await revOf('two'), await revOf('personal'))
  })

  it('go to the first that takes them, where they are new', async () => {
    const { at, reconcile, revOf } = ground()
    await at('personal').put({ _id: 'd', n: 1 })
    await reconcile(['one', 'two'], true)
    assert.deepEqual([await revOf('one'), await revOf('two')], [await revOf('personal'), null])
  })

  it('go nowhere where they are nested so deep that no view takes them', async () => {
    const { at, revOf, reconcile } = ground()
    await at('personal').put({ _id: 'd', n: decodeJson('['.repeat(20_000) + ']'.repeat(20_000)) })
    const found = await reconcile(['one', 'two'], true)
    assert.deepEqual([await revOf('one'), await revOf('two')], [null, null])
    assert.equal(found.get('one')?.problems.get('d')?.code, 'too_complex')
    assert.ok(await at('personal').get('d'))
  })

  it('go nowhere while a master is away that may have them', async () => {
    const { at, reconcile, revOf } = ground()
    await at('personal').put({ _id: 'd', n: 1 })
    await reconcile(['one'], false)
    assert.equal(await revOf('one'), null)
  })
})
