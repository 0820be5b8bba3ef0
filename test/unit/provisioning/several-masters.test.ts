// Documents of several masters in one personal database: each goes to its own, and to no other while that is away.
import assert from 'node:assert/strict'
import { decodeJson } from '../../../src/documents/json.ts'
import type { Database } from '../../../src/couch/database.ts'
import type { MasterPolicy } from '../../../src/provisioning/master-policy.ts'
import type { Master } from '../../../src/provisioning/gather.ts'
import { gatherFrom } from '../../../src/provisioning/gather.ts'
import { Reconciliation } from '../../../src/mirror/reconcile.ts'
import { OwnWrites } from '../../../src/engine/own-writes.ts'
import { Removals } from '../../../src/mirror/removals.ts'
import { MemoryCouch } from '../../support/memory-couch.ts'
import { UPDATED_AT } from '../../../src/documents/time.ts'

const OPEN = {
  fields: null,
  decide: () => true,
  decideEach: (docs: readonly object[]) => docs.map(() => true),
  mayRead: () => true,
  mayWrite: () => true,
} as unknown as MasterPolicy

function ground() {
  const couch = new MemoryCouch()
  for (const name of ['shares/provisioning', 'one', 'two', 'personal']) couch.create(name)
  const at = (name: string): Database => couch.database(name) as Database
  const master = (name: string): Master => ({ name, database: at(name), policy: OPEN })
  const ownWrites = new OwnWrites()
  const deps = {
    ownWrites,
    removals: new Removals({ couch: couch.asCouch(), ownWrites, canPurge: true }),
    now: () => 0,
    updatedAt: UPDATED_AT,
  }
  const person = { user: { name: 'ann', roles: [] }, database: at('personal') }
  /** What a master had that was made again. */
  const former = new Map<string, Map<string, string[]>>()
  const formerly = (name: string): Promise<Map<string, string[]>> =>
    Promise.resolve(former.get(name) ?? new Map<string, string[]>())
  const run = async (names: string[], isWhole: boolean) => {
    const gather = gatherFrom(person, names.map(master), { isWhole, formerly })
    const reconciliation = new Reconciliation(deps, person.database, gather)
    await reconciliation.run(['d'])
    return Object.fromEntries(
      [...reconciliation.findings].map(([name, { problems }]) => [name, problems.get('d')?.code ?? null]),
    )
  }
  const revOf = async (name: string): Promise<string | null> => (await at(name).fetch(['d']))[0]?.rev ?? null
  return { at, run, revOf, former }
}

describe('documents of several masters', () => {
  it('go to the one that has them, whatever the order', async () => {
    const { at, run, revOf } = ground()
    await at('two').put({ _id: 'd', n: 1 })
    await run(['one', 'two'], true)
    const there = await at('personal').get('d')
    await at('personal').put({ ...there, _id: 'd', n: 2 })
    await run(['one', 'two'], true)
    assert.equal(await revOf('one'), null)
    assert.equal(await revOf('two'), await revOf('personal'))
  })

  it('go to the first that takes them, where they are new', async () => {
    const { at, run, revOf } = ground()
    await at('personal').put({ _id: 'd', n: 1 })
    await run(['one', 'two'], true)
    assert.deepEqual([await revOf('one'), await revOf('two')], [await revOf('personal'), null])
  })

  it('go nowhere where they are nested so deep that no view takes them', async () => {
    const { at, run, revOf } = ground()
    await at('personal').put({ _id: 'd', n: decodeJson('['.repeat(20_000) + ']'.repeat(20_000)) })
    const found = await run(['one', 'two'], true)
    assert.deepEqual([await revOf('one'), await revOf('two')], [null, null])
    assert.equal(found['one'], 'too_complex')
    assert.ok(await at('personal').get('d'))
  })

  it('go nowhere while a master is away that may have them', async () => {
    const { at, run, revOf } = ground()
    await at('personal').put({ _id: 'd', n: 1 })
    await run(['one'], false)
    assert.equal(await revOf('one'), null)
  })

  describe('of which one was dropped, and made again', () => {
    it('are not new where that one had them, and go', async () => {
      const { at, run, revOf, former } = ground()
      const made = await at('personal').put({ _id: 'd', n: 1 })
      assert(made.ok)
      former.set('two', new Map([['d', [made.rev]]]))
      assert.deepEqual(await run(['one', 'two'], true), { two: null })
      for (const name of ['one', 'two']) assert.equal(await revOf(name), null)
      assert.equal(await at('personal').get('d'), null)
    })

    it('go, too, where the user has changed them, who is told and has the change as a deleted revision', async () => {
      const { at, run, revOf, former } = ground()
      const made = await at('personal').put({ _id: 'd', n: 1 })
      assert(made.ok)
      await at('personal').put({ _id: 'd', _rev: made.rev, n: 2 })
      former.set('two', new Map([['d', [made.rev]]]))
      assert.deepEqual(await run(['one', 'two'], true), { two: 'deleted_at_master' })
      for (const name of ['one', 'two']) assert.equal(await revOf(name), null)
      const [leaf] = await at('personal').leaves([{ id: 'd' }])
      assert.deepEqual([leaf?._deleted, leaf?.['n']], [true, 2])
    })

    it('are as it has them now, where it has them from somewhere else', async () => {
      const { at, run, former } = ground()
      const made = await at('personal').put({ _id: 'd', n: 'z, of before' })
      assert(made.ok)
      await at('two').put({ _id: 'd', n: 'a, made again' })
      former.set('two', new Map([['d', [made.rev]]]))
      assert.deepEqual(await run(['one', 'two'], true), { two: null })
      assert.equal((await at('two').get('d'))?.['n'], 'a, made again')
      assert.equal((await at('personal').get('d'))?.['n'], 'a, made again')
    })

    it('are new where it had something else by the _id', async () => {
      const { at, run, revOf, former } = ground()
      await at('personal').put({ _id: 'd', n: 1 })
      former.set('two', new Map([['d', ['3-c']]]))
      await run(['two'], true)
      assert.equal(await revOf('two'), await revOf('personal'))
    })
  })
})
